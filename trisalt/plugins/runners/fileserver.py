"""The files that minions are served: which there are, and what is kept of them."""

import logging

from trisalt.errors import CommandError
from trisalt.fileserver.backends import NAMES, Backends, configured

log = logging.getLogger(__name__)


def envs(backend=None, sources=False):
    """
    The environments that have files. ``sources``: the backends that serve them instead.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.envs
        salt-run fileserver.envs backend=roots
    """
    if sources:
        return sorted(_backends(backend))
    return _server(backend).envs()


def file_list(saltenv="base", backend=None):
    """
    The files of an environment.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.file_list
        salt-run fileserver.file_list saltenv=prod
    """
    return _server(backend).files(saltenv)


def dir_list(saltenv="base", backend=None):
    """
    The folders of an environment.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.dir_list
    """
    # The root of each is known to be there.
    return sorted(set(_server(backend).dirs(saltenv)) - {"", "."})


def symlink_list(saltenv="base", backend=None):
    """
    The symbolic links of an environment, and where they point.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.symlink_list
    """
    return _server(backend).symlinks(saltenv)


def empty_dir_list(saltenv="base", backend=None):
    """
    The folders of an environment that hold nothing.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.empty_dir_list
    """
    return sorted(set(_server(backend).empty_dirs(saltenv)) - {"", "."})


def update(backend=None, **kwargs):
    """
    Fetch what the backends fetch: the repositories of ``gitfs_remotes``. What lies on this host's disk is always
    looked at anew.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.update
        salt-run fileserver.update backend=gitfs
    """
    git = _server(backend).git
    for remote, reason in git.update().problems.items() if git else ():
        log.error("gitfs remote '%s' was not fetched: %s", remote, reason)
    return True


def clear_cache(backend=None):
    """
    Forget what backends have fetched. What lies on this host's disk is not fetched.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.clear_cache
    """
    git = _server(backend).git
    if git is None:
        return "No cache was cleared"
    try:
        git.clear()
    except (CommandError, OSError) as exc:
        return {"errors": [f"The gitfs fileserver cache was not cleared: {exc}"]}
    return {"cleared": ["The gitfs fileserver cache was successfully cleared"]}


def clear_file_list_cache(saltenv=None, backend=None):
    """
    Forget the lists of files: ``{backend: [environments]}`` of those that were kept. None are: they are made anew.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.clear_file_list_cache
    """
    _backends(backend)
    return {}


def clear_lock(backend=None, remote=None):
    """
    Take away the locks of backends that fetch. ``remote``: only that of this URL or name.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.clear_lock
    """
    git = _server(backend).git
    cleared = git.unlock(remote) if git else []
    return {"cleared": cleared} if cleared else "No locks were removed"


def lock(backend=None, remote=None):
    """
    Lock backends that fetch, so that they do not. ``remote``: only that of this URL or name.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.lock
        salt-run fileserver.lock backend=gitfs
    """
    git = _server(backend).git
    locked = git.lock(remote) if git else []
    return {"locked": locked} if locked else "No locks were set"


def _server(backend):
    return Backends.from_opts(__opts__, _backends(backend))


def _backends(backend):
    """The backends that are meant, of those that are configured."""
    there = configured(__opts__)
    if backend is None:
        return there
    wanted = backend.split(",") if isinstance(backend, str) else backend
    if not isinstance(wanted, (list, tuple)) or not all(isinstance(name, str) for name in wanted):
        raise CommandError(f"backend is a name, or a list of names: {backend!r}")
    left_out = {NAMES.get(name[1:], name) for name in wanted if name.startswith("-")}
    if left_out:
        return [name for name in there if name not in left_out]
    return [name for name in there if name in {NAMES.get(name, name) for name in wanted}]
