"""`salt --subset N`: so many of a target, by chance, of those that have the function."""

from __future__ import annotations

import random

from trisalt.client.jobs import preview, publish

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from trisalt.cli.command import Command
    from trisalt.client.door import Door


def choose(door: Door, command: Command) -> list[str]:
    """The chosen ones, sorted: as many as asked for, or all that there are.

    Minions are asked in the order of chance, and no more of them than it takes: a target may be ten thousand.
    """
    wanted: int = command.options.subset
    functions = {command.fun} if isinstance(command.fun, str) else set(command.fun)
    left, _missing = preview(door, command.tgt, command.tgt_type, delimiter=command.options.delimiter)
    random.shuffle(left)
    found: list[str] = []
    asked = command.asked()
    while left and len(found) < wanted:
        # A few more than are missing: some are away, some lack the function.
        count = (wanted - len(found)) * 2
        some, left = left[:count], left[count:]
        modules = sorted({name.partition(".")[0] for name in functions})
        with publish(
            door,
            some,
            "sys.list_functions",
            modules,
            tgt_type="list",
            timeout=asked["timeout"],
            gather_job_timeout=asked["gather_job_timeout"],
        ) as job:
            able = [body["id"] for body in job if isinstance(body["return"], list) and functions <= {*body["return"]}]
        # In the order of chance, not of who was quick.
        found += [id for id in some if id in able]
    return sorted(found[:wanted])
