"""Who may ask for what: the one gate that both doors, and whoever publishes for somebody else, go through.

A door says who the caller is (the kernel's word, or a key); this says what the caller may. Names of administrators:
`root`, the account the master runs as (configured, or in fact), and `sudo_<name>`, which a door gives only to
somebody who is root.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Any

# Always allowed to whoever may publish at all: it tells nothing but whether a job runs.
# Source: stock Salt 3008.3, the master's publish.
ALWAYS_PUBLISHED = frozenset({"saltutil.find_job"})


class Acl:
    """What a named user may do. Patterns are globs or regular expressions over the whole name.

    `publisher_acl` is stock's map `{user: [function, …]}`; `publisher_acl_blacklist` its `{users: […], modules: […]}`.
    An entry with a target (`{user: [{target: [function]}]}`) is granted for exactly that target expression.
    """

    def __init__(
        self,
        *,
        master_user: str | None = None,
        publisher_acl: Mapping[str, Any] | None = None,
        publisher_acl_blacklist: Mapping[str, Any] | None = None,
    ) -> None:
        # Who runs the master can read and change all it does, whatever the configuration calls them.
        self._admins = {"root", _account(os.geteuid())} | ({master_user} if master_user else set())
        self.grant(publisher_acl, publisher_acl_blacklist)

    def grant(self, publisher_acl: Mapping[str, Any] | None, publisher_acl_blacklist: Mapping[str, Any] | None) -> None:
        """Take these rules from now on: the configuration may be read again while the master runs."""
        self._grants = dict(publisher_acl or {})
        blacklist = publisher_acl_blacklist or {}
        self._blocked_users = _strings(blacklist.get("users"))
        self._blocked_functions = _strings(blacklist.get("modules"))

    @property
    def open_to_users(self) -> bool:
        """Whether anybody but administrators may ask for anything."""
        return bool(self._grants)

    def is_admin(self, user: str) -> bool:
        """Whether `user` may everything: root, the master's own account, root by way of sudo."""
        return user in self._admins or user.startswith("sudo_")

    def may_publish(
        self, user: str, fun: str | Sequence[str], arg: object, tgt: object, tgt_type: str = "glob"
    ) -> bool:
        """Whether `user` may send this job out. Of a compound job, every function must be allowed."""
        funs = [fun] if isinstance(fun, str) else list(fun)
        if self._blacklisted(user, funs):
            return False
        if self.is_admin(user):
            return True
        rows = [
            entry for pattern, entries in self._grants.items() if _matches(pattern, user) for entry in _list(entries)
        ]
        if not rows:
            return False
        return all(name in ALWAYS_PUBLISHED or _granted(rows, name, tgt, tgt_type) for name in funs)

    def may_resolve(self, user: str) -> bool:
        """Whether `user` may ask which minions a target names: whoever may publish something."""
        return self.may_publish(user, "saltutil.find_job", [], "*")

    def may_run(self, user: str, fun: str) -> bool:
        """Whether `user` may run `fun`, named with its kind: `runner.jobs.active`, `wheel.key.accept`."""
        return self.is_admin(user)

    def may_follow(self, user: str) -> bool:
        """Whether `user` may see the events of everybody, and fire events in the master's name."""
        return self.is_admin(user)

    def _blacklisted(self, user: str, funs: Iterable[str]) -> bool:
        account = user.removeprefix("sudo_")
        if any(_matches(pattern, account) for pattern in self._blocked_users):
            return True
        return any(_matches(pattern, fun) for pattern in self._blocked_functions for fun in funs)


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid_{uid}"


def _granted(rows: Iterable[object], fun: str, tgt: object, tgt_type: str) -> bool:
    for row in rows:
        if isinstance(row, str) and _matches(row, fun):
            return True
        if isinstance(row, Mapping):
            for target, functions in row.items():
                named = tgt_type in ("glob", "compound") and tgt == target
                if named and any(_matches(str(function), fun) for function in _list(functions)):
                    return True
    return False


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _strings(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in _list(value))


def _matches(pattern: str, name: str) -> bool:
    return _matcher(pattern)(name)


@lru_cache(maxsize=512)
def _matcher(pattern: str) -> Any:
    glob = re.compile(translate(pattern)).match
    try:
        regex = re.compile(pattern).fullmatch
    except re.error:
        return lambda name: glob(name) is not None
    return lambda name: glob(name) is not None or regex(name) is not None
