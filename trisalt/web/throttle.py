"""Who guesses passwords has to wait: by address and by name. Pure; times are trio seconds.

Five attempts may fail; from then on each failure costs a wait, 10 s at first and 60 s in the end. Only so many are
under way at a time, so that many at once are no way around it. Whoever has signed in under a name from an address is
not kept out by what others do to that name elsewhere.
"""

from __future__ import annotations

import math
from collections import OrderedDict

import attrs

BURST = 5
WAITS = (10.0, 20.0, 40.0, 60.0)
# Scripts ask side by side.
UNDER_WAY, BUSY_WAIT = 16, 1.0
# Quiet for so long, and it is forgotten.
FORGOTTEN_AFTER = 900.0
MOST = 10_000


class Throttled(Exception):
    """Not now; `seconds` is how long to wait."""

    def __init__(self, seconds: float) -> None:
        self.seconds = math.ceil(seconds)
        super().__init__(f"Too many attempts: wait {self.seconds} s")


@attrs.define
class _Bucket:
    """How many attempts failed, and are under way; until when the next one waits; when the last one was."""

    failed: int = 0
    under_way: int = 0
    until: float = 0.0
    last: float = 0.0


@attrs.frozen
class Attempt:
    """One that is under way, until `Throttle.end`."""

    address: str
    name: str
    buckets: tuple[_Bucket, ...]


class Throttle:
    """The attempts of all addresses and names; of the least recent ones nothing is known any more."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(self, address: str, name: str, now: float) -> Attempt:
        """An attempt to sign in. Raises Throttled."""
        own = (address, name) in self._known
        keys = (f"from {address}", f"as {address} {name}" if own else f"as {name}")
        buckets = tuple(self._bucket(key, now) for key in keys)
        wait = max(bucket.until - now for bucket in buckets)
        if any(bucket.under_way >= UNDER_WAY for bucket in buckets):
            wait = max(wait, BUSY_WAIT)
        if wait > 0:
            raise Throttled(wait)
        for bucket in buckets:
            bucket.under_way += 1
        return Attempt(address, name, buckets)

    def end(self, attempt: Attempt, now: float, *, good: bool | None) -> None:
        """It was right, or wrong; None: nobody said which."""
        for bucket in attempt.buckets:
            bucket.under_way -= 1
            bucket.last = now
            if good is False:
                bucket.failed += 1
                if bucket.failed >= BURST:
                    bucket.until = now + WAITS[min(bucket.failed - BURST, len(WAITS) - 1)]
        if good:
            known = (attempt.address, attempt.name)
            self._known[known] = None
            self._known.move_to_end(known)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
            # What this name did wrong from here is forgiven; the address itself is not, nor what others did.
            self._buckets.pop(f"as {attempt.address} {attempt.name}", None)

    def _bucket(self, key: str, now: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None or (now - bucket.last > FORGOTTEN_AFTER and not bucket.under_way):
            bucket = self._buckets[key] = _Bucket(last=now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket
