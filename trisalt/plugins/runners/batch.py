"""Batches: which ones are under way, how far one is, and how to stop it.

A batch (``salt -b``) lives on the master, whether or not somebody watches it.
"""

import os
import time

from trisalt.store.banks import BankReader
from trisalt.store.jobs import JobReader
from trisalt.worker import upcall

_BANK = "batches"


def list_active():
    """
    The batches that are under way, the oldest first: a list of what ``batch.status`` tells of each.

    CLI Example:

    .. code-block:: bash

        salt-run batch.list_active
    """
    with _banks() as banks:
        records = banks.fetch_all(_BANK)
    return [_summary(record) for _jid, record in sorted(records.items()) if record["ended"] is None]


def status(jid):
    """
    How far a batch is: how many minions it is for (``total``), how many have returned (``completed``), are at work
    (``active``), are still to come (``pending``), and went wrong (``failed``). ``None`` for a job that is no batch.

    CLI Example:

    .. code-block:: bash

        salt-run batch.status 20240610120000000000
    """
    record = _record(jid)
    return None if record is None else _summary(record)


def stop(jid, kill=False):
    """
    Stop a batch: nobody else gets the job. Who is at work is left to it, and returns as ever. ``False`` when there is
    no such batch, or it is over.

    kill : False
        Kill the job where it runs, too.

    CLI Example:

    .. code-block:: bash

        salt-run batch.stop 20240610120000000000
        salt-run batch.stop 20240610120000000000 kill=True
    """
    record = _record(jid)
    if record is None or record["ended"] is not None:
        return False
    jid = record["jid"]
    upcall.fire_event(f"salt/batch/{jid}/stop", {"jid": jid, "reason": "stop"})
    if kill:
        begun, over, _lost = _progress(record)
        for job in sorted({begun[id] for id in begun if id not in over}):
            ids = sorted(id for id in begun if id not in over and begun[id] == job)
            upcall.publish(ids, "saltutil.kill_job", [job], tgt_type="list", wait=False)
    return True


def _banks():
    return BankReader(os.path.join(__opts__["cachedir"], "trisalt.db"))


def _record(jid):
    with _banks() as banks:
        return banks.fetch(_BANK, str(jid))


def _progress(record):
    """``{id: jid}`` of those that got the job, ``{id: failed}`` of those that returned, and those given up."""
    if record["ended"] is not None:
        over = {id: bool(retcode) for id, retcode in record["done"].items()}
        return dict.fromkeys([*record["active"], *over, *record["lost"]], record["jid"]), over, set(record["lost"])
    begun, over, lost = {}, {}, set()
    with _banks() as banks:
        rows = banks.fetch_all(f"{_BANK}/{record['jid']}")
        again = banks.fetch(_BANK, record["jid"])
    if again is not None and again["ended"] is not None:
        # It ended meanwhile, and its rows are gone.
        return _progress(again)
    for _number, row in sorted(rows.items()):
        begun.update(dict.fromkeys(row["minions"], row["jid"]))
        over.update({id: bool(retcode) for id, retcode in row["done"].items()})
        lost.update(row["lost"])
    with JobReader(os.path.join(__opts__["cachedir"], "trisalt.db")) as jobs:
        for job in set(begun.values()):
            for id, body in jobs.returns(job).items():
                if begun.get(id) == job:
                    over[id] = _failed(body.get("retcode"))
    return begun, over, lost - set(over)


def _last_kept(jid):
    """When it last noted how far it is."""
    bank = f"{_BANK}/{jid}"
    with _banks() as banks:
        rows = banks.list(bank)
        return (banks.updated(bank, rows[-1]) or 0.0) if rows else 0.0


def _failed(retcode):
    return any(retcode.values() if isinstance(retcode, dict) else retcode if isinstance(retcode, list) else [retcode])


def _summary(record):
    begun, over, lost = _progress(record)
    minions = record["minions"] if record["minions"] is not None else record["named"]
    last_progress = max(record["last_progress"], _last_kept(record["jid"]))
    touched = set(begun) | set(over) | lost
    return {
        "jid": record["jid"],
        "fun": record["fun"],
        "tgt": record["tgt"],
        "tgt_type": record["tgt_type"],
        "total": len(minions),
        "completed": len(over),
        "active": len(set(begun) - set(over) - lost),
        "pending": len(set(minions) - touched),
        "failed": len(lost) + sum(over.values()),
        "batch_size": _size(record["size"], len(minions)),
        "halted": record["halted"] is not None,
        "halted_reason": record["halted"],
        "driver": "master",
        "user": record["user"],
        "created": record["created"],
        "last_progress": last_progress,
        "age_seconds": time.time() - last_progress,
    }


def _size(text, total):
    """How many at a time; the master has checked what was asked for."""
    number, percent, _rest = text.strip().partition("%")
    return max(1, int(float(number) * total / 100)) if percent else int(float(number))
