"""Work with git repositories on a minion: make them, and look at what is in them.

Their changes, other repositories and their settings are in `git_change`, `git_remote` and `git_setup`.
"""

from __future__ import annotations

import os
import re
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.plugins.utils.gits import none_left, place_of, with_credentials, word, words_of

__virtualname__ = "git"


def __virtual__() -> Any:
    return __utils__["gits.virtual"]()


# -- making ----------------------------------------------------------------------------------------------------


def version(versioninfo: bool = False) -> Any:
    """
    The version of git, as text or as a list of numbers.

    CLI Example:

        salt '*' git.version
    """
    found = re.search(r"\d+(?:\.\d+)*", _git(["--version"], None))
    text = found[0] if found else "0"
    return [int(part) for part in text.split(".")] if versioninfo else text


def init(
    cwd: str,
    bare: bool = False,
    template: str | None = None,
    separate_git_dir: str | None = None,
    shared: Any = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    Make a repository, or look after one that is there.

    CLI Example:

        salt '*' git.init /path/to/bare.git bare=True
    """
    words: list[Any] = ["init", *(["--bare"] if bare else [])]
    if template is not None:
        words.append(f"--template={template}")
    if separate_git_dir is not None:
        words.append(f"--separate-git-dir={separate_git_dir}")
    if shared is not None:
        words.append(f"--shared={str(shared).lower() if isinstance(shared, bool) else shared}")
    words += [*words_of(opts), "--", place_of(cwd, user)]
    return _git(words, None, git_opts, user, ignore_retcode, output_encoding)


def clone(
    cwd: str,
    url: str | None = None,
    name: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    https_user: str | None = None,
    https_pass: str | None = None,
    ignore_retcode: bool = False,
    saltenv: str = "base",
    output_encoding: str | None = None,
) -> bool:
    """
    Clone a repository to `cwd`, or, under a `name`, into it.

    CLI Example:

        salt '*' git.clone /path/to/repo https://git.example.org/site.git
    """
    address, place = with_credentials(word(url, "url"), https_user, https_pass), place_of(cwd, user)
    target, where = (word(name, "name"), place) if name else (place, None)
    words = ["clone", *words_of(opts), "--", address, target]
    _git(words, where, git_opts, user, ignore_retcode, output_encoding, identity=identity, saltenv=saltenv)
    return True


def archive(
    cwd: str,
    output: str,
    rev: str = "HEAD",
    prefix: str | None = None,
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> bool:
    """
    Write a revision as an archive, in the `format` that its name says or that is given. What is in it lies below
    `prefix`, which is the repository's own name.

    CLI Example:

        salt '*' git.archive /path/to/repo /path/to/archive.tar.gz
    """
    place = place_of(cwd, user)
    kind = kwargs.pop("format", None)
    none_left(kwargs)
    below = f"{os.path.basename(place.rstrip('/'))}/" if prefix is None else str(prefix)
    words = ["archive", *(["--prefix", below] if below else []), *(["--format", word(kind, "format")] if kind else [])]
    words += ["--output", place_of(output, user), word(rev, "rev")]
    _git(words, place, git_opts, user, ignore_retcode, output_encoding)
    return True


# -- looking ---------------------------------------------------------------------------------------------------


def status(
    cwd: str,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> dict[str, list[str]]:
    """
    The files that are not as they were committed, by what happened to them: `{modified: [...], untracked: [...]}`.

    CLI Example:

        salt '*' git.status /path/to/repo
    """
    words = ["status", "-z", "--porcelain"]
    return __utils__["gits.status"](_git(words, place_of(cwd, user), "", user, ignore_retcode, output_encoding))


def diff(
    cwd: str,
    item1: str | None = None,
    item2: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    no_index: bool = False,
    cached: bool = False,
    paths: Any = None,
    output_encoding: str | None = None,
) -> str:
    """
    What differs: from the index, from a commit, between two, with `cached` between index and commit, or with
    `no_index` between two files.

    CLI Example:

        salt '*' git.diff /path/to/repo origin/main main
    """
    if no_index and cached:
        raise CommandError("The 'no_index' and 'cached' options cannot be used together")
    items = [item for item in (item1, item2) if item]
    files = [str(path) for path in (paths if isinstance(paths, list | tuple) else [paths] if paths else [])]
    if no_index and not files:
        items, files = [], items
    if no_index and (len(files) != 2 or items):
        raise InvocationError("The 'no_index' option requires two paths")
    flags = [*(["--no-index"] if no_index else []), *(["--cached"] if cached else [])]
    words = [
        "diff",
        *flags,
        *words_of(opts),
        *(word(item, "item") for item in items),
        *(["--", *files] if files else []),
    ]
    # A difference is its retcode 1 when git compares files.
    found = _run(words, place_of(cwd, user), git_opts, user, failhard=not no_index, output_encoding=output_encoding)
    if no_index and found["retcode"] > 1:
        __context__["retcode"] = found["retcode"]
        raise CommandError(f"Command 'git {' '.join(words)}' failed: {found['stderr']}")
    return found["stdout"]


def describe(
    cwd: str,
    rev: str = "HEAD",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    A revision by the nearest tag, or else by its hash.

    CLI Example:

        salt '*' git.describe /path/to/repo
    """
    words = ["describe", "--always", word(rev, "rev")]
    return _git(words, place_of(cwd, user), "", user, ignore_retcode, output_encoding)


def rev_parse(
    cwd: str,
    rev: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    What `git rev-parse` makes of a revision or of options.

    CLI Example:

        salt '*' git.rev_parse /path/to/repo HEAD
    """
    words = ["rev-parse", *words_of(opts), *([word(rev, "rev")] if rev is not None else [])]
    return _git(words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding)


def revision(
    cwd: str,
    rev: str = "HEAD",
    short: bool = False,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    The hash of a revision.

    CLI Example:

        salt '*' git.revision /path/to/repo
    """
    words = ["rev-parse", *(["--short"] if short else []), word(rev, "rev")]
    return _git(words, place_of(cwd, user), "", user, ignore_retcode, output_encoding)


def current_branch(
    cwd: str,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    The branch that is checked out; `HEAD` where none is.

    CLI Example:

        salt '*' git.current_branch /path/to/repo
    """
    words = ["rev-parse", "--abbrev-ref", "HEAD"]
    return _git(words, place_of(cwd, user), "", user, ignore_retcode, output_encoding)


def merge_base(
    cwd: str,
    refs: Any = None,
    octopus: bool = False,
    is_ancestor: bool = False,
    independent: bool = False,
    fork_point: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> Any:
    """
    The best common ancestor of revisions; with `is_ancestor`, whether the first is an ancestor of the second.

    CLI Example:

        salt '*' git.merge_base /path/to/repo refs='[HEAD, upstream/mybranch]'
    """
    none_left(kwargs)
    if sum(map(bool, (octopus, is_ancestor, independent, fork_point))) > 1:
        raise InvocationError("Only one of 'octopus', 'independent', 'is_ancestor', and 'fork_point' is permitted")
    names = [word(ref, "ref") for ref in (refs.split(",") if isinstance(refs, str) else refs or [])]
    if is_ancestor and len(names) != 2:
        raise InvocationError("Two refs/commits are required if 'is_ancestor' is True")
    words = ["merge-base"]
    for given, flag in ((octopus, "--octopus"), (is_ancestor, "--is-ancestor"), (independent, "--independent")):
        words += [flag] if given else []
    words += ["--fork-point", word(fork_point, "fork_point")] if fork_point else []
    words += [*words_of(opts), *names]
    place = place_of(cwd, user)
    if not is_ancestor:
        return _git(words, place, git_opts, user, ignore_retcode, output_encoding)
    found = _run(words, place, git_opts, user, failhard=False, output_encoding=output_encoding)
    if found["retcode"] > 1:
        raise CommandError(f"Command 'git {' '.join(words)}' failed: {found['stderr']}")
    return found["retcode"] == 0


def merge_tree(
    cwd: str,
    ref1: str,
    ref2: str,
    base: str | None = None,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    What a merge of two revisions would change.

    CLI Example:

        salt '*' git.merge_tree /path/to/repo HEAD upstream/dev
    """
    if base is None:
        try:
            base = merge_base(cwd, [ref1, ref2], user=user, ignore_retcode=ignore_retcode)
        except CommandError as exc:
            raise CommandError(f"Unable to determine merge base for {ref1} and {ref2}") from exc
    words = ["merge-tree", word(base, "base"), word(ref1, "ref1"), word(ref2, "ref2")]
    return _git(words, place_of(cwd, user), "", user, ignore_retcode, output_encoding)


def list_branches(
    cwd: str,
    remote: bool = False,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> list[str]:
    """
    The local branches, or those of remotes.

    CLI Example:

        salt '*' git.list_branches /path/to/repo remote=True
    """
    return _names(f"refs/{'remotes' if remote else 'heads'}/", cwd, user, ignore_retcode, output_encoding)


def list_tags(
    cwd: str,
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> list[str]:
    """
    The tags.

    CLI Example:

        salt '*' git.list_tags /path/to/repo
    """
    return _names("refs/tags/", cwd, user, ignore_retcode, output_encoding)


# -- inside ----------------------------------------------------------------------------------------------------


def _names(below: str, cwd: str, user: str | None, ignore_retcode: bool, output_encoding: str | None) -> list[str]:
    words = ["for-each-ref", "--format", "%(refname)", below]
    text = _git(words, place_of(cwd, user), "", user, ignore_retcode, output_encoding)
    return [line.removeprefix(below) for line in text.splitlines()]


def _run(words: list[Any], *where: Any, **options: Any) -> dict[str, Any]:
    return __utils__["gits.run"](words, *where, **options)


def _git(words: list[Any], *where: Any, **options: Any) -> str:
    """What git printed."""
    return __utils__["gits.run"](words, *where, **options)["stdout"]
