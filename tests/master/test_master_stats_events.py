"""`master_stats`: what was asked since the last time, by its name on the wire."""

import trio

from trisalt.bus.bus import Bus
from trisalt.bus.events import TaggedEvent
from trisalt.bus.requests import MineRequest, ReturnsRequest
from trisalt.master.stats_events import tell_stats


async def test_what_was_asked_is_told_once_with_how_long_it_took(autojump_clock):
    bus = Bus()
    told = []

    async def answer(_request):
        await trio.sleep(0.25)
        return True

    with (
        bus.answering({MineRequest: answer, ReturnsRequest: answer}),
        bus.listen(TaggedEvent, lambda event: told.append((trio.current_time(), event))),
    ):
        async with trio.open_nursery() as nursery:
            began = trio.current_time()
            await nursery.start(lambda task_status: tell_stats(bus, every=60, task_status=task_status))
            for _ in range(3):
                await bus.ask(MineRequest(id="m1", data={}, clear=False))
            await trio.sleep(100)
            await bus.ask(ReturnsRequest(returns=[]))
            await trio.sleep(200)
            nursery.cancel_scope.cancel()
    assert [round(at - began) for at, _event in told] == [60, 120], "where nothing was asked, nothing is told"
    first, second = (event.data for _at, event in told)
    assert told[0][1].name == "salt/stats/MWorker-default-0"
    assert first["stats"].keys() == {"_mine"}
    assert first["stats"]["_mine"]["runs"] == 3
    assert 0 < first["stats"]["_mine"]["mean"] < 1, "real seconds"
    assert (first["worker"], first["pool"], first["pool_index"], round(first["time"])) == (
        "MWorker-default-0",
        "default",
        0,
        60,
    )
    assert second["stats"].keys() == {"_return"}
    assert second["stats"]["_return"]["runs"] == 1
