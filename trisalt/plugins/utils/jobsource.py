"""Jobs as another cache has them: what a returner that keeps jobs tells of them, in the words of our own reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any

from trisalt.errors import CommandError


class JobSource:
    """Reads by `get_load`, `get_jid` and `get_jids` of the returner `name`; `find` gives functions of returners."""

    def __init__(self, name: str, find: Callable[[str], Callable[..., Any] | None]) -> None:
        self._name = name
        self._find = find

    def __enter__(self) -> JobSource:
        return self

    def __exit__(self, *_exc: object) -> None:
        """Nothing is held."""

    def entry(self, jid: str) -> Any:
        """The job, or None where the cache has none of that id."""
        load = self._ask("get_load", jid)
        if not isinstance(load, Mapping) or not load:
            return None
        minions = load.get("Minions") or load.get("minions") or ()
        told = {"load": dict(load), "minions": list(minions), "missing": {}, "late": {}, "settled": None}
        return SimpleNamespace(**told)

    def returns(self, jid: str) -> dict[str, dict[str, Any]]:
        """What minions returned, by id."""
        found = self._ask("get_jid", jid)
        if not isinstance(found, Mapping):
            return {}
        return {
            str(id): dict(body) if isinstance(body, Mapping) and "return" in body else {"return": body}
            for id, body in found.items()
        }

    def listed(self, functions: tuple[str, ...] = (), targets: tuple[str, ...] = ()) -> dict[str, Any]:
        """All jobs as it describes them, the oldest first; of these functions and targets, as globs."""
        found = self._ask("get_jids")
        rows = sorted(found.items()) if isinstance(found, Mapping) else [(jid, {}) for jid in sorted(found or ())]
        return {
            str(jid): row for jid, row in rows if _like(row, "Function", functions) and _like(row, "Target", targets)
        }

    def _ask(self, function: str, *args: Any) -> Any:
        found = self._find(f"{self._name}.{function}")
        if found is None:
            raise CommandError(f"the returner {self._name} has no {function} here")
        return found(*args)


def _like(row: Any, field: str, patterns: tuple[str, ...]) -> bool:
    if not patterns:
        return True
    value = row.get(field) if isinstance(row, Mapping) else None
    words = [str(word) for word in value] if isinstance(value, list | tuple) else [str(value)]
    return any(fnmatchcase(word, pattern) for word in words for pattern in patterns)
