"""From where a minion speaks to its masters: what ZeroMQ is told of addresses and ports of ours."""

import pytest
import structlog

from trisalt.config.read import read_minion
from trisalt.errors import ConfigError
from trisalt.minion.dial import open_dial
from trisalt.minion.source import host_addresses, sourced
from trisalt.transport.request import open_request_server

HERE = {"lo": ["127.0.0.1", "::1"], "eth0": ["192.0.2.7", "2001:db8::7"], "tun0": []}


def source(tmp_path, port=0, **options):
    config = read_minion(tmp_path, {"id": "m1", **options})
    return sourced(config, port, addresses=lambda: HERE)


@pytest.mark.parametrize(
    ("options", "port", "expected"),
    [
        ({}, 0, "tcp://192.0.2.1:4506"),
        ({}, 9, "tcp://*:9;192.0.2.1:4506"),
        ({"source_address": "127.0.0.2"}, 0, "tcp://127.0.0.2:0;192.0.2.1:4506"),
        ({"source_address": "127.0.0.2"}, 9, "tcp://127.0.0.2:9;192.0.2.1:4506"),
        ({"source_interface_name": "eth0", "source_address": "127.0.0.2"}, 0, "tcp://192.0.2.7:0;192.0.2.1:4506"),
        ({"source_interface_name": "eth0", "ipv6": True}, 9, "tcp://[2001:db8::7]:9;192.0.2.1:4506"),
    ],
)
def test_an_address_is_given_its_source(tmp_path, options, port, expected):
    assert source(tmp_path, port, **options)("tcp://192.0.2.1:4506") == expected


@pytest.mark.parametrize(("name", "line"), [("eth9", "source.no_interface"), ("tun0", "source.no_address")])
def test_an_interface_that_is_of_no_use_is_told_and_not_used(tmp_path, name, line):
    with structlog.testing.capture_logs() as logs:
        assert source(tmp_path, source_interface_name=name)("tcp://a:1") == "tcp://a:1"
    assert [entry["event"] for entry in logs] == [line]


def test_a_source_that_is_no_address_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"source_address: 300\.1\.1\.1"):
        source(tmp_path, source_address="300.1.1.1")


def test_this_hosts_addresses_are_known():
    assert "127.0.0.1" in host_addresses()["lo"]


async def test_a_master_sees_where_a_minion_speaks_from(tmp_path):
    peers = []

    async def answer(batch):
        for asked in batch:
            peers.append(asked.peer)
            asked.answer(b"yes")

    config = read_minion(tmp_path, {"id": "m1", "source_address": "127.0.0.3"})
    door = open_request_server("tcp://127.0.0.1:0", answer, fallback=b"", grace=0)
    async with door as server, open_dial(config) as dial:
        async with dial.client(f"tcp://127.0.0.1:{server.port}") as client:
            assert await client.request(b"who") == b"yes"
    assert peers == ["127.0.0.3"]
