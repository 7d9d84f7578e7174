"""Where plugin files come from, in order: the first that has a name wins.

`loader` asks; the options that name directories are the operator's.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from trisalt.loader.kinds import KINDS

log = logging.getLogger(__name__)

SHELVES = Path(__file__).parent.parent / "plugins"
FACADE = Path(__file__).parent / "salt"
ENTRY_POINTS = "salt.loader"
_OURS = (f"{SHELVES}/", f"{FACADE}/")

# Of an installed stock Salt these kinds are offered, where `salt_modules` asks for them: what runs in workers for a
# job, and nothing that a daemon or a command is made of.
STOCK_KINDS = frozenset(
    {"modules", "states", "utils", "returners", "runners", "renderers", "sdb", "beacons", "pillar", "serializers"}
)


def sources(kind: str, opts: Mapping[str, Any]) -> list[Path]:
    """The directories of a kind that are there: those of the operator, synced ones, those of installed packages,
    our own shelf, and, where it is asked for, stock Salt's.
    """
    return [place for place in places(kind, opts) if place.is_dir()]


def places(kind: str, opts: Mapping[str, Any]) -> list[Path]:
    """The same with those that may come to be.

    Source: stock Salt 3008.3: `module_dirs` first by their `<kind>` or `_<kind>` folders, the last named first,
    then `extension_modules/<kind>`, `<kind>_dirs`, entry points, built-in.
    """
    row = KINDS[kind]
    found: list[Path] = []
    for directory in reversed(_directories(opts.get("module_dirs"))):
        plain = directory / row.folder
        found.append(plain)
        if not plain.is_dir():
            found.append(directory / f"_{row.folder}")
    if extensions := opts.get("extension_modules"):
        found.append(Path(extensions) / row.folder)
    found += _directories(opts.get(row.dirs))
    found += _installed(row.folder, row.dirs)
    found.append(SHELVES / row.name)
    if kind in ("utils", "serializers"):
        # `__utils__["stringutils.to_num"]`: what plugins may import, they may also call so.
        found.append(FACADE / kind)
    if kind in STOCK_KINDS and (stock := stock_salt(opts)) is not None:
        found.append(stock / row.folder)
    return list(dict.fromkeys(found))


def stock_salt(opts: Mapping[str, Any]) -> Path | None:
    """The package of an installed stock Salt, where `salt_modules` asks for what it has: True looks beside us, a text
    is the folder it is installed in. None where there is none.
    """
    wanted = opts.get("salt_modules")
    if not wanted:
        return None
    return _find_stock((wanted,) if isinstance(wanted, str) else tuple(dict.fromkeys(sys.path)))


@lru_cache(maxsize=4)
def _find_stock(places: tuple[str, ...]) -> Path | None:
    for place in places:
        package = Path(place or ".", "salt").absolute()
        if (package / "loader" / "__init__.py").is_file() and (package / "modules").is_dir():
            return package
    log.warning("salt_modules: there is no stock Salt in %s", ", ".join(places))
    return None


def is_ours(path: Path) -> bool:
    """Whether a file or a folder is part of trisalt."""
    text = str(path)
    return text.startswith(_OURS) or f"{text}/" in _OURS


def _directories(value: object) -> list[Path]:
    if isinstance(value, str):
        return [Path(value)]
    return [Path(str(item)) for item in value] if isinstance(value, Iterable) else []


def _installed(folder: str, dirs: str) -> Iterator[Path]:
    """What installed packages offer under `salt.loader`: the package's own folder of that name, or what its
    function returns (a list for an entry called `<kind>_dirs`, or a map by kind).
    """
    for name, target in _entry_points(tuple((place, _changed(place)) for place in dict.fromkeys(sys.path))):
        module_name, _, attribute = target.partition(":")
        try:
            module = __import__(module_name.strip(), fromlist=["__path__"])
            if not attribute:
                yield from (Path(place) / folder for place in getattr(module, "__path__", ()))
                continue
            offered = getattr(module, attribute.strip())()
        except Exception as exc:  # somebody else's package: it must not take every plugin of this host with it
            log.warning("Entry point %s = %s of %s cannot be used: %s", name, target, ENTRY_POINTS, exc)
            continue
        if isinstance(offered, Mapping):
            yield from _directories(offered.get(folder))
        elif name == dirs:
            yield from _directories(offered)


def _changed(place: str) -> int:
    try:
        return os.stat(place or ".").st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=2)
def _entry_points(places: tuple[tuple[str, int], ...]) -> tuple[tuple[str, str], ...]:
    """(name, target) of every `salt.loader` entry point in these directories, each with the time of its last change.

    The files are read here because `importlib.metadata` costs a command more than all else it does.
    """
    found = []
    for place, _time in places:
        try:
            names = [name for name in os.listdir(place or ".") if name.endswith((".dist-info", ".egg-info"))]
        except OSError:
            continue
        for name in names:
            try:
                with open(f"{place or '.'}/{name}/entry_points.txt", encoding="utf-8") as file:
                    text = file.read()
            except (OSError, UnicodeDecodeError):
                continue
            if ENTRY_POINTS in text:
                found += _section(text)
    return tuple(found)


def _section(text: str) -> list[tuple[str, str]]:
    import configparser  # few hosts have such a package

    parser = configparser.ConfigParser(delimiters=("=",), strict=False, interpolation=None)
    try:
        parser.read_string(text)
        return parser.items(ENTRY_POINTS)
    except configparser.Error:
        return []
