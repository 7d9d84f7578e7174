import os
import socket
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import structlog
import trio
from structlog.testing import capture_logs

from trisalt.service import dump_tasks, keep_watchdog, next_beat, supervise, tell_init


async def test_restart_waits_longer_each_time_up_to_a_minute(autojump_clock):
    starts = []

    async def flaky(*, task_status):
        task_status.started()
        starts.append(trio.current_time())
        if len(starts) < 10:
            raise OSError("gone")

    await supervise(flaky, name="flaky")
    assert [round(b - a) for a, b in pairwise(starts)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_a_long_run_is_forgiven_and_the_log_names_the_wait_that_follows(autojump_clock):
    starts = []

    async def flaky(*, task_status):
        task_status.started()
        starts.append(trio.current_time())
        match len(starts):
            case 1 | 2:
                raise OSError("gone")
            case 3:
                await trio.sleep(100)
                raise OSError("gone again")

    with capture_logs() as logs:
        await supervise(flaky, name="flaky")
    assert round(starts[3] - starts[2]) == 101
    assert [entry["wait_s"] for entry in logs if entry["event"] == "service.crashed"] == [1, 2, 1]


async def test_a_first_start_that_fails_is_not_retried(autojump_clock):
    starts = []

    async def bind(*, task_status):
        starts.append(1)
        raise OSError("in use")

    with pytest.RaisesGroup(OSError, flatten_subgroups=True):
        await supervise(bind, name="door")
    assert starts == [1]


async def test_a_restart_that_fails_before_it_is_ready_is_retried(autojump_clock):
    starts = []

    async def flaky(*, task_status):
        starts.append(1)
        if len(starts) == 2:
            raise OSError("not ready")
        task_status.started()
        if len(starts) == 1:
            raise OSError("gone")

    await supervise(flaky, name="flaky")
    assert len(starts) == 3


async def test_the_value_of_the_first_start_is_handed_back(autojump_clock):
    async def service(port, *, task_status):
        task_status.started(port)
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:

        async def supervised(*, task_status):
            await supervise(service, 4506, name="door", task_status=task_status)

        assert await nursery.start(supervised) == 4506
        nursery.cancel_scope.cancel()


async def test_cancelling_ends_a_supervised_service_while_it_waits(autojump_clock):
    async def flaky(*, task_status):
        task_status.started()
        raise OSError("gone")

    with trio.move_on_after(5) as scope:
        await supervise(flaky, name="flaky")
    assert scope.cancelled_caught
    assert trio.current_time() < 6


@pytest.fixture(params=["path", "abstract"])
def init(request, tmp_path, monkeypatch):
    """A socket as systemd listens on, both kinds of address."""
    address = str(tmp_path / "n") if request.param == "path" else f"\0trisalt-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", address.replace("\0", "@"))
        yield sock


def test_init_is_told(init):
    tell_init("READY=1\nSTATUS=fine")
    assert init.recv(1000) == b"READY=1\nSTATUS=fine"
    tell_init("RELOADING=1")
    first, second = init.recv(1000).split(b"\n")
    assert first == b"RELOADING=1"
    assert second.startswith(b"MONOTONIC_USEC=")
    assert int(second.partition(b"=")[2]) > 0


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "relative", "@nobody-listens-here"])
def test_an_init_that_does_not_listen_is_no_reason_to_fail(monkeypatch, address):
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    tell_init("READY=1")


async def test_the_watchdog_is_fed_twice_in_its_period(init, monkeypatch, autojump_clock):
    monkeypatch.setenv("WATCHDOG_USEC", "10000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    with trio.move_on_after(21):
        await keep_watchdog(lambda: True)
    assert [init.recv(100) for _ in range(5)] == [b"WATCHDOG=1"] * 5
    with pytest.raises(BlockingIOError):
        init.recv(100)


async def test_the_watchdog_is_fed_only_while_all_is_well(init, monkeypatch, autojump_clock):
    monkeypatch.setenv("WATCHDOG_USEC", "10000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    began = trio.current_time()
    with trio.move_on_after(21):
        await keep_watchdog(lambda: not 4 < trio.current_time() - began < 16)
    assert [init.recv(100) for _ in range(2)] == [b"WATCHDOG=1"] * 2
    with pytest.raises(BlockingIOError):
        init.recv(100)


@pytest.mark.parametrize(("usec", "pid"), [("", ""), ("0", ""), ("soon", ""), ("1000000", "1")])
async def test_no_watchdog_is_fed_that_does_not_watch_us(monkeypatch, usec, pid, autojump_clock):
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", pid)
    with trio.fail_after(5):
        await keep_watchdog(lambda: True)


def read(path):
    return Path(path).read_text()


async def test_a_dump_names_every_task_and_where_it_waits(tmp_path, monkeypatch):
    async def wait_for_godot():
        await trio.sleep_forever()

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_for_godot)
        await trio.testing.wait_all_tasks_blocked()
        path = dump_tasks()
        nursery.cancel_scope.cancel()
    assert path is not None
    assert os.stat(path).st_mode & 0o777 == 0o600
    text = read(path)
    assert "wait_for_godot" in text
    assert "test_a_dump_names_every_task" in text
    assert "sleep_forever" in text


def test_a_dump_outside_trio_still_shows_the_threads(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    path = dump_tasks()
    assert path is not None
    assert "thread" in read(path)


def test_a_dump_that_cannot_be_written_is_told_and_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    with structlog.testing.capture_logs() as logs:
        assert dump_tasks() is None
    assert logs[0]["event"] == "daemon.not_dumped"


async def test_who_looks_now_and_then_wakes_with_the_others(autojump_clock, nursery):
    woken = []

    async def look(begins, seconds):
        await trio.sleep(begins)
        for _ in range(2):
            await trio.sleep_until(next_beat(seconds))
            woken.append((trio.current_time(), seconds))

    for begins, seconds in ((0.0, 5.0), (1.3, 5.0), (2.0, 2.0)):
        nursery.start_soon(look, begins, seconds)
    await trio.sleep(11)
    assert sorted(woken) == [(4, 2), (5, 5), (5, 5), (6, 2), (10, 5), (10, 5)]
