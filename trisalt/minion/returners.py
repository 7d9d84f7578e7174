"""Give a job's return to returners: plugins that store it somewhere else than on the master.

`jobs` calls it when the return is in the spool and on its way: what a returner does, how long it takes, and whether
it fails changes nothing for the master. Each runs in a worker of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from trisalt.errors import TrisaltError
from trisalt.minion.returns import OURS
from trisalt.worker.pool import Workers
from trisalt.worker.protocol import Call, Failure, Outcome

log = structlog.get_logger()

# What of a publication tells a returner how it is to be configured.
_CONFIGURED = ("ret_config", "ret_kwargs")


async def give_to_returners(
    workers: Workers, names: Iterable[str], job: Mapping[str, Any], load: Mapping[str, Any], *, id: str
) -> None:
    """Call the `returner` function of each of `names` with the return. Never raises TrisaltError; it logs instead.

    `job` is the publication, `load` the return load as the master gets it.
    """
    ret = {key: value for key, value in load.items() if key not in ("cmd", OURS)}
    ret |= {key: job[key] for key in _CONFIGURED if key in job}
    # A scheduled job's return gets its jid from the master, which a returner does not hear.
    ret |= {"id": id, "jid": job["jid"]}
    for name in names:
        call = Call(fun=f"{name}.returner", jid="", arg=[ret], kind="returners")
        try:
            outcome = await workers.run_job(call)
        except TrisaltError as exc:
            log.error("returner.failed", jid=job["jid"], returner=name, reason=str(exc))
            continue
        _log_outcome(name, job["jid"], outcome)


def _log_outcome(name: str, jid: str, outcome: Outcome) -> None:
    match outcome.failure:
        case None:
            log.debug("returner.done", jid=jid, returner=name)
        case Failure.MISSING:
            log.error("returner.missing", returner=name, reason=outcome.result)
        case Failure.EXCEPTION:
            # The last line says what; the lines before it where, which only the returner's author needs.
            text = str(outcome.result).rstrip()
            log.error("returner.failed", jid=jid, returner=name, reason=text.rpartition("\n")[2])
            log.debug("returner.traceback", jid=jid, returner=name, text=text)
        case _:
            log.error("returner.failed", jid=jid, returner=name, reason=outcome.result)
