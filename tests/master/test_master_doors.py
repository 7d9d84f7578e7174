"""The master's doors: how a peer that is lost is noticed."""

import pytest

from trisalt.config.read import read_master
from trisalt.master.doors import _configured, _peers_are_seen_by
from trisalt.transport.request import SERVER_KEEPALIVE
from trisalt.transport.zmq import NO_HEARTBEAT, Heartbeat, KeepAlive

BY_PROBES = KeepAlive(idle=10, interval=10, give_up=30_000)


@pytest.mark.parametrize(
    ("configured", "keepalive", "heartbeat"),
    [
        ({}, BY_PROBES, NO_HEARTBEAT),
        (
            {"tcp_keepalive_idle": 5, "tcp_keepalive_intvl": 60, "tcp_keepalive_cnt": 4},
            KeepAlive(idle=5, interval=10, count=4, give_up=30_000),
            NO_HEARTBEAT,
        ),
        ({"zmq_heartbeat_ivl": 500}, KeepAlive(), Heartbeat(interval=500)),
        ({"zmq_heartbeat_ivl": 0}, KeepAlive(), NO_HEARTBEAT),
        ({"tcp_keepalive": False}, KeepAlive(on=0), Heartbeat()),
    ],
    ids=["by default", "earlier probes", "heartbeats", "neither is wanted", "no probes"],
)
def test_a_lost_subscriber_is_seen_by_probes_or_by_heartbeats(tmp_path, configured, keepalive, heartbeat):
    config = read_master(str(tmp_path), configured)
    assert _peers_are_seen_by(config, _configured(config)) == {"keepalive": keepalive, "heartbeat": heartbeat}


@pytest.mark.parametrize(
    ("configured", "keepalive", "heartbeat"),
    [
        ({}, KeepAlive(idle=10, interval=10, count=3, give_up=30_000), NO_HEARTBEAT),
        ({"zmq_heartbeat_ivl": 500}, SERVER_KEEPALIVE, Heartbeat(interval=500)),
        ({"tcp_keepalive": False}, SERVER_KEEPALIVE, Heartbeat()),
    ],
    ids=["by default", "heartbeats", "no probes"],
)
def test_whoever_asks_is_seen_in_the_same_way(tmp_path, configured, keepalive, heartbeat):
    config = read_master(str(tmp_path), configured)
    assert _peers_are_seen_by(config, SERVER_KEEPALIVE) == {"keepalive": keepalive, "heartbeat": heartbeat}
