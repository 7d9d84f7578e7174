"""What a return says in one word: it went well, it changed something, it failed; and what a run of states came to.

Pure. `jobs` asks for each return that is kept, so that lists need not look into returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

OK, CHANGED, FAILED = 0, 1, 2

# What stands in each key of a run of states, between the module, the id, the name and the function.
_STATE_KEY = "_|-"


@attrs.frozen(kw_only=True)
class StateRun:
    """How many states there were, how many changed something (or would, in a run that only tests), how many failed."""

    states: int
    changed: int
    failed: int
    test: bool

    @property
    def outcome(self) -> int:
        return FAILED if self.failed else CHANGED if self.changed else OK


def outcome(body: Mapping[str, Any]) -> int:
    """What became of a return: `OK`, `CHANGED` or `FAILED`."""
    if _is_bad(body.get("retcode")) or body.get("success") is False:
        return FAILED
    run = state_run(body.get("return"))
    return OK if run is None else run.outcome


def state_run(result: Any) -> StateRun | None:
    """What a run of states came to; None for what is none."""
    if not isinstance(result, dict) or not result:
        return None
    key = next(iter(result))
    if not isinstance(key, str) or _STATE_KEY not in key:
        return None
    changed = failed = states = 0
    test = False
    for chunk in _chunks(result):
        states += 1
        verdict = chunk.get("result")
        if verdict is False:
            failed += 1
        elif verdict is None:
            test = True
            changed += 1
        elif chunk.get("changes"):
            changed += 1
    return StateRun(states=states, changed=changed, failed=failed, test=test)


def _chunks(result: Mapping[Any, Any]) -> Iterator[Mapping[str, Any]]:
    return (chunk for chunk in result.values() if isinstance(chunk, dict))


def _is_bad(retcode: Any) -> bool:
    """Whether it, or in a job of several functions any of it, is not 0."""
    match retcode:
        case dict():
            return any(_is_bad(item) for item in retcode.values())
        case list() | tuple():
            return any(_is_bad(item) for item in retcode)
    return bool(retcode)
