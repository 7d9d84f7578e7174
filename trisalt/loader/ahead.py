"""Files of our own shelf that a process runs before it forks, so that its children need not.

A child tells which files its job has imported (`imported`); the process that forks `prepare`s them, and the children
to come `take` each once: what one does to a module is its own, and after a reload there is a new one. A file runs here
without its dunders, as far as `def` and constants need none; whether it loads, its `__virtual__` says in each child.
"""

from __future__ import annotations

import itertools
import logging
import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

from trisalt.loader.kinds import KINDS
from trisalt.loader.shelf import shelf
from trisalt.loader.sources import SHELVES, is_ours, places

log = logging.getLogger(__name__)

# So many files at most: those that a site uses every day.
MOST = 200
# What else a file may bring along: what Python and we are made of.
_KNOWN = sys.stdlib_module_names | {"trisalt", "salt"}

# Of the process, as `sys.modules` is.
_prepared: dict[str, ModuleType] = {}
_done: set[str] = set()
_imported: list[str] = []


def prepare(name: str) -> None:
    """Run a file of ours, `states/file`; one that cannot be run here is left to who needs it."""
    kind, _, stem = name.partition("/")
    if kind not in KINDS or name in _done or len(_done) >= MOST:
        return
    _done.add(name)
    place, private = shelf(SHELVES / kind), private_name(kind, stem)
    path = dict(place.files).get(stem)
    spec = path and spec_from_file_location(private, path)
    if not spec or spec.loader is None or private in sys.modules:
        return
    place.learn(stem)
    for other in places(kind, {}):
        if is_ours(other):
            shelf(other)
    module = sys.modules[private] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        _prepared[private] = module
    except Exception as exc:  # a dunder that it wants at once, or a library that is not there
        log.debug("%s is not run ahead: %s", name, exc)
    finally:
        del sys.modules[private]


def take(private: str) -> ModuleType | None:
    """The module of that private name, if it has been prepared; the next one who asks gets none."""
    return _prepared.pop(private, None)


def note(kind: str, stem: str, before: int) -> None:
    """A file of ours has been imported; `sys.modules` had `before` names. What brings libraries along is not noted."""
    fresh = itertools.islice(sys.modules, before, None)
    if all(name.partition(".")[0] in _KNOWN for name in fresh):
        _imported.append(f"{kind}/{stem}")


def imported() -> list[str]:
    """The files of ours that were imported here since this was asked for, and may be prepared."""
    found = list(dict.fromkeys(_imported))
    _imported.clear()
    return found


def private_name(kind: str, stem: str) -> str:
    """What a file of ours is called in `sys.modules`, in logs and in tracebacks."""
    return f"salt.loaded.int.{KINDS[kind].tag}.{stem}"
