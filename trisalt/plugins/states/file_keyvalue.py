"""Keys and their values in text files.

/etc/default/app:
  file.keyvalue:
    - key_values:
        PORT: '8080'
        USER: app
    - append_if_not_found: True
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import attrs

from trisalt.fileserver.replace import replacing
from trisalt.state.result import Result, returned

__virtualname__ = "file"


def __virtual__() -> str:
    return __virtualname__


def keyvalue(
    name: str,
    key: Any = None,
    value: Any = None,
    key_values: Any = None,
    separator: str = "=",
    append_if_not_found: bool = False,
    prepend_if_not_found: bool = False,
    search_only: bool = False,
    show_changes: bool = True,
    ignore_if_missing: bool = False,
    count: int = 1,
    uncomment: str | None = None,
    key_ignore_case: bool = False,
    value_ignore_case: bool = False,
    create_if_missing: bool = False,
    prune: bool = False,
) -> Result:
    """
    A key has a value in a file of lines `key<separator>value`, or each of `key_values`. `uncomment` are characters
    that may stand before a key and go when it is set; `count` is how many lines of one key are set (-1: all); a key
    that is not there is added with `append_if_not_found` or `prepend_if_not_found`; with `prune` keys that are not
    named go.
    """
    if not name:
        return returned(name, False, "Must provide name to file.keyvalue")
    name = os.path.expanduser(name)
    if key is not None and value is not None:
        if isinstance(key_values, Mapping):
            return returned(name, False, "file.keyvalue can not combine key_values with key and value")
        key_values = {str(key): value}
    if not isinstance(key_values, Mapping) or not key_values:
        wrong = "is not a dictionary" if key_values is not None and not isinstance(key_values, Mapping) else "is empty"
        return returned(name, False, f"file.keyvalue key and value not supplied and key_values {wrong}")
    if not os.path.isabs(name):
        return returned(name, False, f"Specified file {name} is not an absolute path")
    there = os.path.isfile(name)
    if not there and not create_if_missing:
        return returned(name, bool(ignore_if_missing), f"unable to open {name}")
    lines: list[str] = []
    if there:
        with open(name, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.readlines()
    edit = _Edit(
        pairs={str(word): wanted for word, wanted in key_values.items()}, separator=separator, count=count,
        uncomment=uncomment, key_case=not key_ignore_case, value_case=not value_ignore_case, prune=prune,
        search_only=search_only,
    )  # fmt: skip
    edit.go(lines)
    if append_if_not_found or prepend_if_not_found:
        edit.add(prepend=prepend_if_not_found)
    if not edit.changed and not edit.deleted:
        return returned(name, True)
    diff = edit.diff if show_changes else []
    if __opts__["test"]:
        text = f"File {name} is set to be changed ({edit.changed} lines modified, {edit.deleted} deleted)"
        if show_changes:
            text += "\nPredicted diff:\n" + "".join(f"\r\t\t{line}\n" for line in diff)
        return returned(name, None, text, {"diff": "".join(f"{line}\n" for line in diff)} if show_changes else {})
    if search_only:
        return returned(name, True)
    with replacing(name) as file:
        file.write("".join(edit.lines).encode("utf-8", "surrogateescape"))
    changes = {"diff": "".join(f"{line}\n" for line in diff)} if show_changes else {"diff": "<show_changes=False>"}
    return returned(name, True, f"Changed {edit.changed}, deleted {edit.deleted} lines", changes)


@attrs.define
class _Edit:
    """A file's lines as they are to be, and what differs."""

    pairs: dict[str, Any]
    separator: str
    count: int
    uncomment: str | None
    key_case: bool
    value_case: bool
    prune: bool
    search_only: bool
    lines: list[str] = attrs.field(factory=list)
    diff: list[str] = attrs.field(factory=list)
    changed: int = 0
    deleted: int = 0
    _seen: dict[str, int] = attrs.field(factory=dict)

    def go(self, lines: list[str]) -> None:
        """Take the lines in, each as it is to be."""
        for line in lines:
            kept = self._line(line)
            if kept is not None:
                self.lines.append(kept)

    def _line(self, line: str) -> str | None:
        bare = line.rstrip("\n")
        body, was_comment = self._uncommented(bare)
        word, mark, have = self._split(body)
        if not mark:
            return line
        named = self._named(word)
        if named is None:
            if self.prune and not was_comment:
                self.deleted += 1
                self.diff.append(f"- {bare}")
                return None
            return line
        seen = self._seen.get(named, 0)
        if 0 <= self.count <= seen:
            return line
        self._seen[named] = seen + 1
        wanted = str(self.pairs[named])
        if not was_comment and self._is(have.strip(), wanted):
            return line
        # What stood around the separator and before the key stays.
        lead = body[: len(body) - len(body.lstrip())]
        blank = have[: len(have) - len(have.lstrip())] if have.strip() else ""
        new = f"{lead}{word.strip()}{word[len(word.rstrip()) :]}{mark}{blank}{wanted}"
        self.changed += 1
        self.diff += [f"- {bare}", f"+ {new}{_kind(self.pairs[named])}"]
        return f"{new}\n"

    def add(self, *, prepend: bool) -> None:
        """The keys that were found nowhere, at the end or at the beginning."""
        missing = {
            word: f"{word}{self.separator}{value}" for word, value in self.pairs.items() if not self._seen.get(word)
        }
        if not missing:
            return
        self.changed += len(missing)
        told = [f"+ {line}{_kind(self.pairs[word])}" for word, line in missing.items()]
        self.diff += ["  <SOF>", *told] if prepend else ["- <EOF>", *told, "+ <EOF>"]
        if prepend:
            self.lines[:0] = [f"{line}\n" for line in missing.values()]
            return
        if self.lines and not self.lines[-1].endswith("\n"):
            self.lines[-1] += "\n"
        self.lines += [f"{line}\n" for line in missing.values()]

    def _uncommented(self, line: str) -> tuple[str, bool]:
        if not self.uncomment:
            return line, False
        body = line.lstrip(self.uncomment)
        return body, body != line

    def _split(self, line: str) -> tuple[str, str, str]:
        if self.separator.strip():
            return line.partition(self.separator)
        # A blank separates: however many there are.
        match = re.match(r"(\s*\S+)(\s+)(.*)$", line)
        return (match[1], match[2], match[3]) if match else (line, "", "")

    def _named(self, word: str) -> str | None:
        bare = word.strip()
        for named in self.pairs:
            if bare == named or (not self.key_case and bare.lower() == named.lower()):
                return named
        return None

    def _is(self, have: str, wanted: str) -> bool:
        return have == wanted or (not self.value_case and have.lower() == wanted.lower())


def _kind(value: Any) -> str:
    """What is told of a value that is no text: YAML may have read it as something else."""
    return "" if isinstance(value, str) else f" (from {type(value).__name__} type)"
