"""Publish a job through the local door and print the returns as they come: what `salt` does. Thin: no Trio in here.

The master watches the job (find_job) and says when it is settled and why somebody is missing; this only prints.
"""

from __future__ import annotations

import sys

from trisalt.cli.command import Command, nothing
from trisalt.cli.show import write_out
from trisalt.cli.told import FAILED, ended
from trisalt.client.credentials import open_door
from trisalt.client.door import Door, DoorClosed
from trisalt.client.jobs import Published, preview, publish, publish_async
from trisalt.config.paths import master_paths

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from collections.abc import Iterator
    from typing import Any

    from trisalt.client.jobs import Job

TOO_MANY = "\nNOTICE: Too many minions targeted, switching to batch execution."
LEFT = """
{why}
This job's jid is: {jid}
The minions may not have all finished running and any remaining minions will return upon completion. \
To look up the return data for this job later, run the following command:

salt-run jobs.lookup_jid {jid}
"""


def run(options: Any, words: list[str]) -> int:
    """Do what the command line says; the exit status."""
    return ended(options, lambda: _run(Command(options, words)))


def _run(command: Command) -> int:
    """Do what was asked for; the exit status."""
    options = command.options
    if options.config_dump:
        import yaml

        write_out(yaml.safe_dump(command.config.opts, default_flow_style=False))
        return 0
    door = open_door(master_paths(command.config).local_door, options, command.config.opts)
    if options.verbose and door.identity:
        sys.stderr.write(f"Asking as {door.identity}\n")
    if options.preview_target:
        return _preview(command, door)
    if options.subset is not None:
        from trisalt.cli.subset import choose

        command.tgt, command.tgt_type = choose(door, command), "list"
        if not command.tgt:
            return command.nobody()
    limit = command.config.batch_safe_limit if options.batch_safe_limit is None else options.batch_safe_limit
    if options.batch is None and limit > 1:
        _look_before(command, door, limit)
    if options.batch is not None:
        from trisalt.cli.batch import run_batch

        return run_batch(command, door)
    if options.detach:
        asked = {name: value for name, value in command.asked().items() if "timeout" not in name}
        published = publish_async(door, command.tgt, command.fun, command.arg, wait_absent=options.durable, **asked)
        if published.jid is None:
            return command.nobody(published.hint)
        command.say(f"Executed command with job ID: {published.jid}")
        return 0
    asked = command.asked()
    with publish(door, command.tgt, command.fun, command.arg, wait_absent=options.durable, **asked) as followed:
        published = followed.published or Published(None, [], [])
        if published.jid is None:
            return command.nobody(published.hint)
        command.expect(len(published.minions))
        return _follow(command, followed, published.jid)


def _preview(command: Command, door: Door) -> int:
    """Whom the target names; nothing is sent."""
    minions, _missing = preview(door, command.tgt, command.tgt_type, delimiter=command.options.delimiter)
    if not minions:
        return nothing()
    command.show(minions)
    return 0


def _look_before(command: Command, door: Door, limit: int) -> None:
    """Many minions at once may be more than an operator meant: then it becomes a batch."""
    minions, _missing = preview(door, command.tgt, command.tgt_type, delimiter=command.options.delimiter)
    if len(minions) >= limit:
        command.say(TOO_MANY)
        command.options.batch = command.options.batch_safe_size or str(command.config.batch_safe_size)


def _follow(command: Command, job: Job, jid: str) -> int:
    command.announce(jid)
    if command.options.verbose or (_wants_news() and not command.documents):
        job.news = command.print_news
    try:
        bodies = _noted(command, job)
        if command.fun == "sys.doc":
            return command.print_docs(bodies)
        if command.options.static:
            command.print_once(bodies, job)
        else:
            for body in bodies:
                command.print_return(body)
            command.print_missing(command.explained(job))
    except KeyboardInterrupt:
        command.end_progress()
        sys.stderr.write(LEFT.format(why="Exiting gracefully on Ctrl-c", jid=jid))
        return FAILED
    except DoorClosed as exc:
        command.end_progress()
        sys.stderr.write(LEFT.format(why=exc, jid=jid))
        return FAILED
    command.missing = job.missing or {}
    command.waiting = job.waiting
    command.end_progress()
    command.summarise_if_asked()
    if not command.retcodes and (command.hide or not command.missing) and not command.waiting:
        return nothing()
    if any(command.retcodes.values()) or command.missing.keys() - command.waiting.keys():
        sys.stderr.write("ERROR: Minions returned with non-zero exit code\n")
        return FAILED
    return command.tell_waiting(jid)


def _noted(command: Command, job: Job) -> Iterator[dict[str, Any]]:
    for body in job:
        command.note(body)
        yield body


def _wants_news() -> bool:
    """Whether somebody looks on: stderr is a terminal."""
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False
