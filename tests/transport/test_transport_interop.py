"""Stock Salt's own event client on our event sockets: it follows, it fires, it loses nothing."""

import json
import sys

import pytest
import trio

from tests.support.lab import stock_bin
from trisalt.bus.bus import Bus
from trisalt.bus.events import KeyChanged, TaggedEvent
from trisalt.transport.ipc import open_event_sockets

STOCK_CLIENT = """
import json, sys
import salt.config, salt.utils.event
opts = salt.config.master_config(None)
opts["sock_dir"] = sys.argv[1]
with salt.utils.event.get_event("master", sock_dir=sys.argv[1], opts=opts, listen=True) as client:
    client.subscribe("salt/key")
    client.subscribe("flood/")
    assert client.connect_pub(timeout=10)
    assert client.fire_event({"x": 1, "bytes": b"\\xff".hex()}, "from/stock")
    back = client.get_event(wait=20, tag="from/stock", full=True)
    key = client.get_event(wait=20, tag="salt/key", full=True)
    flood = [client.get_event(wait=20, tag="flood/", full=True)["data"]["n"] for _ in range(2000)]
    assert client.fire_event({"large": "x" * 3_000_000, "small": 1}, "from/stock/large")
    large = client.get_event(wait=20, tag="from/stock/large", full=True)
print(json.dumps([back, key, flood, large]))
"""


@pytest.mark.interop
async def test_stocks_event_client_follows_and_fires(tmp_path):
    bus = Bus()

    async def accept(tag, data):
        await bus.publish(TaggedEvent(name=tag, data=data))
        if tag == "from/stock":
            await bus.publish(KeyChanged(result=True, act="accepted", id="m1", pub="PEM"))
            await bus.publish_all([TaggedEvent(name=f"flood/{n}", data={"n": n}) for n in range(2000)])

    pub, pull = str(tmp_path / "master_event_pub.ipc"), str(tmp_path / "master_event_pull.ipc")
    with trio.fail_after(90):
        async with open_event_sockets(pub, pull, bus, accept):
            client = await trio.run_process(
                [str(stock_bin() / "python"), "-W", "ignore", "-c", STOCK_CLIENT, str(tmp_path)],
                capture_stdout=True,
                stderr=sys.stderr,
            )
    back, key, flood, large = json.loads(client.stdout)
    assert (back["tag"], back["data"]["x"]) == ("from/stock", 1)
    assert (key["tag"], key["data"]["id"], key["data"]["pub"]) == ("salt/key", "m1", "PEM")
    assert flood == list(range(2000))
    assert (large["data"]["small"], large["data"]["large"]) == (1, "VALUE_TRIMMED")
