"""What the master keeps about minions: read from the store, whether or not the minion is there."""

import os
import re
from fnmatch import fnmatchcase

from trisalt.errors import CommandError
from trisalt.store.banks import BankReader

__func_alias__ = {"list_": "list"}


def grains(tgt="*", tgt_type="glob", **kwargs):
    """
    The grains that are kept, by minion.

    tgt, tgt_type
        A glob, a ``list`` or a ``pcre`` over the ids.

    CLI Example:

    .. code-block:: bash

        salt-run cache.grains '*'
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
    One value of a bank, or None.

    CLI Example:

    .. code-block:: bash

        salt-run cache.fetch grains m1
    """
    with _reader() as reader:
        return reader.fetch(bank, key)


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
    with _reader() as reader:
        wanted = [id for id in reader.list(bank) if _named(id, tgt, tgt_type)]
        return reader.fetch_all(bank, wanted)


def _named(id, tgt, tgt_type):
    match tgt_type:
        case "glob":
            return fnmatchcase(id, tgt)
        case "list":
            return id in (re.split(r"[,\s]+", tgt) if isinstance(tgt, str) else tgt)
        case "pcre":
            return re.match(tgt, id) is not None
    raise CommandError(f"Of what is kept, minions are named by glob, list or pcre, not by {tgt_type}")
