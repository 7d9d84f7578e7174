"""The mine: what minions have told of themselves, for others to ask."""

import os

from trisalt.store.banks import BankReader
from trisalt.worker import upcall

# How a value is marked that not every minion may read.
_ACL_MARK, _ACL_DATA = "__saltmine_acl__", "__data__"


def get(tgt, fun, tgt_type="glob"):
    """
    What the minions a target names have put into the mine: ``{id: value}`` of one function, or
    ``{function: {id: value}}`` of several, given as a list or with commas.

    CLI Example:

    .. code-block:: bash

        salt-run mine.get '*' network.interfaces
        salt-run mine.get 'os:Debian' network.ip_addrs,test.ping tgt_type=grain
    """
    names = [part.strip() for part in fun.split(",")] if isinstance(fun, str) else list(fun)
    wanted = upcall.match(tgt, tgt_type)["minions"]
    with BankReader(os.path.join(__opts__["cachedir"], "trisalt.db")) as reader:
        kept = reader.fetch_all("mine", wanted)
    found = {
        name: {id: _value(data[name]) for id, data in sorted(kept.items()) if isinstance(data, dict) and name in data}
        for name in names
    }
    return found[names[0]] if isinstance(fun, str) and len(names) == 1 else {n: v for n, v in found.items() if v}


def update(tgt, tgt_type="glob", clear=False, mine_functions=None):
    """
    Have minions put into the mine what is new: ``{id: what they answered}``.

    CLI Example:

    .. code-block:: bash

        salt-run mine.update '*'
        salt-run mine.update 'juniper-edges' tgt_type='nodegroup'
    """
    asked = upcall.publish(
        tgt, "mine.update", tgt_type=tgt_type, kwarg={"clear": clear, "mine_functions": mine_functions}
    )
    return {id: answer.get("return") for id, answer in sorted(asked.get("returns", {}).items())}


def _value(kept):
    return kept[_ACL_DATA] if isinstance(kept, dict) and kept.get(_ACL_MARK) and _ACL_DATA in kept else kept
