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
from trisalt.fileserver import urls
from trisalt.fileserver.client import FileClient
from trisalt.loader.kinds import KINDS
from trisalt.wire.codec import unpack_bin
from trisalt.worker import upcall

log = logging.getLogger(__name__)

# Below `cachedir`, and no cache: what runs, and the returns that are not home yet.
KEPT = ("proc", "spool")

# Kinds whose functions bear another name than their folder. Source: stock Salt 3008.3, `saltutil.sync_*`.
SYNCED = {row.folder: row for row in KINDS.values()}


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


def _syncing(folder):
    def sync(saltenv=None, refresh=True, extmod_whitelist=None, extmod_blacklist=None):
        changed = _sync(folder, saltenv, extmod_whitelist, extmod_blacklist)
        if refresh:
            _refresh_after(folder)
        return changed

    sync.__name__ = sync.__qualname__ = f"sync_{folder}"
    sync.__doc__ = f"""
    Sync the plugins of {SYNCED[folder].sync} from the file server; the names of those that changed

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.sync_{folder}
        salt '*' saltutil.sync_{folder} saltenv=dev
    """
    return sync


globals().update({f"sync_{folder}": _syncing(folder) for folder in SYNCED})


def sync_all(saltenv=None, refresh=True, extmod_whitelist=None, extmod_blacklist=None, clean_pillar_cache=True):
    """
    Sync all plugins from the file server: the names of those that changed, by kind

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.sync_all
        salt '*' saltutil.sync_all saltenv=dev
    """
    changed = {folder: _sync(folder, saltenv, extmod_whitelist, extmod_blacklist) for folder in SYNCED}
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


def _refresh_after(folder):
    if folder == "beacons":
        upcall.refresh("beacons")
        return
    upcall.refresh("modules")
    if folder == "grains":
        upcall.refresh("grains")
    if folder in ("grains", "pillar"):
        upcall.refresh("pillar")


def _sync(folder, saltenv, whitelist, blacklist):
    """Make `extension_modules/<folder>` what the file server has under that kind's folder."""
    prefix = SYNCED[folder].sync
    target = Path(__opts__["extension_modules"], folder)
    client = FileClient(__opts__)
    wanted = {}
    for env in _environments(saltenv):
        for path in client.file_list(env, prefix):
            name = _relative(path, prefix)
            if name is not None and _allowed(folder, name, whitelist, blacklist):
                wanted.setdefault(name, (path, env))
    changed = [
        _name(folder, name) for name, (path, env) in sorted(wanted.items()) if _fetch(client, path, env, target / name)
    ]
    if __opts__.get("clean_dynamic_modules", True):
        _remove_others(target, wanted)
    return changed


def _environments(saltenv):
    if not saltenv:
        return ["base"]
    return [env.strip() for env in saltenv.split(",")] if isinstance(saltenv, str) else list(saltenv)


def _relative(path, prefix):
    """The path below a kind's folder; None for one that is not there, or leads elsewhere."""
    parts = str(path).split("/")
    if parts[0] != prefix or len(parts) < 2 or any(part in ("", ".", "..", "__pycache__") for part in parts):
        return None
    return "/".join(parts[1:])


def _allowed(folder, name, whitelist, blacklist):
    """What `extmod_whitelist` and `extmod_blacklist` say, of the call or of the configuration."""
    stem = name.partition(".")[0].partition("/")[0]
    only = _globs(whitelist, __opts__.get("extmod_whitelist"), folder)
    never = _globs(blacklist, __opts__.get("extmod_blacklist"), folder)
    return (not only or any(fnmatch(stem, glob) for glob in only)) and not any(fnmatch(stem, glob) for glob in never)


def _globs(given, configured, folder):
    if given is None:
        given = (configured or {}).get(folder)
    if not given:
        return []
    return [glob.strip() for glob in given.split(",")] if isinstance(given, str) else list(given)


def _name(folder, relative):
    return f"{folder}.{os.path.splitext(relative)[0].replace('/', '.')}"


def _fetch(client, path, env, target):
    """Copy a file of the file server; whether it is other than before."""
    before = target.read_bytes() if target.is_file() else None
    if not client.get_file(urls.create(path, env), str(target), True, env):
        raise CommandError(f"The file server has no salt://{path}")
    return target.read_bytes() != before


def _remove_others(target, wanted):
    if not target.is_dir():
        return
    for path in sorted(target.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(target).as_posix() not in wanted:
            path.unlink()


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
