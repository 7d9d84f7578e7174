"""What somebody outside is to be told of what happens: jobs that fail, minions that are away, keys that wait. Pure.

A `Watch` is fed events, and gives messages when their time has come: what belongs together goes together. Times are
any that go forward.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import attrs

from trisalt.errors import ConfigError

KINDS: Mapping[str, Sequence[str]] = {
    "job_failed": ("salt/job/*/ret/*",),
    "minion_down": ("trisalt/minion/*/absent", "trisalt/minion/*/present"),
    "key_pending": ("salt/auth",),
}
"""What may be told, and the tags that it takes."""
# Returns of one job come one after the other: so long is waited for more that failed.
GATHERED_S = 10.0
# Somebody who knocks again has been told of, for so long.
AGAIN_S = 86_400.0
NAMED, MOST = 20, 10_000
"""So many names stand in a message; of so many minions, jobs and keys something is remembered."""


@attrs.frozen(kw_only=True)
class Target:
    """Where to, and of what. `functions` are globs of jobs; `after` is for how many seconds a minion is away. With
    `private` it may be inside our own networks."""

    name: str
    url: str = attrs.field(repr=False)
    on: frozenset[str] = frozenset(KINDS)
    functions: tuple[str, ...] = ("*",)
    after: float = 60.0
    secret: bytes = attrs.field(default=b"", repr=False)
    private: bool = False

    def tags(self) -> set[str]:
        """The tags that it takes."""
        return {tag for kind in self.on for tag in KINDS[kind]}


@attrs.define
class _Failing:
    """A job of which some failed, until it is told."""

    due: float
    fun: str
    user: str
    ids: list[str] = attrs.field(factory=list)
    count: int = 0


class Watch:
    """What one target is to be told."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._jobs: OrderedDict[str, _Failing] = OrderedDict()
        self._away: OrderedDict[str, float] = OrderedDict()
        self._knocked: OrderedDict[str, float] = OrderedDict()
        self._keys: list[str] = []

    def feed(self, tag: str, data: Any, now: float) -> None:
        """Something has happened."""
        if not isinstance(data, Mapping):
            return
        match tag.split("/"):
            case ["salt", "job", jid, "ret", id] if "job_failed" in self._target.on:
                self._returned(jid, id, data, now)
            case ["trisalt", "minion", id, "absent"] if "minion_down" in self._target.on:
                _bounded(self._away)[id] = now + self._target.after
            case ["trisalt", "minion", id, "present"]:
                self._away.pop(id, None)
            case ["salt", "auth"] if "key_pending" in self._target.on and data.get("act") == "pend":
                self._knock(str(data.get("id")), now)

    def due(self, now: float) -> Iterator[dict[str, Any]]:
        """The messages whose time has come."""
        for jid in [jid for jid, failing in self._jobs.items() if failing.due <= now]:
            one = self._jobs.pop(jid)
            text = f"{one.fun} by {one.user} failed on {_named(one.ids, one.count)} (job {jid})"
            yield _message("job_failed", text, jid=jid, fun=one.fun, user=one.user, minions=one.ids, count=one.count)
        away = [id for id, at in self._away.items() if at <= now]
        for id in away:
            del self._away[id]
        if away:
            some = away[:NAMED]
            yield _message("minion_down", f"Away: {_named(some, len(away))}", minions=some, count=len(away))
        if self._keys:
            some, count = self._keys[:NAMED], len(self._keys)
            self._keys = []
            text = f"Keys wait to be accepted: {_named(some, count)}"
            yield _message("key_pending", text, minions=some, count=count)

    def next(self) -> float:
        """When there may be something to tell; infinity when there is nothing."""
        if self._keys:
            return float("-inf")
        return min((*(each.due for each in self._jobs.values()), *self._away.values()), default=float("inf"))

    def _returned(self, jid: str, id: str, data: Mapping[str, Any], now: float) -> None:
        fun = data.get("fun")
        name = ",".join(map(str, fun)) if isinstance(fun, list) else str(fun)
        if not _failed(data) or not any(fnmatchcase(name, glob) for glob in self._target.functions):
            return
        if jid not in self._jobs:
            _bounded(self._jobs)[jid] = _Failing(now + GATHERED_S, name, str(data.get("user") or "root"))
        failing = self._jobs[jid]
        failing.count += 1
        if len(failing.ids) < NAMED:
            failing.ids.append(id)

    def _knock(self, id: str, now: float) -> None:
        if self._knocked.get(id, float("-inf")) < now:
            self._knocked.pop(id, None)
            _bounded(self._knocked)[id] = now + AGAIN_S
            if len(self._keys) < MOST:
                self._keys.append(id)


def _failed(data: Mapping[str, Any]) -> bool:
    retcode = data.get("retcode")
    codes = retcode.values() if isinstance(retcode, Mapping) else [retcode]
    return data.get("success") is False or any(code not in (0, None, False) for code in codes)


def _bounded(kept: OrderedDict[str, Any]) -> OrderedDict[str, Any]:
    while len(kept) >= MOST:
        kept.popitem(last=False)
    return kept


def _named(ids: Sequence[str], count: int) -> str:
    return ", ".join(ids) + (f" and {count - len(ids)} more" if count > len(ids) else "")


def _message(kind: str, text: str, **facts: Any) -> dict[str, Any]:
    # `text` is what chats show.
    return {"kind": kind, "text": text, **facts}


# -- the configuration -------------------------------------------------------------------------------------------------

_KEYS = frozenset({"url", "url_file", "on", "functions", "after", "secret", "secret_file", "private"})


def read_targets(block: str, value: Any) -> tuple[Target, ...]:
    """All that are configured. Raises ConfigError, in which neither addresses nor secrets stand. Blocking: it reads
    files."""
    if not value:
        return ()
    if find_spec("httpcore") is None:
        raise ConfigError(f"{block}: notifications: httpcore is not there: pip install 'trisalt[notify]'")
    if not isinstance(value, Mapping):
        raise ConfigError(f"{block}: notifications: a map of names is wanted")
    return tuple(_target(f"{block}: notifications: {name}", str(name), row) for name, row in value.items())


def _target(where: str, name: str, row: Any) -> Target:
    if not isinstance(row, Mapping):
        raise ConfigError(f"{where}: a map is wanted, of {', '.join(sorted(_KEYS))}")
    if unknown := [str(key) for key in row if key not in _KEYS]:
        raise ConfigError(f"{where}: {', '.join(unknown)}: there are {', '.join(sorted(_KEYS))}")
    on, functions = row.get("on", list(KINDS)), row.get("functions", ["*"])
    for key, words in (("on", on), ("functions", functions)):
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words) or not words:
            raise ConfigError(f"{where}: {key}: a list is wanted")
    if wrong := set(on) - set(KINDS):
        raise ConfigError(f"{where}: on: {', '.join(sorted(wrong))}: there are {', '.join(KINDS)}")
    after, private = row.get("after", 60), row.get("private", False)
    if isinstance(after, bool) or not isinstance(after, int | float) or not 0 <= after <= 86_400:
        raise ConfigError(f"{where}: after: seconds are wanted, up to a day")
    if not isinstance(private, bool):
        raise ConfigError(f"{where}: private: true or false")
    url = _text(where, row, "url")
    if not _is_address(url, private=private):
        raise ConfigError(f"{where}: url: an address of https is wanted; of http with private: true only")
    secret = _text(where, row, "secret").encode()
    return Target(
        name=name,
        url=url,
        on=frozenset(on),
        functions=tuple(functions),
        after=float(after),
        secret=secret,
        private=private,
    )


def _is_address(url: str, *, private: bool) -> bool:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    fits = parts.scheme == "https" or (parts.scheme == "http" and private)
    return bool(fits and host and port != 0 and parts.username is None and url.isprintable() and " " not in url)


def _text(where: str, row: Mapping[str, Any], key: str) -> str:
    """What stands under a key, or in the file that it names."""
    path = row.get(f"{key}_file")
    if path is None:
        return str(row.get(key) or "")
    try:
        with open(str(path), encoding="utf-8") as file:
            return file.read(4096).strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{where}: {path} cannot be read: {getattr(exc, 'strerror', 'it is no text')}") from exc
