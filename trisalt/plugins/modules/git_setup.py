"""How a git repository is set up: the part of the shelf `git` about settings and worktrees."""

from __future__ import annotations

import os
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.plugins.utils.gits import none_left, place_of, word, words_of

__virtualname__ = "git"


def __virtual__() -> Any:
    return __utils__["gits.virtual"]()


# -- settings --------------------------------------------------------------------------------------------------


def config_get(
    key: str,
    cwd: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> Any:
    """
    The value of a setting of a repository, or with `global=True` of the user; with `all=True` a list of all its values.

    CLI Example:

        salt '*' git.config_get user.name global=True
    """
    every, where, place = kwargs.pop("all", False), *_scope(kwargs, cwd, user)
    words = ["config", *where, "--null", "--get-all", word(key, "key")]
    found = _run(words, place, "", user, failhard=False, output_encoding=output_encoding)
    if found["retcode"]:
        return None
    values = found["stdout"].removesuffix("\0").split("\0")
    return values if every else values[-1]


def config_get_regexp(
    key: str,
    value_regex: str | None = None,
    cwd: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> dict[str, list[str]]:
    """
    The settings whose names match, and whose values do where `value_regex` is given: `{key: [values]}`.

    CLI Example:

        salt '*' git.config_get_regexp 'user.*' cwd=/path/to/repo
    """
    where, place = _scope(kwargs, cwd, user)
    words = ["config", *where, "--null", "--get-regexp", word(key, "key"), *([value_regex] if value_regex else [])]
    found = _run(words, place, "", user, failhard=False, output_encoding=output_encoding)
    return __utils__["gits.settings"](found["stdout"]) if found["retcode"] == 0 else {}


config_get_regex = config_get_regexp


def config_set(
    key: str,
    value: Any = None,
    multivar: Any = None,
    cwd: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> list[str]:
    """
    Set a setting to a value or, with `multivar`, to several; with `add=True` beside those that it has. Returns all of
    its values.

    CLI Example:

        salt '*' git.config_set user.email me@example.com cwd=/path/to/repo
    """
    if value is not None and multivar is not None:
        raise InvocationError("Only one of 'value' and 'multivar' is permitted")
    values = multivar.split(",") if isinstance(multivar, str) else multivar if multivar is not None else [value]
    if values == [None] or not values:
        raise InvocationError("One of 'value' and 'multivar' is required")
    more, where, place = kwargs.pop("add", False), *_scope(kwargs, cwd, user)
    name = word(key, "key")
    for number, one in enumerate(values):
        text = str(one).lower() if isinstance(one, bool) else str(one)
        flag = "--add" if more or number else "--replace-all"
        _git(["config", *where, flag, name, text], place, "", user, ignore_retcode, output_encoding)
    scope = {"global": True} if place is None else {}
    return config_get(key, cwd, user, output_encoding=output_encoding, all=True, **scope)


def config_unset(
    key: str,
    value_regex: str | None = None,
    cwd: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> bool:
    """
    Remove a setting, the values of it that match, or with `all=True` all of several.

    CLI Example:

        salt '*' git.config_unset foo.bar cwd=/path/to/repo
    """
    every, where, place = kwargs.pop("all", False), *_scope(kwargs, cwd, user)
    words = ["config", *where, "--unset-all" if every else "--unset", word(key, "key")]
    found = _run(
        [*words, *([value_regex] if value_regex else [])],
        place,
        "",
        user,
        failhard=False,
        output_encoding=output_encoding,
    )
    if found["retcode"] == 0:
        return True
    if not ignore_retcode:
        __context__["retcode"] = found["retcode"]
    if found["retcode"] == 5 and config_get(key, cwd, user, **({"global": True} if place is None else {})) is not None:
        raise CommandError(f"Multiple values exist for key '{key}'")
    if found["retcode"] == 5:
        raise CommandError(f"Key '{key}' does not exist")
    raise CommandError(f"Command 'git {' '.join(words)}' failed: {found['stderr']}")


# -- worktrees -------------------------------------------------------------------------------------------------


def worktree_add(
    cwd: str,
    worktree_path: str,
    ref: str | None = None,
    reset_branch: bool | None = None,
    force: bool | None = None,
    detach: bool = False,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> str:
    """
    Add a worktree, on a new `branch` named as is said or as its folder is, or with `detach` on none.

    CLI Example:

        salt '*' git.worktree_add /path/to/repo/main ../hotfix ref=origin/main
    """
    name = kwargs.pop("branch", None)
    none_left(kwargs)
    if name and detach:
        raise InvocationError("Only one of 'branch' and 'detach' is allowed")
    words = ["worktree", "add", *(["--force"] if force else [])]
    if detach:
        words.append("--detach")
    else:
        name = name or os.path.basename(str(worktree_path).rstrip("/"))
        words += ["-B" if reset_branch else "-b", word(name, "branch")]
    words += [*words_of(opts), word(worktree_path, "worktree_path"), *([word(ref, "ref")] if ref else [])]
    return _git(words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding, merge=True)


def worktree_prune(
    cwd: str,
    dry_run: bool = False,
    verbose: bool = True,
    expire: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    Forget the worktrees whose folders are gone.

    CLI Example:

        salt '*' git.worktree_prune /path/to/repo dry_run=True
    """
    words = ["worktree", "prune", *(["--dry-run"] if dry_run else []), *(["--verbose"] if verbose else [])]
    words += [*(["--expire", str(expire)] if expire else []), *words_of(opts)]
    return _git(words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding, merge=True)


def worktree_rm(cwd: str, user: str | None = None, output_encoding: str | None = None) -> bool:
    """
    Remove a worktree's folder. What git keeps of it goes with `worktree_prune`.

    CLI Example:

        salt '*' git.worktree_rm /path/to/worktree
    """
    place = place_of(cwd, user)
    if not os.path.exists(place):
        raise CommandError(f"{place} does not exist")
    if not is_worktree(cwd, user, output_encoding=output_encoding):
        raise CommandError(f"{place} is not a git worktree")
    return __utils__["tool.succeeds"](["rm", "-rf", "--", place], runas=user)


def is_worktree(
    cwd: str, user: str | None = None, password: str | None = None, output_encoding: str | None = None
) -> bool:
    """
    Whether a folder is the top of a worktree that was added to a repository.

    CLI Example:

        salt '*' git.is_worktree /path/to/repo
    """
    place = place_of(cwd, user)
    # There the place of .git is taken by a file that says where the repository is.
    return os.path.isfile(os.path.join(place, ".git")) and any(
        os.path.realpath(path) == os.path.realpath(place) for path in list(_worktrees(place, user, output_encoding))[1:]
    )


def list_worktrees(
    cwd: str,
    stale: bool = False,
    user: str | None = None,
    password: str | None = None,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> dict[str, dict[str, Any]]:
    """
    The worktrees by their folders: those that are there, with `stale` those that are gone, with `all=True` both.

    CLI Example:

        salt '*' git.list_worktrees /path/to/repo
    """
    every, place = kwargs.pop("all", False), place_of(cwd, user)
    none_left(kwargs)
    found = _worktrees(place, user, output_encoding)
    for row in found.values():
        if row["detached"] and not row["stale"]:
            words = ["tag", "--points-at", row["HEAD"]]
            names = _git(words, place, "", user, False, output_encoding).splitlines()
            row |= {"tags": names} if names else {}
    return {path: row for path, row in found.items() if every or row["stale"] == stale}


# -- inside ----------------------------------------------------------------------------------------------------


def _worktrees(place: str, user: str | None, output_encoding: str | None) -> dict[str, dict[str, Any]]:
    words = ["worktree", "list", "--porcelain"]
    return __utils__["gits.worktrees"](_git(words, place, "", user, False, output_encoding))


def _scope(kwargs: dict[str, Any], cwd: str | None, user: str | None) -> tuple[list[str], str | None]:
    """Whose settings are meant: the words that say so, and where git is run."""
    everywhere = kwargs.pop("global", False)
    none_left(kwargs)
    if not everywhere and cwd is None:
        raise InvocationError("'cwd' argument required unless global=True")
    return (["--global"], None) if everywhere else (["--local"], place_of(cwd, user))


def _run(words: list[Any], *where: Any, **options: Any) -> dict[str, Any]:
    return __utils__["gits.run"](words, *where, **options)


def _git(words: list[Any], *where: Any, **options: Any) -> str:
    """What git printed."""
    return __utils__["gits.run"](words, *where, **options)["stdout"]
