"""git, run for the shelf of that name: never asking, never telling credentials; and what it prints, as data."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from trisalt.errors import CommandError, InvocationError

# By http a user's name may be a token; by ssh it is a name, and a secret only what follows a colon.
_CREDENTIALS = re.compile(r"((?:https?|ftps?)://)[^/\s@'\"]+@|([A-Za-z][A-Za-z0-9+.-]*://)[^/\s@'\":]*:[^/\s@'\"]+@")
_FETCHED = re.compile(
    r"\s*(?P<flag>[ +*t=!-]) (?:\[(?P<note>[^\]]+)\]|(?P<old>\w+)\.{2,3}(?P<new>\w+))\s+(?P<from>\S+)\s+-> (?P<to>\S+)"
)
_STATES = {"M": "modified", "A": "new", "D": "deleted", "??": "untracked"}
_SSH = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new", "-o", "IdentitiesOnly=yes"]


# -- running it ------------------------------------------------------------------------------------------------


def virtual() -> Any:
    """What `__virtual__` of each file of the shelf `git` says."""
    if shutil.which("git"):
        return "git"
    return False, "The git execution module cannot be loaded: git unavailable"


def run(
    words: list[Any],
    cwd: str | None,
    git_opts: Any = "",
    user: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    *,
    identity: Any = None,
    saltenv: str = "base",
    failhard: bool = True,
    merge: bool = False,
) -> dict[str, Any]:
    """Run `git` with these words: what `cmd.run_all` returns, without credentials.

    Raises CommandError with git's own text when it fails, unless `failhard` is false. With an `identity` (a path, a
    `salt://` address, or a list of either), each is tried until one lets us in.
    """
    argv = ["git", *words_of(git_opts), *map(str, words)]
    shown = redacted(" ".join(argv))
    tried = []
    for path in _identities(identity, saltenv, user):
        # No question is ever asked: nobody is there to answer.
        env: dict[str, Any] = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": ""}
        if path is not None:
            env["GIT_SSH_COMMAND"] = shlex.join([*_SSH, "-i", path])
        found = __utils__["tool.run"](
            argv,
            cwd=cwd,
            runas=user,
            env=env,
            ignore_retcode=True,
            redirect_stderr=merge,
            rstrip=False,
            log_callback=redacted,
            output_encoding=output_encoding,
        )
        found = {
            **found,
            "stdout": redacted(found["stdout"].rstrip("\n")),
            "stderr": redacted(found["stderr"].rstrip()),
        }
        if found["retcode"] == 0:
            return found
        tried.append(found["stderr"] or found["stdout"])
    if not failhard:
        return found
    if not ignore_retcode:
        __context__["retcode"] = found["retcode"]
    if identity:
        raise CommandError("Unable to authenticate using identity file:\n\n" + "\n\n".join(tried))
    raise CommandError(f"Command '{shown}' failed" + (f": {tried[-1]}" if tried[-1] else ""))


def words_of(opts: Any) -> list[str]:
    """Options of a caller, a text or a list, as words."""
    if not opts:
        return []
    if isinstance(opts, list | tuple):
        return [str(word) for word in opts]
    try:
        return shlex.split(str(opts))
    except ValueError as exc:
        raise CommandError(f"Unable to read the options {opts!r}: {exc}") from None


def place_of(path: Any, user: str | None = None) -> str:
    """A path of a caller: `~` is a home, and what is not absolute lies in the user's."""
    text = str(path)
    if text.startswith("~"):
        home, slash, rest = text.partition("/")
        text = os.path.expanduser(f"~{user}" if user and home == "~" else home) + slash + rest
    if os.path.isabs(text):
        return text
    try:
        home = pwd.getpwnam(user).pw_dir if user else pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        raise CommandError(f"User '{user}' is not available") from None
    return os.path.join(home, text)


def word(value: Any, what: str) -> str:
    """A revision, a remote or a name of a caller. Raises CommandError for what git would read as an option."""
    text = str(value)
    if value is None or not text:
        raise InvocationError(f"'{what}' argument is required")
    if text.startswith("-"):
        raise InvocationError(f"Invalid {what} '{text}': it would be an option")
    return text


def none_left(kwargs: dict[str, Any]) -> None:
    """Nothing was given that the function does not know. Raises InvocationError."""
    left = [f"{key}={value}" for key, value in kwargs.items() if not key.startswith("__")]
    if left:
        raise InvocationError(f"The following keyword arguments are not valid: {', '.join(left)}")


def redacted(text: str) -> str:
    """A text without the credentials of the addresses in it."""
    return _CREDENTIALS.sub(lambda found: f"{found[1] or found[2]}<redacted>@", text)


def with_credentials(url: str, user: str | None, password: str | None) -> str:
    """An HTTPS address with a user and a password. Raises CommandError for any other."""
    if user is None and password is None:
        return url
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise InvocationError("Basic Auth only supported for HTTPS")
    if user is None:
        raise InvocationError("'https_user' is required when 'https_pass' is given")
    secret = quote(str(user), safe="") + (f":{quote(str(password), safe='')}" if password is not None else "")
    return urlunsplit(parts._replace(netloc=f"{secret}@{parts.netloc.rpartition('@')[2]}"))


def _identities(identity: Any, saltenv: str, user: str | None) -> list[str | None]:
    if not identity:
        return [None]
    found: list[str | None] = []
    missing = []
    for one in identity if isinstance(identity, list | tuple) else [identity]:
        path = str(one)
        if "://" in path:
            path = __salt__["cp.cache_file"](path, saltenv) or path
            if os.path.isfile(path):
                # ssh takes no key that others may read.
                os.chmod(path, 0o600)
        else:
            path = place_of(path, user)
        if os.path.isfile(path):
            found.append(path)
        else:
            missing.append(str(one))
    if not found:
        raise CommandError(
            "Unable to authenticate using identity file:\n\n"
            f"The following identity file(s) were not found: {', '.join(missing)}"
        )
    return found


# -- what it prints --------------------------------------------------------------------------------------------


def status(text: str) -> dict[str, list[str]]:
    """`git status -z --porcelain`: files by what happened to them."""
    found: dict[str, list[str]] = {}
    entries = iter(text.split("\0"))
    for entry in entries:
        if len(entry) < 4:
            continue
        state = entry[:2].strip()
        found.setdefault(_STATES.get(state, state), []).append(entry[3:])
        if state[0] in "RC":
            next(entries, None)  # its name before
    return found


def refs(text: str, pattern: str | None = None) -> dict[str, str]:
    """`git ls-remote`: names with their hashes."""
    rows = (line.split(None, 1) for line in text.splitlines() if "\t" in line)
    return {name.strip(): sha for sha, name in rows if pattern is None or fnmatchcase(name.strip(), pattern)}


def remotes(text: str) -> dict[str, dict[str, str]]:
    """`git remote --verbose`: `{name: {fetch, push}}`."""
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        name, _, rest = line.partition("\t")
        url, _, kind = rest.rpartition(" (")
        if url and kind.rstrip(")") in ("fetch", "push"):
            found.setdefault(name, {})[kind.rstrip(")")] = url
    return found


def fetched(text: str) -> dict[str, Any]:
    """`git fetch`: branches and tags that are new, updated or deleted."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        row = _FETCHED.match(line)
        if row is None or row["flag"] in "!=":
            continue
        kind = "tags" if (row["note"] or "").endswith("tag") or row["flag"] == "t" else "branches"
        if row["flag"] == "-":
            found.setdefault(f"deleted {kind}", []).append(row["to"])
        elif row["flag"] == "*":
            found.setdefault(f"new {kind}", []).append(row["from"])
        elif row["old"]:
            found.setdefault(f"updated {kind}", {})[row["from"]] = {"old": row["old"], "new": row["new"]}
        else:
            found.setdefault(f"updated {kind}", []).append(row["from"])
    return found


def settings(text: str) -> dict[str, list[str]]:
    """`git config --null --get-regexp`: every value of each key."""
    found: dict[str, list[str]] = {}
    for entry in text.split("\0"):
        key, _, value = entry.partition("\n")
        if key:
            found.setdefault(key, []).append(value)
    return found


def worktrees(text: str) -> dict[str, dict[str, Any]]:
    """`git worktree list --porcelain`: by path; stale is one whose folder is gone."""
    found: dict[str, dict[str, Any]] = {}
    for block in text.strip().split("\n\n"):
        lines = dict(line.partition(" ")[::2] for line in block.splitlines())
        path = lines.get("worktree")
        if not path or "bare" in lines:
            continue
        branch = lines.get("branch")
        found[path] = {
            "stale": not os.path.isdir(path),
            "HEAD": lines.get("HEAD", ""),
            "detached": branch is None,
            "branch": branch.removeprefix("refs/heads/") if branch else None,
        }
    return found
