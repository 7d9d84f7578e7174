"""Users of RabbitMQ.

rabbit_user:
  rabbitmq_user.present:
    - password: password
    - tags: [monitoring]
    - perms:
      - '/': ['.*', '.*', '.*']
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned

_PATTERNS = ("configure", "write", "read")


def __virtual__() -> Any:
    if "rabbitmq.list_users" in __salt__:
        return True
    return False, "rabbitmq module could not be loaded"


def present(
    name: str,
    password: str | None = None,
    force: bool = False,
    tags: Any = None,
    perms: Any = (),
    runas: str | None = None,
) -> dict[str, Any]:
    """
    There is a user, with these `tags` and these permissions: for virtual hosts three patterns each, of what they may
    configure, write and read. Their password is `password`; with `force` and without one they have none.
    """
    wanted: dict[str, dict[str, str]] = {}
    for vhosts in as_list(perms):
        for vhost, patterns in vhosts.items():
            if not isinstance(patterns, list | tuple) or len(patterns) != len(_PATTERNS):
                return returned(name, False, f"The permissions for {vhost} are three patterns: {', '.join(_PATTERNS)}")
            wanted[vhost] = dict(zip(_PATTERNS, map(str, patterns), strict=True))
    done: dict[str, Any] = {}
    try:
        users = __salt__["rabbitmq.list_users"](runas=runas)
        fresh = name not in users
        changes = _differences(name, users, password, force, tags, wanted, runas)
        if not changes:
            more = force or tags or wanted
            text = f"'{name}' is already in the desired state." if more else f"User '{name}' is already present."
            return returned(name, True, text)
        if __opts__["test"]:
            text = f"User '{name}' is set to be created." if fresh else f"Configuration for '{name}' will change."
            return returned(name, None, text, changes)
        for what in changes:
            _change(what, name, password, tags, wanted, changes, runas)
            done[what] = changes[what]
    except TrisaltError as exc:
        return returned(name, False, f"Error: {exc}", done)
    return returned(name, True, f"'{name}' was configured.", changes)


def absent(name: str, runas: str | None = None) -> dict[str, Any]:
    """
    There is no user of this name.
    """
    try:
        if not __salt__["rabbitmq.user_exists"](name, runas=runas):
            return returned(name, True, f"The user '{name}' is not present.")
        changes = {"name": {"old": name, "new": ""}}
        if __opts__["test"]:
            return returned(name, None, f"The user '{name}' will be removed.", changes)
        __salt__["rabbitmq.delete_user"](name, runas=runas)
    except TrisaltError as exc:
        return returned(name, False, f"Error: {exc}")
    return returned(name, True, f"The user '{name}' was removed.", changes)


# -- inside ------------------------------------------------------------------------------------------------------------


def _differences(
    name: str,
    users: dict[str, list[str]],
    password: str | None,
    force: bool,
    tags: Any,
    wanted: dict[str, dict[str, str]],
    runas: str | None,
) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    fresh = name not in users
    if fresh:
        changes["user"] = {"old": "", "new": name}
    elif force and password is None:
        changes["password"] = {"old": "Removed password.", "new": ""}
    elif password is not None and not __salt__["rabbitmq.check_password"](name, password, runas=runas):
        changes["password"] = {"old": "", "new": "Set password."}
    now = users.get(name, [""])
    asked = [str(tag) for tag in as_list(tags)]
    if tags is not None and sorted(asked or [""]) != sorted(now):
        changes["tags"] = {"old": now, "new": asked}
    given = {} if fresh or not wanted else __salt__["rabbitmq.list_user_permissions"](name, runas=runas)
    other = {vhost: patterns for vhost, patterns in wanted.items() if given.get(vhost) != patterns}
    if other:
        old = {vhost: given[vhost] for vhost in other if vhost in given}
        changes["perms"] = {**({"old": old} if old else {}), "new": other}
    return changes


def _change(
    what: str,
    name: str,
    password: str | None,
    tags: Any,
    wanted: dict[str, dict[str, str]],
    changes: dict[str, Any],
    runas: str | None,
) -> None:
    if what == "user":
        __salt__["rabbitmq.add_user"](name, password, runas=runas)
    elif what == "password" and password is None:
        __salt__["rabbitmq.clear_password"](name, runas=runas)
    elif what == "password":
        __salt__["rabbitmq.change_password"](name, password, runas=runas)
    elif what == "tags":
        __salt__["rabbitmq.set_user_tags"](name, as_list(tags), runas=runas)
    else:
        for vhost in changes["perms"]["new"]:
            patterns = [wanted[vhost][pattern] for pattern in _PATTERNS]
            __salt__["rabbitmq.set_permissions"](vhost, name, *patterns, runas=runas)
