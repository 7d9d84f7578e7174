"""Programs of the host that a module runs for an operator: whether they are there, what they said, how they ended.

Used by every module that runs a program; `command` is below it.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from typing import Any

from trisalt.errors import CommandError, CommandNotFound

log = logging.getLogger(__name__)


def need(name: str) -> str:
    """The path of a program. Raises CommandNotFound when it is not installed."""
    found = shutil.which(name)
    if found is None:
        raise CommandNotFound(f"Command '{name}' cannot be found")
    return found


def run(argv: Sequence[Any], **options: Any) -> dict[str, Any]:
    """Run a program without a shell: what `cmd.run_all` returns. Raises CommandNotFound when it is not installed."""
    need(str(argv[0]))
    return __salt__["cmd.run_all"]([str(word) for word in argv], python_shell=False, **options)


def succeeds(argv: Sequence[Any], **options: Any) -> bool:
    """Run a program for its effect. How it failed is the job's retcode, and why stands in the log."""
    return passed(run(argv, **options), argv)


def passed(found: dict[str, Any], argv: Sequence[Any]) -> bool:
    """Whether what `run` returned is a success, told as `succeeds` tells it."""
    if found["retcode"] == 0:
        return True
    __context__["retcode"] = found["retcode"]
    log.error("%s: %s", argv[0], found["stderr"] or found["stdout"] or f"retcode {found['retcode']}")
    return False


def checked(argv: Sequence[Any], what: str, **options: Any) -> str:
    """What a program printed. Raises CommandError with `what` and the program's own text when it failed."""
    found = run(argv, **options)
    if found["retcode"]:
        raise CommandError(f"{what}: {found['stderr'] or found['stdout'] or 'retcode ' + str(found['retcode'])}")
    return found["stdout"]


def number(text: str) -> int | float | str:
    """What a program or the kernel says, as a number where it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
