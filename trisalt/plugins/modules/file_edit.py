"""
Search texts and edit them: the part of the shelf `file` for lines, patterns, comments and marked blocks.
"""

from __future__ import annotations

import glob
import os
import re
import shlex
import shutil
import time
from fnmatch import fnmatch
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.fileserver.replace import follow
from trisalt.plugins.utils import filediff, fileedit, filesys
from trisalt.plugins.utils.fileline import Line
from trisalt.plugins.utils.filesys import expand, told

__virtualname__ = "file"

_START = "#-- start managed zone --"
_END = "#-- end managed zone --"


def __virtual__() -> str:
    return __virtualname__


# -- searching ------------------------------------------------------------------------------------------------------


@told
def search(
    path: str, pattern: str, flags: Any = 8, bufsize: Any = 1, ignore_if_missing: bool = False, multiline: bool = False
) -> bool:
    """
    Whether a pattern is found in a file. `flags` is a number, a name of Python's `re`, or a list of names.

    CLI Example:

    .. code-block:: bash

        salt '*' file.search /etc/crontab 'mymaintenance.sh'
    """
    data = _text(expand(path), ignore_if_missing)
    if data is None:
        return False
    bits = fileedit.flags(flags) | (re.MULTILINE if multiline else 0)
    return re.search(str(pattern), data.decode(errors="surrogateescape"), bits) is not None


@told
def contains(path: str, text: Any) -> bool:
    """
    Whether a text is found in a file, space around it left off

    CLI Example:

    .. code-block:: bash

        salt '*' file.contains /etc/crontab 'mymaintenance.sh'
    """
    path = expand(path)
    return os.path.isfile(path) and str(text).strip().encode() in filediff.read(path)


@told
def contains_regex(path: str, regex: str, lchar: str = "") -> bool:
    """
    Whether a pattern is found in a line of a file; `lchar` are characters that are taken from its beginning first

    CLI Example:

    .. code-block:: bash

        salt '*' file.contains_regex /etc/crontab '^mymaintenance' lchar='#'
    """
    return any(re.search(str(regex), line.lstrip(lchar) if lchar else line) for line in _lines(expand(path)))


@told
def contains_glob(path: str, glob_expr: str) -> bool:
    """
    Whether a glob matches a line of a file

    CLI Example:

    .. code-block:: bash

        salt '*' file.contains_glob /etc/foobar '*cheese*'
    """
    return any(fnmatch(line, str(glob_expr)) or fnmatch(line.rstrip("\r\n"), str(glob_expr))
               for line in _lines(expand(path)))  # fmt: skip


def _lines(path: str) -> list[str]:
    if not os.path.isfile(path):
        return []
    return filediff.read(path).decode(errors="surrogateescape").splitlines(keepends=True)


@told
def grep(path: str, pattern: str, *opts: str) -> dict[str, Any]:
    """
    Search files by grep(1): the shape of `cmd.run_all`. `path` may be a glob; each option is a word of its own.

    CLI Example:

    .. code-block:: bash

        salt '*' file.grep /etc/passwd nobody
        salt '*' file.grep "/etc/sysconfig/network-scripts/*" ipaddr -- -l
    """
    path = expand(path)
    words = [str(opt) for opt in opts if str(opt) != "--"]
    for word in words:
        if " " in word.strip() and len(shlex.split(word)) > 1:
            raise InvocationError("Passing multiple command line arguments in a single string is not supported, "
                                  f"please pass the following arguments separately: {word}")  # fmt: skip
    return _run(["grep", *words, "-e", str(pattern), "--", *(sorted(glob.glob(path)) or [path])])


# -- sed ------------------------------------------------------------------------------------------------------------


@told
def sed(
    path: str, before: str, after: str, limit: str = "", backup: str = ".bak", options: str = "-r -e",
    flags: str = "g", escape_all: bool = False, negate_match: bool = False,
) -> dict[str, Any] | bool:  # fmt: skip
    """
    Edit a file by sed(1): the shape of `cmd.run_all`; False when there is none

    Only lines that match `limit` are edited, or with `negate_match` only the others. `escape_all` takes `before` and
    `after` for plain texts.

    CLI Example:

    .. code-block:: bash

        salt '*' file.sed /etc/httpd/httpd.conf 'LogLevel warn' 'LogLevel info'
    """
    path = expand(path)
    if not os.path.exists(path):
        return False
    expression = fileedit.sed_expression(
        str(before), str(after), limit=str(limit), letters=flags, escape_all=escape_all, negate=negate_match
    )
    # Links are followed as by every other function, and not replaced.
    return _run(["sed", f"-i{backup}" if backup else "-i", *shlex.split(options), expression, follow(path)])


@told
def sed_contains(path: str, text: str, limit: str = "", flags: str = "g") -> bool:
    """
    Whether sed(1) finds an expression in a file

    CLI Example:

    .. code-block:: bash

        salt '*' file.sed_contains /etc/crontab 'mymaintenance.sh'
    """
    path = expand(path)
    if not os.path.exists(path):
        return False
    expression = fileedit.sed_expression(
        str(text), "$", limit=str(limit), letters=f"p{flags}", escape_all=False, negate=False
    )
    return bool(_run(["sed", "-n", "-r", "-e", expression, path])["stdout"])


@told
def psed(
    path: str, before: str, after: str, limit: str = "", backup: str = ".bak", flags: str = "gMS",
    escape_all: bool = False, multi: bool = False,
) -> None:  # fmt: skip
    """
    Edit a file by a substitution of Python's kind, line by line, or with `multi` as one text

    Only lines that match `limit` are edited. `flags` are letters: `g` for every place in a line, others are `re`'s.

    CLI Example:

    .. code-block:: bash

        salt '*' file.psed /etc/httpd/httpd.conf 'LogLevel warn' 'LogLevel info'
    """
    path = expand(path)
    data = _read(path)
    new = fileedit.psed(
        data.decode(errors="surrogateescape"), str(before), str(after),
        limit=str(limit), letters=flags, escape_all=escape_all, multi=multi,
    )  # fmt: skip
    _write(path, data, new.encode(errors="surrogateescape"), backup)


# -- lines ----------------------------------------------------------------------------------------------------------


@told
def line(
    path: str, content: str | None = None, match: str | None = None, mode: str | None = None,
    location: str | None = None, before: str | None = None, after: str | None = None, show_changes: bool = True,
    backup: bool = False, quiet: bool = False, indent: bool = True,
) -> str | bool:  # fmt: skip
    """
    Edit one line of a file; the difference, or False when nothing changed

    `mode` is `ensure` (there is such a line `before` or `after` others, or the only one between them), `insert` (at a
    `location`, `start` or `end`, or by others), `replace` or `delete` (the line that `match` finds). `indent` gives
    the line the indentation of the one beside it. With `backup` the file as it
    was is kept beside it, with the time behind its name.

    CLI Example:

    .. code-block:: bash

        salt '*' file.line /etc/nsswitch.conf "networks:\\tfiles dns" after="hosts:.*?" mode='ensure'
    """
    path = expand(path)
    if not os.path.isfile(path):
        if quiet:
            return False
        raise CommandError(f'File "{path}" does not exists or is not a file.')
    texts = {"content": content, "match": match, "before": before, "after": after}
    wanted = Line(
        mode=None if mode is None else str(mode).lower(),
        location=location,
        indent=indent,
        **{name: None if value is None else str(value) for name, value in texts.items()},
    )
    old = _read(path)
    new = wanted.apply(old.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    if new == old:
        return False
    if not __opts__.get("test"):
        if backup:
            filesys.copy_same(path, f"{path}.{time.strftime('%Y-%m-%d-%H-%M-%S')}")
        filesys.put(path, new)
    return filediff.unified(old, new) if show_changes else True


@told
def replace(
    path: str, pattern: str, repl: str, count: int = 0, flags: Any = 8, bufsize: Any = 1,
    append_if_not_found: bool = False, prepend_if_not_found: bool = False, not_found_content: str | None = None,
    backup: str | bool = ".bak", dry_run: bool = False, search_only: bool = False, show_changes: bool = True,
    ignore_if_missing: bool = False, preserve_inode: bool = True, backslash_literal: bool = False,
    encoding: str | None = None,
) -> str | bool:  # fmt: skip
    """
    Replace what a pattern finds in a file; the difference, or with `show_changes` False whether there is one

    Where the pattern finds nothing, `not_found_content` (or the replacement) can be put at an end of the file. What
    was there is kept in a file with `backup` behind its name. `flags` are as for `search`. `preserve_inode` keeps the
    other names of a file that has some; one that has none is replaced as a whole.

    CLI Example:

    .. code-block:: bash

        salt '*' file.replace /etc/httpd/httpd.conf pattern='LogLevel warn' repl='LogLevel info'
        salt '*' file.replace /some/file pattern='before' repl='after' flags='[MULTILINE, IGNORECASE]'
    """
    if search_only and (append_if_not_found or prepend_if_not_found):
        raise InvocationError("search_only cannot be used with append/prepend_if_not_found")
    if append_if_not_found and prepend_if_not_found:
        raise InvocationError("Only one of append and prepend_if_not_found is permitted")
    path = os.path.abspath(expand(path))
    old = _text(path, ignore_if_missing)
    if old is None:
        return False
    encoding = encoding or "utf-8"
    text = old.decode(encoding, "surrogateescape")
    regex = re.compile(str(pattern), fileedit.flags(flags))
    if search_only:
        return regex.search(text) is not None
    change = fileedit.Replacement(
        pattern=regex,
        repl=str(repl),
        count=int(count),
        where="append" if append_if_not_found else "prepend" if prepend_if_not_found else "",
        extra=str(repl if not_found_content is None else not_found_content),
        literal=backslash_literal,
    )
    new = change.apply(text).encode(encoding, "surrogateescape")
    if not dry_run:
        _write(path, old, new, backup, in_place=preserve_inode)
    return filediff.unified(old, new) if show_changes else new != old


@told
def comment(path: str, regex: str, char: str = "#", backup: str = ".bak") -> str | bool:
    """
    Put a comment's mark before lines that begin as a pattern says; the difference, or False when there is none

    CLI Example:

    .. code-block:: bash

        salt '*' file.comment /etc/modules pcspkr
    """
    return comment_line(path, regex, char, True, backup)


@told
def uncomment(path: str, regex: str, char: str = "#", backup: str = ".bak") -> str | bool:
    """
    Take a comment's mark from lines that go on as a pattern says; the difference, or False when there is none

    CLI Example:

    .. code-block:: bash

        salt '*' file.uncomment /etc/hosts.deny 'ALL: PARANOID'
    """
    return comment_line(path, regex, char, False, backup)


@told
def comment_line(path: str, regex: str, char: str = "#", cmnt: bool = True, backup: str = ".bak") -> str | bool:
    """
    Comment lines in, or with `cmnt` False out; the difference, or False when there is none

    CLI Example:

    .. code-block:: bash

        salt '*' file.comment_line 'C:\\boot.ini' 'timeout' '#'
    """
    path = expand(path)
    if not os.path.isfile(path):
        raise InvocationError(f"File not found: {path}")
    data = _text(path, False) or b""
    new, lines_before, lines_after = fileedit.comment(data, str(regex), str(char), add=cmnt)
    if not lines_before:
        return False
    _write(path, data, new, backup)
    return filediff.unified(lines_before, lines_after)


@told
def blockreplace(
    path: str, marker_start: str = _START, marker_end: str = _END, content: str = "",
    append_if_not_found: bool = False, prepend_if_not_found: bool = False, backup: str | bool = ".bak",
    dry_run: bool = False, show_changes: bool = True, append_newline: bool | None = False,
    insert_before_match: str | None = None, insert_after_match: str | None = None,
) -> str | bool:  # fmt: skip
    """
    Replace what stands between two marked lines; the difference, or with `show_changes` False whether there is one

    A block that is not there can be made at an end of the file, or before or after the first line that matches a
    pattern. `append_newline` ends the content with a new line: True always, None where it has none.

    CLI Example:

    .. code-block:: bash

        salt '*' file.blockreplace /etc/hosts '# hosts of the site' \\
            '# end of the hosts of the site' $'10.0.1.1 web1.site\\n10.0.1.2 web2.site' True
    """
    block = fileedit.Block(
        start=fileedit.encoded(marker_start),
        end=fileedit.encoded(marker_end),
        content=fileedit.encoded(content),
        append=append_if_not_found,
        prepend=prepend_if_not_found,
        before=fileedit.encoded(insert_before_match) if insert_before_match else None,
        after=fileedit.encoded(insert_after_match) if insert_after_match else None,
        newline=append_newline,
    )
    path = expand(path)
    if os.path.isdir(path):
        raise CommandError(f"Failed to read from {path}: [Errno 21] Is a directory: '{path}'")
    old = _text(path, False) or b""
    new = block.apply(old)
    if not dry_run:
        _write(path, old, new, backup)
    return filediff.unified(old, new) if show_changes else new != old


@told
def patch(originalfile: str, patchfile: str, options: str = "", dry_run: bool = False) -> dict[str, Any]:
    """
    Apply a patch to a file or a directory by patch(1): the shape of `cmd.run_all`

    CLI Example:

    .. code-block:: bash

        salt '*' file.patch /opt/file.txt /tmp/file.txt.patch
    """
    program = shutil.which("patch")
    if program is None:
        raise CommandError("patch executable not found. Is the distribution's patch package installed?")
    words = shlex.split(str(options or ""))
    argv = [program, *words]
    if dry_run and "--dry-run" not in words:
        argv.append("--dry-run")
    # No question is asked, and a hunk that is there already is passed over.
    argv.append("--forward")
    if not any(word.startswith(("-r", "--reject-file")) for word in words):
        argv.append("--reject-file=-")
    where = expand(originalfile)
    if os.path.isdir(where):
        argv += ["-d", where, f"--input={expand(patchfile)}"]
    else:
        argv += [where, f"--input={expand(patchfile)}"]
    return _run(argv)


# -- inside ---------------------------------------------------------------------------------------------------------


def _run(argv: list[str]) -> dict[str, Any]:
    """Run a program whose exit status is the job's."""
    found: dict[str, Any] = __salt__["cmd.run_all"](argv, python_shell=False)
    if found["retcode"]:
        __context__["retcode"] = found["retcode"]
    return found


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _text(path: str, ignore_if_missing: bool) -> bytes | None:
    """What a file holds that may be edited. None when there is none, and that is all right."""
    if not os.path.exists(path):
        if ignore_if_missing:
            return None
        raise InvocationError(f"File not found: {path}")
    data = b"\0" if os.path.isdir(path) else _read(path)
    if not filediff.is_text(data):
        raise InvocationError(f"Cannot perform string replacements on a binary file: {path}")
    return data


def _write(path: str, old: bytes, new: bytes, backup: str | bool, *, in_place: bool = False) -> None:
    """Put new content in the place of the old, which is kept beside it under the name with `backup` behind."""
    if new == old:
        return
    target = follow(path)
    if backup:
        filesys.copy_same(path, f"{path}{backup}")
    if in_place and os.stat(target).st_nlink > 1:
        with open(target, "r+b") as place:
            place.write(new)
            place.truncate()
        return
    filesys.put(target, new)
