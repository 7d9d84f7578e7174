"""Which minions are up: what the master knows by their signs of life, and asks where it is not certain."""

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
    up, down = _standing(_known(upcall.match(tgt, tgt_type)["minions"], timeout, gather_job_timeout))
    return {"up": up, "down": down}


def up(tgt="*", tgt_type="glob", timeout=None, gather_job_timeout=None):
    """
    The minions that are here.

    CLI Example:

    .. code-block:: bash

        salt-run manage.up
    """
    return status(tgt=tgt, tgt_type=tgt_type, timeout=timeout, gather_job_timeout=gather_job_timeout)["up"]


def down(removekeys=False, tgt="*", tgt_type="glob", timeout=None, gather_job_timeout=None):
    """
    The minions that are not here.

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
    known = _known(upcall.match("*")["minions"])
    up, _down = _standing(known)
    versions = {id: known[id]["version"] for id in up if known[id]["version"]}
    if silent := [id for id in up if id not in versions]:
        # Those who do not say it by themselves.
        returns = upcall.publish(silent, "test.version", tgt_type="list")["returns"]
        versions |= {id: answer["return"] for id, answer in returns.items() if _is_version(answer)}
    found = {"Master": SALT_VERSION}
    for id in sorted(known):
        if id in versions:
            found.setdefault(_compared(versions[id], SALT_VERSION), {})[id] = versions[id]
        else:
            found.setdefault("Minion offline", {})[id] = False
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
    The minions that are here now. Of ``subset``, if it is given, and (``show_ip``) with their
    addresses: ``{id: address}``.

    CLI Example:

    .. code-block:: bash

        salt-run manage.list_state
        salt-run manage.list_state subset='["m1", "m2"]' show_ip=True
    """
    known = _asked(subset)
    return _shown(_standing(known)[0], known, show_ip)


def list_not_state(subset=None, show_ip=False):
    """
    The minions that are not here now.

    CLI Example:

    .. code-block:: bash

        salt-run manage.list_not_state
    """
    known = _asked(subset)
    return _shown(_standing(known)[1], known, show_ip)


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
    ids = upcall.match("*")["minions"]
    if subset is not None:
        wanted = [part.strip() for part in subset.split(",")] if isinstance(subset, str) else list(subset)
        ids = [id for id in ids if id in wanted]
    return _known(ids)


def _known(ids, timeout=None, gather_job_timeout=None):
    """What is known of these; whoever may not be here is asked, and has as long as for any other job."""
    if not ids:
        return {}
    timeout = __opts__["timeout"] if timeout is None else timeout
    gather_job_timeout = __opts__["gather_job_timeout"] if gather_job_timeout is None else gather_job_timeout
    return upcall.presence(ids, ask=True, patience=timeout + gather_job_timeout)


def _standing(known):
    up = sorted(id for id, one in known.items() if one["present"])
    return up, sorted(set(known) - set(up))


def _shown(ids, known, show_ip):
    if not show_ip:
        return ids
    with BankReader(os.path.join(__opts__["cachedir"], "trisalt.db")) as reader:
        kept = reader.fetch_all("grains", ids)
    return {id: known[id]["address"] or _address((kept.get(id) or {}).get("ipv4") or []) for id in ids}


def _address(addresses):
    """The first that others can reach, else any."""
    return next((one for one in addresses if not one.startswith("127.")), next(iter(addresses), None))


def _compared(version, own):
    for theirs, ours in zip_longest(_numbers(version), _numbers(own), fillvalue=0):
        if theirs != ours:
            return "Minion newer than master" if theirs > ours else "Minion requires update"
    return "Up to date"


def _is_version(answer):
    return not answer.get("retcode") and isinstance(answer.get("return"), str)


def _numbers(version):
    return [int(part) for part in re.findall(r"\d+", version)]
