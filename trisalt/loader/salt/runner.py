"""Runners."""

import os

from salt.exceptions import SaltInvocationError

from trisalt.client.door import Door
from trisalt.client.operations import runner
from trisalt.loader.dunders import Plugins
from trisalt.worker import upcall


class RunnerClient:
    """Runs runners: in a worker of the master here and now, from a script by the local door.

    `hosted=False` asks the master of this host, also in a plugin that another daemon runs.
    """

    def __init__(self, opts, context=None, hosted=None):
        self.opts = opts
        self._plugins = Plugins(opts) if (upcall.hosted() if hosted is None else hosted) else None

    @property
    def functions(self):
        """All runners by name."""
        return (self._plugins or Plugins(self.opts)).loader("runners")

    def cmd(self, fun, arg=None, pub_data=None, kwarg=None, print_event=True, full_return=False):
        """Run one: what it returns, or with `full_return` `{"return", "success", "retcode"}`."""
        arg, kwarg = list(arg or ()), dict(kwarg or {})
        if self._plugins is not None:
            loader = self._plugins.loader("runners")
            function = loader.get(fun)
            if function is None:
                raise SaltInvocationError(loader.missing_reason(fun))
            value = function(*arg, **kwarg)
            return {"return": value, "success": True, "retcode": 0} if full_return else value
        door = Door(os.path.join(self.opts.get("sock_dir") or "/var/run/salt/master", "master.sock"))
        with runner(door, fun, arg, kwarg) as run:
            result = run.wait()
        return result if full_return else result.get("return")

    def cmd_sync(self, low, timeout=None, full_return=False):
        """Run the one that `low["fun"]` names."""
        return self.cmd(low["fun"], low.get("arg"), kwarg=low.get("kwarg"), full_return=full_return)


class Runner(RunnerClient):
    """The same."""
