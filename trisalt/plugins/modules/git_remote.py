"""Exchange with other repositories: the part of the shelf `git` about remotes, and what goes there and back."""

from __future__ import annotations

from typing import Any

from trisalt.errors import CommandError
from trisalt.plugins.utils.gits import none_left, place_of, with_credentials, word, words_of

__virtualname__ = "git"


def __virtual__() -> Any:
    return __utils__["gits.virtual"]()


# -- going there and back --------------------------------------------------------------------------------------


def fetch(
    cwd: str,
    remote: str | None = None,
    force: bool = False,
    refspecs: Any = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    saltenv: str = "base",
    output_encoding: str | None = None,
) -> dict[str, Any]:
    """
    Fetch from a remote: the branches and tags that are new or updated.

    CLI Example:

        salt '*' git.fetch /path/to/repo upstream
    """
    words = ["fetch", *(["--force"] if force else []), *words_of(opts)]
    words += [word(remote, "remote")] if remote else []
    words += [word(ref, "refspec") for ref in (refspecs.split(",") if isinstance(refspecs, str) else refspecs or [])]
    text = _git(
        words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding,
        identity=identity, saltenv=saltenv, merge=True,
    )  # fmt: skip
    return __utils__["gits.fetched"](text)


def pull(
    cwd: str,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    saltenv: str = "base",
    output_encoding: str | None = None,
) -> str:
    """
    Fetch what the branch follows, and merge it.

    CLI Example:

        salt '*' git.pull /path/to/repo opts='--rebase origin main'
    """
    words = ["pull", *words_of(opts)]
    return _git(
        words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding, identity=identity, saltenv=saltenv
    )


def push(
    cwd: str,
    remote: str | None = None,
    ref: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    saltenv: str = "base",
    output_encoding: str | None = None,
    **kwargs: Any,
) -> str:
    """
    Push a ref (`branch`, or `local:remote`) to a remote.

    CLI Example:

        salt '*' git.push /path/to/repo origin issue21:upstream
    """
    none_left(kwargs)
    words = [
        "push",
        *words_of(opts),
        *([word(remote, "remote")] if remote else []),
        *([word(ref, "ref")] if ref else []),
    ]
    return _git(
        words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding, identity=identity, saltenv=saltenv
    )


def ls_remote(
    cwd: str | None = None,
    remote: str = "origin",
    ref: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    https_user: str | None = None,
    https_pass: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    saltenv: str = "base",
) -> dict[str, str]:
    """
    The refs of a remote, by its name or address, with their hashes.

    CLI Example:

        salt '*' git.ls_remote /path/to/repo origin main
    """
    address = with_credentials(word(remote, "remote"), https_user, https_pass)
    words = ["ls-remote", *words_of(opts), address, *([word(ref, "ref")] if ref else [])]
    place = None if cwd is None else place_of(cwd, user)
    text = _git(words, place, git_opts, user, ignore_retcode, output_encoding, identity=identity, saltenv=saltenv)
    return __utils__["gits.refs"](text)


def remote_refs(
    url: str,
    heads: bool = False,
    tags: bool = False,
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    https_user: str | None = None,
    https_pass: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    saltenv: str = "base",
    **kwargs: Any,
) -> dict[str, str]:
    """
    The refs of a repository, of its branches or tags alone, or those that a `filter` (a glob) leaves.

    CLI Example:

        salt '*' git.remote_refs https://git.example.org/site.git filter='*3006*'
    """
    pattern = kwargs.pop("filter", None)
    none_left(kwargs)
    words = ["ls-remote", *(["--heads"] if heads else []), *(["--tags"] if tags else [])]
    words.append(with_credentials(word(url, "url"), https_user, https_pass))
    text = _git(words, None, "", user, ignore_retcode, output_encoding, identity=identity, saltenv=saltenv)
    return __utils__["gits.refs"](text, pattern)


# -- the remotes -----------------------------------------------------------------------------------------------


def remotes(
    cwd: str,
    user: str | None = None,
    password: str | None = None,
    redact_auth: bool = True,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> dict[str, dict[str, str]]:
    """
    The remotes with their addresses, `{name: {fetch, push}}`, without credentials unless `redact_auth` is false.

    CLI Example:

        salt '*' git.remotes /path/to/repo
    """
    place = place_of(cwd, user)
    if redact_auth:
        text = _git(["remote", "--verbose"], place, "", user, ignore_retcode, output_encoding)
    else:
        # Asked for by name: the one answer that holds credentials, and that no log is given.
        _git(["remote"], place, "", user, ignore_retcode, output_encoding)
        found = __utils__["tool.run"](
            ["git", "remote", "--verbose"],
            cwd=place,
            runas=user,
            output_loglevel="quiet",
            output_encoding=output_encoding,
        )
        text = found["stdout"]
    return __utils__["gits.remotes"](text)


def remote_get(
    cwd: str,
    remote: str = "origin",
    user: str | None = None,
    password: str | None = None,
    redact_auth: bool = True,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> dict[str, str]:
    """
    The addresses of one remote.

    CLI Example:

        salt '*' git.remote_get /path/to/repo upstream
    """
    found = remotes(cwd, user, None, redact_auth, ignore_retcode, output_encoding)
    if remote not in found:
        raise CommandError(f"Remote '{remote}' not present in git checkout located at {cwd}")
    return found[remote]


def remote_set(
    cwd: str,
    url: str,
    remote: str = "origin",
    user: str | None = None,
    password: str | None = None,
    https_user: str | None = None,
    https_pass: str | None = None,
    push_url: str | None = None,
    push_https_user: str | None = None,
    push_https_pass: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> dict[str, str]:
    """
    Have a remote be at this address, and be pushed to at another where one is given: what `remote_get` returns.

    CLI Example:

        salt '*' git.remote_set /path/to/repo git@git.example.org:site.git remote=upstream
    """
    # Both are known to be right before anything changes.
    address = with_credentials(word(url, "url"), https_user, https_pass)
    pushed = with_credentials(word(push_url, "push_url"), push_https_user, push_https_pass) if push_url else None
    name, place = word(remote, "remote"), place_of(cwd, user)

    def git(*words: str, failhard: bool = True) -> None:
        _run(list(words), place, "", user, ignore_retcode, output_encoding, failhard=failhard)

    if name in remotes(cwd, user):
        git("remote", "set-url", name, address)
        git("config", "--unset-all", f"remote.{name}.pushurl", failhard=False)
    else:
        git("remote", "add", name, address)
    if pushed:
        git("remote", "set-url", "--push", name, pushed)
    return remote_get(cwd, remote, user)


# -- inside ----------------------------------------------------------------------------------------------------


def _run(words: list[Any], *where: Any, **options: Any) -> dict[str, Any]:
    return __utils__["gits.run"](words, *where, **options)


def _git(words: list[Any], *where: Any, **options: Any) -> str:
    """What git printed."""
    return __utils__["gits.run"](words, *where, **options)["stdout"]
