"""Minions that are away: what a job waits for them, and what it costs the master to know it.

Three hundred accepted minions that are not there, and one that is. Stock's command waits `timeout` and
`gather_job_timeout`. What a heartbeat costs is measured with one minion that sends very many.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
import uuid

import trio

from benchmarks.measure import Row, cpu_seconds, quiet
from tests.support.lab import Lab, open_lab
from trisalt.bus.requests import HeartbeatRequest
from trisalt.minion.identity import open_identity
from trisalt.minion.signin import SignInOptions, prepare
from trisalt.transport.request import open_request_client
from trisalt.wire.handshake import Accepted
from trisalt.wire.session import open_reply, seal_request

ABSENT = 300
RUNS = 3
# A master that has just started judges nobody: minions have so long to come, and then to answer.
KNOWN_WITHIN_S = 90

BEATS = 2000
AT_ONCE = 10
MINIONS = 1000
EVERY_S = 60


def measure(kind: str) -> dict[str, float]:
    """Seconds of `salt '*' test.ping`, and of ours CPU milliseconds of the master for one heartbeat."""
    with open_lab() as lab:
        master = lab.start_master(kind, auto_accept=True)
        lab.start_minion("m1", kind)
        lab.wait_up("m1")
        _accept_the_absent(lab)
        if kind == "ours":
            lab.wait(lambda: _known_absent(lab) == ABSENT, "the master to know who is away", KNOWN_WITHIN_S)
        found = {"wall": statistics.median(_ping(lab) for _ in range(RUNS if kind == "ours" else 1))}
        if kind == "ours":
            found["beat"] = _beats(lab, master.pid)
        return found


def _accept_the_absent(lab: Lab) -> None:
    folder = lab.master_dir() / "pki/minions"
    pem = (folder / "m1").read_text()
    for number in range(ABSENT):
        (folder / f"away{number:03}").write_text(pem)


def _known_absent(lab: Lab) -> int:
    time.sleep(1)
    known = json.loads(lab.run("salt-run", "presence.list", "--out", "json").stdout)
    return sum(one["state"] == "absent" for one in known.values())


def _ping(lab: Lab) -> float:
    began = time.monotonic()
    done: subprocess.CompletedProcess[str] = lab.run("salt", "*", "test.ping", seconds=120)
    took = time.monotonic() - began
    # All of them are named.
    assert done.stdout.count("Minion did not return") == ABSENT, f"{done.stdout[-2000:]}{done.stderr}"
    assert "m1:\n    True\n" in done.stdout
    return took


def _beats(lab: Lab, master: int) -> float:
    quiet(master)
    before = cpu_seconds(master)
    trio.run(_send_beats, lab)
    return (cpu_seconds(master) - before) / BEATS * 1e3


async def _send_beats(lab: Lab) -> None:
    identity = await open_identity("beats", lab.root / "beats", keysize=2048)
    options = SignInOptions()
    async with open_request_client(f"tcp://127.0.0.1:{lab.ret_port}") as client:
        handshake, hello = prepare(identity, options, {})
        accepted = handshake.accept(await client.request(hello))
        assert isinstance(accepted, Accepted)
        load = {"cmd": HeartbeatRequest.CMD, "id": "beats", "every": EVERY_S, "version": "3008.3"}

        async def send(count: int) -> None:
            for _ in range(count):
                nonce = uuid.uuid4().hex
                payload = seal_request(
                    load,
                    id="beats",
                    session=accepted.session,
                    key=identity.key,
                    nonce=nonce,
                    now=time.time(),
                    enc_algo=options.encryption_algorithm,
                    sig_algo=options.signing_algorithm,
                )
                answer = open_reply(await client.request(payload), session=accepted.session, nonce=nonce)
                assert answer == {"every": EVERY_S}

        async with trio.open_nursery() as nursery:
            for _ in range(AT_ONCE):
                nursery.start_soon(send, BEATS // AT_ONCE)


def rows() -> list[Row]:
    """Ours beside stock's."""
    ours, stock = measure("ours"), measure("stock")
    return [
        Row(
            what=f"`salt '*' test.ping`, one minion here and {ABSENT} away: the command takes",
            ours=ours["wall"],
            stock=stock["wall"],
            unit="s",
            limit=1 / 10,
        ),
        Row(
            what=f"master CPU for the heartbeats of {MINIONS} minions, one every {EVERY_S} s",
            ours=ours["beat"] * MINIONS / EVERY_S / 10,
            stock=None,
            unit="%",
            limit=1,
        ),
    ]
