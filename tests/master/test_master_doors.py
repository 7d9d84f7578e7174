"""The master's doors: how a subscriber that is lost is noticed."""

import pytest

from trisalt.config.read import read_master
from trisalt.master.doors import _subscribers_are_seen_by
from trisalt.transport.zmq import Heartbeat, KeepAlive


@pytest.mark.parametrize(
    ("configured", "by"),
    [
        ({}, {"keepalive": KeepAlive(idle=10, interval=10, give_up=30_000)}),
        (
            {"tcp_keepalive_idle": 5, "tcp_keepalive_intvl": 60, "tcp_keepalive_cnt": 4},
            {"keepalive": KeepAlive(idle=5, interval=10, count=4, give_up=30_000)},
        ),
        ({"zmq_heartbeat_ivl": 500}, {"keepalive": KeepAlive(), "heartbeat": Heartbeat(interval=500)}),
        ({"zmq_heartbeat_ivl": 0}, {"keepalive": KeepAlive(), "heartbeat": Heartbeat(interval=0)}),
        ({"tcp_keepalive": False}, {"keepalive": KeepAlive(on=0), "heartbeat": Heartbeat()}),
    ],
    ids=["by default", "earlier probes", "heartbeats", "neither is wanted", "no probes"],
)
def test_a_lost_subscriber_is_seen_by_probes_or_by_heartbeats(tmp_path, configured, by):
    assert _subscribers_are_seen_by(read_master(str(tmp_path), configured)) == by
