"""Lines of text files: appended, replaced, commented out, kept between two marks.

/etc/ssh/sshd_config:
  file.keyvalue:
    - key: PermitRootLogin
    - value: 'no'
    - separator: ' '
    - uncomment: '# '
    - append_if_not_found: True

/etc/hosts.allow:
  file.append:
    - text: 'sshd: 10.0.0.0/8'
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils import filediff
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import Result, returned

__virtualname__ = "file"


def __virtual__() -> str:
    return __virtualname__


def append(
    name: str,
    text: Any = None,
    makedirs: bool = False,
    source: str | None = None,
    source_hash: Any = None,
    template: str = "jinja",
    sources: Any = None,
    source_hashes: Any = None,
    defaults: Any = None,
    context: Any = None,
    ignore_whitespace: bool = True,
    show_changes: bool = True,
) -> Result:
    """
    Lines are in a file: those that are not are added at its end. They are `text` (one, or a list), or the content of
    `source` or `sources`. With `ignore_whitespace` lines that differ in blanks only are the same.
    """
    prepared = _prepared(name, text, makedirs, source, source_hash, template, sources, source_hashes, defaults, context)
    if isinstance(prepared, dict):
        return prepared
    name, texts, before, lines = prepared
    if text is None and not texts:
        return returned(name, False, "No text found to append. Nothing appended")
    missing = []
    for chunk in texts:
        if ignore_whitespace and _has_block(lines, chunk):
            continue
        missing += [line for line in chunk.splitlines() if not _has(lines, line, ignore_whitespace)]
    if not missing:
        return returned(name, True, f"File {name} is in correct state")
    whole = before + ("" if before.endswith("\n") or not before else "\n") + "".join(f"{line}\n" for line in missing)
    # The difference of an append has its heads apart. Source: stock Salt 3008.3.
    diff = "\n".join(difflib.unified_diff(before.splitlines(), whole.splitlines()))
    changes = {"diff": diff if show_changes else "<show_changes=False>"}
    if __opts__["test"]:
        return returned(name, None, f"File {name} is set to be updated", changes)
    __salt__["file.append"](name, args=missing)
    return returned(name, True, f"Appended {len(missing)} lines", changes)


def prepend(
    name: str,
    text: Any = None,
    makedirs: bool = False,
    source: str | None = None,
    source_hash: Any = None,
    template: str = "jinja",
    sources: Any = None,
    source_hashes: Any = None,
    defaults: Any = None,
    context: Any = None,
    header: bool | None = None,
    show_changes: bool = True,
) -> Result:
    """
    Lines are in a file: those that are not are put at its beginning. With `header` they are its very first lines.
    """
    prepared = _prepared(name, text, makedirs, source, source_hash, template, sources, source_hashes, defaults, context)
    if isinstance(prepared, dict):
        return prepared
    name, texts, before, lines = prepared
    wanted = [line for chunk in texts for line in chunk.splitlines()]
    if header:
        missing = [] if before.splitlines()[: len(wanted)] == wanted else wanted
    else:
        missing = [line for line in wanted if not _has(lines, line, True)]
    if not missing:
        return returned(name, True, f"File {name} is in correct state")
    whole = "".join(f"{line}\n" for line in missing) + before
    diff = filediff.unified(before.encode(), whole.encode()) if show_changes else "<show_changes=False>"
    if __opts__["test"]:
        return returned(name, None, f"File {name} is set to be updated", {"diff": diff})
    __salt__["file.prepend"](name, args=missing)
    return returned(name, True, f"Prepended {len(missing)} lines", {"diff": diff})


def replace(
    name: str,
    pattern: str,
    repl: Any,
    count: int = 0,
    flags: Any = 8,
    bufsize: Any = 1,
    append_if_not_found: bool = False,
    prepend_if_not_found: bool = False,
    not_found_content: str | None = None,
    backup: Any = ".bak",
    show_changes: bool = True,
    ignore_if_missing: bool = False,
    backslash_literal: bool = False,
    encoding: str | None = None,
) -> Result:
    """
    What a regular expression matches in a file is replaced. A file that has no match may get the text at its end or
    beginning.
    """
    if not name:
        return returned(name, False, "Must provide name to file.replace")
    name = os.path.expanduser(name)
    if not os.path.isabs(name):
        return returned(name, False, f"Specified file {name} is not an absolute path")
    if not os.path.exists(name):
        if ignore_if_missing:
            return returned(name, True, "No changes needed to be made")
        return returned(name, False, f"{name}: file not found")
    diff = __salt__["file.replace"](
        name, pattern, repl, count=count, flags=flags, bufsize=bufsize, append_if_not_found=append_if_not_found,
        prepend_if_not_found=prepend_if_not_found, not_found_content=not_found_content, backup=backup,
        dry_run=bool(__opts__["test"]), show_changes=show_changes, ignore_if_missing=ignore_if_missing,
        backslash_literal=backslash_literal, encoding=encoding,
    )  # fmt: skip
    if not diff:
        return returned(name, True, "No changes needed to be made")
    if __opts__["test"]:
        return returned(name, None, "Changes would have been made", {"diff": diff})
    return returned(name, True, "Changes were made", {"diff": diff})


def line(
    name: str,
    content: Any = None,
    match: Any = None,
    mode: str | None = None,
    location: str | None = None,
    before: str | None = None,
    after: str | None = None,
    show_changes: bool = True,
    backup: Any = False,
    quiet: bool = False,
    indent: bool = True,
    create: bool = False,
    user: Any = None,
    group: Any = None,
    file_mode: Any = None,
) -> Result:
    """
    One line of a file: `mode` says whether it is to be there (`ensure`), takes the place of what matches (`replace`),
    goes (`delete`), or comes in (`insert`), at a `location` (`start`, `end`), or `before` or `after` what matches.
    """
    if not name:
        return returned(name, False, "Must provide name to file.line")
    name = os.path.expanduser(name)
    if not os.path.isabs(name):
        return returned(name, False, f"Specified file {name} is not an absolute path")
    made = None
    if create and not os.path.isfile(name):
        if __opts__["test"]:
            return returned(name, None, f"File {name} is set to be created", {"new": name})
        made = __states__["file.managed"](name, create=True, user=user, group=group, mode=file_mode)
        if made["result"] is False:
            return made
    if not os.path.exists(name):
        return returned(name, False, f"{name}: file not found")
    if mode is None:
        return returned(name, False, "Mode was not defined. How to process the file?")
    if content is None and mode != "delete":
        return returned(name, False, "Content can only be empty if mode is ['delete']")
    if __opts__["test"]:
        return _line_previewed(name, content, match, mode, location, before, after, show_changes, quiet, indent)
    diff = __salt__["file.line"](
        name, content, match=match, mode=mode, location=location, before=before, after=after,
        show_changes=show_changes, backup=backup, quiet=quiet, indent=indent,
    )  # fmt: skip
    if not diff:
        return returned(name, True, "No changes needed to be made", made["changes"] if made else {})
    return returned(name, True, "Changes were made", {**(made["changes"] if made else {}), "diff": diff})


def comment(name: str, regex: str, char: str = "#", backup: Any = ".bak", ignore_missing: bool = False) -> Result:
    """
    Lines that a regular expression matches are commented out.
    """
    return _commented(name, regex, char, backup, True, ignore_missing)


def uncomment(name: str, regex: str, char: str = "#", backup: Any = ".bak") -> Result:
    """
    Lines that a regular expression matches behind the comment character are not commented out.
    """
    return _commented(name, regex, char, backup, False, False)


def blockreplace(
    name: str,
    marker_start: str = "#-- start managed zone --",
    marker_end: str = "#-- end managed zone --",
    source: str | None = None,
    source_hash: Any = None,
    template: str = "jinja",
    sources: Any = None,
    source_hashes: Any = None,
    defaults: Any = None,
    context: Any = None,
    content: str = "",
    append_if_not_found: bool = False,
    prepend_if_not_found: bool = False,
    backup: Any = ".bak",
    show_changes: bool = True,
    append_newline: bool | None = None,
    insert_before_match: str | None = None,
    insert_after_match: str | None = None,
) -> Result:
    """
    The lines between two marks are `content`, or the content of `source`, and what `file.accumulated` has gathered.
    """
    if not name:
        return returned(name, False, "Must provide name to file.blockreplace")
    name = os.path.expanduser(name)
    found = _source_texts(name, None, source, source_hash, template, sources, source_hashes, defaults, context)
    if isinstance(found, dict):
        return found
    if not os.path.isabs(name):
        return returned(name, False, f"Specified file {name} is not an absolute path")
    if not os.path.exists(name):
        return returned(name, False, f"{name}: file not found")
    parts = [str(content)] if content else []
    for gathered in __utils__["accumulators.gathered"](__instance_id__, name).values():
        parts += [str(text) for text in gathered]
    parts += [text.removesuffix("\n") for text in found]
    try:
        diff = __salt__["file.blockreplace"](
            name, marker_start, marker_end, content="\n".join(parts), append_if_not_found=append_if_not_found,
            prepend_if_not_found=prepend_if_not_found, backup=backup, dry_run=bool(__opts__["test"]),
            show_changes=show_changes, append_newline=append_newline, insert_before_match=insert_before_match,
            insert_after_match=insert_after_match,
        )  # fmt: skip
    except TrisaltError as exc:
        text = f"Encountered error managing block: {exc}. See the log for details."
        return returned(name, False, text)
    if not diff:
        return returned(name, True, "No changes needed to be made")
    if __opts__["test"]:
        return returned(name, None, "Changes would be made", {"diff": diff})
    return returned(name, True, "Changes were made", {"diff": diff})


def accumulated(name: str, filename: str, text: Any, **kwargs: Any) -> Result:
    """
    Texts are gathered for another state of the run, which writes the file `filename`: it must be named by
    `require_in` or `watch_in`.
    """
    if not name:
        return returned(name, False, "Must provide name to file.accumulated")
    if text is None:
        return returned(name, False, "No text supplied for accumulator")
    followers = [
        chunk
        for kind in ("require_in", "watch_in")
        for reference in as_list(kwargs.get(kind) or __low__.get(kind))
        if isinstance(reference, Mapping)
        for chunk in reference
    ]
    if not followers and not _is_awaited():
        text = f"Orphaned accumulator {name} in {__low__.get('__sls__')}:{__low__.get('__id__')}"
        return returned(name, False, text)
    __utils__["accumulators.gather"](__instance_id__, os.path.expanduser(filename), name, as_list(text))
    return returned(name, True, f"Accumulator {name} for file {filename} was charged by text")


# -- lines that are to be there --------------------------------------------------------------------------------------


def _prepared(
    name: str, text: Any, makedirs: bool, source: Any, source_hash: Any, template: str, sources: Any,
    source_hashes: Any, defaults: Any, context: Any,
) -> Any:  # fmt: skip
    """`(path, texts, content, its lines)`; or what a state returns, when there is nothing to write to."""
    if not name:
        return returned(name, False, "Must provide name to file.append")
    name = os.path.expanduser(name)
    texts = _source_texts(name, text, source, source_hash, template, sources, source_hashes, defaults, context)
    if isinstance(texts, dict):
        return texts
    if not os.path.isabs(name):
        return returned(name, False, f"Specified file {name} is not an absolute path")
    folder = os.path.dirname(name)
    if makedirs and not os.path.isdir(folder):
        if __opts__["test"]:
            return returned(name, None, f"Directory {folder} is set to be updated", {"directory": folder})
        __salt__["file.makedirs"](name)
    if not os.path.isdir(folder):
        return returned(name, False, f"{name}: file not found")
    if not os.path.exists(name):
        if __opts__["test"]:
            return returned(name, None, f"File {name} is set to be created", {"new": name})
        with open(name, "a", encoding="utf-8"):
            pass
    with open(name, encoding="utf-8", errors="surrogateescape") as file:
        content = file.read()
    return name, texts, content, content.splitlines()


def _source_texts(
    name: str, text: Any, source: Any, source_hash: Any, template: str, sources: Any, source_hashes: Any,
    defaults: Any, context: Any,
) -> Any:  # fmt: skip
    """The texts that are given, or those of the sources, rendered; or what a state returns."""
    if source and sources:
        return returned(name, False, "source and sources are mutually exclusive")
    if source_hash and source_hashes:
        return returned(name, False, "source_hash and source_hashes are mutually exclusive")
    places = [source] if source else as_list(sources)
    if not places:
        return [str(item) for item in as_list(text)]
    texts = []
    for place in places:
        cached = __salt__["cp.cache_file"](place, __env__)
        if not cached:
            return returned(name, False, f"Failed to load template file {place}")
        with open(cached, encoding="utf-8") as file:
            variables = {**(defaults or {}), **(context or {})}
            texts.append(
                __utils__["template.render"](file.read(), template, saltenv=__env__, path=cached, context=variables)
            )
    return texts


def _has(lines: list[str], wanted: str, loose: bool) -> bool:
    if loose:
        return any(line.split() == wanted.split() for line in lines)
    return wanted in lines


def _has_block(lines: list[str], chunk: str) -> bool:
    """Whether several lines are there one after the other."""
    wanted = [line.split() for line in chunk.splitlines()]
    have = [line.split() for line in lines]
    return any(have[at : at + len(wanted)] == wanted for at in range(len(have) - len(wanted) + 1)) if wanted else True


def _is_awaited() -> bool:
    """Whether another state of the run requires or watches this one."""
    own = __low__.get("__id__"), __low__.get("name")
    for chunk in __lowstate__:
        for kind in ("require", "watch"):
            for reference in chunk.get(kind) or ():
                if isinstance(reference, Mapping) and any(value in own for value in reference.values()):
                    return True
    return False


# -- one line, and comments ------------------------------------------------------------------------------------------


def _line_previewed(
    name: str, content: Any, match: Any, mode: str, location: Any, before: Any, after: Any, show_changes: bool,
    quiet: bool, indent: bool,
) -> Result:  # fmt: skip
    """What the change would be: it is made to a copy."""
    fd, trial = tempfile.mkstemp(prefix="__salt.tmp.line.")
    os.close(fd)
    shutil.copyfile(name, trial)
    try:
        diff = __salt__["file.line"](
            trial, content, match=match, mode=mode, location=location, before=before, after=after,
            show_changes=show_changes, backup=False, quiet=quiet, indent=indent,
        )  # fmt: skip
    finally:
        os.unlink(trial)
    if not diff:
        return returned(name, True, "No changes needed to be made")
    return returned(name, None, "Changes would be made", {"diff": diff})


def _commented(name: str, regex: str, char: str, backup: Any, out: bool, ignore_missing: bool) -> Result:
    verb = "comment" if out else "uncomment"
    if not name:
        return returned(name, False, f"Must provide name to file.{verb}")
    name = os.path.expanduser(name)
    if not os.path.isabs(name):
        return returned(name, False, f"Specified file {name} is not an absolute path")
    if not os.path.exists(name):
        return returned(name, False, f"{name}: file not found")
    bare = regex.lstrip("^").rstrip("$")
    mark = re.escape(char)
    open_line = rf"^(?!\s*{mark})\s*{bare}" if out else rf"^[ \t]*{mark}[ \t]*{bare}"
    if not __salt__["file.search"](name, open_line, multiline=True):
        if out and __salt__["file.search"](name, rf"{mark}\s*{bare}", multiline=True):
            return returned(name, True, "Pattern already commented")
        if not out and __salt__["file.search"](name, rf"^[ \t]*{bare}", multiline=True):
            return returned(name, True, "Pattern already uncommented")
        if out and ignore_missing:
            return returned(name, True, "Pattern not found and ignore_missing set to True")
        return returned(name, False, f"{bare if out else regex}: Pattern not found")
    if __opts__["test"]:
        return returned(name, None, f"File {name} is set to be updated", {name: "updated"})
    before = filediff.content(name)
    __salt__["file.comment_line"](name, regex, char, out, backup)
    after = filediff.content(name)
    changes = {"diff": filediff.between(before, after)} if before != after else {}
    if changes:
        return returned(name, True, f"{verb.capitalize()}ed lines successfully", changes)
    return returned(name, False, f"Expected {verb}ed lines not found")
