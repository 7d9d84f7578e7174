"""What a run found to be as it should be, for the next run in the same process.

A state that found nothing to do need not look for it in all detail again, if it is asked for the same, and what it
looked at is the same. What that is, its module tells: `__settled__` has, for a function, one that is given the chunk
and the names of the arguments in it, and returns a mark, equal as long as nothing can have changed; None when it
cannot say. Nothing is remembered of what was changed or failed, nor when options are others than in the run before.
A run that calls nothing at all leaves its chunks as they were: they are those of the same high data.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Mapping, Set
from typing import Any

from trisalt.state.compile import Compiled
from trisalt.state.high import High
from trisalt.state.low import Chunk
from trisalt.state.result import Result
from trisalt.state.words import STATE_REQUISITE_IN_KEYWORDS, STATE_REQUISITE_KEYWORDS

# So many states are remembered; a run of more is as if there were no memory.
MOST = 5000
# What of a chunk says who it is and when it runs. What else the engine knows (`unless`, `retry`, …) is looked at anew.
_PLAIN = STATE_REQUISITE_KEYWORDS | STATE_REQUISITE_IN_KEYWORDS | {
    "state", "fun", "name", "order", "saltenv", "failhard", "fire_event", "__id__", "__sls__", "__env__",
}  # fmt: skip

Marker = Callable[[Chunk, Set[str]], Any]


class Settled:
    """The memory of one process."""

    def __init__(self) -> None:
        self._options: Mapping[str, Any] = {}
        self._kept: dict[tuple[str, str, str], tuple[Chunk, Any, Result]] = {}
        self._compiled: tuple[High, Any, Compiled] | None = None
        # Whether a state has been called in this run.
        self.called = False

    def begin(self, options: Mapping[str, Any]) -> None:
        """A run begins, with these options."""
        if options != self._options:
            self._kept.clear()
            self._compiled = None
            self._options = dict(options)
        self.called = False

    def compiled(self, high: High, jid: Any) -> Compiled | None:
        """What the same high data was compiled to, as it was."""
        known = self._compiled
        return known[2] if known is not None and known[1] == jid and known[0] == high else None

    def copied(self, high: High) -> High | None:
        """High data before it is compiled, which changes it; None where nothing of it will be remembered."""
        self._compiled = None
        if not self._kept:
            return None
        try:
            copy: High = marshal.loads(marshal.dumps(high))  # noqa: S302 - packed by this line
        except ValueError:  # something that an SLS file cannot say
            return None
        return copy

    def ran(self, high: High | None, jid: Any, compiled: Compiled) -> None:
        """A run of what high data was compiled to has ended."""
        if self.called or compiled.graph.aggregates or any("prereq" in chunk for chunk in compiled.chunks):
            self._compiled = None
        elif high is not None:
            self._compiled = high, jid, compiled

    def mark(self, chunk: Chunk, function: Callable[..., Any]) -> Any:
        """What has to be equal for a chunk to find nothing to do again; None when that cannot be said."""
        markers: Mapping[str, Marker] = getattr(function, "__globals__", {}).get("__settled__") or {}
        marker = markers.get(chunk["fun"])
        return None if marker is None else marker(chunk, chunk.keys() - _PLAIN)

    def known(self, chunk: Chunk, mark: Any) -> Result | None:
        """What came of the same chunk under the same mark."""
        kept = self._kept.get((chunk["state"], chunk["__id__"], chunk["name"]))
        return {**kept[2], "changes": {}} if kept is not None and kept[1] == mark and kept[0] == chunk else None

    def keep(self, chunk: Chunk, mark: Any, result: Result) -> None:
        """Remember what came of a chunk that found nothing to do; `mark` is of before it looked."""
        key = (chunk["state"], chunk["__id__"], chunk["name"])
        if result["result"] is not True or result["changes"] or len(self._kept) >= MOST:
            self._kept.pop(key, None)
        else:
            self._kept[key] = dict(chunk), mark, dict(result)
