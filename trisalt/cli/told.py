"""What a thin command says when it failed, and the status it ends with."""

from __future__ import annotations

import os
import sys

from trisalt.client.door import MasterUnreachable
from trisalt.errors import Denied, InvocationError, RequestTimeout, TargetError, TrisaltError

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from collections.abc import Callable
    from typing import Any

# Exit statuses. Source: stock Salt 3008.3.
FAILED, NOTHING, USAGE, NOT_ALLOWED = 1, 2, 64, 77

UNDOCUMENTED = "No documentation was found"

TIMED_OUT = (
    "Salt request timed out. The master is not responding. You may need to run your command with `--async` in order "
    "to bypass the congested event bus. With `--async`, the CLI tool will print the job id (jid) and exit immediately "
    "without listening for responses. You can then use `salt-run jobs.lookup_jid` to look up the results of the job "
    "in the job cache later."
)


def _pointed(exc: TargetError) -> str:
    """The target with a mark below where it cannot be read; nothing where that is not known."""
    if exc.position is None or not exc.text.isprintable():
        return ""
    return f"\n  {exc.text}\n  {' ' * exc.position}^"


def told(exc: TrisaltError) -> int:
    """Say on stderr what went wrong, in one line; the exit status for it."""
    match exc:
        case MasterUnreachable():
            text, status = str(exc), NOTHING
        case RequestTimeout():
            text, status = TIMED_OUT, NOTHING
        case Denied():
            text, status = str(exc), NOT_ALLOWED
        case TargetError():
            text, status = f"ERROR: {exc}{_pointed(exc)}", USAGE
        case InvocationError():
            text, status = f"ERROR: {exc}", USAGE
        case _:
            text, status = f"ERROR: {exc}", FAILED
    sys.stderr.write(text + "\n")
    return status


def undocumented(why: str = UNDOCUMENTED) -> int:
    """There is no documentation to print; the exit status."""
    sys.stderr.write(f"{why}\n")
    return NOTHING


def hard_crash(options: Any) -> bool:
    """Whether the operator wants exceptions as they are (`--hard-crash`, `SALT_HARD_CRASH`)."""
    return bool(options.hard_crash or os.environ.get("SALT_HARD_CRASH"))


def ended(options: Any, work: Callable[[], int]) -> int:
    """The exit status of a command's work, also when it fails or is interrupted."""
    try:
        return work()
    except KeyboardInterrupt:
        sys.stderr.write("\nExiting gracefully on Ctrl-c\n")
        return FAILED
    except TrisaltError as exc:
        if hard_crash(options):
            raise
        return told(exc)
