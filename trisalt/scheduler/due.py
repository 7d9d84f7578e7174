"""When is an entry due next: arithmetic on numbers passed in. No clock, no randomness, no sleep.

`now` and `last` are trio seconds; `wall` is the wall time that belongs to `now`; `draw` is a number from [0, 1)
that the caller drew. The shell around it is `scheduler.py`.
"""

from __future__ import annotations

import attrs

from trisalt.scheduler.entry import Entry


@attrs.frozen
class Due:
    """One run to come: its place in the entry's beat, and the moment itself, put off by the splay."""

    beat: float
    at: float


def first_due(entry: Entry, *, now: float, wall: float, draw: float) -> Due | None:
    """When an entry that has never run is due; None if never.

    At once if it runs on start, else after one interval; not before `after`.
    """
    return _bounded(entry, now if entry.run_on_start else now + entry.interval, now=now, wall=wall, draw=draw)


def next_due(entry: Entry, *, last: float, now: float, wall: float, draw: float) -> Due | None:
    """When an entry whose last beat was `last` is due again; None if never.

    Runs keep the beat of the first one. Runs that were missed (the host slept, the loop was late) are one run,
    not many: the next is the first beat after `now`.
    """
    return _bounded(entry, next_beat(entry, last=last, now=now), now=now, wall=wall, draw=draw)


def next_beat(entry: Entry, *, last: float, now: float) -> float:
    """The first moment after `now` that is a whole number of intervals after `last`."""
    if last > now:
        return last
    beat = last + (int((now - last) / entry.interval) + 1) * entry.interval
    # Rounding can land a hair at or before now.
    return beat if beat > now else now + entry.interval


def splay_seconds(entry: Entry, draw: float) -> float:
    """How long one run is put off."""
    if entry.splay is None:
        return 0.0
    start, end = entry.splay
    return start + (end - start) * draw


def in_bounds(entry: Entry, *, wall: float) -> bool:
    """Whether the entry may run at this wall time: not before `after`, and before `until`."""
    return (entry.after is None or wall >= entry.after) and (entry.until is None or wall < entry.until)


def _bounded(entry: Entry, beat: float, *, now: float, wall: float, draw: float) -> Due | None:
    if entry.after is not None:
        beat = max(beat, now + (entry.after - wall))
    at = beat + splay_seconds(entry, draw)
    if entry.until is not None and wall + (at - now) >= entry.until:
        return None
    return Due(beat, at)
