"""Give a return to returners: plugins that store it somewhere else than on the master.

Both daemons call it when the return is stored: what a returner does, how long it takes, and whether it fails changes
nothing for anybody else. Each runs in a worker of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from trisalt.errors import TrisaltError
from trisalt.worker.pool import Workers
from trisalt.worker.protocol import Call, Failure, Outcome

log = structlog.get_logger()


async def give_to_returners(
    workers: Workers, names: Iterable[str], ret: Mapping[str, Any], *, outlives: bool = True
) -> None:
    """Call the `returner` function of each of `names` with a return. Never raises TrisaltError; it logs instead.

    `ret` is the return load, with the job's `ret_config` and `ret_kwargs` where it has some. `outlives`: a returner at
    work may end after its daemon.
    """
    jid = str(ret["jid"])
    for name in names:
        call = Call(fun=f"{name}.returner", jid="", arg=[dict(ret)], kind="returners")
        try:
            outcome = await workers.run_job(call, outlives=outlives)
        except TrisaltError as exc:
            log.error("returner.failed", jid=jid, returner=name, reason=str(exc))
            continue
        _log_outcome(name, jid, outcome)


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
