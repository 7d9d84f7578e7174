"""Tasks that are used again: all that is begun is done, by few tasks, and nobody is left when it is over."""

from __future__ import annotations

import gc
import weakref

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trisalt.transport.hands import SPARE, open_hands


async def test_what_comes_one_after_the_other_is_done_by_one_task():
    by = []

    async def work(number):
        await trio.lowlevel.checkpoint()
        by.append((number, trio.lowlevel.current_task()))

    async with trio.open_nursery() as nursery:
        with open_hands(nursery) as hands:
            for number in range(10):
                hands.start_soon(work, number)
                await wait_all_tasks_blocked()
    assert [number for number, _task in by] == list(range(10))
    assert len({task for _number, task in by}) == 1


async def test_what_comes_at_once_is_done_at_once_and_few_stay():
    running, gate = [], trio.Event()

    async def work(number):
        running.append(number)
        await gate.wait()

    async with trio.open_nursery() as nursery:
        with open_hands(nursery) as hands:
            for number in range(SPARE + 5):
                hands.start_soon(work, number)
            await wait_all_tasks_blocked()
            assert sorted(running) == list(range(SPARE + 5))
            gate.set()
            await wait_all_tasks_blocked()
            assert len(nursery.child_tasks) == SPARE


async def test_those_that_wait_hold_nothing_of_what_they_did():
    class Large:
        pass

    async def work(_large):
        await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        with open_hands(nursery) as hands:
            for _ in range(2):
                large = Large()
                known = weakref.ref(large)
                hands.start_soon(work, large)
                del large
                await wait_all_tasks_blocked()
                gc.collect()
                assert known() is None


async def test_at_the_end_those_that_wait_go_and_those_at_work_when_they_are_done():
    done, gate = [], trio.Event()

    async def work(number):
        await gate.wait()
        done.append(number)

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            with open_hands(nursery) as hands:
                hands.start_soon(trio.lowlevel.checkpoint)
                await wait_all_tasks_blocked()
                hands.start_soon(work, 1)
                hands.start_soon(work, 2)
                await wait_all_tasks_blocked()
            gate.set()
    assert sorted(done) == [1, 2]


async def test_one_that_waits_is_cancelled_like_any_task():
    async with trio.open_nursery() as nursery:
        with open_hands(nursery) as hands:
            hands.start_soon(trio.lowlevel.checkpoint)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
            await trio.lowlevel.cancel_shielded_checkpoint()
    assert nursery.cancel_scope.cancelled_caught


async def test_work_that_is_called_off_ends_and_what_comes_after_it_is_done():
    ended, done = [], []

    async def work(number):
        if number == 1:
            hands.scope().cancel()
        try:
            await trio.lowlevel.checkpoint()
            done.append(number)
        finally:
            ended.append(number)

    async with trio.open_nursery() as nursery:
        with open_hands(nursery) as hands:
            for number in range(4):
                hands.start_soon(work, number)
                await wait_all_tasks_blocked()
    assert (ended, done) == ([0, 1, 2, 3], [0, 2, 3])


async def test_what_is_called_off_when_it_is_done_hinders_nobody():
    done = []

    async def work(number):
        await trio.lowlevel.checkpoint()
        done.append(number)
        hands.scope().cancel()

    async with trio.open_nursery() as nursery:
        with open_hands(nursery) as hands:
            for number in range(4):
                hands.start_soon(work, number)
                await wait_all_tasks_blocked()
    assert done == [0, 1, 2, 3]


async def test_work_that_fails_fails_its_nursery():
    async def work():
        raise ValueError("no")

    async def serve():
        async with trio.open_nursery() as nursery:
            with open_hands(nursery) as hands:
                hands.start_soon(trio.lowlevel.checkpoint)
                await wait_all_tasks_blocked()
                hands.start_soon(work)
                await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        await serve()
    assert isinstance(caught.value.exceptions[0], ValueError)
