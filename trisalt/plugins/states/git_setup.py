"""Repositories that are made, and settings of git.

user.email:
  git.config_set:
    - value: ops@example.com
    - global: True
"""

from __future__ import annotations

import os
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import Result, returned

__virtualname__ = "git"


def __virtual__() -> Any:
    if "git.version" in __salt__:
        return __virtualname__
    return False, "git module could not be loaded"


def present(
    name: str,
    force: bool = False,
    bare: bool = True,
    template: str | None = None,
    separate_git_dir: str | None = None,
    shared: Any = None,
    user: str | None = None,
    password: str | None = None,
    output_encoding: str | None = None,
) -> Result:
    """
    A repository is in the folder `name`, a bare one unless `bare` says otherwise. `force` makes it where others lie.
    """
    word = "bare " if bare else ""
    if os.path.isdir(name):
        if _is_repository(name, bare):
            return returned(name, True)
        if os.listdir(name):
            if not force:
                text = (
                    f"Target '{name}' exists, is non-empty, and is not a git repository. Set the 'force' option to "
                    "True to remove this directory's contents and proceed with initializing a repository"
                )
                return returned(name, False, text)
            text = (
                f"Target directory {name} exists. Since force=True, the contents of {name} would be deleted, and a "
                f"{word}repository would be initialized in its place."
            )
            if __opts__["test"]:
                return returned(name, None, text, {"new": name, "forced init": True})
            for entry in os.listdir(name):
                __salt__["file.remove"](os.path.join(name, entry), force=True)
    if __opts__["test"]:
        return returned(name, None, f"New {word}repository would be created", {"new": name})
    done = __salt__["git.init"](
        name, bare=bare, template=template, separate_git_dir=separate_git_dir, shared=shared, user=user,
        password=password,
    )  # fmt: skip
    lines = [f"Initialized {word}repository in {name}"]
    if template:
        lines.append(f"Template directory set to {template}")
    if separate_git_dir:
        lines.append(f"Gitdir set to {separate_git_dir}")
    return returned(name, bool(done), ". ".join(lines), {"new": name})


def config_set(
    name: str,
    value: Any = None,
    multivar: Any = None,
    repo: str | None = None,
    user: str | None = None,
    password: str | None = None,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> Result:
    """
    A setting has this `value`, or these several ones (`multivar`), in the repository `repo`, or with `global` for the
    user.
    """
    if value is not None and multivar is not None:
        return returned(name, False, "Only one of 'value' and 'multivar' is permitted")
    for_all = bool(kwargs.get("global"))
    if not for_all and not repo:
        return returned(name, False, "Non-global config options require the 'repo' argument to be set")
    wanted = [_text(item) for item in (as_list(multivar) if multivar is not None else [value])]
    place = {"cwd": None if for_all else repo, "user": user, "password": password, "global": for_all}
    old = __salt__["git.config_get"](name, all=True, ignore_retcode=True, **place)
    told, key = _told(wanted, multivar is not None), "Global key " if for_all else ""
    if old == wanted:
        return returned(name, True, f"{key}'{name}' is already set to {told}")
    changes = {name: {"old": old, "new": wanted}}
    verb = "added as" if old is None else "set to"
    if __opts__["test"]:
        return returned(name, None, f"{key}'{name}' would be {verb} {told}", changes)
    given = {"multivar": wanted} if multivar is not None else {"value": wanted[0]}
    lower = "global key " if for_all else ""
    try:
        new = __salt__["git.config_set"](name, **given, **place)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to set {lower}'{name}' to {told}: {exc}")
    if new != wanted:
        return returned(name, False, f"Failed to set {lower}'{name}' to {told}")
    return returned(name, True, f"{key}'{name}' was {verb} {told}", changes)


def config_unset(
    name: str,
    value_regex: str | None = None,
    repo: str | None = None,
    user: str | None = None,
    password: str | None = None,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> Result:
    """
    A setting is not there, or each whose name matches a regular expression and whose value `value_regex`. Of one with
    several values all go with `all`.
    """
    for_all, every = bool(kwargs.get("global")), bool(kwargs.get("all"))
    if not for_all and not repo:
        return returned(name, False, "Non-global config options require the 'repo' argument to be set")
    place = {"cwd": None if for_all else repo, "user": user, "password": password, "global": for_all}
    found = __salt__["git.config_get_regexp"](f"^{name}$", value_regex, ignore_retcode=True, **place)
    if not found:
        return returned(name, True, "No matching keys are set")
    several = [f"{key} ({', '.join(values)})" for key, values in found.items() if len(values) > 1]
    if several and not every:
        what = (
            "Multiple values are matched by value_regex for the following keys"
            if value_regex
            else "Multivar(s) matched by the key expression"
        )
        return returned(name, False, f"{what} (set 'all' to True to force removal): {', '.join(several)}")
    if __opts__["test"]:
        preview = {key: {"old": value, "new": None} for key, value in found.items()}
        return returned(name, None, f"{len(found)} key(s) would have value(s) unset", preview)
    changes, failed = {}, []
    for key, values in found.items():
        try:
            __salt__["git.config_unset"](key, value_regex, all=every, **place)
        except TrisaltError:
            failed.append(key)
            continue
        changes[key] = {"old": values, "new": __salt__["git.config_get"](key, all=True, ignore_retcode=True, **place)}
    if failed:
        text = (
            "Error(s) occurred unsetting values for the following keys (see the minion log for details): "
            f"{', '.join(failed)}"
        )
        return returned(name, False, text, changes)
    return returned(name, True, "Value(s) successfully unset", changes)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _told(values: list[str], several: bool) -> str:
    return str(values) if several else f"'{values[0]}'"


def _is_repository(path: str, bare: bool) -> bool:
    inner = path if bare else os.path.join(path, ".git")
    return all(os.path.exists(os.path.join(inner, entry)) for entry in ("HEAD", "objects", "refs"))
