"""Who is here: since when, from where, seen last when, and how we know of those that are not."""

import os
from datetime import UTC, datetime

from trisalt.store.banks import BankReader
from trisalt.worker import upcall

__func_alias__ = {"list_": "list"}

_STATES = {True: "present", False: "absent", None: "unknown"}


def list_(tgt="*", tgt_type="glob", ask=False):
    """
    What the master knows of each minion: its ``state`` (``present``, ``absent``, or ``unknown`` while the master has
    not made sure) and ``since`` when; ``last_seen``, ``address``, ``version``, ``latency_ms`` of its last answer,
    ``heartbeat_s`` of those that give signs of life by themselves, and ``reason`` for those that are absent.

    ask : False
        Ask those first of whom it is not certain right now, and wait for them.

    CLI Example:

    .. code-block:: bash

        salt-run presence.list
        salt-run presence.list 'web*' ask=True
        salt-run presence.list --out json
    """
    ids = upcall.match(tgt, tgt_type)["minions"]
    known = upcall.presence(ids, ask=ask) if ids else {}
    versions = _versions(id for id, one in known.items() if not one["version"])
    return {id: _shown(known[id], versions.get(id)) for id in sorted(known)}


def _versions(ids):
    """What minions that do not say their version have said in their grains."""
    if not (ids := list(ids)):
        return {}
    with BankReader(os.path.join(__opts__["cachedir"], "trisalt.db")) as reader:
        kept = reader.fetch_all("grains", ids)
    return {id: version for id, grains in kept.items() if isinstance(version := grains.get("saltversion"), str)}


def _shown(known, version):
    latency = known["latency"]
    shown = {
        "state": _STATES[known["present"]],
        "since": _time(known["since"]) if known["present"] is not None else None,
        "last_seen": _time(known["seen"]),
        "address": known["address"] or None,
        "version": known["version"] or version,
        "latency_ms": None if latency is None else round(latency * 1000),
        "heartbeat_s": known["every"] or None,
        "reason": (known["why"] if known["seen"] is not None else "it never came") if known["present"] is False else "",
    }
    return {name: value for name, value in shown.items() if value not in (None, "")}


def _time(seconds):
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
