"""Ask a master: seal a request, send it, open the answer; so often, and so long, as the asker has patience.

Every `MasterRequest` of the bus comes by here. Which session is of use, and when to sign in again, `link` knows; what
an answer means is others' to know.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.requests import MasterRequest
from trisalt.errors import RequestTimeout
from trisalt.minion.link import Link, Session
from trisalt.wire.codec import pack_bin
from trisalt.wire.session import (
    SessionRefused,
    open_private_reply,
    open_reply,
    pillar_digest,
    says_known,
    seal_request,
)

log = structlog.get_logger()

# So many pillars of a master are kept, to be told only that they are the same: the minion's own, and its states'.
PILLARS = 2


def standing(links: Sequence[Link]) -> list[str]:
    """The masters whose links stand, in order."""
    return [link.master for link in links if link.connected]


async def answer_requests(
    bus: Bus, links: Sequence[Link], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Answer every `MasterRequest` through the link it names; without a name, through the first that stands."""

    def link_to(master: str | None) -> Link:
        for link in links:
            if link.master == master:
                return link
        return next((link for link in links if link.connected), links[0])

    async def answer(request: MasterRequest) -> Any:
        link = link_to(request.master)
        return await ask(link, request.load, timeout=request.timeout, tries=request.tries, nonce=request.nonce)

    with bus.answering({MasterRequest: answer}):
        task_status.started()
        await trio.sleep_forever()


async def ask(link: Link, load: Mapping[str, Any], *, timeout: float, tries: int, nonce: str | None = None) -> Any:
    """The master's answer to a request, opened. `timeout` is one try's, in seconds.

    All tries have the same nonce: what has arrived already is not done again, and gets the answer it got.
    Raises RequestTimeout, or RemoteProtocolError when the master refuses it after a new sign-in too.
    """
    nonce = nonce or os.urandom(16).hex()
    for _ in range(max(tries, 1)):
        try:
            return await _asked(link, load, nonce, trio.current_time() + timeout)
        except trio.TooSlowError:
            log.error("master.timeout", cmd=load.get("cmd"), master=link.master)
    raise RequestTimeout(f"the master {link.master} did not answer {load.get('cmd')}")


async def _asked(link: Link, load: Mapping[str, Any], nonce: str, deadline: float) -> Any:
    """One try. A scope is made where there is no session to ask with, which is rare: each job asks once."""
    session = link.session
    if session is None:
        with trio.fail_at(deadline):
            session = await link.usable()
    try:
        return await _once(link, load, session, nonce, deadline)
    except SessionRefused:
        link.refuse(session)
    with trio.fail_at(deadline):
        session = await link.usable()
    return await _once(link, load, session, nonce, deadline)


async def _once(link: Link, load: Mapping[str, Any], session: Session, nonce: str, deadline: float) -> Any:
    sign_in = link.options.sign_in
    same = _same_pillar(load) if load.get("cmd") == "_pillar" else ""
    known = link.pillars.get(same)

    def sealed() -> bytes:
        return seal_request(
            load if known is None else {**load, "known": known[0]},
            id=link.identity.id,
            session=session.session,
            key=link.identity.key,
            nonce=nonce,
            now=session.now(),
            enc_algo=sign_in.encryption_algorithm,
            sig_algo=sign_in.signing_algorithm,
            sign=link.options.minion_sign_messages,
        )

    answer = await link.client.request(sealed, deadline=deadline)
    match load.get("cmd"):
        case "_pillar":
            if known and says_known(answer, session=session.session, nonce=nonce, known=known[0]):
                return known[1]
            # One private operation and one verification: milliseconds.
            digest, pillar = await trio.to_thread.run_sync(_open_private, link, answer, session, nonce)
            if same:
                link.pillars.pop(same, None)
                while len(link.pillars) >= PILLARS:
                    del link.pillars[next(iter(link.pillars))]
                link.pillars[same] = digest, pillar
            return pillar
        case "_serve_file":
            return _file_reply(open_reply(answer, session=session.session, nonce=nonce, raw=True))
        case _:
            return open_reply(answer, session=session.session, nonce=nonce)


def _same_pillar(load: Mapping[str, Any]) -> str:
    """By what a request is known for which the same pillar may come again; "" for one with values of its own."""
    return "" if load.get("pillar_override") else hashlib.sha256(pack_bin(load)).hexdigest()


def _open_private(link: Link, answer: bytes, session: Session, nonce: str) -> tuple[str, Any]:
    """A pillar, and by what its master will know it."""
    sign_in = link.options.sign_in
    pillar = open_private_reply(
        answer,
        key=link.identity.key,
        master_pub=session.master_pub,
        nonce=nonce,
        enc_algo=sign_in.encryption_algorithm,
        sig_algo=sign_in.signing_algorithm,
    )
    return pillar_digest(pillar), pillar


def _file_reply(reply: Any) -> Any:
    """A `_serve_file` reply: its keys and its path are text, its data stays bytes, whatever it holds."""
    if not isinstance(reply, dict):
        return reply
    named = {key.decode(errors="replace") if isinstance(key, bytes) else key: value for key, value in reply.items()}
    if isinstance(named.get("dest"), bytes):
        named["dest"] = named["dest"].decode("utf-8", "surrogateescape")
    return named
