"""Publish jobs: from a runner, which asks its daemon, or from a script on the master's host, by the local door."""

import os
import random

from salt.config import minion_config
from salt.exceptions import SaltClientError, SaltInvocationError
from salt.loader import grains, minion_mods

from trisalt.client.door import Door, MasterRefused, MasterUnreachable
from trisalt.client.jobs import follow, publish, publish_async
from trisalt.config.read import read_master
from trisalt.loader.words import condition_args
from trisalt.worker import upcall


def get_local_client(
    c_path="/etc/salt/master", mopts=None, skip_perm_errors=False, io_loop=None, auto_reconnect=False, listen=True
):
    """A client of this host's master."""
    return LocalClient(c_path, mopts)


class LocalClient:
    """Publishes jobs. Returns are `{id: return}`, or with `full_return` `{id: {"ret", "retcode", "jid", …}}`.

    `hosted=False` asks the master of this host, also in a plugin that another daemon runs.
    """

    def __init__(self, c_path="/etc/salt/master", mopts=None, hosted=None, **kwargs):
        self._hosted = upcall.hosted() if hosted is None else hosted
        if mopts is not None:
            self.opts = mopts
        elif self._hosted:
            self.opts = {}
        else:
            folder = c_path if os.path.isdir(c_path) else os.path.dirname(c_path)
            self.opts = read_master(folder).opts

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.destroy()

    def destroy(self):
        """There is nothing to end."""

    # -- one after the other -----------------------------------------------------------------------------------

    def cmd(
        self, tgt, fun, arg=(), timeout=None, tgt_type="glob", ret="", jid="", full_return=False, kwarg=None, **kwargs
    ):
        """Run a job and wait for it."""
        found = {}
        for one in self.cmd_iter(tgt, fun, arg, timeout, tgt_type, ret, kwarg, jid=jid, **kwargs):
            for id, data in one.items():
                found[id] = data if full_return else data["ret"]
        return found

    def cmd_iter(self, tgt, fun, arg=(), timeout=None, tgt_type="glob", ret="", kwarg=None, jid="", **kwargs):
        """Run a job: `{id: {"ret", "retcode", "jid"}}` for each return as it comes."""
        arg = _arg(arg, kwarg)
        if self._hosted:
            done = upcall.publish(
                tgt, fun, arg, tgt_type=tgt_type, ret=ret, jid=jid, timeout=timeout, options=kwargs or None
            )
            for id, load in (done.get("returns") or {}).items():
                yield _row(id, load, done.get("jid"))
            return
        with _Reported():
            job = publish(
                self._door(), tgt, fun, arg, tgt_type=tgt_type, kwargs=kwargs, ret=ret, jid=jid, timeout=timeout
            )
            with job:
                for load in job:
                    yield _row(load["id"], load, load.get("jid"))

    cmd_iter_no_block = cmd_iter

    def cmd_full_return(self, tgt, fun, arg=(), timeout=None, tgt_type="glob", ret="", verbose=False, kwarg=None, **kw):
        """The same as `cmd`, with all that is known of each return."""
        return self.cmd(tgt, fun, arg, timeout, tgt_type, ret, full_return=True, kwarg=kwarg, **kw)

    def cmd_cli(self, tgt, fun, arg=(), timeout=None, tgt_type="glob", ret="", verbose=False, kwarg=None, **kwargs):
        """The same as `cmd_iter`."""
        return self.cmd_iter(tgt, fun, arg, timeout, tgt_type, ret, kwarg, **kwargs)

    def cmd_subset(self, tgt, fun, arg=(), tgt_type="glob", ret="", kwarg=None, subset=3, cli=False, **kwargs):
        """Run a job on some of those that match, chosen at random."""
        found = [id for id, answer in self.cmd(tgt, "test.ping", tgt_type=tgt_type).items() if answer is True]
        chosen = random.sample(found, min(int(subset), len(found)))
        if not chosen:
            return {}
        run = self.cmd_cli if cli else self.cmd
        return run(chosen, fun, arg, tgt_type="list", ret=ret, kwarg=kwarg, **kwargs)

    def cmd_batch(self, tgt, fun, arg=(), tgt_type="glob", ret="", kwarg=None, batch="10%", **kwargs):
        """Run a job on so many minions (or a percentage) at a time: `{id: return}` for each as it comes."""
        ids = sorted(id for id, answer in self.cmd(tgt, "test.ping", tgt_type=tgt_type).items() if answer is True)
        text = str(batch)
        size = int(float(text[:-1]) / 100 * len(ids)) if text.endswith("%") else int(text)
        for start in range(0, len(ids), max(size, 1)):
            part = ids[start : start + max(size, 1)]
            for id, answer in self.cmd(part, fun, arg, tgt_type="list", ret=ret, kwarg=kwarg, **kwargs).items():
                yield {id: answer}

    # -- and later ---------------------------------------------------------------------------------------------

    def cmd_async(self, tgt, fun, arg=(), tgt_type="glob", ret="", jid="", kwarg=None, **kwargs):
        """Publish a job: its id, or 0 when nobody matches."""
        return self.run_job(tgt, fun, arg, tgt_type, ret, jid=jid, kwarg=kwarg, **kwargs).get("jid") or 0

    def run_job(self, tgt, fun, arg=(), tgt_type="glob", ret="", timeout=None, jid="", kwarg=None, **kwargs):
        """Publish a job: `{"jid", "minions"}`; `{}` when nobody matches."""
        arg = _arg(arg, kwarg)
        if self._hosted:
            done = upcall.publish(tgt, fun, arg, tgt_type=tgt_type, ret=ret, jid=jid, wait=False)
            return {"jid": done["jid"], "minions": done["minions"]} if done.get("jid") else {}
        with _Reported():
            done = publish_async(self._door(), tgt, fun, arg, tgt_type=tgt_type, kwargs=kwargs, ret=ret, jid=jid)
        return {"jid": done.jid, "minions": done.minions} if done.jid else {}

    def get_cli_returns(self, jid, minions=(), timeout=None, **kwargs):
        """The returns of a job that was published: `{id: {"ret", …}}` for each as it comes."""
        with _Reported(), follow(self._door(), str(jid)) as job:
            for load in job:
                yield _row(load["id"], load, load.get("jid"))

    get_iter_returns = get_returns_no_block = get_cli_returns

    def get_returns(self, jid, minions=(), timeout=None):
        """All of them: `{id: return}`."""
        return {id: data["ret"] for one in self.get_cli_returns(jid) for id, data in one.items()}

    def get_cache_returns(self, jid):
        """All of them, with what else is known."""
        return {id: data for one in self.get_cli_returns(jid) for id, data in one.items()}

    # -- inside ------------------------------------------------------------------------------------------------

    def _door(self):
        return Door(os.path.join(self.opts.get("sock_dir") or "/var/run/salt/master", "master.sock"))


class _Reported:
    """Errors of the door are those that Salt's clients raise."""

    def __enter__(self):
        return self

    def __exit__(self, _kind, exc, _tb):
        if isinstance(exc, MasterUnreachable | MasterRefused):
            raise SaltClientError(str(exc)) from exc


class Caller:
    """Runs functions of this host's minion, in this process."""

    def __init__(self, c_path="/etc/salt/minion", mopts=None):
        self.opts = dict(mopts) if mopts else minion_config(c_path)
        self.opts["grains"] = self.opts.get("grains") or grains(self.opts)
        self.functions = minion_mods(self.opts)

    def cmd(self, fun, *args, **kwargs):
        """Call a function."""
        return self.function(fun, *args, **kwargs)

    def function(self, fun, *args, **kwargs):
        """The same."""
        found = self.functions.get(fun)
        if found is None:
            raise SaltInvocationError(self.functions.missing_reason(fun))
        return found(*args, **kwargs)


def _arg(arg, kwarg):
    if isinstance(arg, str):
        raise SaltInvocationError("arguments are a list")
    return condition_args(list(arg), dict(kwarg or {}))


def _row(id, load, jid):
    row = {"ret": load.get("return"), "retcode": load.get("retcode", 0), "jid": jid}
    if load.get("out"):
        row["out"] = load["out"]
    return {id: row}
