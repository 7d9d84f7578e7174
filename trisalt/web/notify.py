"""Tells services outside what happens: each target has its watch, its queue, and somebody who posts, again if need be.

`notices` says what there is to tell; `outside` how it is posted. What cannot be delivered in five tries is given up,
and said in the log; a queue that is full loses its oldest, and the next message says how many.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import structlog
import trio

from trisalt.errors import TrisaltError
from trisalt.web.door import Door
from trisalt.web.notices import Target, Watch
from trisalt.web.outside import Outside, OutsideError
from trisalt.web.signatures import sign

log = structlog.get_logger()

QUEUE = 100
TRIES, FIRST_WAIT_S = 5, 2.0
# Between two tries to follow the master, at first and at most.
AGAIN_S, LONGEST_AGAIN_S = 1.0, 60.0
_LATER = frozenset({408, 425, 429})


async def notify(door: Door, targets: Sequence[Target], master: str, *, outside: Outside | None = None) -> None:
    """Follow the master, and tell the targets, until cancelled."""
    posters = [Poster(target, master, outside or Outside(private=target.private)) for target in targets]
    async with trio.open_nursery() as nursery:
        for poster in posters:
            nursery.start_soon(poster.run)
            nursery.start_soon(poster.post)
        nursery.start_soon(_follow, door, posters)


class Poster:
    """One target."""

    def __init__(self, target: Target, master: str, outside: Outside) -> None:
        self.target = target
        self._master = master
        self._outside = outside
        self._watch = Watch(target)
        self._fed = trio.Event()
        self._queue: deque[dict[str, Any]] = deque()
        self._lost = 0
        self._waiting = trio.Event()

    def feed(self, tag: str, data: Any) -> None:
        """Something has happened."""
        before = self._watch.next()
        self._watch.feed(tag, data, trio.current_time())
        if self._watch.next() < before:
            self._fed.set()

    async def run(self) -> None:
        """Put messages into the queue when their time has come, for ever."""
        while True:
            with trio.move_on_at(self._watch.next()):
                await self._fed.wait()
            self._fed = trio.Event()
            for message in self._watch.due(trio.current_time()):
                if len(self._queue) >= QUEUE:
                    self._queue.popleft()
                    self._lost += 1
                self._queue.append({**message, "master": self._master, "at": round(time.time(), 3)})
            if self._queue:
                self._waiting.set()

    async def post(self) -> None:
        """Send what is in the queue, one after the other, for ever."""
        while True:
            await self._waiting.wait()
            while self._queue:
                message = self._queue.popleft()
                if self._lost:
                    message, self._lost = {**message, "lost": self._lost}, 0
                await self._deliver(json.dumps(message).encode(), message["kind"])
            self._waiting = trio.Event()

    async def _deliver(self, body: bytes, kind: str) -> None:
        headers = {"content-type": "application/json", "user-agent": "trisalt"}
        if self.target.secret:
            headers["x-hub-signature-256"] = sign(self.target.secret, body)
        reason = ""
        for number in range(TRIES):
            if number:
                await trio.sleep(FIRST_WAIT_S * 2 ** (number - 1))
            try:
                status = await self._outside.send(self.target.url, body, headers)
            except OutsideError as exc:
                reason = str(exc)
                continue
            if 200 <= status < 300:
                log.debug("notice.sent", target=self.target.name, kind=kind)
                return
            reason = f"it answered {status}"
            if status < 500 and status not in _LATER:
                break
        # Neither the address nor what was told: addresses of chats are secrets themselves.
        log.warning("notice.not_sent", target=self.target.name, kind=kind, reason=reason)


async def _follow(door: Door, posters: Sequence[Poster]) -> None:
    tags = sorted(set().union(*(poster.target.tags() for poster in posters)))
    after: list[list[Any]] | None = None
    wait = AGAIN_S
    while True:
        question: dict[str, Any] = {"op": "events", "match": tags, **({} if after is None else {"after": after})}
        try:
            async with door.follow(question) as answers:
                name = ""
                async for answer in answers:
                    wait = AGAIN_S
                    if "ready" in answer:
                        name = answer["ready"]["log"]
                        after = [[name, answer["ready"]["at"]]]
                    for tag, _number, _origin, data in answer.get("events", ()):
                        for poster in posters:
                            poster.feed(tag, data)
                    if "at" in answer:
                        after = [[name, answer["at"]]]
        except TrisaltError as exc:
            log.info("notice.master_away", reason=str(exc))
        await trio.sleep(wait)
        wait = min(wait * 2, LONGEST_AGAIN_S)
