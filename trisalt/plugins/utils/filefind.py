"""Find files by what they are, and tell, run or remove what is found: the options of `file.find`.

An option that says nothing raises Wrong; what `file.find` answers then is its text.
"""

from __future__ import annotations

import fnmatch
import glob
import hashlib
import os
import re
import shlex
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from trisalt.plugins.utils import filesys

_KINDS = {
    "b": stat.S_ISBLK,
    "c": stat.S_ISCHR,
    "d": stat.S_ISDIR,
    "f": stat.S_ISREG,
    "l": stat.S_ISLNK,
    "p": stat.S_ISFIFO,
    "s": stat.S_ISSOCK,
}
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE = re.compile(r"([+-]?)(\d+)([bkmgt]?)", re.IGNORECASE)
_NUMBER = r"(?:(\d+(?:\.\d*)?)\s*{}\s*)?"
_INTERVAL = re.compile(r"\s*([+-]?)\s*" + "".join(_NUMBER.format(unit) for unit in "wdhms"))
_SECONDS = (604800, 86400, 3600, 60, 1)


class Wrong(Exception):
    """An option that cannot be meant so."""


@attrs.frozen
class Entry:
    """One path, and what it is: links as what they lead to, those that lead nowhere as themselves."""

    path: str
    name: str
    info: os.stat_result
    is_link: bool

    @classmethod
    def at(cls, path: str) -> Entry | None:
        """What is at a path; None when it has gone."""
        try:
            own = os.lstat(path)
            is_link = stat.S_ISLNK(own.st_mode)
            return cls(
                path, os.path.basename(path), os.stat(path) if is_link and os.path.exists(path) else own, is_link
            )
        except OSError:
            return None

    def is_of(self, kinds: str) -> bool:
        if self.is_link and "l" in kinds:
            return True
        return any(_KINDS[kind](self.info.st_mode) for kind in kinds)

    def kind(self) -> str:
        return next((kind for kind, test in _KINDS.items() if test(self.info.st_mode)), "?")


Test = Callable[[Entry], bool]
Action = Callable[[Entry], Any]


class Finder:
    """The options, read. Raises Wrong for one that says nothing."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        given = {str(key): value for key, value in options.items()}
        self.mindepth = _depth(given.pop("mindepth", None), "mindepth")
        self.maxdepth = _depth(given.pop("maxdepth", None), "maxdepth")
        tests, actions = [], []
        for name, value in given.items():
            if name not in _TESTS and name not in _ACTIONS:
                raise Wrong(f'invalid option "{name}"')
            if value is None or str(value) == "":
                raise Wrong(f'missing value for "{name}" option')
            if name in _TESTS:
                tests.append((list(_TESTS).index(name), _TESTS[name](_text(value))))
            else:
                actions.append((list(_ACTIONS).index(name), _ACTIONS[name](_text(value))))
        # The cheap ones first, and of the actions the one last after which nothing is there any more.
        self.tests: list[Test] = [test for _place, test in sorted(tests, key=lambda row: row[0])]
        self.actions: list[Action] = [act for _place, act in sorted(actions, key=lambda row: row[0])] or [_path]

    def find(self, path: str) -> list[Any]:
        """What the actions make of all that is found below a path, or below each that a glob names; sorted."""
        found: list[Any] = []
        for top in sorted(glob.glob(path)) if glob.has_magic(path) else [path]:
            for entry in self._entries(top, 0):
                found += [answer for act in self.actions if (answer := act(entry)) is not None]
        return sorted(
            found, key=lambda answer: (isinstance(answer, list), answer if isinstance(answer, list) else str(answer))
        )

    def _entries(self, path: str, depth: int) -> Iterator[Entry]:
        entry = Entry.at(path)
        if entry is None:
            return
        if (self.mindepth is None or depth >= self.mindepth) and all(test(entry) for test in self.tests):
            yield entry
        # Links below are found, not followed; the path itself may be one.
        if self.maxdepth is not None and depth >= self.maxdepth:
            return
        if (entry.is_link and depth) or not os.path.isdir(path):
            return
        try:
            names = sorted(os.listdir(path))
        except OSError:
            return
        for name in names:
            yield from self._entries(os.path.join(path, name), depth + 1)


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _depth(value: Any, name: str) -> int | None:
    if value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError):
        raise Wrong(f'invalid {name}: "{value}"') from None


# -- tests ------------------------------------------------------------------------------------------------------------


def _named(value: str) -> Test:
    return lambda entry: fnmatch.fnmatchcase(entry.name, value)


def _named_in_any_case(value: str) -> Test:
    return lambda entry: fnmatch.fnmatchcase(entry.name.lower(), value.lower())


def _regex(flags: int) -> Callable[[str], Test]:
    def matching(value: str) -> Test:
        pattern = _pattern(value, flags)
        return lambda entry: pattern.match(entry.name) is not None

    return matching


def _pattern(value: str, flags: int = 0) -> re.Pattern[str]:
    try:
        return re.compile(value, flags)
    except re.error:
        raise Wrong(f'invalid regular expression: "{value}"') from None


def _kinds(value: str) -> str:
    letters = value.replace(",", "").replace(" ", "")
    for letter in letters:
        if letter not in _KINDS:
            raise Wrong(f'invalid file type "{letter}"')
    return letters


def _of_type(value: str) -> Test:
    kinds = _kinds(value)
    return lambda entry: entry.is_of(kinds)


def _owned(value: str) -> Test:
    numbers = {_number(filesys.uid_of, name, "user") for name in _words(value)}
    return lambda entry: entry.info.st_uid in numbers


def _of_group(value: str) -> Test:
    numbers = {_number(filesys.gid_of, name, "group") for name in _words(value)}
    return lambda entry: entry.info.st_gid in numbers


def _words(value: str) -> list[str]:
    return value.replace(",", " ").split()


def _number(known: Callable[[object], int | str], name: str, what: str) -> int:
    found = int(name) if name.isdigit() else known(name)
    if not isinstance(found, int):
        raise Wrong(f'no such {what} "{name}"')
    return found


def _sized(value: str) -> Test:
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise Wrong(f'invalid size: "{value}"')
    size = int(match[2]) * _UNITS[match[3].lower()]
    if match[1] == "+":
        return lambda entry: entry.info.st_size >= size
    if match[1] == "-":
        return lambda entry: entry.info.st_size <= size
    return lambda entry: entry.info.st_size == size


def _changed(value: str) -> Test:
    match = _INTERVAL.fullmatch(value)
    if match is None or not any(match.groups()[1:]):
        raise Wrong(f"invalid time interval: '{value}'")
    seconds = sum(float(number) * unit for number, unit in zip(match.groups()[1:], _SECONDS, strict=True) if number)
    limit = time.time() - seconds
    if match[1] == "-":
        return lambda entry: entry.info.st_mtime >= limit
    return lambda entry: entry.info.st_mtime <= limit


def _holding(value: str) -> Test:
    pattern = _pattern(value)

    def holds(entry: Entry) -> bool:
        if not stat.S_ISREG(entry.info.st_mode):
            return False
        try:
            with open(entry.path, encoding="utf-8", errors="replace") as file:
                return any(pattern.search(line) for line in file)
        except OSError:
            return False

    return holds


_TESTS: dict[str, Callable[[str], Test]] = {
    "name": _named,
    "iname": _named_in_any_case,
    "regex": _regex(0),
    "iregex": _regex(re.IGNORECASE),
    "type": _of_type,
    "owner": _owned,
    "group": _of_group,
    "size": _sized,
    "mtime": _changed,
    "grep": _holding,
}


# -- actions ----------------------------------------------------------------------------------------------------------


def _path(entry: Entry) -> str:
    return entry.path


def _md5(entry: Entry) -> str:
    if not stat.S_ISREG(entry.info.st_mode):
        return ""
    with open(entry.path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


_FIELDS: dict[str, Callable[[Entry], Any]] = {
    "group": lambda entry: filesys.group_name(entry.info.st_gid),
    "md5": _md5,
    "mode": lambda entry: stat.S_IMODE(entry.info.st_mode),
    "mtime": lambda entry: int(entry.info.st_mtime),
    "name": lambda entry: entry.name,
    "path": _path,
    "size": lambda entry: entry.info.st_size,
    "type": Entry.kind,
    "user": lambda entry: filesys.user_name(entry.info.st_uid),
}


def _printing(value: str) -> Action:
    fields = _words(value)
    for field in fields:
        if field not in _FIELDS:
            raise Wrong(f'invalid print field "{field}"')
    if len(fields) == 1:
        return _FIELDS[fields[0]]
    return lambda entry: [_FIELDS[field](entry) for field in fields]


def _executing(value: str) -> Action:
    try:
        words = shlex.split(value)
    except ValueError as exc:
        raise Wrong(f'invalid command "{value}": {exc}') from None

    def execute(entry: Entry) -> str:
        # Each word is one argument, whatever the name holds.
        argv = [word.replace("{}", entry.path) for word in words]
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        except (OSError, ValueError):
            return f"{entry.path}: Failed"
        out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        return f"{value.replace('{}', entry.path)}:\n{out}\n{err}"

    return execute


def _deleting(value: str) -> Action:
    kinds = _kinds(value)

    def delete(entry: Entry) -> str | None:
        # A link goes itself; one to a directory is no directory.
        is_meant = entry.is_of(kinds) and not (entry.is_link and "l" not in kinds and stat.S_ISDIR(entry.info.st_mode))
        return entry.path if is_meant and filesys.remove(os.path.normpath(entry.path)) else None

    return delete


_ACTIONS: dict[str, Callable[[str], Action]] = {"print": _printing, "exec": _executing, "delete": _deleting}
