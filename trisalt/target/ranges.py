"""Range targets, as far as they need no server: `web01..12`, `db1..3.example.com`, `web1..9,-web5`, `web1..9,&web3..5`.

A range counts in the number that ends its first part; leading zeros are kept. Expressions are read from the left:
`,` adds, `,-` takes away, `,&` keeps what both name. Groups (`%web`, `@web`, `*web`) are what a range server knows.
"""

from __future__ import annotations

import re

from trisalt.errors import TargetError

# More than anybody has, and not yet a burden.
MOST = 100_000

_RANGE = re.compile(r"(?P<prefix>.*?)(?P<first>\d+)\.\.(?P<repeated>\D*?)(?P<last>\d+)(?P<suffix>.*)", re.DOTALL)


def expand(expression: str) -> list[str]:
    """The names of a range expression, in order. Raises TargetError."""
    names: dict[str, None] = {}
    counted = 0
    for number, part in enumerate(expression.split(",")):
        sign = part[:1] if number and part[:1] in ("-", "&") else ""
        found = dict.fromkeys(_names(part[len(sign) :].strip(), expression))
        if sign == "-":
            names = {name: None for name in names if name not in found}
        elif sign == "&":
            names = {name: None for name in names if name in found}
        else:
            names |= found
        counted += len(found)
        if counted > MOST:
            raise TargetError(f"the range {expression!r} names more than {MOST} minions")
    return list(names)


def _names(part: str, expression: str) -> list[str]:
    if not part:
        raise TargetError(f"the range {expression!r} has an empty part")
    if any(sign in part for sign in "%@*?{}()[]/:;|^$ "):
        raise TargetError(f"the range {part!r} needs a range server, and there is none")
    if ".." not in part:
        return [part]
    found = _RANGE.fullmatch(part)
    if found is None or ".." in found["suffix"] or found["repeated"] not in ("", found["prefix"]):
        raise TargetError(f"{part!r} is no range: it should look like web01..12")
    first, last = int(found["first"]), int(found["last"])
    if last < first or last - first >= MOST:
        raise TargetError(f"the range {part!r} goes backwards, or too far")
    # As wide as its first number is written; only a leading zero says that this is meant.
    width = len(found["first"]) if found["first"].startswith("0") else 0
    return [f"{found['prefix']}{number:0{width}}{found['suffix']}" for number in range(first, last + 1)]
