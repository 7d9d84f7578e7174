"""`import salt.…` for third-party plugins, in workers and commands that run plugins only.

The names are the files of `trisalt/loader/salt/`, laid out as in stock Salt, and those of our shelves
(`salt.modules.test`); a name that is not there is an ImportError, which keeps its plugin from loading and says why.
Where `install` was called, an installed stock Salt is not looked at: its modules would read options and keys of
their own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType

from trisalt.loader.kinds import KINDS
from trisalt.loader.sources import FACADE as ROOT
from trisalt.loader.sources import SHELVES

# Our shelves by the folder that stock has them in, and stock's names of files that are called otherwise here.
SHELF = {row.folder: row.name for row in KINDS.values()}
ALIASES = {"cmdmod": "cmd", "sysmod": "sys"}


class SaltFinder:
    """Finds `salt` and what is below it in our files, and nowhere else. A finder as `sys.meta_path` has them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module of that name; None for names that are not Salt's."""
        first, *rest = fullname.split(".")
        if first != "salt" or rest[:1] == ["loaded"]:
            return None  # what the loader has loaded is found as any package is, by its own folder
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
    if not any(isinstance(finder, SaltFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, SaltFinder())
