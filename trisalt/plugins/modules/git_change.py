"""Change what is in a git repository: the part of the shelf `git` for the index, commits, branches, tags and merges."""

from __future__ import annotations

from typing import Any

from trisalt.errors import InvocationError
from trisalt.plugins.utils.gits import none_left, place_of, word, words_of

__virtualname__ = "git"


def __virtual__() -> Any:
    return __utils__["gits.virtual"]()


# -- files -----------------------------------------------------------------------------------------------------


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
    words = ["add", "--verbose", *words_of(opts), "--", *_files(filename)]
    return _git(words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding)


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
    words = ["rm", *words_of(opts), "--", *_files(filename)]
    return _git(words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding)


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
    words = ["commit", "-m", str(message), *words_of(opts), *(["--", *_files(filename)] if filename else [])]
    return _git(words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding)


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
    options = words_of(opts)
    if rev is None and not any(word.startswith(("-b", "-B")) for word in options):
        raise InvocationError("'rev' argument is required unless -b or -B in opts")
    words = ["checkout", *(["--force"] if force else []), *options, *([word(rev, "rev")] if rev is not None else [])]
    return _git(words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding, merge=True)


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
    return _git(words, place_of(cwd, user), "", user, ignore_retcode, output_encoding)


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
    words = ["reset", *words_of(opts)]
    return _git(words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding, identity=identity)


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
    words = ["stash", word(action, "action"), *words_of(opts)]
    return _git(words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding)


# -- branches, tags and modules --------------------------------------------------------------------------------


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
    words = ["branch", *words_of(opts), *([word(name, "name")] if name is not None else [])]
    _git(words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding)
    return True


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
    words = ["symbolic-ref", *words_of(opts), word(ref, "ref"), *([word(value, "value")] if value is not None else [])]
    return _git(words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding)


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
    words = ["tag", *(["-a", "-m", str(message)] if message is not None else []), *words_of(opts), word(name, "name")]
    words += [word(ref, "ref")] if ref else []
    return _git(words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding)


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
    none_left(kwargs)
    words = ["merge", *words_of(opts), *([word(rev, "rev")] if rev else [])]
    return _git(words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding, identity=identity)


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
    options = words_of(opts)
    words = ["rebase", *options, *([] if {"--abort", "--continue", "--skip"} & set(options) else [word(rev, "rev")])]
    return _git(words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding)


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
    none_left(kwargs)
    words = ["submodule", word(command, "command"), *words_of(opts)]
    return _git(
        words, place_of(cwd, user), git_opts, user, ignore_retcode, output_encoding, identity=identity, saltenv=saltenv
    )


# -- inside ----------------------------------------------------------------------------------------------------


def _files(filename: Any) -> list[str]:
    found = [str(name) for name in filename] if isinstance(filename, list | tuple) else [str(filename)]
    if not all(found):
        raise InvocationError("'filename' argument is required")
    return found


def _git(words: list[Any], *where: Any, **options: Any) -> str:
    """What git printed."""
    return __utils__["gits.run"](words, *where, **options)["stdout"]
