"""Disks on an ATA bus: what hdparm and smartctl say of them, and the area that a disk hides."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from typing import Any

from trisalt.errors import CommandError, InvocationError

__virtualname__ = "disk"

# Letters of hdparm that ask and do not set, as long as no number follows them. Source: hdparm(8).
_ASKING = frozenset("aAbBcCdgHiIJkMmNnQrRuW")
_IN_BRACKETS = re.compile(r"(.+?)\s+\((.+)\)")
_NUMBERS = ("value", "worst", "thresh", "raw_value")


def __virtual__() -> str:
    return __virtualname__


def hdparms(disks: Any, args: str = "aAbBcCdgHiJkMmNnQrRuW") -> dict[str, Any]:
    """
    What hdparm says of one disk or of several; `args` are its letters that ask, and none that set.

    CLI Example:

        salt '*' disk.hdparms /dev/sda
        salt '*' disk.hdparms '[/dev/sda, /dev/sdb]' aAN
    """
    letters = "".join(args) if isinstance(args, list | tuple) else str(args)
    if not letters or not set(letters) <= _ASKING:
        raise InvocationError(f"{letters!r} are not letters of hdparm that ask")
    return {disk: _parameters(_hdparm([f"-{letters}"], disk)) for disk in _devices(disks)}


def hpa(disks: Any, size: Any = None) -> dict[str, Any] | None:
    """
    How many sectors of a disk are hidden in its host protected area, or hide the last `size` of them: a number, or
    a share like `5%`. What lies in the sectors that are hidden cannot be reached then.

    CLI Example:

        salt '*' disk.hpa /dev/sda
        salt '*' disk.hpa /dev/sda 5%
    """
    found = {disk: _protected(disk) for disk in _devices(disks)}
    if size is None:
        return found
    for disk, sectors in found.items():
        total = sectors.get("total")
        if total is None:
            raise CommandError(f"{disk} does not say how many sectors it has")
        visible = total - _sectors(size, total)
        _hdparm(["--yes-i-know-what-i-am-doing", f"-Np{visible}"], disk)
    return None


def smart_attributes(dev: str, attributes: Any = None, values: Any = None) -> dict[int, Any]:
    """
    The SMART attributes of a disk, by number: all, or `attributes` (numbers); of each all fields, or `values` (names).

    CLI Example:

        salt '*' disk.smart_attributes /dev/sda
        salt '*' disk.smart_attributes /dev/sda attributes='[5, 197]' values='[raw_value]'
    """
    if shutil.which("smartctl") is None:
        raise CommandError("smartctl is not installed")
    wanted = None if attributes is None else {int(number) for number in _several(attributes)}
    fields = None if values is None else {str(name) for name in _several(values)}
    found: dict[int, Any] = {}
    names: list[str] = []
    for line in __utils__["tool.run"](["smartctl", "--attributes", _device(dev)], ignore_retcode=True)[
        "stdout"
    ].splitlines():
        words = line.split(maxsplit=9)
        if words[:1] == ["ID#"]:
            names = [word.lower() for word in words[1:]]
        elif names and len(words) == 10 and words[0].isdigit():
            row = {
                name: _number(word) if name in _NUMBERS else word for name, word in zip(names, words[1:], strict=True)
            }
            number = int(words[0])
            if wanted is None or number in wanted:
                found[number] = {name: value for name, value in row.items() if fields is None or name in fields}
    return found


# -- hdparm ----------------------------------------------------------------------------------------------------------


def _hdparm(argv: Sequence[str], disk: str) -> str:
    if shutil.which("hdparm") is None:
        raise CommandError("hdparm is not installed")
    done = __utils__["tool.run"](["hdparm", *argv, disk])
    if done["retcode"]:
        # What it could not ask is missing in its answer, or said there.
        __context__["retcode"] = done["retcode"]
    return str(done["stdout"])


def _parameters(text: str) -> dict[str, Any]:
    """`name: value` and `name = value`, by name. Several values are a list, in which those that have names are last."""
    found = {}
    for line in text.splitlines():
        name, mark, value = line.partition(":" if ":" in line else "=")
        if mark and value.strip():
            found[name.strip().removesuffix(" is").lower().replace(" ", "_")] = _value(value.strip())
    return found


def _value(text: str) -> Any:
    bracketed = _IN_BRACKETS.fullmatch(text)
    parts = list(bracketed.groups()) if bracketed else [part.strip() for part in re.split("[/,]", text)]
    named = dict(map(str.strip, part.split("=", 1)) for part in parts if "=" in part)
    values = [_number(part) for part in parts if "=" not in part]
    if named:
        return [*values, named] if values else named
    return values if len(values) > 1 else values[0]


def _protected(disk: str) -> dict[str, int]:
    """`{"total": sectors}`, and how many are `visible` and `hidden` where it is not all."""
    sectors = _parameters(_hdparm(["-N"], disk)).get("max_sectors")
    numbers = [number for number in sectors if isinstance(number, int)] if isinstance(sectors, list) else []
    if len(numbers) < 2:
        return {}
    visible, total = numbers[:2]
    if visible == total:
        return {"total": total}
    return {"visible": visible, "total": total, "hidden": total - visible}


def _sectors(size: Any, total: int) -> int:
    text = str(size)
    try:
        hidden = total * float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise InvocationError(f"{size!r} is neither a number of sectors nor a share like 5%") from None
    if not 0 <= hidden < total:
        raise InvocationError(f"{size} of {total} sectors cannot be hidden")
    return int(hidden)


# -- both ------------------------------------------------------------------------------------------------------------


def _several(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [part for part in str(given).split(",") if part]


def _devices(disks: Any) -> list[str]:
    return [_device(disk) for disk in (disks if isinstance(disks, list | tuple) else [disks])]


def _device(name: Any) -> str:
    """`sda` is `/dev/sda`; what is no path could be a switch."""
    text = str(name).strip()
    if text.startswith("-"):
        raise InvocationError(f"{text!r} is not the name of a disk")
    return text if text.startswith("/") else f"/dev/{text}"


def _number(word: str) -> Any:
    return int(word) if word.isdigit() else word
