"""Hashes of files: computed, checked, and read from what sites write into `source_hash`.

Used by `file`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

from trisalt.errors import CommandError, InvocationError

# By the length of the hex digest, the shortest first.
KINDS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
_LENGTHS = {length: kind for kind, length in KINDS.items()}
_TOLD = ", ".join(f"{kind} ({length})" for kind, length in KINDS.items())
PROTOCOLS = ("salt", "file", "http", "https", "ftp", "swift", "s3")


def digest(path: str, kind: str = "sha256", chunk: int = 65536) -> str:
    """The hash of a file. Raises CommandError for a kind that is none."""
    try:
        hasher = hashlib.new(kind)
    except (ValueError, TypeError):
        raise CommandError(f"Invalid hash type: {kind}") from None
    with open(path, "rb") as file:
        while data := file.read(chunk):
            hasher.update(data)
    return hasher.hexdigest()


def kind_of(value: str) -> tuple[str, str]:
    """`sha256=…`, `sha256:…` or a bare digest as its kind and the digest. Raises InvocationError for another."""
    if not isinstance(value, str):
        raise InvocationError("hash must be a string")
    kind, found, hexed = (value.replace(":", "=", 1) if "=" not in value else value).partition("=")
    if found:
        return kind, hexed
    if len(value) not in _LENGTHS:
        raise InvocationError(f"Hash {value} (length: {len(value)}) could not be matched to a supported hash type. "
                              f"The supported hash types and lengths are: {_TOLD}")  # fmt: skip
    return _LENGTHS[len(value)], value


def written(value: object) -> dict[str, str]:
    """A `source_hash` that is a hash. Raises CommandError when it is none, in stock's words."""
    text = value if isinstance(value, str) else ""
    kind, found, hexed = text.partition("=")
    if found:
        if kind not in KINDS:
            raise CommandError(f"Invalid hash type '{kind}'. Supported hash types are: {', '.join(reversed(KINDS))}. "
                               f"Either remove the hash type and simply use '{hexed}' as the source_hash, or change "
                               "the hash type to a supported type.")  # fmt: skip
    else:
        kind, hexed = _LENGTHS.get(len(text), ""), text
    if not kind or len(hexed) != KINDS[kind] or not re.fullmatch("[0-9a-fA-F]+", hexed):
        raise invalid(value)
    return {"hash_type": kind, "hsum": hexed.lower()}


def invalid(value: object) -> CommandError:
    """What is said of a `source_hash` in which there is no hash."""
    return CommandError(
        f"Source hash {value} format is invalid. The supported formats are: 1) a hash, 2) an expression in the format "
        "<hash_type>=<hash>, or 3) either a path to a local file containing hashes, or a URI of a remote hash file. "
        f"Supported protocols for remote hash files are: {', '.join(PROTOCOLS)}. The hash may also not be of a valid "
        f"length, the following are supported hash types and lengths: {_TOLD}."
    )


def is_file(value: str) -> bool:
    """Whether a `source_hash` names a file of hashes."""
    return os.path.isabs(value) or ("://" in value and value.partition("://")[0] in PROTOCOLS)


def find(path: str, kind: str | None, *, name: str = "", source: str = "", told: str | None = None) -> dict[str, str]:
    """The hash that a file of hashes has for a file; empty when there is none of that kind.

    It is looked for under `told`, what the file is called there, else under its name and that of its source; where no
    line names one of them the first hash counts.
    """
    with open(path, encoding="utf-8", errors="replace") as file:
        rows = list(_rows(file, kind if kind in KINDS else None))
    for wanted in [told] if told else [name, unquote(urlsplit(source).path) if "://" in source else source]:
        if not wanted:
            continue
        whole = [row for row in rows if row[2] and f"/{wanted.lstrip('/')}".endswith(f"/{row[2]}")]
        last = [row for row in rows if row[2] and os.path.basename(row[2]) == os.path.basename(wanted)]
        for row in sorted(whole, key=lambda row: -len(row[2])) + last:
            return {"hsum": row[1], "hash_type": row[0]}
    return {"hsum": rows[0][1], "hash_type": rows[0][0]} if rows else {}


def _rows(lines: Iterable[str], kind: str | None) -> Iterator[tuple[str, str, str]]:
    """The kind, the hash and the name of each line that has a hash."""
    for line in lines:
        for match in re.finditer(r"(?<![0-9a-zA-Z])[0-9a-fA-F]{32,128}(?![0-9a-zA-Z])", line):
            found = _LENGTHS.get(len(match[0]))
            if found is None or (kind and found != kind):
                continue
            tagged = re.match(r"\s*\w+ \((.+)\)\s*=\s*$", line[: match.start()])
            name = tagged[1] if tagged else line[match.end() :].strip().lstrip("*")
            yield found, match[0].lower(), name.removeprefix("./").lstrip("/")
            break
