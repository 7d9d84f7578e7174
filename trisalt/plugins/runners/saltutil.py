"""
Sync the master's own plugins from its file server.
"""

from trisalt.loader.kinds import synced


def _syncing(command, row):
    def sync(saltenv="base", extmod_whitelist=None, extmod_blacklist=None):
        return _sync(command, saltenv, extmod_whitelist, extmod_blacklist)

    sync.__name__ = sync.__qualname__ = f"sync_{command}"
    sync.__doc__ = f"""
    Sync the plugins of {row.sync} from the file server to the master; the names of those that changed

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_{command}
        salt-run saltutil.sync_{command} saltenv=dev
    """
    return sync


globals().update({f"sync_{command}": _syncing(command, row) for command, row in synced("master").items()})


def sync_all(saltenv="base", extmod_whitelist=None, extmod_blacklist=None):
    """
    Sync all plugins from the file server to the master: the names of those that changed, by kind

    CLI Example:

    .. code-block:: bash

        salt-run saltutil.sync_all
        salt-run saltutil.sync_all extmod_whitelist={'runners': ['custom_runner'], 'grains': []}
    """
    found = {}
    for command, row in synced("master").items():
        name = row.folder if row.name == "tokens" else command
        found[name] = _sync(command, saltenv, extmod_whitelist, extmod_blacklist)
    return found


def _sync(command, saltenv, whitelist, blacklist):
    # A master's files are its own.
    opts = {**__opts__, "file_client": "local"}
    return __utils__["extmods.sync"](opts, command, saltenv, whitelist, blacklist)
