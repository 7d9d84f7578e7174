"""The states of `schedule`: one SLS of them all, for a minion of each side."""

import yaml

from tests.interop.states import Row, done, refused

HOURLY = {"function": "test.ping", "seconds": 3600, "run_on_start": False}
# What is in the schedule before: jobs as they are added.
THERE = {
    **{name: dict(HOURLY) for name in ("same", "other", "gone", "on", "stop")},
    **{name: HOURLY | {"enabled": False} for name in ("off", "start")},
    "args": {"function": "test.echo", "job_args": ["a"], "job_kwargs": {"b": 1}, "days": 2, "run_on_start": False},
}
FORBIDDEN = "a job of the pillar stays as it is, and that is said"
P = "Cannot modify job p, it's in the pillar!"
TOLD = "what is enabled and disabled is told as changed"
ROWS = [
    Row("schedule.present", "new", **HOURLY),
    Row("schedule.present", "newer", function="test.echo", cron="*/15 * * * *", job_args=["a"], job_kwargs={"b": 1},
        enabled=False, maxrunning=2, return_job=False, persist=False, splay=10),
    Row("schedule.present", "same", **HOURLY),
    Row("schedule.present", "args", function="test.echo", job_args=["a"], job_kwargs={"b": 1}, days=3),
    Row("schedule.present", "p", **HOURLY, applied=refused(P), why=FORBIDDEN),
    Row("schedule.present", "bad", function="test.ping", seconds=60, cron="* * * * *"),
    Row("schedule.present", "other", function="test.ping", seconds=60, job_args="x"),
    Row("schedule.present", "bad", seconds=60, applied=refused("Job function is required."), why="it is told in a sentence"),
    Row("schedule.present", "off", **HOURLY),
    Row("schedule.present", "bad", function="test.ping", when="gurka"),
    Row("schedule.absent", "gone"),
    Row("schedule.absent", "p"),
    Row("schedule.absent", "nope"),
    Row("schedule.enabled", "on", applied=done("Job on already enabled"), why="nothing was done"),
    Row("schedule.enabled", "start", applied=done("Enabled job start from schedule", start="enabled"), why=TOLD),
    Row("schedule.enabled", "nope"),
    Row("schedule.disabled", "p", applied=refused(P), why=FORBIDDEN),
    Row("schedule.disabled", "nope"),
    Row("schedule.disabled", "stop", applied=done("Disabled job stop from schedule", stop="disabled"), why=TOLD),
]  # fmt: skip


def sls():
    """Each row as a state of its own."""
    states = {
        f"row{number}": {
            row.fun: [{"name": row.args[0]}, {"order": number + 1}, *({k: v} for k, v in row.kwargs.items())]
        }
        for number, row in enumerate(ROWS)
    }
    return yaml.safe_dump(states)


def answers(found):
    """What each row answered, of a run of the SLS."""
    return [
        next(
            {key: ret[key] for key in ("result", "comment", "changes")}
            for tag, ret in found.items()
            if f"_|-row{number}_|-" in tag
        )
        for number in range(len(ROWS))
    ]
