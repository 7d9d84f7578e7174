"""Users of web servers, in files that htpasswd keeps.

joe:
  htpasswd.user_exists:
    - password: secret
    - htpasswd_file: /etc/nginx/htpasswd
    - options: B
    - update: True
"""

from __future__ import annotations

from typing import Any

from trisalt.state.result import returned


def __virtual__() -> Any:
    if "webutil.useradd" in __salt__:
        return "htpasswd"
    return False, "webutil module could not be loaded"


def user_exists(
    name: str,
    password: Any = None,
    htpasswd_file: str | None = None,
    options: str = "",
    force: bool = False,
    runas: str | None = None,
    update: bool = False,
    **_kwargs: Any,
) -> dict[str, Any]:
    """
    A user is in the file; with `update` has this password, with `force` is given it anew each time.
    """
    if not htpasswd_file or password is None:
        return returned(name, False, "The arguments htpasswd_file and password are needed")
    known = _is_there(name, htpasswd_file)
    stale = (
        known and update and not __salt__["webutil.verify"](htpasswd_file, name, password, opts=options, runas=runas)
    )
    # That it is another password is no failure of this job.
    __context__.pop("retcode", None)
    if known and not force and not stale:
        return returned(name, True, "User already known")
    if __opts__["test"]:
        return returned(name, None, f"User '{name}' is set to be added to htpasswd file", {name: True})
    made = __salt__["webutil.useradd"](htpasswd_file, name, password, opts=options, runas=runas)
    if made["retcode"]:
        return returned(name, False, made["stderr"])
    return returned(name, True, made["stderr"], {name: True})


def user_absent(
    name: str, htpasswd_file: str | None = None, runas: str | None = None, **_kwargs: Any
) -> dict[str, Any]:
    """
    A user is not in the file.
    """
    if not htpasswd_file:
        return returned(name, False, "The argument htpasswd_file is needed")
    if not _is_there(name, htpasswd_file):
        return returned(name, True, "User not in file")
    if __opts__["test"]:
        return returned(name, None, f"User '{name}' is set to be removed from htpasswd file", {name: True})
    done = __salt__["webutil.userdel"](htpasswd_file, name, runas=runas, all_results=True)
    if done["retcode"]:
        return returned(name, False, done["stderr"])
    return returned(name, True, done["stderr"], {name: True})


def _is_there(name: str, htpasswd_file: str) -> bool:
    try:
        with open(htpasswd_file, encoding="utf-8", errors="surrogateescape") as file:
            return any(line.partition(":")[0] == name for line in file)
    except FileNotFoundError:
        return False
