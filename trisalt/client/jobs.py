"""Publish a job through the local door, and iterate its returns as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from trisalt.client.door import Answers, Door, DoorClosed, Following, expect

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

# Stock's `publish_timeout`. Source: stock Salt 3008.3.
PUBLISH_TIMEOUT = 30.0


class Published:
    """What became of a publication: `minions` are waited for; `missing` were named but are not known.

    Nobody matched: `jid` is None, `minions` is empty, `error` says so, and `hint` why, if it is known. A plain class:
    what makes better ones costs a command more than the rest of this file.
    """

    __slots__ = ("error", "hint", "jid", "minions", "missing")

    def __init__(
        self, jid: str | None, minions: list[str], missing: list[str], error: str | None = None, hint: str = ""
    ) -> None:
        self.jid, self.minions, self.missing, self.error, self.hint = jid, minions, missing, error, hint

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Published:
        """From what the master answered under `published`."""
        minions, missing = fields.get("minions") or (), fields.get("missing") or ()
        return cls(fields.get("jid"), list(minions), list(missing), fields.get("error"), fields.get("hint") or "")


class Job(Following):
    """A job that is followed: iterate its returns (maps with id, jid, fun, fun_args, return, retcode, success, out).

    `published` is there from the start (None for `follow`). `missing` is `{id: what stock says}` once the job has
    settled, None until then, and `reasons` says why; for those of them in `waiting` the job itself waits, until when
    (seconds). `news` is called with `{id: reason}` when something becomes known of those that have not returned.
    Close it, or use it in a `with`, to stop following early.
    """

    def __init__(self, answers: Answers, published: Published | None) -> None:
        super().__init__(answers)
        self.published = published
        self.missing: dict[str, str] | None = None
        self.waiting: dict[str, float] = {}
        self.reasons: dict[str, str] = {}
        self.news: Callable[[dict[str, str]], object] = dict

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The returns. Raises DoorClosed when the master goes away before the job has settled."""
        for answer in self._answers:
            if "return" in answer:
                yield answer["return"]
            elif "settled" in answer:
                self.missing = dict(answer["settled"].get("missing") or {})
                self.waiting = dict(answer["settled"].get("waiting") or {})
                self.reasons = dict(answer["settled"].get("reasons") or {})
                self.close()
                return
            elif "waits" in answer:
                self.news(answer["waits"])
        if self.missing is None and (self.published is None or self.published.jid is not None):
            raise DoorClosed()


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
    wait_absent: float | bool | None = None,
    publish_timeout: float | None = PUBLISH_TIMEOUT,
) -> Job:
    """Publish and follow: returns when the job has gone out.

    `kwargs` are further keys of the job, as stock has them (`metadata`, `delimiter`, …). `timeout` and
    `gather_job_timeout` are the master's, for its find_job; None for the configured ones. `wait_absent`: for how many
    seconds the job waits for minions that are away (True: as long as is usual; 0: not at all; None: as configured).
    `publish_timeout`: seconds to wait for the publication itself. Raises as `Door.ask` does.
    """
    question = _question(tgt, fun, arg, tgt_type, kwargs, ret, jid, timeout, gather_job_timeout, follow=True)
    if wait_absent is not None:
        question["wait_absent"] = wait_absent
    answers = door.follow(question, publish_timeout)
    published = Published.from_fields(answers.first("published"))
    # From here on the master says when it is over.
    answers.timeout = None
    return Job(answers, published)


def publish_async(
    door: Door,
    tgt: Any,
    fun: Any,
    arg: Sequence[Any] = (),
    *,
    tgt_type: str = "glob",
    kwargs: Mapping[str, Any] | None = None,
    ret: str = "",
    jid: str = "",
    wait_absent: float | bool | None = None,
    publish_timeout: float | None = PUBLISH_TIMEOUT,
) -> Published:
    """Publish and do not follow. `wait_absent` as for `publish`. Raises as `Door.ask` does."""
    question = _question(tgt, fun, arg, tgt_type, kwargs, ret, jid, None, None, follow=False)
    if wait_absent is not None:
        question["wait_absent"] = wait_absent
    return Published.from_fields(expect(door.ask(question, publish_timeout), "published"))


class Batch(Following):
    """A batch that is followed: iterate `(what, value)` pairs, as they come.

    What: `minions` (the value is `{"minions": [id], "down": [id]}`, once), `sent` ([id]), `return` (a map, as of a
    `Job`), `lost` ({id: reason}). `published` is there from the start; when the iteration has ended there are
    `missing`, `waiting` (as of a `Job`) and `halted` (why it ended before its time, or None). Close it, or use it in a
    `with`, to stop following: it runs on.
    """

    def __init__(self, answers: Answers, published: Published) -> None:
        super().__init__(answers)
        self.published = published
        self.reasons: dict[str, str] = {}
        self.missing: dict[str, str] | None = None
        self.waiting: dict[str, float] = {}
        self.halted: str | None = None

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Raises DoorClosed when the master goes away before the batch is over."""
        for answer in self._answers:
            if "settled" in answer:
                self.missing = dict(answer["settled"].get("missing") or {})
                self.waiting = dict(answer["settled"].get("waiting") or {})
                self.halted = answer["settled"].get("halted")
                self.close()
                return
            for key, what in (("return", "return"), ("sent", "sent"), ("batch", "minions"), ("lost", "lost")):
                if key in answer:
                    yield what, answer[key]
        if self.missing is None and self.published.jid is not None:
            raise DoorClosed()


def batch(
    door: Door,
    tgt: Any,
    fun: Any,
    arg: Sequence[Any] = (),
    *,
    size: str,
    wait: float = 0,
    failhard: bool = False,
    tgt_type: str = "glob",
    kwargs: Mapping[str, Any] | None = None,
    ret: str = "",
    timeout: float | None = None,
    gather_job_timeout: float | None = None,
    wait_absent: float | bool | None = None,
    follow: bool = True,
    publish_timeout: float | None = PUBLISH_TIMEOUT,
) -> Batch:
    """Begin a batch: `size` minions at a time (`10`, `25%`). Returns when the master has it; from then on it is its.

    `wait`: seconds that the place of a minion that returned stays empty. `failhard`: end after the first that fails.
    Without `follow` only `published` is there. Else as `publish`.
    """
    question = _question(tgt, fun, arg, tgt_type, kwargs, ret, "", timeout, gather_job_timeout, follow=follow)
    question |= {"op": "batch", "size": size, "wait": wait, "failhard": failhard}
    if wait_absent is not None:
        question["wait_absent"] = wait_absent
    answers = door.follow(question, publish_timeout)
    published = Published.from_fields(answers.first("published"))
    answers.timeout = None
    return Batch(answers, published)


def preview(
    door: Door, tgt: Any, tgt_type: str = "glob", *, delimiter: str = ":", timeout: float | None = PUBLISH_TIMEOUT
) -> tuple[list[str], list[str]]:
    """`(minions, missing)`: whom a publication to this target would wait for, and the ids it lists that have no key.

    Nothing is sent to any minion. Raises as `Door.ask` does, TargetError for a target that cannot be read.
    """
    question = {"op": "match", "tgt": tgt, "tgt_type": tgt_type, "delimiter": delimiter}
    matched = expect(door.ask(question, timeout), "matched")
    return list(matched.get("minions") or ()), list(matched.get("missing") or ())


def follow(door: Door, jid: str) -> Job:
    """Follow a job that runs already, until it settles."""
    return Job(door.follow({"op": "follow_job", "jid": jid}), None)


def _question(
    tgt: Any,
    fun: Any,
    arg: Sequence[Any],
    tgt_type: str,
    kwargs: Mapping[str, Any] | None,
    ret: str,
    jid: str,
    timeout: float | None,
    gather_job_timeout: float | None,
    *,
    follow: bool,
) -> dict[str, Any]:
    return {
        "op": "publish",
        "tgt": tgt,
        "tgt_type": tgt_type,
        "fun": fun,
        "arg": list(arg),
        "kwargs": dict(kwargs or {}),
        "ret": ret,
        "jid": jid,
        "timeout": timeout,
        "gather_job_timeout": gather_job_timeout,
        "follow": follow,
    }
