"""Worker side of the socket between a child and its daemon: blocking frames, upcalls, and the log.

`child` owns one for its life. The daemon may go while a job runs: then sending is no error, and asking is
`HostGone`.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from trisalt import errors
from trisalt.errors import CommandError, LocalProtocolError, RemoteProtocolError
from trisalt.levels import LEVELS
from trisalt.wire.frames import FrameDecoder, pack_frame
from trisalt.worker.plain import plain
from trisalt.worker.upcall import HostGone

# Seconds that a job waits for the next daemon of its host, with a question or with an event, and between two looks; how
# many daemons one question may survive.
ADOPTED_WITHIN, TOLD_WITHIN = 600.0, 60.0
KNOCK_EVERY = 0.25
ATTACHMENTS = 5

# What is told; how far a job is, who was not there when it began need not know at once.
TOLD = {"fire_event": TOLD_WITHIN, "fire_master": TOLD_WITHIN, "refresh": TOLD_WITHIN, "progress": 0.0, "doing": 0.0}


class Channel:
    """Frames to and from the daemon. Threads of a plugin may send at the same time; one at a time receives."""

    def __init__(self, daemon: socket.socket) -> None:
        self._socket = daemon
        self._decoder = FrameDecoder()
        self._messages: deque[dict[str, Any]] = deque()
        self._sending = threading.Lock()
        self.gone = False
        self.generation = 0

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a frame; nothing happens when the daemon is gone. Raises LocalProtocolError for what does not pack."""
        frame = pack_frame(dict(message))
        with self._sending:
            if self.gone:
                return
            try:
                self._socket.sendall(frame)
            except OSError:
                self.gone = True

    def receive(self) -> dict[str, Any] | None:
        """The next frame, or None when the daemon is gone."""
        while not self._messages:
            try:
                data = self._socket.recv(65536)
                if data:
                    self._messages.extend(self._decoder.feed(data))
                    continue
            except (OSError, RemoteProtocolError):
                pass
            self.gone = True
            return None
        return self._messages.popleft()

    def look(self) -> None:
        """Notice whether the daemon has gone, though nobody reads or sends."""
        try:
            if not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                self.gone = True
        except BlockingIOError:
            pass
        except OSError:
            self.gone = True

    def renew(self, daemon: socket.socket) -> None:
        """Another daemon took the place of the one that is gone."""
        with self._sending:
            self._socket.close()
            self._socket = daemon
            self._decoder = FrameDecoder()
            self._messages.clear()
            self.generation += 1
            self.gone = False


class ChannelHost:
    """The daemon as plugins know it: each upcall is numbered, and waits for the answer with its number.

    Threads may ask at the same time: one of those that wait reads for all. A job outlives its daemon: whoever asks
    then waits for the next one at the `door`, and asks it again.
    """

    def __init__(self, channel: Channel) -> None:
        self.door: str | None = None
        self.jid, self.fun = "", ""
        self._channel = channel
        self._attaching = threading.Lock()
        self._forsaken = False
        self._pid = os.getpid()
        self._turn = threading.Condition()
        self._reading = False
        self._number = 0
        self._answers: dict[int, dict[str, Any]] = {}

    @property
    def outlived(self) -> bool:
        """Whether another daemon may answer when this one has ended."""
        return self.door is not None

    @property
    def generation(self) -> int | None:
        """Which of the daemons it is that hears us now; None while there is none."""
        with self._attaching:
            if not self._channel.gone:
                self._channel.look()
            return None if self._channel.gone else self._channel.generation

    def call(self, kind: str, fields: dict[str, Any]) -> Any:
        """Ask, and wait. Raises CommandError or what the daemon answers with, HostGone when there is no daemon."""
        if os.getpid() != self._pid:
            raise HostGone(f"{kind} cannot be asked from a forked process")
        for _ in range(ATTACHMENTS):
            generation = self._channel.generation
            answer = self._ask(kind, fields)
            if answer is not None:
                if "error" in answer:
                    raise revive(answer["error"])
                return answer.get("value")
            if not self._attach(generation, TOLD.get(kind, ADOPTED_WITHIN)):
                break
        raise HostGone(f"{kind} needs a running daemon, and it has ended")

    def _ask(self, kind: str, fields: dict[str, Any]) -> dict[str, Any] | None:
        """One try: the answer, or None when the daemon is gone."""
        with self._turn:
            self._number += 1
            number = self._number
        try:
            self._channel.send({"upcall": number, "kind": kind, "fields": fields})
        except LocalProtocolError:
            self._channel.send({"upcall": number, "kind": kind, "fields": plain(fields)})
        return self._wait(number)

    def _attach(self, generation: int, within: float) -> bool:
        """Find the next daemon at the door, and say who we are; False when there is none, or none in time."""
        with self._attaching:
            if self._channel.generation != generation:
                return True  # another thread has found it
            # Whoever has waited in vain does not wait again.
            deadline = time.monotonic() + (0 if self._forsaken else within)
            while self.door:
                daemon = socket.socket(socket.AF_UNIX)
                try:
                    daemon.connect(self.door)
                    daemon.sendall(pack_frame({"adopt": {"jid": self.jid, "fun": self.fun}}))
                except OSError:
                    daemon.close()
                else:
                    self._channel.renew(daemon)
                    return True
                if time.monotonic() >= deadline:
                    self._forsaken = self._forsaken or within > 0
                    break
                time.sleep(KNOCK_EVERY)
            return False

    def _wait(self, number: int) -> dict[str, Any] | None:
        with self._turn:
            while True:
                if number in self._answers:
                    return self._answers.pop(number)
                if self._channel.gone:
                    return None
                if self._reading:
                    self._turn.wait()
                    continue
                self._reading = True
                self._turn.release()
                try:
                    message = self._channel.receive()
                finally:
                    self._turn.acquire()
                    self._reading = False
                    self._turn.notify_all()
                if message is not None and isinstance(message.get("answer"), int):
                    self._answers[message["answer"]] = message


class LogToDaemon(logging.Handler):
    """What plugins and the loader log goes to the daemon's log, a line a record."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        try:
            self._channel.send({"log": [record.levelno, record.name, self.format(record)]})
        except Exception:  # a line that cannot be sent must not end the job that wrote it
            self.handleError(record)

    @classmethod
    def install(cls, channel: Channel) -> None:
        """Send everything there from now on; other handlers of the root logger go."""
        logging.raiseExceptions = False
        root = logging.getLogger()
        root.handlers[:] = [cls(channel)]
        _set_level(root, logging.WARNING)

    @staticmethod
    def level_from(opts: Mapping[str, Any]) -> None:
        """Send what one of the daemon's two logs may want, and nothing below."""
        names = [str(opts.get(key) or "warning").lower() for key in ("log_level", "log_level_logfile")]
        _set_level(logging.getLogger(), min(LEVELS.get(name, logging.WARNING) for name in names))


def _set_level(root: logging.Logger, level: int) -> None:
    """A level, where it is another: each logger there is is told of it."""
    if root.level != level:
        root.setLevel(level)


def revive(error: Mapping[str, Any]) -> errors.TrisaltError:
    """An error that has travelled (`child.describe`), as one of our tree; unknown ones as CommandError."""
    name = error.get("name")
    cls = getattr(errors, name, None) if isinstance(name, str) else None
    if not (isinstance(cls, type) and issubclass(cls, errors.TrisaltError)):
        cls = CommandError
    exc: errors.TrisaltError = cls(str(error.get("text")))
    for key, value in (error.get("fields") or {}).items():
        setattr(exc, str(key), value)
    if cls is CommandError and name is None and error.get("traceback"):
        exc.add_note(str(error["traceback"]))
    return exc
