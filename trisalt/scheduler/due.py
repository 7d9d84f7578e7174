"""When is an entry due next: arithmetic on numbers passed in. No clock, no randomness, no sleep.

An interval goes by the time that went by (trio seconds), everything else by the clock on the wall, which can be set.
`draw` is a number from [0, 1) that the caller drew. The shell around it is `scheduler.py`.
"""

from __future__ import annotations

from datetime import tzinfo

import attrs

from trisalt.scheduler.calendar import instant, local, next_named, read
from trisalt.scheduler.cron import next_cron
from trisalt.scheduler.entry import Entry, Window

# A moment that could not be kept (the host slept, the clock was set forward, the daemon was started again) is made up
# for within so many seconds; one that is longer ago is let go.
LATE_AT_MOST = 300.0

# A clock that is set back by at most so many seconds repeats nothing; one that is set back further starts anew.
BACK_AT_MOST = 3 * 3600.0


@attrs.frozen
class Now:
    """A moment on both clocks, and the zone of the one on the wall."""

    trio: float
    wall: float
    zone: tzinfo


@attrs.frozen
class Due:
    """One run to come: its place in the entry's beat, and the moment itself, put off by the splay.

    Both are trio seconds, or `wall` time.
    """

    beat: float
    at: float
    wall: bool = False

    def wait(self, now: Now) -> float:
        """Seconds until it is due; negative when it is late."""
        return self.at - (now.wall if self.wall else now.trio)

    def moment(self, now: Now) -> float:
        """The wall time at which it is due."""
        return self.at if self.wall else now.wall + self.at - now.trio


def first_due(entry: Entry, *, now: Now, draw: float) -> Due | None:
    """When an entry that has never run is due; None if never.

    At once if it runs on start, else after one interval, or at the next moment; not before `after`.
    """
    if entry.run_on_start:
        return _bounded(entry, now.wall if entry.by_calendar else now.trio, now=now, draw=draw)
    if entry.by_calendar:
        return _moment_due(entry, now.wall, now=now, draw=draw)
    return _bounded(entry, now.trio + entry.interval, now=now, draw=draw)


def next_due(entry: Entry, *, last: float, now: Now, draw: float) -> Due | None:
    """When an entry whose last beat was `last` is due again; None if never.

    Runs keep the beat of the first one. Runs that were missed are one run, not many: the next is the first beat
    after `now`. No moment comes twice, though the clock be set back.
    """
    if entry.once is not None and last >= instant(entry.once, now.zone):
        return None
    if not entry.by_calendar:
        return _bounded(entry, next_beat(entry, last=last, now=now.trio), now=now, draw=draw)
    ahead = now.wall < last <= now.wall + BACK_AT_MOST
    return _moment_due(entry, last if ahead else now.wall, now=now, draw=draw)


def next_beat(entry: Entry, *, last: float, now: float) -> float:
    """The first moment after `now` that is a whole number of intervals after `last`."""
    if last > now:
        return last
    beat = last + (int((now - last) / entry.interval) + 1) * entry.interval
    # Rounding can land a hair at or before now.
    return beat if beat > now else now + entry.interval


def next_moment(entry: Entry, *, after: float, zone: tzinfo) -> float | None:
    """The first moment of an entry's calendar after `after`."""
    if entry.cron is not None:
        return next_cron(entry.cron, after=after, zone=zone)
    if entry.once is not None:
        moment = instant(entry.once, zone)
        return moment if moment > after else None
    found = [next_named(text, after=after, zone=zone) for text in entry.when]
    return min((moment for moment in found if moment is not None), default=None)


def still_worth(entry: Entry, due: Due, *, now: Now) -> bool:
    """Whether what is due is run, though it be late.

    An interval is never too late. Of the moments of a calendar it takes one in the last `LATE_AT_MOST` seconds.
    """
    if not due.wall or due.wait(now) >= -LATE_AT_MOST:
        return True
    latest = next_moment(entry, after=now.wall - LATE_AT_MOST, zone=now.zone)
    return latest is not None and latest <= now.wall


def splay_seconds(entry: Entry, draw: float) -> float:
    """How long one run is put off."""
    if entry.splay is None:
        return 0.0
    start, end = entry.splay
    return start + (end - start) * draw


def in_bounds(entry: Entry, *, wall: float, zone: tzinfo) -> bool:
    """Whether the entry may run at this wall time: not before `after`, and before `until`."""
    return (entry.after is None or wall >= instant(entry.after, zone)) and (
        entry.until is None or wall < instant(entry.until, zone)
    )


def in_window(window: Window, *, wall: float, zone: tzinfo) -> bool:
    """Whether a moment lies in a window; its end is the first moment after it."""
    start, end = window_ends(window, wall=wall, zone=zone)
    return (start <= wall < end) is not window.invert


def window_ends(window: Window, *, wall: float, zone: tzinfo) -> tuple[float, float]:
    """A window's start and end on the day of `wall`."""
    today = local(wall, zone).date()
    return instant(read(window.start, today=today), zone), instant(read(window.end, today=today), zone)


def window_over(window: Window, *, wall: float, zone: tzinfo) -> float:
    """When a window that `wall` lies in is over. One that is inverted may go on to the next day."""
    start, end = window_ends(window, wall=wall, zone=zone)
    if not window.invert:
        return end
    if wall < start:
        return start
    tomorrow = instant(local(wall, zone).replace(tzinfo=None, hour=12, fold=0), zone) + 86400
    return window_ends(window, wall=tomorrow, zone=zone)[0]


def _moment_due(entry: Entry, after: float, *, now: Now, draw: float) -> Due | None:
    if entry.after is not None:
        # At `after` itself it may run already.
        after = max(after, instant(entry.after, now.zone) - 1)
    beat = next_moment(entry, after=after, zone=now.zone)
    return None if beat is None else _bounded(entry, beat, now=now, draw=draw)


def _bounded(entry: Entry, beat: float, *, now: Now, draw: float) -> Due | None:
    own = now.wall if entry.by_calendar else now.trio
    if entry.after is not None:
        beat = max(beat, own + (instant(entry.after, now.zone) - now.wall))
    at = beat + splay_seconds(entry, draw)
    if entry.until is not None and now.wall + (at - own) >= instant(entry.until, now.zone):
        return None
    return Due(beat, at, entry.by_calendar)
