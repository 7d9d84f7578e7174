"""Advisories: a file in which an operator writes down what is wrong with which versions, held against what is known of
the minions. `console_advisories` names it; YAML, and so JSON too:

    - id: openssl-2026-02
      text: openssl before 3.0.17 can be made to read past its buffer
      severity: error                      # error, warning (the default) or info
      reference: https://example.org/openssl-2026-02
      packages: {openssl: '< 3.0.17-1', libssl3: '< 3.0.17-1'}   # any of these
      grains: {os: Debian, osrelease: '12*'}                     # all of these
      version: '< 3008.3'                                        # of the minion's Salt

Of packages the master knows what minions put into their mine (`mine_functions: {pkg.list_pkgs: []}`); none is asked.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from itertools import zip_longest
from typing import Any

import attrs
import trio
import yaml

from trisalt.master.mine import BANK, unwrapped
from trisalt.master.sight import ASKS_GRAINS, Sight
from trisalt.master.views.desk import Desk
from trisalt.master.views.issue import SEVERITIES, Issue, named
from trisalt.store.store import Table
from trisalt.target.data import traverse

MOST_BYTES = 1024 * 1024
MOST = 1000
GOOD_FOR_S = 30.0
PACKAGES = "pkg.list_pkgs"
_KEYS = frozenset({"id", "text", "severity", "reference", "packages", "grains", "version"})
_CONDITION = re.compile(r"\s*(<=|>=|==|=|!=|<|>)?\s*(\S+)\s*")
_PIECE = re.compile(r"([^0-9]*)([0-9]*)")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BadAdvisory(ValueError):
    """What is wrong with the file."""


@attrs.frozen(kw_only=True)
class Advisory:
    """One entry. Of `packages` any may fit, of `grains` all do; what is empty asks nothing."""

    id: str
    text: str
    severity: str
    reference: str | None
    packages: Mapping[str, Sequence[tuple[str, str]]]
    grains: Mapping[str, str]
    version: Sequence[tuple[str, str]]

    def fits(self, grains: Mapping[str, Any], packages: Mapping[str, Any]) -> bool:
        """Whether it is about a minion with these grains and packages."""
        for name, glob in self.grains.items():
            value = traverse(grains, name)
            values = value if isinstance(value, list) else [value]
            if not any(not isinstance(each, Mapping) and fnmatchcase(str(each), glob) for each in values):
                return False
        if self.version and not holds(self.version, str(grains.get("saltversion") or "")):
            return False
        if not self.packages:
            return True
        return any(
            holds(conditions, each)
            for name, conditions in self.packages.items()
            for each in _versions(packages.get(name))
        )


async def advisories(desk: Desk, sight: Sight, ids: Sequence[str]) -> AsyncIterator[Issue]:
    """One issue for each advisory that fits any minion that may be seen; and one for a file that is none, for who runs
    the master."""
    path = desk.opts.get("console_advisories")
    if not isinstance(path, str) or not path:
        return
    try:
        found: dict[Advisory, list[str]] = await desk.remember("advisories", GOOD_FOR_S, partial(_find, desk, path))
    except (OSError, BadAdvisory) as exc:
        if sight.admin or "audit" in desk.acl.rooms(sight.caller):
            reason = exc.strerror if isinstance(exc, OSError) else exc
            yield Issue(kind="advisories", severity="warning", text=f"{path}: {reason}", link="/app/admin")
        return
    seen = {id for id in ids if sight.may_ask(ASKS_GRAINS, id)}
    for advisory, minions in found.items():
        if there := [id for id in minions if id in seen]:
            yield Issue(
                kind="advisory",
                severity=advisory.severity,
                text=f"{advisory.id}: {advisory.text}: {named(there)}",
                link=f"/app/minions/{there[0]}" if len(there) == 1 else "/app/minions",
                reference=advisory.reference,
            )


async def _find(desk: Desk, path: str) -> dict[Advisory, list[str]]:
    read = await trio.to_thread.run_sync(read_file, path)
    ids = sorted(desk.minions.accepted())

    def match(grains: Table, mines: Table) -> dict[Advisory, list[str]]:
        found: dict[Advisory, list[str]] = {advisory: [] for advisory in read}
        for id in ids:
            known, packages = grains.get(id), mines.get(id)
            packages = {} if packages is None else unwrapped(packages.get(PACKAGES))
            for advisory in read:
                if advisory.fits({} if known is None else known, packages if isinstance(packages, Mapping) else {}):
                    found[advisory].append(id)
        return found

    return await desk.store.banks.look(["grains", BANK], match)


def _versions(value: Any) -> list[str]:
    """Of a package that is there several times, all versions."""
    if isinstance(value, str):
        return value.split(",")
    return [str(each.get("version") if isinstance(each, Mapping) else each) for each in value or ()]


# -- the file ----------------------------------------------------------------------------------------------------------


def read_file(path: str) -> list[Advisory]:
    """All of them. Raises OSError, and BadAdvisory for what is none. Blocking."""
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        raw = file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise BadAdvisory(f"it is larger than {MOST_BYTES} bytes")
    try:
        value = yaml.load(raw, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        line = getattr(getattr(exc, "problem_mark", None), "line", None)
        raise BadAdvisory("it is no YAML" + ("" if line is None else f": line {line + 1}")) from None
    if isinstance(value, Mapping):
        value = value.get("advisories")
    if not isinstance(value, list) or len(value) > MOST:
        raise BadAdvisory(f"it is a list of at most {MOST} maps, or has one under advisories")
    return [_advisory(number, row) for number, row in enumerate(value, 1)]


def _advisory(number: int, row: Any) -> Advisory:
    def wrong(text: str) -> BadAdvisory:
        return BadAdvisory(f"advisory {number}: {text}")

    if not isinstance(row, Mapping) or not isinstance(row.get("id"), str) or not isinstance(row.get("text"), str):
        raise wrong("a map with an id and a text is wanted")
    if unknown := sorted(str(key) for key in row if key not in _KEYS):
        raise wrong(f"{', '.join(unknown)} means nothing")
    if (severity := row.get("severity", "warning")) not in SEVERITIES:
        raise wrong(f"severity is one of {', '.join(SEVERITIES)}")
    reference = row.get("reference")
    if reference is not None and not (isinstance(reference, str) and reference.startswith(("https://", "http://"))):
        raise wrong("reference is an address of http or https")
    packages, grains = row.get("packages") or {}, row.get("grains") or {}
    if not isinstance(packages, Mapping) or not isinstance(grains, Mapping):
        raise wrong("packages and grains are maps")
    if not (packages or grains or row.get("version")):
        raise wrong("it says of nothing what it is about")
    try:
        return Advisory(
            id=row["id"],
            text=row["text"],
            severity=severity,
            reference=reference,
            packages=_Hashed({str(name): conditions(text) for name, text in packages.items()}),
            grains=_Hashed({str(name): str(glob) for name, glob in grains.items()}),
            version=conditions(row.get("version")),
        )
    except BadAdvisory as exc:
        raise wrong(str(exc)) from None


class _Hashed(dict[str, Any]):
    """A map that is not changed any more."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(json.dumps(self, sort_keys=True))


# -- versions ----------------------------------------------------------------------------------------------------------


def conditions(text: Any) -> tuple[tuple[str, str], ...]:
    """`>= 3.0, < 3.0.17-1`, as what has to hold together; without a sign it is that version."""
    if text in (None, "", "*"):
        return ()
    found = []
    for part in str(text).split(","):
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise BadAdvisory(f"{part.strip()!r} is no condition on a version")
        found.append((match[1] or "=", match[2]))
    return tuple(found)


def holds(wanted: Sequence[tuple[str, str]], version: str) -> bool:
    """Whether a version is one of those that are wanted; none at all is not."""
    if not version:
        return False
    for sign, bound in wanted:
        order = compare(version, bound)
        good = {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0, "!=": order != 0}
        if not good.get(sign, order == 0):
            return False
    return True


def compare(one: str, other: str) -> int:
    """-1, 0 or 1, as Debian orders versions: `epoch:version-revision`, a tilde before the end, letters before the rest.
    Those of rpm and of Salt have the same order by it, as far as people write them."""
    for a, b in zip(_parts(one), _parts(other), strict=True):
        if order := _compare_part(a, b):
            return order
    return 0


def _parts(version: str) -> tuple[str, str, str]:
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    return epoch, upstream if dash else rest, revision if dash else "0"


def _compare_part(one: str, other: str) -> int:
    pairs = zip_longest(_PIECE.findall(one), _PIECE.findall(other), fillvalue=("", ""))
    for (words, digits), (others, other_digits) in pairs:
        for a, b in zip_longest(map(_rank, words), map(_rank, others), fillvalue=0):
            if a != b:
                return 1 if a > b else -1
        a, b = int(digits or 0), int(other_digits or 0)
        if a != b:
            return 1 if a > b else -1
    return 0


def _rank(letter: str) -> int:
    """Of one character that is no digit: the end of a version is 0."""
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256
