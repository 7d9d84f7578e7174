"""Work with git repositories on a minion."""

from __future__ import annotations

import logging
import os
import re
import shutil
from typing import Any

from trisalt.errors import CommandError, InvocationError

log = logging.getLogger(__name__)


def __virtual__() -> Any:
    if shutil.which("git"):
        return True
    return False, "The git execution module cannot be loaded: git unavailable"


# -- making and looking ----------------------------------------------------------------------------------------


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
    words += [*_opts(opts), "--", _place(cwd, user)]
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

        salt '*' git.clone /path/to/repo git://github.com/saltstack/salt.git
    """
    address, place = _url(_word(url, "url"), https_user, https_pass), _place(cwd, user)
    target, where = (_word(name, "name"), place) if name else (place, None)
    words = ["clone", *_opts(opts), "--", address, target]
    _git(words, where, git_opts, user, ignore_retcode, output_encoding, identity=identity, saltenv=saltenv)
    return True


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
    return __utils__["gits.status"](_git(words, _place(cwd, user), "", user, ignore_retcode, output_encoding))


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
    words = ["diff", *flags, *_opts(opts), *(_word(item, "item") for item in items), *(["--", *files] if files else [])]
    # A difference is its retcode 1 when git compares files.
    found = _run(words, _place(cwd, user), git_opts, user, failhard=not no_index, output_encoding=output_encoding)
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
    words = ["describe", "--always", _word(rev, "rev")]
    return _git(words, _place(cwd, user), "", user, ignore_retcode, output_encoding)


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
    words = ["rev-parse", *_opts(opts), *([_word(rev, "rev")] if rev is not None else [])]
    return _git(words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding)


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
    words = ["rev-parse", *(["--short"] if short else []), _word(rev, "rev")]
    return _git(words, _place(cwd, user), "", user, ignore_retcode, output_encoding)


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
    return _git(words, _place(cwd, user), "", user, ignore_retcode, output_encoding)


def symbolic_ref(
    cwd: str,
    ref: str,
    value: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    What a symbolic ref points at; with a `value`, have it point there.

    CLI Example:

        salt '*' git.symbolic_ref /path/to/repo HEAD
    """
    words = ["symbolic-ref", *_opts(opts), _word(ref, "ref"), *([_word(value, "value")] if value is not None else [])]
    return _git(words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding)


# -- changing --------------------------------------------------------------------------------------------------


def add(
    cwd: str,
    filename: Any,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    Put a file, or several, into the index.

    CLI Example:

        salt '*' git.add /path/to/repo foo/bar.py
    """
    words = ["add", "--verbose", *_opts(opts), "--", *_files(filename)]
    return _git(words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding)


def rm(
    cwd: str,
    filename: Any,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    Remove a file, or several, here and from the index.

    CLI Example:

        salt '*' git.rm /path/to/repo foo/bar.py opts=--force
    """
    words = ["rm", *_opts(opts), "--", *_files(filename)]
    return _git(words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding)


def commit(
    cwd: str,
    message: str,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    filename: Any = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    Commit what is in the index, or certain files.

    CLI Example:

        salt '*' git.commit /path/to/repo 'The commit message' filename=foo/bar.py
    """
    words = ["commit", "-m", str(message), *_opts(opts), *(["--", *_files(filename)] if filename else [])]
    return _git(words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding)


def branch(
    cwd: str,
    name: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> bool:
    """
    What `git branch` does: make a branch, or with options rename or delete one.

    CLI Example:

        salt '*' git.branch /path/to/repo mybranch
    """
    words = ["branch", *_opts(opts), *([_word(name, "name")] if name is not None else [])]
    _git(words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding)
    return True


def checkout(
    cwd: str,
    rev: str | None = None,
    force: bool = False,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    Check a revision out.

    CLI Example:

        salt '*' git.checkout /path/to/repo opts='-b newbranch'
    """
    options = _opts(opts)
    if rev is None and not any(word.startswith(("-b", "-B")) for word in options):
        raise InvocationError("'rev' argument is required unless -b or -B in opts")
    words = ["checkout", *(["--force"] if force else []), *options, *([_word(rev, "rev")] if rev is not None else [])]
    return _git(words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding, merge=True)


def discard_local_changes(
    cwd: str,
    path: str = ".",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    Have files be again as they are in the index.

    CLI Example:

        salt '*' git.discard_local_changes /path/to/repo path=foo
    """
    words = ["checkout", "--", str(path)]
    return _git(words, _place(cwd, user), "", user, ignore_retcode, output_encoding)


def merge(
    cwd: str,
    rev: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> str:
    """
    Merge a revision, or what the branch follows.

    CLI Example:

        salt '*' git.merge /path/to/repo upstream/foo
    """
    _none_left(kwargs)
    words = ["merge", *_opts(opts), *([_word(rev, "rev")] if rev else [])]
    return _git(words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding, identity=identity)


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
    _none_left(kwargs)
    if sum(map(bool, (octopus, is_ancestor, independent, fork_point))) > 1:
        raise InvocationError("Only one of 'octopus', 'independent', 'is_ancestor', and 'fork_point' is permitted")
    names = [_word(ref, "ref") for ref in (refs.split(",") if isinstance(refs, str) else refs or [])]
    if is_ancestor and len(names) != 2:
        raise InvocationError("Two refs/commits are required if 'is_ancestor' is True")
    words = ["merge-base"]
    for given, flag in ((octopus, "--octopus"), (is_ancestor, "--is-ancestor"), (independent, "--independent")):
        words += [flag] if given else []
    words += ["--fork-point", _word(fork_point, "fork_point")] if fork_point else []
    words += [*_opts(opts), *names]
    place = _place(cwd, user)
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
    words = ["merge-tree", _word(base, "base"), _word(ref1, "ref1"), _word(ref2, "ref2")]
    return _git(words, _place(cwd, user), "", user, ignore_retcode, output_encoding)


def rebase(
    cwd: str,
    rev: str = "master",
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    Rebase the branch on a revision.

    CLI Example:

        salt '*' git.rebase /path/to/repo origin/main
    """
    options = _opts(opts)
    words = ["rebase", *options, *([] if {"--abort", "--continue", "--skip"} & set(options) else [_word(rev, "rev")])]
    return _git(words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding)


def reset(
    cwd: str,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    What `git reset` does with these options.

    CLI Example:

        salt '*' git.reset /path/to/repo opts='--hard origin/main'
    """
    words = ["reset", *_opts(opts)]
    return _git(words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding, identity=identity)


def stash(
    cwd: str,
    action: str = "save",
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    Put changes aside, or what else `git stash` does.

    CLI Example:

        salt '*' git.stash /path/to/repo pop
    """
    words = ["stash", _word(action, "action"), *_opts(opts)]
    return _git(words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding)


def submodule(
    cwd: str,
    command: str,
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
    What `git submodule` does: `add`, `update`, `init` and its other commands.

    CLI Example:

        salt '*' git.submodule /path/to/repo update opts=--init
    """
    if "init" in kwargs:
        raise InvocationError(
            "The 'init' argument is no longer supported. Either set 'command' to 'init', or include '--init' in the "
            "'opts' argument and set 'command' to 'update'."
        )
    _none_left(kwargs)
    words = ["submodule", _word(command, "command"), *_opts(opts)]
    return _git(
        words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding, identity=identity, saltenv=saltenv
    )


def tag(
    cwd: str,
    name: str,
    ref: str = "HEAD",
    message: str | None = None,
    opts: Any = "",
    git_opts: Any = "",
    user: str | None = None,
    password: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
) -> str:
    """
    Make a tag; an annotated one when there is a message.

    CLI Example:

        salt '*' git.tag /path/to/repo v1.2.3 message='Version 1.2.3'
    """
    words = ["tag", *(["-a", "-m", str(message)] if message is not None else []), *_opts(opts), _word(name, "name")]
    words += [_word(ref, "ref")] if ref else []
    return _git(words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding)


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
    place = _place(cwd, user)
    kind = kwargs.pop("format", None)
    _none_left(kwargs)
    below = f"{os.path.basename(place.rstrip('/'))}/" if prefix is None else str(prefix)
    words = ["archive", *(["--prefix", below] if below else []), *(["--format", _word(kind, "format")] if kind else [])]
    words += ["--output", _place(output, user), _word(rev, "rev")]
    _git(words, place, git_opts, user, ignore_retcode, output_encoding)
    return True


# -- other repositories ----------------------------------------------------------------------------------------


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
    words = ["fetch", *(["--force"] if force else []), *_opts(opts)]
    words += [_word(remote, "remote")] if remote else []
    words += [_word(ref, "refspec") for ref in (refspecs.split(",") if isinstance(refspecs, str) else refspecs or [])]
    text = _git(
        words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding,
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
    words = ["pull", *_opts(opts)]
    return _git(
        words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding, identity=identity, saltenv=saltenv
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
    _none_left(kwargs)
    words = [
        "push",
        *_opts(opts),
        *([_word(remote, "remote")] if remote else []),
        *([_word(ref, "ref")] if ref else []),
    ]
    return _git(
        words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding, identity=identity, saltenv=saltenv
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
    address = _url(_word(remote, "remote"), https_user, https_pass)
    words = ["ls-remote", *_opts(opts), address, *([_word(ref, "ref")] if ref else [])]
    place = None if cwd is None else _place(cwd, user)
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

        salt '*' git.remote_refs https://github.com/saltstack/salt.git filter='*3006*'
    """
    pattern = kwargs.pop("filter", None)
    _none_left(kwargs)
    words = ["ls-remote", *(["--heads"] if heads else []), *(["--tags"] if tags else [])]
    words.append(_url(_word(url, "url"), https_user, https_pass))
    text = _git(words, None, "", user, ignore_retcode, output_encoding, identity=identity, saltenv=saltenv)
    return __utils__["gits.refs"](text, pattern)


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
    place = _place(cwd, user)
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

        salt '*' git.remote_set /path/to/repo git@github.com:saltstack/salt.git remote=upstream
    """
    # Both are known to be right before anything changes.
    address = _url(_word(url, "url"), https_user, https_pass)
    pushed = _url(_word(push_url, "push_url"), push_https_user, push_https_pass) if push_url else None
    name, place = _word(remote, "remote"), _place(cwd, user)

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
    words = ["config", *where, "--null", "--get-all", _word(key, "key")]
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
    words = ["config", *where, "--null", "--get-regexp", _word(key, "key"), *([value_regex] if value_regex else [])]
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
    name = _word(key, "key")
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
    words = ["config", *where, "--unset-all" if every else "--unset", _word(key, "key")]
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
    _none_left(kwargs)
    if name and detach:
        raise InvocationError("Only one of 'branch' and 'detach' is allowed")
    words = ["worktree", "add", *(["--force"] if force else [])]
    if detach:
        words.append("--detach")
    else:
        name = name or os.path.basename(str(worktree_path).rstrip("/"))
        words += ["-B" if reset_branch else "-b", _word(name, "branch")]
    words += [*_opts(opts), _word(worktree_path, "worktree_path"), *([_word(ref, "ref")] if ref else [])]
    return _git(words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding, merge=True)


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
    words += [*(["--expire", str(expire)] if expire else []), *_opts(opts)]
    return _git(words, _place(cwd, user), git_opts, user, ignore_retcode, output_encoding, merge=True)


def worktree_rm(cwd: str, user: str | None = None, output_encoding: str | None = None) -> bool:
    """
    Remove a worktree's folder. What git keeps of it goes with `worktree_prune`.

    CLI Example:

        salt '*' git.worktree_rm /path/to/worktree
    """
    place = _place(cwd, user)
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
    place = _place(cwd, user)
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
    every, place = kwargs.pop("all", False), _place(cwd, user)
    _none_left(kwargs)
    found = _worktrees(place, user, output_encoding)
    for row in found.values():
        if row["detached"] and not row["stale"]:
            words = ["tag", "--points-at", row["HEAD"]]
            names = _git(words, place, "", user, False, output_encoding).splitlines()
            row |= {"tags": names} if names else {}
    return {path: row for path, row in found.items() if every or row["stale"] == stale}


def _worktrees(place: str, user: str | None, output_encoding: str | None) -> dict[str, dict[str, Any]]:
    words = ["worktree", "list", "--porcelain"]
    return __utils__["gits.worktrees"](_git(words, place, "", user, False, output_encoding))


# -- inside ----------------------------------------------------------------------------------------------------


def _git(
    words: list[Any],
    cwd: str | None,
    git_opts: Any = "",
    user: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **options: Any,
) -> str:
    """What git printed."""
    return _run(words, cwd, git_opts, user, ignore_retcode, output_encoding, **options)["stdout"]


def _run(
    words: list[Any],
    cwd: str | None,
    git_opts: Any = "",
    user: str | None = None,
    ignore_retcode: bool = False,
    output_encoding: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    return __utils__["gits.run"](
        words,
        cwd=cwd,
        git_opts=git_opts,
        user=user,
        ignore_retcode=ignore_retcode,
        output_encoding=output_encoding,
        **options,
    )


def _names(below: str, cwd: str, user: str | None, ignore_retcode: bool, output_encoding: str | None) -> list[str]:
    words = ["for-each-ref", "--format", "%(refname)", below]
    text = _git(words, _place(cwd, user), "", user, ignore_retcode, output_encoding)
    return [line.removeprefix(below) for line in text.splitlines()]


def _scope(kwargs: dict[str, Any], cwd: str | None, user: str | None) -> tuple[list[str], str | None]:
    """Whose settings are meant: the words that say so, and where git is run."""
    everywhere = kwargs.pop("global", False)
    _none_left(kwargs)
    if not everywhere and cwd is None:
        raise InvocationError("'cwd' argument required unless global=True")
    return (["--global"], None) if everywhere else (["--local"], _place(cwd, user))


def _none_left(kwargs: dict[str, Any]) -> None:
    left = [f"{key}={value}" for key, value in kwargs.items() if not key.startswith("__")]
    if left:
        raise InvocationError(f"The following keyword arguments are not valid: {', '.join(left)}")


def _files(filename: Any) -> list[str]:
    found = [str(name) for name in filename] if isinstance(filename, list | tuple) else [str(filename)]
    if not all(found):
        raise InvocationError("'filename' argument is required")
    return found


def _opts(opts: Any) -> list[str]:
    return __utils__["gits.words_of"](opts)


def _place(path: Any, user: str | None) -> str:
    return __utils__["gits.place"](path, user)


def _url(url: str, user: str | None, password: str | None) -> str:
    return __utils__["gits.with_credentials"](url, user, password)


def _word(value: Any, what: str) -> str:
    return __utils__["gits.word"](value, what)
