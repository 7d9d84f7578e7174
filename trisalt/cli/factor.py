"""`trisalt factor`: second factors of people, for who runs the master: listed, set up for somebody, taken away."""

from __future__ import annotations

import sys
import time

from trisalt.cli.show import write_out
from trisalt.client.door import Door, expect
from trisalt.config.paths import master_paths
from trisalt.config.read import read_master

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

PATIENCE = 60.0


def factor(act: str, eauth: str, user: str, config_dir: str | None) -> int:
    """Do it at the local door; the exit status."""
    door = Door(master_paths(read_master(config_dir)).local_door)
    if act == "list":
        rows = _ask(door, act="list")
        lines = [f"{key}: since {_day(row['since'])}, {row['backup']} backup codes left" for key, row in rows.items()]
        write_out("".join(f"{line}\n" for line in lines or ["Nobody has a second factor"]))
        return 0
    whose = {"eauth": eauth, "username": user}
    if act == "remove":
        removed = _ask(door, act="remove", **whose)["removed"]
        write_out(f"{eauth}/{user} {'has no second factor any more' if removed else 'had no second factor'}\n")
        return 0 if removed else 1
    begun = _ask(door, act="begin", **whose)
    write_out(f"Secret for the application of {user}: {begun['secret']}\n{begun['uri']}\nA code that it shows: ")
    code = sys.stdin.readline().strip()
    backup = _ask(door, act="confirm", code=code, **whose)["backup"]
    write_out("\nIt counts from now on. Backup codes, each good once:\n" + "".join(f"  {each}\n" for each in backup))
    return 0


def _ask(door: Door, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = expect(door.ask({"op": "factor", **fields}, PATIENCE), "factor")
    return found


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(moment))
