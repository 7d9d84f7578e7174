"""Disk quotas of file systems, by the programs of the package quota."""

from __future__ import annotations

import re
import shutil
from typing import Any

from trisalt.errors import CommandError

__func_alias__ = {"set_": "set"}

_TYPES: dict[str | None, list[str]] = {None: [], "user": ["-u"], "group": ["-g"]}
_LIMITS = ("block-soft-limit", "block-hard-limit", "file-soft-limit", "file-hard-limit")
_FIELDS = (
    *("block-used", "block-soft-limit", "block-hard-limit", "block-grace"),
    *("file-used", "file-soft-limit", "file-hard-limit", "file-grace"),
)
# A line of `quotaon -p`.
_MODE = re.compile(r"(?P<kind>user|group|project) quota on (?P<mount>.+) \((?P<device>\S+)\) is (?P<mode>on|off)")


def __virtual__() -> Any:
    if shutil.which("setquota"):
        return True
    return False, "The quota execution module cannot be loaded: the setquota command is not available."


def report(mount: str) -> dict[str, Any]:
    """
    What users and groups have of a file system, and what they may have.

    CLI Example:

        salt '*' quota.report /media/data
    """
    return {mount: {"User Quotas": _quotas(mount, "-u"), "Group Quotas": _quotas(mount, "-g")}}


def set_(device: str, **kwargs: Any) -> dict[str, Any]:
    """
    Limit what a user or a group may have: `block-soft-limit`, `block-hard-limit`, `file-soft-limit`,
    `file-hard-limit`. Limits that are not named stay as they are.

    CLI Example:

        salt '*' quota.set /media/data user=larry block-soft-limit=1048576
        salt '*' quota.set /media/data group=painters file-hard-limit=1000
    """
    given = {name: value for name, value in kwargs.items() if not name.startswith("__")}
    user, group = given.pop("user", None), given.pop("group", None)
    if user and group:
        raise CommandError("Please specify a user or group, not both.")
    if not user and not group:
        raise CommandError("A valid user or group was not found")
    unknown = sorted(set(given) - set(_LIMITS))
    if unknown:
        raise CommandError(f"quota.set takes no {', '.join(unknown)}: there are {', '.join(_LIMITS)}")
    option, kind, name = ("-u", "Users", str(user)) if user else ("-g", "Groups", str(group))
    _word(name)
    current = _quotas(device, option).get(kind, {}).get(name, {})
    limits = {limit: _number(given.get(limit, current.get(limit, 0))) for limit in _LIMITS}
    _run(["setquota", option, name, *limits.values(), _word(device)])
    return {f"{'User' if user else 'Group'}: {name}": limits}


def warn() -> bool:
    """
    Have mail sent to those who have more than they may.

    CLI Example:

        salt '*' quota.warn
    """
    _run(["warnquota"])
    return True


def stats() -> dict[str, str]:
    """
    What the kernel counts of its work on quotas.

    CLI Example:

        salt '*' quota.stats
    """
    parts = [line.partition(":") for line in _run(["quotastats"]).splitlines() if ":" in line]
    return {name.strip(): value.strip() for name, _, value in parts}


def on(device: str, quotatype: str | None = None) -> bool:
    """
    Turn the quotas of a file system on: those of users, or those of the type, `user` or `group`.

    CLI Example:

        salt '*' quota.on /media/data
    """
    _run(["quotaon", *_TYPES[quotatype], _word(device)])
    return True


def off(device: str, quotatype: str | None = None) -> bool:
    """
    Turn the quotas of a file system off: those of users, or those of the type, `user` or `group`.

    CLI Example:

        salt '*' quota.off /media/data
    """
    _run(["quotaoff", *_TYPES[quotatype], _word(device)])
    return True


def get_mode(device: str) -> dict[str, Any]:
    """
    Whether the quotas of a file system are on, for users and for groups.

    CLI Example:

        salt '*' quota.get_mode /media/data
    """
    done = __utils__["tool.run"](["quotaon", "-p", _word(device)], ignore_retcode=True)
    found: dict[str, Any] = {}
    for match in _MODE.finditer(done["stdout"]):
        place = found.setdefault(match["mount"], {"device": match["device"]})
        place[match["kind"]] = match["mode"]
    # What it ends with says whether they are on.
    if not found:
        raise CommandError(done["stderr"] or done["stdout"] or f"{device} has no quotas")
    return found


# -- inside ------------------------------------------------------------------------------------------------------------


def _quotas(mount: str, option: str) -> dict[str, Any]:
    kind = "Users" if option == "-u" else "Groups"
    found: dict[str, Any] = {kind: {}}
    for line in _run(["repquota", "-vp", option, _word(mount)]).splitlines():
        if line.startswith("Block grace time"):
            block, _, inode = line.partition(";")
            found["Block Grace Time"] = [block.partition(":")[2].strip()]
            found["Inode Grace Time"] = [inode.partition(":")[2].strip()]
            continue
        match = re.match(r"(\S+)\s+[-+]{2}\s+(.*)$", line)
        if match and len(match[2].split()) == len(_FIELDS):
            found[kind][match[1]] = dict(zip(_FIELDS, match[2].split(), strict=True))
    return found


def _number(limit: Any) -> int:
    try:
        return int(limit)
    except (TypeError, ValueError):
        raise CommandError(f"A limit is a number: {limit!r}") from None


def _run(argv: list[Any]) -> str:
    done = __utils__["tool.run"](argv, ignore_retcode=True)
    if done["retcode"]:
        raise CommandError((done["stderr"] or done["stdout"] or f"{argv[0]}: retcode {done['retcode']}").strip())
    return str(done["stdout"])


def _word(name: Any) -> str:
    text = str(name)
    if not text or text.startswith("-"):
        raise CommandError(f"Invalid name: {name!r}")
    return text
