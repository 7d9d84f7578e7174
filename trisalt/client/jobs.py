"""Publish a job through the local door, and iterate its returns as they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from trisalt.client.door import Door


class Published(NamedTuple):
    """What became of a publication: `minions` are waited for; `missing` were named but are not known."""

    jid: str
    minions: list[str]
    missing: list[str]


class Job:
    """A job that is followed: iterate its returns (maps with id, jid, fun, fun_args, return, retcode, success, out).

    `published` is there from the start (None for `follow`). `missing` is `{id: reason}` once the job has settled,
    None until then. Close it, or use it in a `with`, to stop following early.
    """

    published: Published | None
    missing: dict[str, str] | None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        raise NotImplementedError


def publish(
    door: Door,
    tgt: Any,
    fun: Any,
    arg: Sequence[Any] = (),
    *,
    tgt_type: str = "glob",
    kwargs: Mapping[str, Any] | None = None,
    ret: str = "",
    jid: str = "",
    timeout: float | None = None,
    gather_job_timeout: float | None = None,
    publish_timeout: float | None = 30,
) -> Job:
    """Publish and follow: returns when the job has gone out. `kwargs` are further keys of the job, as stock has them
    (`metadata`, `delimiter`, …). `publish_timeout`: seconds to wait for the publication itself."""
    raise NotImplementedError


def publish_async(door: Door, tgt: Any, fun: Any, arg: Sequence[Any] = (), **options: Any) -> Published:
    """Publish and do not follow; takes what `publish` takes."""
    raise NotImplementedError


def follow(door: Door, jid: str, *, timeout: float | None = 30) -> Job:
    """Follow a job that runs already; what has returned so far comes first."""
    raise NotImplementedError
