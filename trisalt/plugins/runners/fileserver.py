"""The files that minions are served: which there are, and what is kept of them."""

from trisalt.errors import CommandError
from trisalt.fileserver.fileserver import FileServer


def envs(backend=None, sources=False):
    """
    The environments that have files. ``sources``: the backends that serve them instead.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.envs
        salt-run fileserver.envs backend=roots
    """
    if sources:
        return _backends(backend)
    return sorted(_server().envs()) if _backends(backend) else []


def file_list(saltenv="base", backend=None):
    """
    The files of an environment.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.file_list
        salt-run fileserver.file_list saltenv=prod
    """
    return sorted(_server().files(saltenv)) if _backends(backend) else []


def dir_list(saltenv="base", backend=None):
    """
    The folders of an environment.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.dir_list
    """
    # The root of each is known to be there.
    return sorted(set(_server().dirs(saltenv)) - {"", "."}) if _backends(backend) else []


def symlink_list(saltenv="base", backend=None):
    """
    The symbolic links of an environment, and where they point.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.symlink_list
    """
    return _server().symlinks(saltenv) if _backends(backend) else {}


def empty_dir_list(saltenv="base", backend=None):
    """
    The folders of an environment that hold nothing.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.empty_dir_list
    """
    return sorted(set(_server().empty_dirs(saltenv)) - {"", "."}) if _backends(backend) else []


def update(backend=None, **kwargs):
    """
    Have the backends look for changes. What lies on this host's disk is always looked at anew.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.update
    """
    _backends(backend)
    return True


def clear_cache(backend=None):
    """
    Forget what backends have fetched. What lies on this host's disk is not fetched.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.clear_cache
    """
    _backends(backend)
    return "No cache was cleared"


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
    Take away the locks of backends that fetch.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.clear_lock
    """
    _backends(backend)
    return "No locks were removed"


def lock(backend=None, remote=None):
    """
    Lock backends that fetch, so that they do not.

    CLI Example:

    .. code-block:: bash

        salt-run fileserver.lock
    """
    _backends(backend)
    return "No locks were set"


def _server():
    return FileServer.from_opts(__opts__)


def _backends(backend):
    """The backends that are meant, of those that are configured: `roots` is the one there is."""
    configured = [name for name in __opts__.get("fileserver_backend") or ["roots"] if name in ("roots", "file")]
    if backend is None:
        return configured
    wanted = backend.split(",") if isinstance(backend, str) else backend
    if not isinstance(wanted, (list, tuple)) or not all(isinstance(name, str) for name in wanted):
        raise CommandError(f"backend is a name, or a list of names: {backend!r}")
    left_out = {name[1:] for name in wanted if name.startswith("-")}
    if left_out:
        return [name for name in configured if name not in left_out]
    return [name for name in configured if name in wanted]
