"""dnf's and yum's repositories: the files below /etc/yum.repos.d."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any

from trisalt.errors import CommandError, InvocationError

__virtualname__ = "pkg"

_FOLDERS = ("/etc/yum.repos.d", "/etc/yum/repos.d")
_MAIN = ("/etc/dnf/dnf.conf", "/etc/yum.conf")
_WHERE = ("baseurl", "mirrorlist", "metalink")


def __virtual__() -> Any:
    if __grains__.get("os_family") not in ("RedHat", "Mandriva", "Mendel"):
        return False, "Module yumrepo: no yum based system detected"
    if not any(map(shutil.which, ("dnf", "dnf5", "yum"))):
        return False, "Module yumrepo: neither dnf nor yum is there"
    return __virtualname__


def list_repos(basedir: Any = None, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """
    The repositories, by name, each with the `file` it stands in.

    CLI Example:

        salt '*' pkg.list_repos
    """
    found: dict[str, dict[str, Any]] = {}
    for path in _repo_files(basedir):
        for name, values in __utils__["repofiles.sections"](_text(path)).items():
            if name != "main":
                found[name] = {**values, "file": path}
    return found


def get_repo(repo: str, basedir: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    One repository; empty where there is none.

    CLI Example:

        salt '*' pkg.get_repo updates
    """
    row = list_repos(basedir).get(repo, {})
    return {key: value for key, value in row.items() if key != "file"}


def mod_repo(repo: str, basedir: Any = None, **kwargs: Any) -> dict[str, Any]:
    """
    Change a repository, or add it: a new one needs a `name`, and one of `baseurl`, `mirrorlist` and `metalink`. An
    empty value takes a key out; `comments` are lines to add. Returns its file with all repositories in it.

    CLI Example:

        salt '*' pkg.mod_repo internal name=Internal baseurl=https://example.org/el9 gpgcheck=1
    """
    values = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    comments = __utils__["packages.words"](values.pop("comments", []), separator="\n")
    for key in ("saltenv", "refresh", "refresh_db"):
        values.pop(key, None)
    if "disabled" in values:
        values["enabled"] = not __utils__["packages.true"](values.pop("disabled"))
    # These are one thing by three names: a new one takes the old one's place.
    given = [key for key in _WHERE if values.get(key)]
    if len(given) > 1 or any(key in values and not values[key] for key in _WHERE if not given):
        raise InvocationError("One and only one of baseurl, mirrorlist, metalink can be used")
    known = list_repos(basedir)
    if repo not in known:
        if not values.get("name"):
            raise InvocationError("The repo does not exist and needs to be created, but a name was not given")
        if not given:
            raise InvocationError(
                "The repo does not exist and needs to be created, but none of baseurl, mirrorlist, metalink was given"
            )
        path = os.path.join(_folder(basedir), f"{os.path.basename(repo)}.repo")
    else:
        path = known[repo]["file"]
    replaced = {key: None for key in _WHERE if given and key not in given}
    taken = {key: value if value not in ("", None) else None for key, value in values.items()} | replaced
    text = __utils__["repofiles.changed"](_text(path), repo, taken, comments)
    __utils__["rewrite.replace"](path, text)
    rows = __utils__["repofiles.sections"](text)
    rows[repo] |= {key: value for key, value in values.items() if key in rows[repo]}
    return {path: rows}


def del_repo(repo: str, basedir: Any = None, **kwargs: Any) -> str:
    """
    Remove a repository. A file in which no other is left is removed too.

    CLI Example:

        salt '*' pkg.del_repo internal
    """
    known = list_repos(basedir)
    if repo not in known:
        if "__pub_jid" in kwargs:
            __context__["retcode"] = 1
        return f"Error: the {repo} repo does not exist in {_folders(basedir)}"
    path = known[repo]["file"]
    if [name for name, row in known.items() if row["file"] == path] == [repo]:
        os.unlink(path)
        return f"File {path} containing repo {repo} has been removed"
    __utils__["rewrite.replace"](path, __utils__["repofiles.removed"](_text(path), repo))
    return f"Repo {repo} has been removed from {path}"


def _folders(basedir: Any) -> list[str]:
    """The folders of repositories: those that are named, or dnf's own."""
    if basedir:
        return __utils__["packages.words"](basedir)
    for path in _MAIN:
        named = __utils__["repofiles.sections"](_text(path)).get("main", {}).get("reposdir")
        if named:
            return [word for word in re.split(r"[\s,]+", named) if word]
    return list(_FOLDERS)


def _folder(basedir: Any) -> str:
    """Where a new repository's file goes."""
    folders = _folders(basedir)
    found = next(filter(os.path.isdir, folders), None)
    if found is None:
        raise CommandError(f"None of these folders is there: {', '.join(folders)}")
    return found


def _repo_files(basedir: Any) -> list[str]:
    return [
        os.path.join(folder, name)
        for folder in _folders(basedir)
        if os.path.isdir(folder)
        for name in sorted(os.listdir(folder))
        if name.endswith(".repo")
    ]


def _text(path: str) -> str:
    return __utils__["rewrite.read"](path) or ""
