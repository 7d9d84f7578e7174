"""What was answered of late: a request that comes again, because its way broke, gets the same answer and is done once.

`request_server` notes each request that must not be done twice, by its sender and its nonce. A minion that never saw
its answer seals the same request anew; the very bytes that were here before are a recording, and nobody's repeat.
"""

from __future__ import annotations

from collections import OrderedDict

import trio

# So many requests are remembered; of older ones a repeat is refused, as the window of nonces in `wire/session` has it.
MOST = 8192
# An answer of more bytes is not kept: its repeat is refused, too.
LARGEST = 64 * 1024


class Repeat:
    """One request, and its answer as soon as there is one."""

    __slots__ = ("_answer", "_arrived", "kept", "sealings")

    def __init__(self, sealing: int) -> None:
        self.kept = True
        self.sealings = {sealing}
        self._answer: bytes | None = None
        self._arrived: trio.Event | None = None

    def done(self, answer: bytes) -> None:
        """This is what it was answered with."""
        self._answer = answer
        if self._arrived is not None:
            self._arrived.set()
        elif len(answer) > LARGEST:
            self.kept, self._answer = False, None

    async def answered(self) -> bytes:
        """The answer, which may still be on its way."""
        if self._answer is None:
            if self._arrived is None:
                self._arrived = trio.Event()
            await self._arrived.wait()
        assert self._answer is not None, "whoever waits keeps it"
        return self._answer


class Repeats:
    """The requests of late. One at a time, in the Trio thread."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[tuple[str, str], Repeat] = OrderedDict()

    def find(self, id: str, nonce: str, sealed: bytes) -> Repeat | None:
        """The same request, sealed anew, if it was here and its answer is known or will be."""
        known = self._known.get((id, nonce))
        if known is None or not known.kept or (sealing := hash(sealed)) in known.sealings:
            return None
        known.sealings.add(sealing)
        return known

    def begin(self, id: str, nonce: str, sealed: bytes) -> Repeat:
        """Note a request that is about to be done; the caller says `done`."""
        repeat = self._known[id, nonce] = Repeat(hash(sealed))
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return repeat
