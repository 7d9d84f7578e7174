"""Runners, wheels, and single questions to the master, through the local door."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence

from trisalt.client.door import Answers, Door, DoorClosed, Following, expect
from trisalt.wire.frames import unpack_value

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

# How long the master may take for what it does at once.
PATIENCE = 30.0


class Run(Following):
    """A runner or wheel that is followed: iterate its progress maps; then `result` is there.

    `jid` and `tag` from the start; `result` is the map {return, success, retcode, out?}, None until the end. Close
    it, or use it in a `with`, to stop following early.
    """

    def __init__(self, answers: Answers, *, jid: str, tag: str) -> None:
        super().__init__(answers)
        self.jid = jid
        self.tag = tag
        self.result: dict[str, Any] | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The progress. Raises DoorClosed when the master goes away before there is a result."""
        pieces = []
        for answer in self._answers:
            if "progress" in answer:
                yield answer["progress"]
            elif "piece" in answer:
                pieces.append(answer["piece"])
            elif "result" in answer:
                self.result = answer["result"]
                if self.result.pop("pieces", False):
                    self.result["return"] = together(pieces)
                self.close()
                return
        if self.result is None:
            raise DoorClosed()

    def wait(self) -> dict[str, Any]:
        """The result; progress on the way is dropped."""
        for _progress in self:
            pass
        assert self.result is not None
        return self.result


def runner(
    door: Door,
    fun: str,
    arg: Sequence[Any] = (),
    kwarg: Mapping[str, Any] | None = None,
    *,
    jid: str = "",
    timeout: float | None = None,
) -> Run:
    """Run `fun` (without `runner.`) and follow it: returns when it has been started.

    `timeout`: seconds without any word from the master until RequestTimeout. Raises as `Door.ask` does.
    """
    return _run(door, "runner", fun, arg, kwarg, jid, timeout)


def wheel(
    door: Door,
    fun: str,
    arg: Sequence[Any] = (),
    kwarg: Mapping[str, Any] | None = None,
    *,
    jid: str = "",
    timeout: float | None = None,
) -> Run:
    """The same for a wheel function (without `wheel.`)."""
    return _run(door, "wheel", fun, arg, kwarg, jid, timeout)


def fire(door: Door, tag: str, data: Mapping[str, Any], *, timeout: float | None = PATIENCE) -> None:
    """Fire an event on the master's bus."""
    expect(door.ask({"op": "fire", "tag": tag, "data": dict(data)}, timeout), "ok")


def key_changed(
    door: Door, act: str, ids: Sequence[str], *, rotate: bool | None = None, timeout: float | None = PATIENCE
) -> None:
    """Tell the master that key files have been moved, so that it acts at once.

    `rotate`: whether keys that are out make a new shared key; None: as the master's `rotate_aes_key` says.
    """
    question: dict[str, Any] = {"op": "key_changed", "act": act, "ids": list(ids)}
    if rotate is not None:
        question["rotate"] = rotate
    expect(door.ask(question, timeout), "ok")


def status(door: Door, *, timeout: float | None = PATIENCE) -> dict[str, Any]:
    """What the master says about itself."""
    return dict(expect(door.ask({"op": "status"}, timeout), "status"))


def together(pieces: list[bytes]) -> Any:
    """A large result that came in pieces."""
    collecting = gc.isenabled()
    # Of what is made here nothing goes: the collector would look at all of it, again and again.
    gc.disable()
    try:
        return unpack_value(b"".join(pieces))
    finally:
        if collecting:
            gc.enable()


def _run(
    door: Door, op: str, fun: str, arg: Sequence[Any], kwarg: Mapping[str, Any] | None, jid: str, timeout: float | None
) -> Run:
    question = {"op": op, "fun": fun, "arg": list(arg), "kwarg": dict(kwarg or {}), "follow": True}
    if op == "runner":
        question["pieces"] = True
    if jid:
        question["jid"] = jid
    answers = door.follow(question, timeout)
    started = answers.first("started")
    return Run(answers, jid=str(started.get("jid", "")), tag=str(started.get("tag", "")))
