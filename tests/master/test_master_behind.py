"""`trisalt.master.behind`: threads that step back, for whoever waits like for Trio's."""

from __future__ import annotations

import os
import threading

import pytest
import trio

from trisalt.master.behind import NICER, NICEST, open_behind


def priority():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


async def test_its_threads_step_back_and_those_of_others_do_not():
    with open_behind("x", threads=1) as behind:
        assert await behind.run_sync(priority) == min(NICEST, priority() + NICER)
        assert await trio.to_thread.run_sync(priority) == priority()


async def test_an_error_is_raised_where_it_was_waited_for():
    with open_behind("x", threads=1) as behind:
        with pytest.raises(ValueError, match="invalid literal"):
            await behind.run_sync(int, "none")
        assert await behind.run_sync(int, "7") == 7


async def test_so_many_at_a_time_and_whoever_is_cancelled_waits_for_the_end():
    begun, go, ended = threading.Semaphore(0), threading.Event(), []

    def work(number):
        begun.release()
        assert go.wait(10)
        ended.append(number)

    with open_behind("x", threads=2) as behind, trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(behind.run_sync, work, number)
            for _ in range(2):
                await trio.to_thread.run_sync(begun.acquire)
            await trio.testing.wait_all_tasks_blocked()
            assert not begun.acquire(blocking=False)
            nursery.cancel_scope.cancel()
            nursery.start_soon(_let, go)
        assert sorted(ended) == [0, 1, 2]


async def _let(go):
    with trio.CancelScope(shield=True):
        await trio.testing.wait_all_tasks_blocked()
        go.set()
