"""What the master keeps about minions: read from the store, whether or not the minion is there.

The grains, the pillar and the mine of a minion are values of the banks of these names, under its id.
"""

import os

from trisalt.errors import CommandError
from trisalt.store.banks import BankReader
from trisalt.worker import upcall

__func_alias__ = {"list_": "list"}


def grains(tgt="*", tgt_type="glob", **kwargs):
    """
    The grains that are kept, by minion.

    CLI Example:

    .. code-block:: bash

        salt-run cache.grains '*'
        salt-run cache.grains 'os:Debian' tgt_type=grain
    """
    return _kept("grains", tgt, tgt_type)


def pillar(tgt="*", tgt_type="glob", **kwargs):
    """
    The pillar that was compiled last, by minion. It goes to whoever asks, and never to the event bus.

    CLI Example:

    .. code-block:: bash

        salt-run cache.pillar '*'
    """
    return _kept("pillar", tgt, tgt_type)


def mine(tgt="*", tgt_type="glob", **kwargs):
    """
    What minions have put into the mine, by minion.

    CLI Example:

    .. code-block:: bash

        salt-run cache.mine '*'
    """
    return _kept("mine", tgt, tgt_type)


def clear_grains(tgt=None, tgt_type="glob"):
    """
    Forget the grains of the minions a target names; False without a target.

    CLI Example:

    .. code-block:: bash

        salt-run cache.clear_grains '*'
    """
    return _clear(tgt, tgt_type, "grains")


def clear_pillar(tgt=None, tgt_type="glob"):
    """
    Forget the pillar of the minions a target names; False without a target.

    CLI Example:

    .. code-block:: bash

        salt-run cache.clear_pillar '*'
    """
    return _clear(tgt, tgt_type, "pillar")


def clear_mine(tgt=None, tgt_type="glob"):
    """
    Empty the mine of the minions a target names; False without a target.

    CLI Example:

    .. code-block:: bash

        salt-run cache.clear_mine '*'
    """
    return _clear(tgt, tgt_type, "mine")


def clear_mine_func(tgt=None, tgt_type="glob", clear_mine_func_flag=None):
    """
    Take one function out of the mine of the minions a target names; False without a target.

    CLI Example:

    .. code-block:: bash

        salt-run cache.clear_mine_func tgt='*' clear_mine_func_flag='network.interfaces'
    """
    if not tgt:
        return False
    if not clear_mine_func_flag:
        raise CommandError("clear_mine_func_flag names the function to take out")
    for id, data in mine(tgt, tgt_type).items():
        if clear_mine_func_flag in data:
            del data[clear_mine_func_flag]
            upcall.bank("store", "mine", id, data)
    return True


def clear_all(tgt=None, tgt_type="glob"):
    """
    Forget grains, pillar and mine of the minions a target names; False without a target.

    CLI Example:

    .. code-block:: bash

        salt-run cache.clear_all '*'
    """
    return _clear(tgt, tgt_type, "grains", "pillar", "mine")


def list_(bank, cachedir=None):
    """
    The keys of a bank: ``grains``, ``pillar``, ``mine``, …

    CLI Example:

    .. code-block:: bash

        salt-run cache.list grains
    """
    with _reader() as reader:
        return reader.list(bank)


def fetch(bank, key, cachedir=None):
    """
    One value of a bank; ``{}`` when there is none.

    CLI Example:

    .. code-block:: bash

        salt-run cache.fetch grains m1
    """
    with _reader() as reader:
        found = reader.fetch(bank, key)
    return {} if found is None else found


def store(bank, key, data, cachedir=None):
    """
    Put a value into a bank.

    CLI Example:

    .. code-block:: bash

        salt-run cache.store mycache mykey 'The time has come the walrus said'
    """
    upcall.bank("store", str(bank), str(key), data)


def flush(bank, key=None, cachedir=None):
    """
    Take one value out of a bank, or (without a key) all.

    CLI Example:

    .. code-block:: bash

        salt-run cache.flush mycache mykey
        salt-run cache.flush mycache
    """
    return upcall.bank("flush", str(bank), None if key is None else str(key))


def updated(bank, key, cachedir=None):
    """
    When a value of a bank was stored, in seconds since 1970, or None.

    CLI Example:

    .. code-block:: bash

        salt-run cache.updated grains m1
    """
    with _reader() as reader:
        return reader.updated(bank, key)


def _reader():
    return BankReader(os.path.join(__opts__["cachedir"], "trisalt.db"))


def _kept(bank, tgt, tgt_type):
    wanted = upcall.match("*" if tgt is None else tgt, tgt_type)["minions"]
    with _reader() as reader:
        found = reader.fetch_all(bank, wanted)
    return {id: found.get(id) or {} for id in sorted(wanted)}


def _clear(tgt, tgt_type, *banks):
    if not tgt:
        return False
    for id in upcall.match(tgt, tgt_type)["minions"]:
        for bank in banks:
            upcall.bank("flush", bank, id)
    return True
