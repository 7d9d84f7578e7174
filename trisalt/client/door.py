"""Connect to the master's local door, ask, follow. Blocking: `socket` and `msgpack`, nothing more.

Called by the thin commands, and by scripts that import `salt.client`. The other end is `master.local_door`.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from types import TracebackType

from trisalt.errors import (
    CommandError,
    ConfigError,
    Denied,
    LoaderError,
    NotFound,
    RemoteProtocolError,
    RequestTimeout,
    StoreError,
    TargetError,
    TrisaltError,
)
from trisalt.wire.frames import FrameDecoder, pack_frame

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any, Self

CHUNK = 64 * 1024


class MasterUnreachable(TrisaltError):
    """There is no master at the local door."""


class DoorClosed(MasterUnreachable):
    """The master went away before its answer was complete."""

    def __init__(self) -> None:
        super().__init__("The salt master went away before it had answered.")


class MasterRefused(TrisaltError):
    """The master answered with an error; `name` is its class, where we have none of that name."""

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


# What the master's error names mean here; stock's names for what may not be done stand beside ours.
ERRORS: dict[str, type[TrisaltError]] = {
    "AuthorizationError": Denied,
    "AuthenticationError": Denied,
    "Denied": Denied,
    "CommandError": CommandError,
    "ConfigError": ConfigError,
    "LoaderError": LoaderError,
    "NotFound": NotFound,
    "RequestTimeout": RequestTimeout,
    "StoreError": StoreError,
    "TargetError": TargetError,
}


def to_error(error: Any) -> TrisaltError:
    """The exception for `{"name", "message"}` as the master sent it."""
    if not isinstance(error, dict):
        return MasterRefused(str(error), name="")
    name = str(error.get("name", ""))
    message = str(error.get("message", "")) or name
    cls = ERRORS.get(name)
    if cls is TargetError and isinstance(error.get("position"), int):
        return TargetError(message, text=str(error.get("text", "")), position=error["position"])
    return MasterRefused(message, name=name) if cls is None else cls(message)


class Door:
    """The local door at `sock_path` (SOCK_DIR/master.sock). Each question has a connection of its own.

    `user_hint` is who called sudo, if somebody did: root may say so, and the job's user is then `sudo_<name>`.
    `credentials` (a token, or eauth, username and password; `client.credentials` finds them) go before it; `identity`
    tells in words who that is, and `hint` what to do when they are refused.
    """

    def __init__(self, sock_path: str, *, user_hint: str = "") -> None:
        self.sock_path = sock_path
        self.user_hint = user_hint
        self.credentials: dict[str, str] | None = None
        self.identity = ""
        self.hint = ""

    def ask(self, question: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
        """The one answer to `question`. `timeout` is in seconds, None for ever.

        Raises MasterUnreachable, DoorClosed, RequestTimeout, Denied (this user may not come in), or what the master
        answered: one of `ERRORS`, or MasterRefused.
        """
        with self.follow(question, timeout) as answers:
            return answers.next()

    def follow(self, question: dict[str, Any], timeout: float | None = None) -> Answers:
        """All answers to `question`, as they come, until the master ends them. `timeout`: for each answer.

        The question has been sent when this returns. Raises as `ask` does, here and at each step.
        """
        if self.credentials is not None:
            question = {**question, "credentials": self.credentials}
        elif self.user_hint:
            question = {**question, "user_hint": self.user_hint}
        packed = pack_frame(question)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if timeout is not None:
                # A busy listener makes a blocking caller wait, and sends one with Python's kind of timeout away.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(timeout))
            sock.connect(self.sock_path)
            sock.settimeout(timeout)
            sock.sendall(packed)
        except BaseException as exc:
            sock.close()
            if isinstance(exc, TimeoutError | BlockingIOError):
                raise RequestTimeout(LATE) from exc
            if isinstance(exc, PermissionError):
                raise Denied(f"No permission to talk to the master at {self.sock_path}") from exc
            if isinstance(exc, BrokenPipeError | ConnectionResetError):
                raise DoorClosed() from exc
            if isinstance(exc, OSError):
                raise MasterUnreachable(UNREACHABLE) from exc
            raise
        return Answers(sock, timeout, hint=self.hint)


def _timeval(seconds: float) -> bytes:
    # Zero would be for ever.
    return struct.pack("ll", int(seconds), max(int(seconds % 1 * 1e6), 1))


UNREACHABLE = "The salt master could not be contacted. Is master running?"
LATE = "The salt master did not answer in time."


class Answers:
    """A stream of answers. Iterate it; `close()` it, or use it in a `with`, to hang up early.

    `timeout` (seconds to wait for the next answer, None for ever) may be changed on the way.
    """

    def __init__(self, sock: socket.socket, timeout: float | None, *, hint: str = "") -> None:
        self.timeout = timeout
        self._hint = hint
        self._sock: socket.socket | None = sock
        self._decoder = FrameDecoder()
        self._received: deque[dict[str, Any]] = deque()

    def __iter__(self) -> Answers:
        return self

    def __next__(self) -> dict[str, Any]:
        while not self._received:
            if self._sock is None:
                raise StopIteration
            try:
                self._receive(self._sock)
            except BaseException:
                # KeyboardInterrupt too: nobody asks twice on one connection.
                self.close()
                raise
        answer = self._received.popleft()
        if "error" in answer:
            self.close()
            raise self._to_error(answer["error"])
        return answer

    def next(self) -> dict[str, Any]:
        """The next answer, of which there must be one. Raises DoorClosed when there is none, and as `Door.ask` does."""
        for answer in self:
            return answer
        raise DoorClosed()

    def first(self, key: str) -> Any:
        """What the next answer has under `key`. Raises as `next` does, and RemoteProtocolError; then it has hung up."""
        try:
            return expect(self.next(), key)
        except BaseException:
            self.close()
            raise

    def _to_error(self, error: Any) -> TrisaltError:
        if self._hint and isinstance(error, dict) and error.get("name") == "AuthenticationError":
            return Denied(f"{error.get('message')} {self._hint}")
        return to_error(error)

    def close(self) -> None:
        """Hang up; what has not been read is gone."""
        self._received.clear()
        sock, self._sock = self._sock, None
        if sock is None:
            return
        try:
            # A thread that waits for an answer hears of it, and closes too.
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        sock.close()

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def _receive(self, sock: socket.socket) -> None:
        try:
            sock.settimeout(self.timeout)
            data = sock.recv(CHUNK)
        except TimeoutError as exc:
            raise RequestTimeout(LATE) from exc
        except OSError as exc:
            raise DoorClosed() from exc
        if data:
            self._received.extend(self._decoder.feed(data))
        elif self._decoder.pending:
            raise DoorClosed()
        else:
            self.close()


class Following:
    """What is followed by a stream of answers. Use it in a `with`, or close it, to stop early."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def close(self) -> None:
        """Stop following; what was started runs on."""
        self._answers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def expect(answer: dict[str, Any], key: str) -> Any:
    """The value of `key` in an answer. Raises RemoteProtocolError when the master answered something else."""
    try:
        return answer[key]
    except KeyError:
        raise RemoteProtocolError(
            f"the master answered {', '.join(map(str, answer)) or 'nothing'}, not {key}"
        ) from None
