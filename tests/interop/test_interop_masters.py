"""Several masters of both kinds: a minion of ours at stock's master and at ours, and stock's minion at two of ours."""

from __future__ import annotations

import contextlib

import pytest

from tests.support.lab import open_lab, stock_bin

pytestmark = [pytest.mark.interop, pytest.mark.skipif(stock_bin() is None, reason="stock Salt is not installed")]

QUICK = {"zmq_heartbeat_ivl": 300, "zmq_heartbeat_timeout": 900, "auth_timeout": 2}


@pytest.fixture(scope="module")
def labs():
    """Masters `a` (ours), `b` (ours) and `s` (stock) with one pair; `both` is ours, at `a` and `s`; `stock` is at `a` and `b`."""
    with contextlib.ExitStack() as stack:
        labs = {name: stack.enter_context(open_lab()) for name in "abs"}
        a, b, s = labs.values()
        patience = {"timeout": 4, "gather_job_timeout": 4, "auto_accept": True}
        a.start_master(**patience)
        for lab in (b, s):
            a.share_keys_with(lab)
        b.start_master(**patience)
        a.start_minion("stock", "stock", master=[f"127.0.0.1:{lab.ret_port}" for lab in (a, b)])
        # One worker: each has to load its modules anew, which is what takes long here.
        s.start_master("stock", worker_threads=1, **patience)
        a.start_minion("both", master=[f"127.0.0.1:{lab.ret_port}" for lab in (a, s)], **QUICK)
        both, stock = a.daemons["both"], a.daemons["stock"]
        a.wait(lambda: both.text().count("successful!") == 2 and "Minion is ready" in both.text(), "ours at both")
        a.wait(lambda: stock.text().count("Minion is ready") == 2, "stock's at both")
        yield a, b, s
        end(a, "stock")


def end(lab, name):
    """At once: stock's daemons take their time, and have nothing to lose here."""
    lab.daemons[name].kill_group()
    lab.daemons.pop(name).process.wait(20)


def test_each_master_gets_what_it_asked_for(labs):
    a, b, s = labs
    for lab, id in ((a, "both"), (s, "both"), (a, "stock"), (b, "stock")):
        assert lab.salt(id, "test.echo", lab.root.name) == {id: lab.root.name}


def test_a_minion_of_ours_goes_from_stocks_master_to_ours(labs):
    a, _b, s = labs
    masters = [f"127.0.0.1:{lab.ret_port}" for lab in (s, a)]
    minion = a.start_minion("between", master=masters, master_type="failover", **QUICK)
    a.wait(lambda: "Minion is ready" in minion.text(), "the minion at stock's master")
    assert s.salt("between", "test.ping") == {"between": True}
    end(s, "master")
    line = f"Re-initialising subsystems for new master {masters[1]}"
    a.wait(lambda: line in minion.text(), line)
    assert a.salt("between", "test.ping") == {"between": True}
