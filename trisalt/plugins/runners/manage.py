"""Which minions are up: asked by a `test.ping`, or by what they say of their version."""

import os
import re
from itertools import zip_longest

from trisalt import SALT_VERSION
from trisalt.store.banks import BankReader
from trisalt.worker import upcall

# What is to be done then, in the words operators know.
_REGENERATED = """\
The minion and master keys have been deleted.  Restart the Salt
Master within the next 60 seconds!!!

Wait for the minions to reconnect.  Once the minions reconnect
the new keys will appear in pending and will need to be re-
accepted by running:
    salt-key -A

Be advised that minions not currently connected to the master
will not be able to reconnect and may require manual
regeneration via a local call to
    salt-call saltutil.regen_keys"""


def status(output=True, tgt="*", tgt_type="glob", timeout=None, gather_job_timeout=None):
    """
    ``{"up": [id], "down": [id]}`` of all accepted minions, or of those a target names.

    CLI Example:

    .. code-block:: bash

        salt-run manage.status
        salt-run manage.status tgt="webservers" tgt_type="nodegroup"
        salt-run manage.status timeout=5 gather_job_timeout=10
    """
    options = {} if gather_job_timeout is None else {"gather_job_timeout": gather_job_timeout}
    asked = upcall.publish(tgt, "test.ping", tgt_type=tgt_type, timeout=timeout, options=options)
    returned = set(asked.get("returns", {}))
    return {"up": sorted(returned), "down": sorted(set(asked["minions"]) - returned)}


def up(tgt="*", tgt_type="glob", timeout=None, gather_job_timeout=None):
    """
    The minions that answer.

    CLI Example:

    .. code-block:: bash

        salt-run manage.up
    """
    return status(tgt=tgt, tgt_type=tgt_type, timeout=timeout, gather_job_timeout=gather_job_timeout)["up"]


def down(removekeys=False, tgt="*", tgt_type="glob", timeout=None, gather_job_timeout=None):
    """
    The minions that do not answer.

    removekeys : False
        Delete their keys, too.

    CLI Example:

    .. code-block:: bash

        salt-run manage.down
        salt-run manage.down removekeys=True
    """
    silent = status(tgt=tgt, tgt_type=tgt_type, timeout=timeout, gather_job_timeout=gather_job_timeout)["down"]
    if removekeys:
        for id in silent:
            upcall.command("wheel", "key.delete", [id])
    return silent


def versions():
    """
    The minions' versions against the master's: ``Master``, and by minion ``Up to date``, ``Minion requires update``,
    ``Minion newer than master``, ``Minion offline``.

    CLI Example:

    .. code-block:: bash

        salt-run manage.versions
    """
    asked = upcall.publish("*", "test.version")
    found = {"Master": SALT_VERSION}
    for id in sorted(asked["minions"]):
        answer = asked["returns"].get(id)
        if answer is None or answer.get("retcode") or not isinstance(answer.get("return"), str):
            found.setdefault("Minion offline", {})[id] = False
            continue
        version = answer["return"]
        found.setdefault(_compared(version, SALT_VERSION), {})[id] = version
    return found


def key_regen():
    """
    Have everybody make new keys: minions that answer give up theirs, and all are deleted here, the master's own, too.
    It has to be restarted, and the minions' new keys accepted.

    CLI Example:

    .. code-block:: bash

        salt-run manage.key_regen
    """
    upcall.publish("*", "saltutil.regen_keys")
    upcall.command("wheel", "key.delete", ["*"])
    with os.scandir(__opts__["pki_dir"]) as entries:
        own = [entry.path for entry in entries if entry.name[0] != "." and not entry.is_dir(follow_symlinks=False)]
    for path in own:
        os.unlink(path)
    return _REGENERATED


def list_state(subset=None, show_ip=False):
    """
    The minions that are here now: those that answer. Of ``subset``, if it is given, and (``show_ip``) with their
    addresses: ``{id: address}``.

    CLI Example:

    .. code-block:: bash

        salt-run manage.list_state
        salt-run manage.list_state subset='["m1", "m2"]' show_ip=True
    """
    return _shown(_asked(subset)["up"], show_ip)


def list_not_state(subset=None, show_ip=False):
    """
    The minions that are not here now: those that do not answer.

    CLI Example:

    .. code-block:: bash

        salt-run manage.list_not_state
    """
    return _shown(_asked(subset)["down"], show_ip)


def _the_same(name, function):
    def same(subset=None, show_ip=False):
        return function(subset, show_ip)

    same.__name__ = same.__qualname__ = name
    same.__doc__ = f"""
    The same as ``manage.{function.__name__}``.

    CLI Example:

    .. code-block:: bash

        salt-run manage.{name}
    """
    return same


# A minion that is connected is present, alive, joined and allowed; there is one way to be here.
present = _the_same("present", list_state)
not_present = _the_same("not_present", list_not_state)
alived = _the_same("alived", list_state)
not_alived = _the_same("not_alived", list_not_state)
reaped = _the_same("reaped", list_state)
not_reaped = _the_same("not_reaped", list_not_state)
joined = _the_same("joined", list_state)
not_joined = _the_same("not_joined", list_not_state)
allowed = _the_same("allowed", list_state)
not_allowed = _the_same("not_allowed", list_not_state)


def _asked(subset):
    if subset is None:
        return status()
    wanted = [part.strip() for part in subset.split(",")] if isinstance(subset, str) else list(subset)
    return status(tgt=wanted, tgt_type="list") if wanted else {"up": [], "down": []}


def _shown(ids, show_ip):
    if not show_ip:
        return ids
    with BankReader(os.path.join(__opts__["cachedir"], "trisalt.db")) as reader:
        kept = reader.fetch_all("grains", ids)
    return {id: _address((kept.get(id) or {}).get("ipv4") or []) for id in ids}


def _address(addresses):
    """The first that others can reach, else any."""
    return next((one for one in addresses if not one.startswith("127.")), next(iter(addresses), None))


def _compared(version, own):
    for theirs, ours in zip_longest(_numbers(version), _numbers(own), fillvalue=0):
        if theirs != ours:
            return "Minion newer than master" if theirs > ours else "Minion requires update"
    return "Up to date"


def _numbers(version):
    return [int(part) for part in re.findall(r"\d+", version)]
