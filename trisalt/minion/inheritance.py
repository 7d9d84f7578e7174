"""What becomes of a job that an earlier daemon left: its return is there, it never began, or it is lost. Pure.

A child leaves a mark before it begins (`Spool.begun`), and its return in the spool before it ends: so a job that was
taken and not begun is begun now, and one that began never runs again. Mark and return of a durable job, which its
master may send again, outlast a power cut; the note that it was taken need not. `jobs` does what is said here.
"""

from __future__ import annotations

import enum

from trisalt.minion.proc import Running
from trisalt.worker.protocol import Outcome


class Fate(enum.Enum):
    """What is to be done about it, once its process is gone."""

    HOME = "home"
    RUN = "run"
    LOST = "lost"


REBOOTED = "The job was interrupted: the host was restarted {when}."
GONE = "The job was interrupted: its process ended without a return while the minion was restarted."
TOO_OLD = "The job was not begun: it was too old when the minion was started again."


def fate(running: Running, *, boot: str, spooled: bool, begun: bool, too_old: bool) -> tuple[Fate, str]:
    """What becomes of a job whose process is gone, and for one that is lost the reason.

    `boot` names this run of the host; over a power cut the marks of an earlier one may be missing.
    """
    if spooled:
        return Fate.HOME, ""
    if running.boot and running.boot != boot:
        return Fate.LOST, REBOOTED.format(when="before it had begun" if running.queued else "while it ran")
    # Daemons that noted no boot had children that left no marks.
    if begun or not (running.queued or running.boot):
        return Fate.LOST, GONE
    return (Fate.LOST, TOO_OLD) if too_old else (Fate.RUN, "")


def interrupted(reason: str) -> Outcome:
    """The return of a job that is lost."""
    return Outcome(result=reason, retcode=1, success=False, out="nested")
