"""What the ZeroMQ adapter costs: CPU per message against plain pyzmq, over loopback TCP.

Run by hand: `python -m benchmarks.zmq_adapter [messages] [rounds]`. Each side runs in a process of its own; the other
end is always plain pyzmq. CPU is that of the measured process, ZeroMQ's I/O thread included, and beside it that of its
Python thread alone; the best of the rounds counts, for the machine is not ours alone.

    poll   the usual loop of a program that can be stopped: `poller.poll(a second)`, then `recv_multipart()`
    bare   the cheapest loop there is: blocking `recv_multipart()` / `send_multipart()`
    ours   `trisalt.transport.zmq` under Trio
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import trio
import zmq

from benchmarks.measure import Row
from trisalt.transport.zmq import BATCH, Socket, open_context, open_socket

# CPU of a process, and of its Python thread.
Spent = tuple[float, float]

PAYLOAD = b"x" * 200
# name of the case: our socket, theirs, what we do, what they do, how many are under way
CASES: dict[str, tuple[int, int, str, str, int]] = {
    "PULL receives a flood": (zmq.PULL, zmq.PUSH, "receive", "send", 0),
    "PUSH sends a flood": (zmq.PUSH, zmq.PULL, "send", "receive", 0),
    "ROUTER answers, 1 under way": (zmq.ROUTER, zmq.DEALER, "answer", "ask", 1),
    "ROUTER answers, 10 under way": (zmq.ROUTER, zmq.DEALER, "answer", "ask", 10),
    "ROUTER answers, 100 under way": (zmq.ROUTER, zmq.DEALER, "answer", "ask", 100),
    "DEALER asks, 1 under way": (zmq.DEALER, zmq.ROUTER, "ask", "answer", 1),
    "DEALER asks, 10 under way": (zmq.DEALER, zmq.ROUTER, "ask", "answer", 10),
    "DEALER asks, 100 under way": (zmq.DEALER, zmq.ROUTER, "ask", "answer", 100),
}
MESSAGE = [b"", PAYLOAD]

# -- plain pyzmq ---------------------------------------------------------------------------------------------------


def plain(socket: zmq.Socket[bytes], role: str, messages: int, window: int, *, poll: bool) -> None:
    """Do `role` with blocking calls."""
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLOUT if role == "send" else zmq.POLLIN)

    def ready() -> None:
        while poll and not poller.poll(1000):
            pass

    match role:
        case "send":
            for _ in range(messages):
                ready()
                socket.send_multipart(MESSAGE)
        case "receive":
            for _ in range(messages):
                ready()
                socket.recv_multipart()
        case "answer":
            for _ in range(messages):
                ready()
                socket.send_multipart(socket.recv_multipart())
        case "ask":
            for _ in range(window):
                socket.send_multipart(MESSAGE)
            for done in range(messages):
                ready()
                socket.recv_multipart()
                if done < messages - window:
                    socket.send_multipart(MESSAGE)


# -- ours ----------------------------------------------------------------------------------------------------------


async def ours(socket: Socket, role: str, messages: int, window: int) -> None:
    """Do `role` with the adapter."""
    match role:
        case "send":
            for _ in range(0, messages, 100):
                await socket.send_all([MESSAGE] * 100)
        case "receive":
            done = 0
            while done < messages:
                for _frames in await socket.receive_all(min(BATCH, messages - done)):
                    done += 1
        case "answer":
            done = 0
            while done < messages:
                for frames in await socket.receive_all(min(BATCH, messages - done)):
                    socket.send_nowait(frames)
                    done += 1
        case "ask":
            done, sent = 0, window
            await socket.send_all([MESSAGE] * window)
            while done < messages:
                for _frames in await socket.receive_all(min(BATCH, messages - done)):
                    done += 1
                    if sent < messages:
                        socket.send_nowait(MESSAGE)
                        sent += 1


# -- measure -------------------------------------------------------------------------------------------------------


def measured(case: str, side: str, port: int, messages: int, results: Any) -> None:
    """The process that is measured."""
    kind, _, role, _, window = CASES[case]
    address = f"tcp://127.0.0.1:{port}"
    if side == "ours":
        results.put(trio.run(_run_ours, kind, address, role, messages, window))
        return
    with zmq.Context() as context, context.socket(kind) as socket:
        socket.connect(address)
        plain(socket, role, messages // 10, window, poll=side == "poll")
        with clock() as spent:
            plain(socket, role, messages, window, poll=side == "poll")
        results.put(spent())
        socket.close(-1)


async def _run_ours(kind: int, address: str, role: str, messages: int, window: int) -> Spent:
    async with open_context() as context:
        with open_socket(context, kind, {zmq.LINGER: -1}) as socket:
            socket.connect(address)
            await ours(socket, role, messages // 10, window)
            with clock() as spent:
                await ours(socket, role, messages, window)
            return spent()


@contextmanager
def clock() -> Iterator[Callable[[], Spent]]:
    """Seconds of CPU from here on: this process's, and this thread's of them."""
    process, thread = time.process_time(), time.thread_time()
    yield lambda: (time.process_time() - process, time.thread_time() - thread)


def peer(case: str, messages: int, ports: Any) -> None:
    """The other end: plain and bare."""
    _, kind, _, role, window = CASES[case]
    with zmq.Context() as context, context.socket(kind) as socket:
        ports.put(socket.bind_to_random_port("tcp://127.0.0.1"))
        work = partial(plain, socket, role, poll=False)
        work(messages // 10, window)
        work(messages, window)
        socket.close(-1)


def run(case: str, side: str, messages: int) -> Spent:
    """Microseconds of CPU for each message."""
    spawn = multiprocessing.get_context("spawn")
    ports, results = spawn.Queue(), spawn.Queue()
    other = spawn.Process(target=peer, args=(case, messages, ports))
    other.start()
    mine = spawn.Process(target=measured, args=(case, side, ports.get(timeout=30), messages, results))
    mine.start()
    process, thread = results.get(timeout=300)
    mine.join()
    other.join()
    return process / messages * 1e6, thread / messages * 1e6


def best(case: str, messages: int, rounds: int, sides: Sequence[str]) -> dict[str, Spent]:
    """The least that each side took, in turns: whatever else the machine does then meets all of them."""
    found: dict[str, list[Spent]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            found[side].append(run(case, side, messages))
    return {side: (min(p for p, _ in spent), min(t for _, t in spent)) for side, spent in found.items()}


def rows(messages: int = 8_000, rounds: int = 5) -> list[Row]:
    """The dearest cases: with one message under way nothing is shared. In stock's place stands pyzmq's own loop."""
    found = []
    for case in (case for case in CASES if case.endswith(", 1 under way")):
        least = best(case, messages, rounds, ("ours", "poll"))
        what = f"ZeroMQ adapter, {case}, beside pyzmq's own polling loop"
        found.append(Row(what=what, ours=least["ours"][0], stock=least["poll"][0], unit="µs", limit=1.6))
    return found


def main() -> None:
    """Print the table."""
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    print(f"{messages} messages of two frames, 200 bytes; µs of CPU each, best of {rounds}")
    print(f"{'':32}{'poll':>8}{'bare':>8}{'ours':>8}{'ours/poll':>11}{'ours/bare':>11}{'threads':>16}{'ours/poll':>11}")
    for case in CASES:
        least = best(case, messages, rounds, ("poll", "bare", "ours"))
        poll, bare, ours = (least[side][0] for side in ("poll", "bare", "ours"))
        theirs, own = least["poll"][1], least["ours"][1]
        print(
            f"{case:32}{poll:8.2f}{bare:8.2f}{ours:8.2f}{ours / poll:11.2f}{ours / bare:11.2f}"
            f"{theirs:8.2f}{own:8.2f}{own / theirs:11.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
