"""A state in a process of its own: `parallel: True`.

The process is forked from the job's, so it has all that the job has; what its plugins ask of the daemon, and what they
log, goes through the job's process, which owns the connection. It ends when its result is told.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import msgpack

from trisalt import errors
from trisalt.errors import CommandError, TrisaltError
from trisalt.worker import upcall

Result = dict[str, Any]

LOST = "Parallel process failed to return"


class Started:
    """A process that runs `work`, or is to run it when there is room for one more."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._result: Result | None = None
        self._reader: threading.Thread | None = None
        self.pid: int | None = None

    @property
    def waits(self) -> bool:
        """Whether it has not begun."""
        return self.pid is None

    def begin(self) -> None:
        """Fork."""
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            _live(theirs, self._work)
        theirs.close()
        self._reader = threading.Thread(target=self._serve, args=(ours,), daemon=True)
        self._reader.start()

    def result(self) -> Result | None:
        """What the state returned, once the process has ended; a failure if it ended without telling."""
        if self._reader is None or self._reader.is_alive():
            return None
        return self._result or {"result": False, "comment": LOST, "changes": {}}

    def _serve(self, ours: socket.socket) -> None:
        """Answer what the process asks, until it has told its result or is gone."""
        with ours:
            for message in _messages(ours):
                if "result" in message:
                    self._result = message["result"]
                elif "log" in message:
                    level, name, text = message["log"]
                    logging.getLogger(name).log(level, "%s", text)
                elif "call" in message:
                    with contextlib.suppress(OSError):
                        ours.sendall(_pack(_answer(message["call"], message["fields"])))
        if self.pid is not None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)


def _answer(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"value": upcall.ask(kind, fields)}
    except TrisaltError as exc:
        return {"error": type(exc).__name__, "text": str(exc)}


def _messages(peer: socket.socket) -> Any:
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, max_buffer_size=1 << 30)
    while True:
        try:
            data = peer.recv(65536)
        except OSError:
            return
        if not data:
            return
        unpacker.feed(data)
        yield from unpacker


def _pack(message: dict[str, Any]) -> bytes:
    return bytes(msgpack.packb(message, use_bin_type=True, default=str))


# -- in the process ---------------------------------------------------------------------------------------------------


class _JobsProcess:
    """The host of plugins here: the job's process, which asks for us. Threads ask one after the other."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._turn = threading.Lock()
        self._answers = _messages(peer)

    def call(self, kind: str, fields: dict[str, Any]) -> Any:
        with self._turn:
            self._peer.sendall(_pack({"call": kind, "fields": fields}))
            answer = next(self._answers, None)
        if answer is None:
            raise upcall.HostGone(f"{kind} needs a running job, and it has ended")
        if "error" in answer:
            kind_of = getattr(errors, str(answer["error"]), CommandError)
            raise kind_of(answer["text"])
        return answer.get("value")

    def log(self, record: logging.LogRecord, text: str) -> None:
        with self._turn:
            self._peer.sendall(_pack({"log": [record.levelno, record.name, text]}))


class _Log(logging.Handler):
    def __init__(self, host: _JobsProcess) -> None:
        super().__init__()
        self._host = host

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        try:
            self._host.log(record, self.format(record))
        except Exception:  # a line that cannot be told must not end the state that wrote it
            self.handleError(record)


def _live(peer: socket.socket, work: Callable[[], Result]) -> None:
    """The life of the process. It never returns."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        host = _JobsProcess(peer)
        upcall.install(host)
        logging.getLogger().handlers[:] = [_Log(host)]
        peer.sendall(_pack({"result": work()}))
        status = 0
    finally:
        os._exit(status)
