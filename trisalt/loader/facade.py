"""`import salt.…` for third-party plugins, in workers and commands that run plugins only.

The names are the files of `trisalt/loader/salt/`, laid out as in stock Salt, and those of our shelves
(`salt.modules.test`); a name that is not there is an ImportError, which keeps its plugin from loading and says why.
Where `install` was called, an installed stock Salt is looked at by files of its own only (`salt_is`): docs/plugins.md.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

from trisalt.loader.kinds import KINDS
from trisalt.loader.sources import FACADE as ROOT
from trisalt.loader.sources import SHELVES

# Our shelves by the folder that stock has them in, and stock's names of files that are called otherwise here.
SHELF = {row.folder: row.name for row in KINDS.values()}
ALIASES = {"cmdmod": "cmd", "sysmod": "sys"}


# What both sides share: what one raises the other catches.
SHARED = "salt.exceptions"


class SaltFinder:
    """Finds `salt` and what is below it in our files, and nowhere else. A finder as `sys.meta_path` has them.

    While `stock` is a folder, it finds them in the package that is installed there.
    """

    def __init__(self) -> None:
        self.stock: Path | None = None
        self.parked: dict[str, ModuleType] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module of that name; None for names that are not Salt's."""
        first, *rest = fullname.split(".")
        if first != "salt" or rest[:1] == ["loaded"]:
            return None  # what the loader has loaded is found as any package is, by its own folder
        if self.stock is not None:
            return PathFinder.find_spec(fullname, list(path) if path else [str(self.stock)])
        place = ROOT.joinpath(*rest)
        if (place / "__init__.py").is_file():
            return spec_from_file_location(fullname, place / "__init__.py", submodule_search_locations=[str(place)])
        if (file := place.with_suffix(".py")).is_file() and rest:
            return spec_from_file_location(fullname, file)
        if len(rest) == 2 and (shelf := SHELF.get(rest[0])) is not None:
            file = SHELVES / shelf / f"{ALIASES.get(rest[1], rest[1])}.py"
            if file.is_file():
                return spec_from_file_location(fullname, file)
        raise ModuleNotFoundError(
            f"No module named {fullname!r} (trisalt offers no such module to plugins)", name=fullname
        )


def install() -> None:
    """From now on `import salt.exceptions` and its kin find ours; again is no harm."""
    if _finder() is None:
        sys.meta_path.insert(0, SaltFinder())


def _finder() -> SaltFinder | None:
    return next((finder for finder in sys.meta_path if isinstance(finder, SaltFinder)), None)


@contextmanager
def salt_is(stock: Path | None) -> Iterator[None]:
    """While the block runs, `import salt…` finds the package in the folder `stock`, or ours (None).

    Modules of one name on both sides stand in `sys.modules` in turns: each file keeps those that it has imported. A
    stock package brings what it needs; its folder is looked in last.
    """
    finder = _finder()
    if finder is None or finder.stock == stock:
        yield
        return
    before = finder.stock
    try:
        _switch(finder, stock)
        yield
    finally:
        _switch(finder, before)


def _switch(finder: SaltFinder, stock: Path | None) -> None:
    shared = None if stock is None else importlib.import_module(SHARED)
    here = {name: module for name, module in sys.modules.items() if _is_salts(name)}
    for name in here:
        del sys.modules[name]
    sys.modules.update(finder.parked)
    first = not finder.parked
    finder.stock, finder.parked = stock, here
    if stock is None or shared is None or not first:
        return
    if str(stock) not in sys.path:
        sys.path.append(str(stock))
    sys.modules[SHARED] = shared
    package, _, last = SHARED.rpartition(".")
    try:
        setattr(importlib.import_module(package), last, shared)
    except BaseException:
        # Half of a package is none: the next file finds out for itself.
        for name in [name for name in sys.modules if _is_salts(name)]:
            del sys.modules[name]
        raise


def _is_salts(name: str) -> bool:
    return (name == "salt" or name.startswith("salt.")) and not name.startswith("salt.loaded")
