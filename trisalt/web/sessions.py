"""Who is signed in: sessions of the web, each of them a token of the master that was made by a login here.

A session's id is the token itself, 256 random bits, which nobody keeps but its client: what is kept, in memory and in
one file, is its digest and whose it is, so that a restart of the service signs nobody out. A token of the master that
was made elsewhere is no session. The end of a session, whichever way it comes, sets its `ended`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio

log = structlog.get_logger()

# More at a time than anybody has people for; the oldest go first.
MOST = 10_000
# Seconds between looks at whose time has come.
LOOK_EVERY_S = 5.0
_ID = re.compile(r"[0-9a-f]{64}")


@attrs.define(kw_only=True, eq=False)
class Session:
    """Somebody who has signed in; what handlers of requests see. `start` and `expire` are wall seconds.

    `perms` is what was granted at that time, `peer` the address they came from, `id_digest` what may be told of its id.
    `ended` is set when it is over: streams end with it.
    """

    id_digest: str
    user: str
    eauth: str
    start: float
    expire: float
    perms: list[Any] = attrs.field(factory=list)
    peer: str = ""
    ended: trio.Event = attrs.field(factory=trio.Event, repr=False)
    # Shown by the client with each request; after a restart it is not known before.
    token: str = attrs.field(default="", repr=False)

    @property
    def credentials(self) -> dict[str, str]:
        """What the master is shown."""
        return {"token": self.token}

    def to_record(self) -> dict[str, Any]:
        """What of it is kept in the file."""
        named = ("id_digest", "user", "eauth", "start", "expire", "perms", "peer")
        return {name: getattr(self, name) for name in named}


def digest(token: str) -> str:
    """What of a session's id is kept. It is 256 random bits: a quick digest hides it well."""
    return hashlib.sha256(f"session {token}".encode()).hexdigest()


class Sessions:
    """All sessions, kept in the file at `path`. `clock` is wall time."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._changed = trio.Event()
        self._read()
        self._written = self._packed()

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, token: str) -> Session | None:
        """The session with this id; None for none, and for one that has expired."""
        session = self._sessions.get(digest(token)) if _ID.fullmatch(token) else None
        if session is None or session.expire <= self._clock():
            return None
        session.token = token
        return session

    def add(self, token: str, **facts: Any) -> Session:
        """A new session for a token that the master has just made; `facts` are the fields of a `Session`."""
        while len(self._sessions) >= MOST:
            self._end(next(iter(self._sessions)))
        session = Session(id_digest=digest(token), token=token, **facts)
        self._sessions[session.id_digest] = session
        self._changed.set()
        return session

    def drop(self, session: Session) -> None:
        """This session is over, at once."""
        self._end(session.id_digest)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """End those whose time has come, and write down what has changed, until cancelled; the last word is written."""
        task_status.started()
        try:
            while True:
                with trio.move_on_after(LOOK_EVERY_S):
                    await self._changed.wait()
                now = self._clock()
                for key in [key for key, session in self._sessions.items() if session.expire <= now]:
                    self._end(key)
                if self._changed.is_set():
                    self._changed, packed = trio.Event(), self._packed()
                    await trio.to_thread.run_sync(self._write, packed)
                    self._written = packed
        finally:
            if (packed := self._packed()) != self._written:
                self._write(packed)

    def _end(self, key: str) -> None:
        session = self._sessions.pop(key, None)
        if session is not None:
            session.ended.set()
            self._changed.set()

    # -- the file -------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with open(fd, "rb") as file:
                records = json.load(file)
            sessions = [Session(**record) for record in records]
            now = self._clock()
            self._sessions = {each.id_digest: each for each in sessions if each.expire > now}
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError) as exc:
            log.warning("session.file_unread", path=str(self._path), reason=str(exc))

    def _packed(self) -> bytes:
        return json.dumps([session.to_record() for session in self._sessions.values()], default=str).encode()

    def _write(self, packed: bytes) -> None:
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with open(fd, "wb") as file:
                file.write(packed)
            os.replace(beside, self._path)
        except OSError as exc:
            log.warning("session.file_unwritten", path=str(self._path), reason=exc.strerror)
