"""rpm's words: how versions are ordered, how architectures belong to names, and what dnf, yum and rpm print.

Used by the files of `pkg` and `lowpkg` where rpm is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# Source: the architectures that rpm knows, rpmrc(5).
ARCHES = {
    "noarch", "x86_64", "amd64", "i386", "i486", "i586", "i686", "athlon", "aarch64", "armv5tel", "armv6hl", "armv7hl",
    "armv7hnl", "armv8hl", "ppc", "ppc64", "ppc64le", "s390", "s390x", "riscv64", "loongarch64", "sparc", "sparc64",
    "ia64", "alpha", "mips", "mipsel", "mips64", "mips64el", "src",
}  # fmt: skip
_32 = {"i386", "i486", "i586", "i686", "athlon", "armv5tel", "armv6hl", "armv7hl", "armv7hnl", "ppc", "s390", "sparc"}
_PART = re.compile(r"[0-9]+|[A-Za-z]+|~|\^")
_FLAGS = {
    "S": "size", "M": "mode", "5": "md5sum", "D": "device major/minor number", "L": "readlink path", "U": "user",
    "G": "group", "T": "mtime", "P": "capabilities",
}  # fmt: skip
_KINDS = {"c": "config", "d": "doc", "g": "ghost", "l": "license", "r": "readme"}
_VERIFIED = re.compile(r"(missing|[.?SM5DLUGTP]{8,9})\s+(?:([cdglr])\s+)?(/.*)")


def told(path: str) -> tuple[str, str]:
    """Name and version of what is in a package file."""
    row = __salt__["lowpkg.bin_pkg_info"](path)
    return row["name"], row["version"]


def order(one: str, two: str) -> int:
    """-1, 0 or 1: how rpm orders two versions, or releases."""
    if one == two:
        return 0
    left, right = _PART.findall(one), _PART.findall(two)
    for mine, theirs in zip(left, right, strict=False):
        if mine == theirs:
            continue
        # `~` comes before the end of a version, `^` behind it and before everything else.
        for mark in "~^":
            if mark in (mine, theirs):
                return -1 if mine == mark else 1
        if mine.isdigit() != theirs.isdigit():
            return 1 if mine.isdigit() else -1
        first, second = (int(mine), int(theirs)) if mine.isdigit() else (mine, theirs)
        if first != second:
            return -1 if first < second else 1  # type: ignore[operator]
    if len(left) == len(right):
        return 0
    longer, sign = (left, 1) if len(left) > len(right) else (right, -1)
    return -sign if longer[min(len(left), len(right))] == "~" else sign


def compare(one: str, two: str, ignore_epoch: bool = False) -> int:
    """-1, 0 or 1 for `epoch:version-release`; a release that one of them lacks is not compared."""
    mine, theirs = split(one), split(two)
    if not ignore_epoch and (found := order(mine[0], theirs[0])):
        return found
    if found := order(mine[1], theirs[1]):
        return found
    return order(mine[2], theirs[2]) if mine[2] and theirs[2] else 0


def split(version: str) -> tuple[str, str, str]:
    """Epoch (`0` where none is named), version and release."""
    epoch, colon, rest = str(version).partition(":")
    if not colon:
        epoch, rest = "0", str(version)
    name, _, release = rest.partition("-")
    return epoch or "0", name, release


def architecture(name: str) -> tuple[str, str | None]:
    """A name in two, if it ends in an architecture."""
    base, _, arch = str(name).rpartition(".")
    return (base, arch) if base and arch in ARCHES else (name, None)


def normal(name: str, own: str) -> str:
    """A name without its architecture, where that is this host's, or any."""
    base, arch = architecture(name)
    return base if arch in (own, "noarch") or (arch in _32 and own in _32) else name


def listed(text: str) -> Iterator[tuple[str, str, str, str]]:
    """What `dnf list` prints: heading, `name.arch`, version, repository. A long name has its rest on the next line."""
    heading, words = "", []
    for line in text.splitlines():
        found = line.split()
        if line[:1].isspace():
            words += found
        else:
            words = found
            if len(found) <= 2 and not (found and architecture(found[0])[1]):
                heading = line.strip()
                continue
        if len(words) == 3 and architecture(words[0])[1]:
            yield heading, words[0], words[1], words[2]
            words = []


def verified(text: str) -> dict[str, dict[str, Any]]:
    """What `rpm -V` prints: what is wrong with each file."""
    found: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        match = _VERIFIED.match(line)
        if match is None:
            continue
        row = found[match[3]] = {}
        if match[1] == "missing":
            row["missing"] = True
        else:
            row["mismatch"] = [_FLAGS[flag] for flag in match[1] if flag in _FLAGS]
        if match[2]:
            row["type"] = _KINDS[match[2]]
    return found
