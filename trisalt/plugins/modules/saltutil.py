"""
Manage the minion itself: its jobs, its caches, the plugins and the data it has from the master.
"""

import logging
import os
import shutil
import signal
import time
from fnmatch import fnmatch
from pathlib import Path

from trisalt.errors import CommandError, InvocationError
from trisalt.loader.dunders import Plugins
from trisalt.loader.kinds import synced
from trisalt.wire.codec import unpack_bin
from trisalt.worker import upcall

log = logging.getLogger(__name__)

# Below `cachedir`, and no cache: what runs, and the returns that are not home yet.
KEPT = ("proc", "spool")

# -- jobs ----------------------------------------------------------------------------------------------------------


def running():
    """
    The jobs that run on this minion, each with its jid, function, arguments and pid

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.running
    """
    return upcall.running()


def is_running(fun):
    """
    The running jobs of a function, as `running` tells them; `fun` may be a glob

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.is_running state.highstate
    """
    jobs = []
    for job in running():
        names = job["fun"] if isinstance(job["fun"], list) else [job["fun"]]
        if any(fnmatch(str(name), str(fun)) for name in names):
            jobs.append(job)
    return jobs


def find_job(jid):
    """
    What runs under a job id; nothing when that job does not run here.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.find_job <job id>
    """
    return next((job for job in running() if job["jid"] == str(jid)), {})


def find_cached_job(jid):
    """
    What a job that is over was, and returned: kept on this minion when cache_jobs was on as it ran.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.find_cached_job <job id>
    """
    if not str(jid).replace("_", "").isalnum():
        raise InvocationError(f"{jid} is no job id")
    folder = Path(__opts__["cachedir"], "minion_jobs", str(jid))
    if not folder.is_dir():
        if __opts__.get("cache_jobs"):
            return f"Local jobs cache directory {folder} not found"
        return "Local jobs cache directory not found; you may need to enable cache_jobs on this minion"
    try:
        data = unpack_bin((folder / "return.p").read_bytes())
    except OSError:
        return None
    return data if isinstance(data, dict) else None


def signal_job(jid, sig):
    """
    Send a signal, by its number, to the processes of a job

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.signal_job <job id> 15
    """
    try:
        signum = int(sig)
    except (TypeError, ValueError):
        raise InvocationError(f"{sig} is no signal number") from None
    pid = upcall.signal_job(str(jid), signum)
    return "" if pid is None else f"Signal {signum} sent to job {jid} at pid {pid}"


def term_job(jid):
    """
    Ask a job to end: SIGTERM (15) to its processes

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.term_job <job id>
    """
    return signal_job(jid, signal.SIGTERM)


def kill_job(jid):
    """
    End a job at once: SIGKILL (9) to its processes

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.kill_job <job id>
    """
    return signal_job(jid, signal.SIGKILL)


def term_all_jobs():
    """
    Ask every running job to end: SIGTERM (15) to their processes

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.term_all_jobs
    """
    return [signal_job(job["jid"], signal.SIGTERM) for job in running()]


def kill_all_jobs():
    """
    End every running job at once: SIGKILL (9) to their processes

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.kill_all_jobs
    """
    return [signal_job(job["jid"], signal.SIGKILL) for job in running()]


# -- refresh -------------------------------------------------------------------------------------------------------


def refresh_grains(refresh_pillar=True, clean_pillar_cache=False, **kwargs):
    """
    Gather the grains anew, and the pillar with them unless ``refresh_pillar=False``

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.refresh_grains
    """
    done = upcall.refresh("grains")
    if refresh_pillar:
        upcall.refresh("pillar")
    return done


def refresh_pillar(wait=False, timeout=30, clean_cache=True):
    """
    Ask the master for the pillar again; with ``wait=True`` until it is there, or for ``timeout`` seconds

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.refresh_pillar
        salt '*' saltutil.refresh_pillar wait=True timeout=60
    """
    return upcall.refresh("pillar", wait=bool(wait), timeout=timeout)


def pillar_refresh(wait=False, timeout=30, clean_cache=True):
    """
    The same as saltutil.refresh_pillar

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.pillar_refresh
    """
    return refresh_pillar(wait, timeout, clean_cache)


def refresh_modules(**kwargs):
    """
    Load the plugins anew. With ``async=False`` wait until it is done.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.refresh_modules
    """
    return upcall.refresh("modules", wait=not kwargs.get("async", True))


def refresh_beacons():
    """
    Have the minion read its beacons anew.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.refresh_beacons
    """
    return upcall.refresh("beacons")


def refresh_matchers():
    """
    Have the minion load its matchers anew.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.refresh_matchers
    """
    return upcall.refresh("matchers")


# -- synced plugins ------------------------------------------------------------------------------------------------


# What only a minion that is its own file server syncs, and how stock calls it. Source: stock Salt 3008.3.
MASTERLESS = {"pillar": "Pillar", "tops": "Master top", "wrapper": "Wrapper"}


def _syncing(command, row):
    def sync(saltenv=None, refresh=True, extmod_whitelist=None, extmod_blacklist=None):
        if command in MASTERLESS and not _is_masterless():
            raise CommandError(f"{MASTERLESS[command]} modules can only be synced to masterless minions")
        changed = _sync(command, saltenv, extmod_whitelist, extmod_blacklist)
        if refresh:
            _refresh_after(command)
        return changed

    sync.__name__ = sync.__qualname__ = f"sync_{command}"
    sync.__doc__ = f"""
    Sync the plugins of {row.sync} from the file server; the names of those that changed

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.sync_{command}
        salt '*' saltutil.sync_{command} saltenv=dev
    """
    return sync


globals().update({f"sync_{command}": _syncing(command, row) for command, row in synced("minion").items()})

sync_outputters = sync_output


def sync_all(saltenv=None, refresh=True, extmod_whitelist=None, extmod_blacklist=None, clean_pillar_cache=False):
    """
    Sync all plugins from the file server: the names of those that changed, by kind

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.sync_all
        salt '*' saltutil.sync_all saltenv=dev
        salt '*' saltutil.sync_all extmod_whitelist={'modules': ['custom_module']}
    """
    changed = {
        command: _sync(command, saltenv, extmod_whitelist, extmod_blacklist)
        for command in synced("minion")
        if command not in MASTERLESS or _is_masterless()
    }
    if refresh:
        upcall.refresh("modules")
        upcall.refresh("grains")
        upcall.refresh("pillar")
    return changed


def list_extmods():
    """
    List the plugins that have been synced, by kind

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.list_extmods
    """
    top = Path(__opts__["extension_modules"])
    found = {}
    for folder in sorted(top.iterdir()) if top.is_dir() else ():
        files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        found[folder.name] = sorted({path.name.partition(".")[0] for path in files})
    return found


def _is_masterless():
    return __opts__.get("file_client") == "local"


def _refresh_after(command):
    if command == "beacons":
        upcall.refresh("beacons")
        return
    upcall.refresh("modules")
    if command == "grains":
        upcall.refresh("grains")
    if command in ("grains", "pillar"):
        upcall.refresh("pillar")


def _sync(command, saltenv, whitelist, blacklist):
    saltenv = saltenv or __utils__["environments.from_top"]()
    return __utils__["extmods.sync"](__opts__, command, saltenv, whitelist, blacklist)


# -- the master of this host ---------------------------------------------------------------------------------------


def cmd(tgt, fun, arg=(), timeout=None, tgt_type="glob", ret="", kwarg=None, **kwargs):
    """
    Publish a job from the master of this host: ``{id: {"ret", "retcode", "jid"}}``. With ``batch`` or ``subset`` as
    ``salt`` has them.

    CLI Example:

    .. code-block:: bash

        salt master_minion saltutil.cmd '*' test.ping
    """
    found = {}
    for one in cmd_iter(tgt, fun, arg, timeout, tgt_type, ret, kwarg, **kwargs):
        found.update(one)
    return found


def cmd_iter(tgt, fun, arg=(), timeout=None, tgt_type="glob", ret="", kwarg=None, **kwargs):
    """
    The same, each return as it comes

    CLI Example:

    .. code-block:: bash

        salt master_minion saltutil.cmd_iter '*' test.ping
    """
    import salt.client  # what scripts import; it is there where plugins run

    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    batch, subset = given.pop("batch", None), given.pop("subset", None)
    client = salt.client.LocalClient(**_on_this_host())
    if batch:
        for one in client.cmd_batch(tgt, fun, arg, tgt_type, ret, kwarg, batch, **given):
            yield {id: {"out": "highstate", "ret": value} for id, value in one.items()}
        return
    if subset:
        yield from client.cmd_subset(tgt, fun, arg, tgt_type, ret, kwarg, subset, cli=True, **given)
        return
    yield from client.cmd_iter(tgt, fun, arg, timeout, tgt_type, ret, kwarg, **given)


def runner(name, arg=None, kwarg=None, full_return=False, saltenv="base", jid=None, **kwargs):
    """
    Run a runner on the master of this host; keywords go to it

    CLI Example:

    .. code-block:: bash

        salt master_minion saltutil.runner jobs.list_jobs
        salt master_minion saltutil.runner test.arg arg="['baz']" kwarg="{'foo': 'bar'}"
    """
    import salt.runner  # what scripts import; it is there where plugins run

    given = {**(kwarg or {}), **{key: value for key, value in kwargs.items() if not key.startswith("__")}}
    where = _on_this_host()
    client = salt.runner.RunnerClient(where["mopts"], hosted=where["hosted"])
    return client.cmd(name, arg=list(arg or ()), kwarg=given, full_return=full_return)


def wheel(name, *args, **kwargs):
    """
    Run a wheel function on the master of this host: a map with its ``return`` and ``success``

    CLI Example:

    .. code-block:: bash

        salt master_minion saltutil.wheel key.list_all
        salt master_minion saltutil.wheel key.accept jerry
    """
    import salt.wheel  # what scripts import; it is there where plugins run

    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    where = _on_this_host()
    if where["hosted"]:
        return upcall.command("wheel", name, args, given)
    return salt.wheel.WheelClient(where["mopts"]).cmd(name, list(args), kwarg=given, full_return=True)


def mmodule(saltenv, fun, *args, **kwargs):
    """
    Call a function with the modules of an environment's ``_modules``, where this host has that environment's files

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.mmodule base test.ping
    """
    roots = (__opts__.get("file_roots") or {}).get(saltenv)
    if roots is None:
        raise CommandError(f"There is no environment {saltenv!r} in the file_roots of this host")
    opts = {**__opts__, "module_dirs": [str(root) for root in roots]}
    loader = Plugins(opts, grains=__grains__, pillar=__pillar__).loader("modules")
    function = loader.get(fun)
    if function is None:
        raise CommandError(loader.missing_reason(fun))
    return function(*args, **{key: value for key, value in kwargs.items() if not key.startswith("__")})


def _on_this_host():
    """The options of this host's master, and whether it is the master that runs this."""
    if "master_job_cache" in __opts__:
        return {"mopts": dict(__opts__), "hosted": True}
    import salt.config  # reading a master's configuration is not what most calls need

    folder = os.path.dirname(__opts__.get("conf_file") or "") or "/etc/salt"
    return {"mopts": salt.config.client_config(os.path.join(folder, "master")), "hosted": False}


# -- caches and keys -----------------------------------------------------------------------------------------------


def clear_cache():
    """
    Removes all caches on a minion. Running jobs, and returns that wait to be sent, are no caches.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.clear_cache
    """
    done = True
    for path in Path(__opts__["cachedir"]).iterdir():
        if path.name in KEPT:
            continue
        for file in [path] if not path.is_dir() or path.is_symlink() else path.rglob("*"):
            if file.is_dir() and not file.is_symlink():
                continue
            try:
                file.unlink()
            except OSError as exc:
                log.error("Attempt to clear cache with saltutil.clear_cache FAILED with: %s", exc)
                done = False
    return done


def clear_job_cache(hours=24):
    """
    Removes the cached jobs of the minion that are older than ``hours``.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.clear_job_cache hours=12
    """
    folder = Path(__opts__["cachedir"], "minion_jobs")
    oldest = time.time() - float(hours) * 3600
    for path in folder.iterdir() if folder.is_dir() else ():
        try:
            if path.is_dir() and path.stat().st_mtime < oldest:
                shutil.rmtree(path)
        except OSError as exc:
            log.error("Attempt to clear cache with saltutil.clear_job_cache FAILED with: %s", exc)
            return False
    return True


def regen_keys():
    """
    Give up the minion's pair of keys and the master's pinned key. The minion makes a new pair, and pins the master's
    key anew, when it starts the next time; the master has to accept the new key.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.regen_keys
    """
    for path in Path(__opts__["pki_dir"]).iterdir():
        if path.is_file():
            path.unlink()


def revoke_auth(preserve_minion_cache=False):
    """
    Ask the master to revoke this minion's own key. The result of this command may not reach the master any more.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.revoke_auth
    """
    try:
        upcall.ask_master("revoke_auth", preserve_minion_cache=preserve_minion_cache)
    except CommandError as exc:
        log.error("The key could not be revoked: %s", exc)
        return False
    return True
