"""Commands of the REST API, done through the local door, and what came of them in the shapes its clients know.

Called by `rest` for every way in which a command can come. The door's gate says what the caller may.
Source of the shapes: stock Salt 3008.3, run beside ours; web-console.md section 4.6.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import attrs

from trisalt.client.door import DoorClosed
from trisalt.web.door import Answers, Door, expect
from trisalt.web.lowstate import Command


@attrs.frozen(kw_only=True)
class Asker:
    """For whom something is asked: what they show, and where they are."""

    credentials: dict[str, str] = attrs.field(repr=False)
    place: str = ""
    user: str = ""


async def perform(door: Door, command: Command, asker: Asker) -> list[Any]:
    """What goes into `return` for one command: one element, or, of a batch, one for each minion.

    Raises as `Door.ask` does.
    """
    if command.kind != "local":
        return [await _run(door, command, asker)]
    if command.subset:
        command = await _choose(door, command, asker)
    if not command.waits:
        answer = await door.ask(command.question, credentials=asker.credentials, place=asker.place)
        published = expect(answer, "published")
        if published.get("jid") is None:
            return [{}]
        return [{"jid": published["jid"], "minions": published["minions"]}]
    async with door.follow(command.question, credentials=asker.credentials, place=asker.place) as answers:
        published = expect(await _first(answers), "published")
        jid = published.get("jid")
        if jid is None:
            return [] if command.client == "local_batch" else [{}]
        returns = {id: told async for id, told in _returns(answers, jid, full=command.full_return)}
    if command.client == "local_batch":
        return [{id: told} for id, told in returns.items()]
    return [returns]


async def _returns(answers: Answers, jid: str, *, full: bool) -> AsyncIterator[tuple[str, Any]]:
    async for answer in answers:
        if "return" in answer:
            body = answer["return"]
            yield body["id"], _full(body, jid) if full else body["return"]
        elif "lost" in answer:
            for id, reason in answer["lost"].items():
                yield id, reason
        elif "settled" in answer:
            for id, reason in (answer["settled"].get("missing") or {}).items():
                yield id, reason
            return
    raise DoorClosed()


def _full(body: dict[str, Any], jid: str) -> dict[str, Any]:
    told = {"ret": body["return"], "retcode": body.get("retcode", 0), "jid": jid}
    if body.get("out") is not None:
        told["out"] = body["out"]
    return told


async def _first(answers: Answers) -> dict[str, Any]:
    async for answer in answers:
        return answer
    raise DoorClosed()


async def _choose(door: Door, command: Command, asker: Asker) -> Command:
    """The command for some of its minions, by chance."""
    question = {
        "op": "match",
        "tgt": command.question["tgt"],
        "tgt_type": command.question["tgt_type"],
        "delimiter": command.question["kwargs"].get("delimiter"),
    }
    answer = await door.ask(question, credentials=asker.credentials, place=asker.place)
    minions = expect(answer, "matched")["minions"]
    chosen = sorted(random.sample(minions, min(command.subset, len(minions))))
    return attrs.evolve(command, subset=0, question={**command.question, "tgt": chosen, "tgt_type": "list"})


async def _run(door: Door, command: Command, asker: Asker) -> Any:
    async with door.follow(command.question, credentials=asker.credentials, place=asker.place) as answers:
        started = expect(await _first(answers), "started")
        jid, tag = started["jid"], started["tag"]
        if not command.waits:
            return {"tag": tag, "jid": jid}
        async for answer in answers:
            if "result" in answer:
                result = answer["result"]
                break
        else:
            raise DoorClosed()
    if command.kind == "runner" and not command.full_return:
        return result["return"]
    data = {
        "fun": command.fun,
        "jid": jid,
        "user": asker.user,
        "fun_args": [*command.question["arg"], *([command.question["kwarg"]] if command.question["kwarg"] else [])],
        "_stamp": datetime.now(UTC).isoformat(),
        "return": result["return"],
        "success": bool(result["success"]),
    }
    if command.kind == "wheel":
        return {"tag": tag, "data": {**data, "tag": tag}}
    return {"data": data, "tag": f"{tag}/ret"}
