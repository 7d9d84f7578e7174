"""Jobs in SQLite: what is written by the writer's thread, what readers read. No Trio: runners use `JobReader`.

`Jobs` is the daemon's side, `JobReader` the blocking side for runners in workers and for commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trisalt.store.store import JobEntry, JobFilter

NOT_RECORDED = frozenset({"saltutil.find_job"})
"""Functions whose jobs stay out of the job list."""


class JobReader:
    """What is kept about jobs, read from the database file by a process of its own. Blocking; close it, or use `with`."""

    def __init__(self, path: str | Path) -> None: ...

    def load(self, jid: str) -> dict[str, Any] | None:
        """The job's load, or None for an unknown job."""
        raise NotImplementedError

    def entry(self, jid: str) -> JobEntry | None:
        """The job, or None for an unknown one."""
        raise NotImplementedError

    def returns(self, jid: str) -> dict[str, dict[str, Any]]:
        """`{id: {return, retcode, success, out?, …}}`, in the order in which they came."""
        raise NotImplementedError

    def list_jobs(self, wanted: JobFilter = JobFilter()) -> list[JobEntry]:  # noqa: B008
        """Jobs, oldest first."""
        raise NotImplementedError

    def counts(self) -> Mapping[str, int]:
        """How many jobs and returns there are."""
        raise NotImplementedError
