"""Wheel functions."""

import os

from trisalt.client.door import Door
from trisalt.client.operations import wheel


class WheelClient:
    """Runs wheel functions on this host's master, by the local door."""

    def __init__(self, opts):
        self.opts = opts

    def cmd(self, fun, arg=None, pub_data=None, kwarg=None, print_event=True, full_return=False):
        """Run one: what it returns, or with `full_return` `{"return", "success", "retcode"}`."""
        door = Door(os.path.join(self.opts.get("sock_dir") or "/var/run/salt/master", "master.sock"))
        with wheel(door, fun, list(arg or ()), dict(kwarg or {})) as run:
            result = run.wait()
        return result if full_return else result.get("return")

    call_func = cmd


Wheel = WheelClient
