"""What requests are answered with, where that is more than plain data: one frozen class each. `requests` says whose."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Published:
    """What became of a publication. Nobody matched: `jid` is None, `error` says so, and `hint` why."""

    jid: str | None
    minions: list[str]
    missing: list[str]
    error: str | None = None
    hint: str = ""


@attrs.frozen(kw_only=True)
class Resolved:
    """Whom a target names: `minions`, sorted, and in `missing` the ids it lists that have no accepted key."""

    minions: list[str]
    missing: list[str]


@attrs.frozen(kw_only=True)
class BatchView:
    """A batch as it is now: its `minions` (None while they are asked whether they are there), and those that are
    `down`; the `jids` its returns have; the reasons for the `lost`; `ended`, and why before its time (`halted`).
    `waiting`: of those two for whom the job itself waits, until when (wall seconds)."""

    jid: str
    minions: list[str] | None
    down: list[str]
    jids: list[str]
    lost: dict[str, str]
    ended: bool
    halted: str | None
    waiting: dict[str, float] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Presence:
    """What is known of one minion: whether it is `present`; None while nobody knows. Times are wall seconds.

    `since` is when that began, `seen` the last sign of life, `every` how often it gives one by itself (0: only when
    it is asked), `latency` how many seconds it took to answer last, `why` how we know that it is absent.
    """

    present: bool | None
    since: float | None = None
    seen: float | None = None
    address: str = ""
    version: str = ""
    every: float = 0.0
    latency: float | None = None
    why: str = ""
