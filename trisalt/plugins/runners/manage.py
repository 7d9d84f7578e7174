"""Which minions are up: asked by a `test.ping`, or by what they say of their version."""

import re
from itertools import zip_longest

from trisalt import SALT_VERSION
from trisalt.worker import upcall


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


def _compared(version, own):
    for theirs, ours in zip_longest(_numbers(version), _numbers(own), fillvalue=0):
        if theirs != ours:
            return "Minion newer than master" if theirs > ours else "Minion requires update"
    return "Up to date"


def _numbers(version):
    return [int(part) for part in re.findall(r"\d+", version)]
