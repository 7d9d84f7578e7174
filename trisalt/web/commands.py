"""Commands of the REST API, done through the local door, and what came of them in the shapes its clients know.

Called by `rest` and `resources` for every way in which a command can come. The door's gate says what the caller may.
Source of the shapes: stock Salt 3008.3, run beside ours.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import attrs
import structlog
import trio
from starlette.exceptions import HTTPException
from starlette.requests import Request

from trisalt.client.door import DoorClosed
from trisalt.client.operations import together
from trisalt.errors import Denied
from trisalt.web.audit import Audit, facts_of
from trisalt.web.door import Answers, Door, expect
from trisalt.web.lowstate import Command

log = structlog.get_logger()

T = TypeVar("T")

_KEY_READS = tuple(
    f"wheel.key.{name}" for name in ("list", "finger", "glob_match", "name_match", "print", "key_str", "master_key_str")
)
# What a loader says of a function that is not there.
_NO_FUNCTION = "' is not available."


@attrs.frozen(kw_only=True)
class Asker:
    """For whom something is asked: what they show, who that is, and where they are."""

    credentials: dict[str, str] = attrs.field(repr=False)
    user: str = ""
    eauth: str = ""
    place: str = ""


class Commands:
    """Does commands, each in its turn, and has them audited."""

    def __init__(self, door: Door, audit: Audit) -> None:
        self._door = door
        self._audit = audit

    async def perform(self, command: Command, asker: Asker) -> list[Any]:
        """What goes into `return` for one command: one element, or, of a batch, one for each minion.

        Raises as `Door.ask` does, and HTTPException 400 for a runner that does not exist.
        """
        who = {"user": asker.user, "eauth": asker.eauth, "address": asker.place}
        facts = facts_of(command)
        self._audit.tell("key" if _is_key_act(command.fun) else "command", **who, **facts)
        if command.deprecated:
            log.info("web.deprecated", key="expr_form", instead="tgt_type", user=asker.user)
        try:
            if command.kind == "local":
                return await _on_minions(self._door, command, asker)
            return [await _on_master(self._door, command, asker)]
        except Denied:
            self._audit.tell("refused", **who, **facts)
            raise


def _is_key_act(fun: object) -> bool:
    """Whether a function does something with keys, and does not only look at them."""
    return isinstance(fun, str) and fun.startswith("wheel.key.") and not fun.startswith(_KEY_READS)


# -- on minions --------------------------------------------------------------------------------------------------------


async def _on_minions(door: Door, command: Command, asker: Asker) -> list[Any]:
    if command.subset:
        command = await _choose(door, command, asker)
    if not command.waits:
        answer = await door.ask(command.question, credentials=asker.credentials, place=asker.place)
        published = expect(answer, "published")
        if published.get("jid") is None:
            return [{}]
        return [{"jid": published["jid"], "minions": published["minions"]}]
    batch = command.client == "local_batch"
    async with door.follow(command.question, credentials=asker.credentials, place=asker.place) as answers:
        published = await answers.first("published")
        jid = published.get("jid")
        if jid is None:
            return [] if batch else [{}]
        # A batch has one shape.
        full = command.full_return and not batch
        returns = {id: told async for id, told in _returns(answers, jid, full=full)}
    return [{id: told} for id, told in returns.items()] if batch else [returns]


async def _returns(answers: Answers, jid: str, *, full: bool) -> AsyncIterator[tuple[str, Any]]:
    """What each minion returned, as they come; in the end the texts for those who did not."""
    async for answer in answers:
        if "return" in answer:
            body = answer["return"]
            yield body["id"], _full(body, jid) if full else body["return"]
        elif "settled" in answer:
            for id, reason in (answer["settled"].get("missing") or {}).items():
                yield id, reason
            return
    raise DoorClosed()


def _full(body: dict[str, Any], jid: str) -> dict[str, Any]:
    told = {"ret": body["return"]}
    if body.get("out") is not None:
        told["out"] = body["out"]
    return {**told, "retcode": body.get("retcode", 0), "jid": jid}


async def _choose(door: Door, command: Command, asker: Asker) -> Command:
    """The command for some of its minions, by chance: of those that are there and have the function, as `salt --subset`
    chooses; or of all, for whoever may not ask that."""
    question = {
        "op": "match",
        "tgt": command.question["tgt"],
        "tgt_type": command.question["tgt_type"],
        "delimiter": command.question["kwargs"].get("delimiter"),
    }
    answer = await door.ask(question, credentials=asker.credentials, place=asker.place)
    left = expect(answer, "matched")["minions"]
    random.shuffle(left)
    chosen: list[str] = []
    try:
        while left and len(chosen) < command.subset:
            # A few more than are missing, and no more than it takes: a target may be ten thousand.
            count = (command.subset - len(chosen)) * 2
            some, left = left[:count], left[count:]
            able = await _able(door, command, asker, some)
            chosen += [id for id in some if id in able]
    except Denied:
        chosen = [*some, *left]
    target = {"tgt": sorted(chosen[: command.subset]), "tgt_type": "list"}
    return attrs.evolve(command, subset=0, question={**command.question, **target})


async def _able(door: Door, command: Command, asker: Asker, ids: list[str]) -> set[str]:
    """Those of `ids` that answer, and have the function."""
    fun = command.question["fun"]
    funs = {fun} if isinstance(fun, str) else set(fun)
    question = {
        **command.question,
        "tgt": ids,
        "tgt_type": "list",
        "fun": "sys.list_functions",
        "arg": sorted({name.partition(".")[0] for name in funs}),
        "kwargs": {},
        "ret": "",
        "jid": "",
    }
    async with door.follow(question, credentials=asker.credentials, place=asker.place) as answers:
        jid = (await answers.first("published")).get("jid")
        if jid is None:
            return set()
        told = {id: known async for id, known in _returns(answers, jid, full=False)}
    return {id for id, known in told.items() if isinstance(known, list) and funs <= {*known}}


# -- on the master -----------------------------------------------------------------------------------------------------


async def _on_master(door: Door, command: Command, asker: Asker) -> Any:
    question = command.question
    if command.kind == "runner" and command.waits:
        # A large list passes through the master as it is packed.
        question = {**question, "pieces": True}
    async with door.follow(question, credentials=asker.credentials, place=asker.place) as answers:
        started = await answers.first("started")
        jid, tag = started["jid"], started["tag"]
        if not command.waits:
            return {"tag": tag, "jid": jid}
        result = await _result(answers)
    data = {"fun": command.fun, "jid": jid}
    ended = {"return": result["return"], "success": bool(result["success"])}
    if command.kind == "wheel":
        return {"tag": tag, "data": {**data, "tag": tag, "user": asker.user, **ended}}
    if result["success"] is False and str(result["return"]) == f"'{question['fun']}{_NO_FUNCTION}":
        raise HTTPException(400, str(result["return"]))
    if not command.full_return:
        return result["return"]
    told = [*question["arg"], *([question["kwarg"]] if question["kwarg"] else [])]
    stamp = datetime.now(UTC).isoformat()
    data = {**data, "user": asker.user, "fun_args": told, "_stamp": stamp, **ended}
    return {"data": data, "tag": f"{tag}/ret"}


async def _result(answers: Answers) -> dict[str, Any]:
    """What came of it; what it said on its way is on the bus."""
    pieces: list[bytes] = []
    async for answer in answers:
        if "piece" in answer:
            pieces.append(answer["piece"])
        elif "result" in answer:
            result: dict[str, Any] = answer["result"]
            if result.pop("pieces", False):
                result["return"] = await trio.to_thread.run_sync(together, pieces)
            return result
    raise DoorClosed()


# -- clients that leave ------------------------------------------------------------------------------------------------


async def while_there(request: Request, work: Callable[[], Awaitable[T]]) -> T:
    """What `work` gives, unless the client goes first: then nobody waits any longer, and what runs runs on.

    Raises as `work` does, and HTTPException 499, which nobody reads, when the client went. The body has been read.
    """
    result: list[T] = []
    error: Exception | None = None
    async with trio.open_nursery() as nursery:

        async def leave_too() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            nursery.cancel_scope.cancel()

        nursery.start_soon(leave_too)
        try:
            result.append(await work())
        except Exception as exc:
            # Taken out of the nursery, which would wrap it.
            error = exc
        nursery.cancel_scope.cancel()
    if error is not None:
        raise error
    if not result:
        raise HTTPException(499, "The client went away")
    return result[0]
