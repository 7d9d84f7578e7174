"""Many minions in one process: they sign in, hear publications and return, and run nothing.

For tests that need a fleet rather than minions: each has a session of its own at a real master, all have one key and
one subscription. `open_fleet` starts them beside a lab's master, which has to be there; what they return is made up by
`answer`, the same in every run.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import random
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from tests.support.lab import Daemon, Lab
from trisalt.errors import TrisaltError
from trisalt.transport.publish import open_subscriber
from trisalt.transport.request import RequestClient, open_request_client
from trisalt.wire.codec import to_bytes
from trisalt.wire.crypticle import Crypticle, WrongKey
from trisalt.wire.handshake import Accepted, MinionHandshake
from trisalt.wire.keys import PrivateKey, PublicKey
from trisalt.wire.session import open_publication, open_reply, seal_request

ENC, SIG = "OAEP-SHA1", "PKCS1v15-SHA1"
READY = "fleet is ready"
SYSTEMS = (("Debian", "12"), ("Debian", "13"), ("Ubuntu", "24.04"), ("Rocky", "9.4"))


@contextmanager
def open_fleet(lab: Lab, ids: list[str], *, pace: float = 0.0, grains: bool = False) -> Iterator[Daemon]:
    """A fleet of these ids, accepted and listening. `pace`: a return takes so many seconds, at most; `grains`: the
    master is told what they run on."""
    folder = lab.root / "fleet"
    folder.mkdir()
    key = PrivateKey.generate(2048)
    (folder / "key.pem").write_bytes(key.pem)
    accepted = lab.master_dir() / "pki" / "minions"
    accepted.mkdir(parents=True, exist_ok=True)
    for id in ids:
        (accepted / id).write_text(key.public.pem)
    settings = {"ids": ids, "ret_port": lab.ret_port, "publish_port": lab.publish_port, "pace": pace, "grains": grains}
    (folder / "settings.json").write_text(json.dumps(settings))
    daemon = Daemon(
        [sys.executable, "-m", "tests.support.fleet", str(folder)],
        folder / "out",
        {**lab.env, "PYTHONPATH": os.getcwd()},
    )
    try:
        lab.wait(lambda: READY in daemon.text() or daemon.process.poll() is not None, "the fleet")
        assert daemon.process.poll() is None, daemon.tail()
        yield daemon
    finally:
        daemon.stop()


@attrs.frozen
class Member:
    """One minion that has signed in."""

    id: str
    session: Crypticle
    shared: Crypticle
    master: PublicKey


class Fleet:
    """All of them, over one connection each way."""

    def __init__(self, client: RequestClient, key: PrivateKey, *, pace: float, grains: bool) -> None:
        self._client = client
        self._key = key
        self._pace = pace
        self._grains = grains
        self.members: dict[str, Member] = {}

    async def sign_in(self, ids: list[str]) -> None:
        """All of them, a few at a time."""
        async with trio.open_nursery() as joining:
            for start in range(8):
                joining.start_soon(self.join, ids, start, 8)

    async def join(self, ids: list[str], start: int, step: int) -> None:
        """Sign in every `step`th, and tell the master what it is."""
        for id in ids[start::step]:
            handshake = MinionHandshake(
                id=id, key=self._key, master_pub=None, enc_algo=ENC, sig_algo=SIG, nonce=uuid.uuid4().hex
            )
            answer = handshake.accept(await self._client.request(handshake.request()))
            assert isinstance(answer, Accepted), f"{id}: {answer}"
            member = Member(id, answer.session, answer.aes, PublicKey.from_pem(answer.master_pub_pem))
            self.members[id] = member
            if self._grains:
                await self._ask(
                    member,
                    {"cmd": "_pillar", "saltenv": "base", "pillarenv": None, "grains": grains(id), "ver": "2"},
                    private=True,
                )
            await self._ask(
                member, {"cmd": "_minion_event", "tag": f"salt/minion/{id}/start", "data": f"Minion {id} started"}
            )

    async def _ask(self, member: Member, load: dict[str, Any], *, private: bool = False) -> None:
        nonce = uuid.uuid4().hex
        sealed = partial(
            seal_request,
            load,
            id=member.id,
            session=member.session,
            key=self._key,
            nonce=nonce,
            enc_algo=ENC,
            sig_algo=SIG,
        )
        reply = await self._client.request(sealed(now=time.time()))
        if not private:
            open_reply(reply, session=member.session, nonce=nonce)

    async def hear(self, payload: bytes, nursery: trio.Nursery) -> None:
        """A publication: each who is meant returns in a task of its own."""
        first = next(iter(self.members.values()))
        job = open_publication(payload, crypticle=first.shared, master_pub=first.master)
        for member in self.members.values():
            if meant(member.id, job.get("tgt"), job.get("tgt_type", "glob")):
                nursery.start_soon(self._return, member, job)

    async def _return(self, member: Member, job: dict[str, Any]) -> None:
        draw = random.Random(f"{member.id}{job['fun']}")
        if job["fun"] != "saltutil.find_job":
            await trio.sleep(draw.random() * self._pace)
        value, retcode = answer(member.id, job["fun"], job["arg"])
        load = {
            **{"cmd": "_return", "id": member.id, "jid": job["jid"], "fun": job["fun"], "fun_args": job["arg"]},
            **{"return": value, "retcode": retcode, "success": retcode == 0},
            **({"out": "highstate"} if isinstance(value, dict) and job["fun"].startswith("state.") else {}),
        }
        # A master that goes while it is told of a return has not been told of it.
        with contextlib.suppress(TrisaltError):
            await self._ask(member, load)


def grains(id: str) -> dict[str, Any]:
    """What a minion runs on."""
    number = sum(id.encode())
    os_name, release = SYSTEMS[number % len(SYSTEMS)]
    address = f"10.0.{number % 3}.{number % 250 + 1}"
    return {
        "id": id,
        "os": os_name,
        "osrelease": release,
        "saltversion": "3008.3" if number % 11 else "3007.1",
        "ipv4": ["127.0.0.1", address],
        "fqdn_ip4": [address],
    }


def meant(id: str, tgt: Any, tgt_type: str) -> bool:
    """Whether a minion is, as far as globs and lists say."""
    if tgt_type == "list":
        return id in (tgt.split(",") if isinstance(tgt, str) else tgt)
    return tgt_type == "glob" and isinstance(tgt, str) and fnmatch.fnmatch(id, tgt)


def answer(id: str, fun: str, arg: list[Any]) -> tuple[Any, int]:
    """What a minion returns, and with which retcode."""
    words = [one for one in arg if not isinstance(one, dict)]
    if fun == "test.ping":
        return True, 0
    if fun == "test.version":
        return "3008.3" if sum(id.encode()) % 11 else "3007.1", 0
    if fun == "test.echo":
        return words[0] if words else "", 0
    if fun == "saltutil.find_job":
        return {}, 0
    if fun in ("state.apply", "state.highstate", "state.sls"):
        chunks = states(id)
        return chunks, 2 if any(chunk["result"] is False for chunk in chunks.values()) else 0
    return f"'{fun}' is not available.", 254


def states(id: str) -> dict[str, Any]:
    """A run of states: with most minions nothing is to be done, with some it changes something or fails."""
    number = sum(id.encode())
    drifts, fails = number % 7 == 3, number % 23 == 5
    diff = "--- \n+++ \n@@ -1,3 +1,3 @@\n user www-data;\n-worker_processes 2;\n+worker_processes 4;\n pid /run/nginx.pid;\n"
    rows = [
        ("pkg", "nginx", "nginx", "installed", True, "All specified packages are already installed", {}),
        ("user", "www-data", "www-data", "present", True, "User www-data is present and up to date", {}),
        ("file", "site", "/etc/nginx/sites-enabled/shop.conf", "managed", True, "File is in the correct state", {}),
        (
            "file",
            "nginx.conf",
            "/etc/nginx/nginx.conf",
            "managed",
            True,
            "File /etc/nginx/nginx.conf updated",
            {"diff": diff},
        ),
        ("service", "nginx", "nginx", "running", True, "Service restarted", {"nginx": True}),
        ("cron", "logrotate", "/usr/sbin/logrotate", "present", True, "Cron is already present", {}),
    ]
    found = {}
    for order, (state, name_id, name, fun, result, comment, changes) in enumerate(rows):
        if changes and not drifts:
            comment, changes = (
                "The file is in the correct state" if state == "file" else "The service is already running",
                {},
            )
        if fails and state == "service":
            result, comment, changes = (
                False,
                "Job for nginx.service failed because the control process exited with error code.",
                {},
            )
        found[f"{state}_|-{name_id}_|-{name}_|-{fun}"] = {
            **{
                "name": name,
                "result": result,
                "comment": comment,
                "changes": changes,
                "__id__": name_id,
                "__sls__": "nginx",
            },
            **{"__run_num__": order, "duration": 11.7 * (order + 1), "start_time": "10:00:00.000000"},
        }
    return found


async def main(folder: Path) -> None:
    settings = json.loads((folder / "settings.json").read_text())
    key = PrivateKey.from_pem(to_bytes((folder / "key.pem").read_bytes()))
    address = "tcp://127.0.0.1:{}"
    async with (
        open_request_client(address.format(settings["ret_port"])) as client,
        open_subscriber(address.format(settings["publish_port"])) as publications,
        trio.open_nursery() as nursery,
    ):
        fleet = Fleet(client, key, pace=settings["pace"], grains=settings["grains"])
        await publications.wait_connected()
        await fleet.sign_in(settings["ids"])
        print(READY, flush=True)
        async for payload in publications:
            try:
                await fleet.hear(payload, nursery)
            except WrongKey:
                # The master has begun anew, with another key for all: whoever cannot read it signs in, as minions do.
                await fleet.sign_in(settings["ids"])
                await fleet.hear(payload, nursery)


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
