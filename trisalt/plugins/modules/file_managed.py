"""
Make a file what it should be, and tell the difference: the part of the shelf `file` that states are built on.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError, InvocationError, TrisaltError
from trisalt.fileserver.replace import follow, replacing, umask
from trisalt.plugins.utils import filebackup, filediff, fileperms, filesums, filesys
from trisalt.plugins.utils.filesys import expand, told

log = logging.getLogger(__name__)

__virtualname__ = "file"


def __virtual__() -> str:
    return __virtualname__


# -- differences ----------------------------------------------------------------------------------------------------


@told
def get_diff(
    file1: str, file2: str, saltenv: str = "base", show_filenames: bool = True, show_changes: bool = True,
    template: bool = False, source_hash_file1: str | None = None, source_hash_file2: str | None = None,
    ignore_ordering: bool = False, ignore_whitespace: bool = False, ignore_comment_characters: Any = None,
) -> str | tuple[bool, str]:  # fmt: skip
    """
    How two files differ: a unified difference, a sentence where one is no text, or "" when they do not

    Files of the master are cached first. With one of the `ignore_` options a pair is returned: whether they differ in
    what is not to be ignored, and the difference.

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_diff /home/fred/.vimrc salt://users/fred/.vimrc
    """
    paths, missing = [], []
    for given, hashed in ((file1, source_hash_file1), (file2, source_hash_file2)):
        path = expand(given) if "://" not in given else __salt__["cp.cache_file"](given, saltenv, source_hash=hashed)
        if not path:
            missing.append(f"\n- File {given} not found")
        paths.append(path)
    if missing:
        raise CommandError("Failed to cache one or more files. Additional info follows:\n" + "".join(missing))
    names = paths if show_filenames else ["", ""]
    diff = filediff.between(paths[0], paths[1], *names, show_changes=show_changes, template=bool(template))
    ignored = _Ignored(ignore_ordering, ignore_whitespace, ignore_comment_characters)
    if not ignored:
        return diff
    ignored.look(*paths)
    return ignored.differs, diff


class _Ignored:
    """What does not count as a difference, and whether the two contents that were looked at last have another."""

    def __init__(self, ordering: bool, whitespace: bool, comments: Any) -> None:
        self.ordering, self.whitespace, self.comments = ordering, whitespace, comments
        self.differs = False

    def __bool__(self) -> bool:
        return bool(self.ordering or self.whitespace or self.comments)

    def look(self, old: bytes | str, new: bytes | str) -> None:
        self.differs = not filediff.is_same_but_for(
            filediff.content(old), filediff.content(new),
            ordering=self.ordering, whitespace=self.whitespace, comments=self.comments,
        )  # fmt: skip


# -- what would change ----------------------------------------------------------------------------------------------


@told
def check_managed(
    name: str, source: Any, source_hash: Any, source_hash_name: str | None, user: Any, group: Any, mode: Any,
    attrs: Any, template: str | None, context: Any, defaults: Any, saltenv: str, contents: Any = None,
    skip_verify: bool = False, seuser: str | None = None, serole: str | None = None, setype: str | None = None,
    serange: str | None = None, follow_symlinks: bool = False, **kwargs: Any,
) -> tuple[bool | None, str]:  # fmt: skip
    """
    Whether a file is what it should be: True, None when something would change, or False; and a comment

    CLI Example:

    .. code-block:: bash

        salt '*' file.check_managed /etc/nginx/site.conf salt://web/site.conf \\
            '{hash_type: sha256, hsum: <digest>}' root, root, '755' jinja True None None base
    """
    found = check_managed_changes(
        name, source, source_hash, source_hash_name, user, group, mode, attrs, template, context, defaults, saltenv,
        contents, skip_verify, seuser=seuser, serole=serole, setype=setype, serange=serange,
        follow_symlinks=follow_symlinks, **kwargs,
    )  # fmt: skip
    if isinstance(found, tuple):
        if found[0] is False and isinstance(found[1], str):
            return False, found[1]
        found = found[1]
    if not found:
        return True, f"The file {name} is in the correct state"
    comments = [f"{key}: {value}\n" for key, value in found.items()]
    return None, "".join(["The following values are set to be changed:\n", *comments])


@told
def check_managed_changes(
    name: str, source: Any, source_hash: Any, source_hash_name: str | None, user: Any, group: Any, mode: Any,
    attrs: Any, template: str | None, context: Any, defaults: Any, saltenv: str, contents: Any = None,
    skip_verify: bool = False, keep_mode: bool = False, seuser: str | None = None, serole: str | None = None,
    setype: str | None = None, serange: str | None = None, verify_ssl: bool = True, follow_symlinks: bool = False,
    ignore_ordering: bool = False, ignore_whitespace: bool = False, ignore_comment_characters: Any = None,
    new_file_diff: bool = False, **kwargs: Any,
) -> Any:  # fmt: skip
    """
    What would change in a file: a map; or False and why, when its source is not there

    CLI Example:

    .. code-block:: bash

        salt '*' file.check_managed_changes /etc/nginx/site.conf salt://web/site.conf \\
            '{hash_type: sha256, hsum: <digest>}' root, root, '755' jinja True None None base
    """
    source, source_hash = __salt__["file.source_list"](source, source_hash, saltenv)
    sfn, hashed = "", None
    if contents is None:
        sfn, hashed, comment = __salt__["file.get_managed"](
            name, template, source, source_hash, source_hash_name, user, group, mode, attrs, saltenv, context,
            defaults, skip_verify, verify_ssl=verify_ssl, **kwargs,
        )  # fmt: skip
        if comment:
            filesys.discard(sfn)
            return False, comment
    try:
        if keep_mode and source:
            mode = _source_mode(source, sfn, saltenv) or mode
        return check_file_meta(
            name, sfn, source, hashed, user, group, mode, attrs, saltenv, contents, seuser, serole, setype, serange,
            verify_ssl, follow_symlinks, ignore_ordering, ignore_whitespace, ignore_comment_characters, new_file_diff,
        )  # fmt: skip
    finally:
        filesys.discard(sfn)


@told
def check_file_meta(
    name: str, sfn: str, source: Any, source_sum: Mapping[str, str] | None, user: Any, group: Any, mode: Any,
    attrs: Any, saltenv: str, contents: Any = None, seuser: str | None = None, serole: str | None = None,
    setype: str | None = None, serange: str | None = None, verify_ssl: bool = True, follow_symlinks: bool = False,
    ignore_ordering: bool = False, ignore_whitespace: bool = False, ignore_comment_characters: Any = None,
    new_file_diff: bool = False,
) -> Any:  # fmt: skip
    """
    What of a file differs from what it should be: its content, owner, mode, attributes and SELinux context

    CLI Example:

    .. code-block:: bash

        salt '*' file.check_file_meta /etc/nginx/site.conf None salt://web/site.conf \\
            '{hash_type: sha256, hsum: <digest>}' root root '755' None base
    """
    name = expand(name)
    changes: dict[str, Any] = {}
    ignored = _Ignored(ignore_ordering, ignore_whitespace, ignore_comment_characters)
    there = os.path.exists(name) or os.path.islink(name)
    if not there and not new_file_diff:
        return {"newfile": name}
    wanted = _wanted(name if there else "", sfn, source, source_sum, contents, saltenv, verify_ssl)
    if wanted is _UNKNOWN:
        changes["sum"] = "Checksum differs"
    elif isinstance(wanted, bytes | str):
        try:
            old = name if there else b""
            diff = filediff.between(old, wanted)
            if ignored:
                ignored.look(old, wanted)
        except CommandError as exc:
            diff = str(exc)
        if diff:
            changes["diff"] = diff
    if there:
        changes |= _perms_changes(name, user, group, mode, attrs, follow_symlinks)
        parts = fileperms.context(seuser, serole, setype, serange)
        now = fileperms.context_parts(fileperms.selinux(name))
        if other := {part: value for part, value in parts.items() if now.get(part) != value}:
            changes["selinux"] = " ".join(f"{part.capitalize()}: {value}" for part, value in other.items())
    return (ignored.differs, changes) if ignored else changes


_UNKNOWN = object()


def _wanted(
    name: str,
    sfn: str,
    source: Any,
    source_sum: Mapping[str, str] | None,
    contents: Any,
    saltenv: str,
    verify_ssl: bool,
) -> Any:
    """What a file should hold, or where it is; None when it holds that, or nothing is asked; or _UNKNOWN."""
    if contents is not None:
        return contents if isinstance(contents, bytes) else str(contents).encode()
    if not source or not source_sum:
        return None
    if name and os.path.isfile(name) and filesums.digest(name, source_sum["hash_type"]) == source_sum["hsum"]:
        return None
    sfn = sfn or __salt__["cp.cache_file"](source, saltenv, verify_ssl=verify_ssl)
    return sfn or _UNKNOWN


def _perms_changes(name: str, user: Any, group: Any, mode: Any, attrs: Any, follow_symlinks: bool) -> dict[str, Any]:
    info = os.stat(name) if os.path.exists(name) and follow_symlinks else os.lstat(name)
    changes: dict[str, Any] = {}
    if user not in (None, "") and filesys.uid_of(user) != info.st_uid:
        changes["user"] = user
    if group not in (None, "") and filesys.gid_of(group) != info.st_gid:
        changes["group"] = group
    if mode not in (None, "") and fileperms.normal(mode) != filesys.shown_mode(info):
        changes["mode"] = fileperms.normal(mode)
    if attrs is not None and fileperms.attribute_changes(name, attrs, __salt__["cmd.run_all"]) is not None:
        changes["attrs"] = attrs
    return changes


# -- the change -----------------------------------------------------------------------------------------------------


@told
def manage_file(
    name: str, sfn: str, ret: dict[str, Any] | None, source: Any, source_sum: Mapping[str, str] | None, user: Any,
    group: Any, mode: Any, attrs: Any, saltenv: str, backup: Any, makedirs: bool = False, template: str | None = None,
    show_changes: bool = True, contents: Any = None, dir_mode: Any = None, follow_symlinks: bool = True,
    skip_verify: bool = False, keep_mode: bool = False, encoding: str | None = None, encoding_errors: str = "strict",
    seuser: str | None = None, serole: str | None = None, setype: str | None = None, serange: str | None = None,
    verify_ssl: bool = True, use_etag: bool = False, signature: str | None = None, source_hash_sig: str | None = None,
    signed_by_any: Any = None, signed_by_all: Any = None, keyring: str | None = None, gnupghome: str | None = None,
    ignore_ordering: bool = False, ignore_whitespace: bool = False, ignore_comment_characters: Any = None,
    new_file_diff: bool = False, sig_backend: str = "gpg", **kwargs: Any,
) -> dict[str, Any]:  # fmt: skip
    """
    Make a file what `get_managed` says, or hold `contents`: a state's return

    What the file is to hold is in `sfn`, or is fetched from `source`, and has the hash `source_sum`. With `backup`
    `minion` what is replaced is kept. The file is written beside its place and renamed into it.

    CLI Example:

    .. code-block:: bash

        salt '*' file.manage_file /etc/nginx/site.conf '' '{}' salt://web/site.conf \\
            '{hash_type: sha256, hsum: <digest>}' root root '755' '' base ''
    """
    name, given = expand(name), sfn
    if not ret:
        ret = {"name": name, "changes": {}, "comment": "", "result": True}
    try:
        content: str | bytes | None = _encoded(contents, encoding, encoding_errors)
        kind = _kind(name)
        is_link = kind == stat.S_IFLNK and not follow_symlinks
        if kind == stat.S_IFDIR or (kind == stat.S_IFLNK and follow_symlinks and os.path.isdir(name)):
            return ret | {"result": False, "comment": f"Specified target {name} is a directory"}
        there = kind == stat.S_IFREG or (kind == stat.S_IFLNK and os.path.isfile(name))
        if content is None and source:
            sfn, comment = _fetched(name if there else "", sfn, source, source_sum or {}, saltenv, verify_ssl, use_etag,
                                    skip_verify, name)  # fmt: skip
            if comment:
                return ret | {"result": False, "comment": comment}
            if signature and sfn:
                __utils__["signature.verify"](
                    sfn, signature, saltenv=saltenv, verify_ssl=verify_ssl, sig_backend=sig_backend,
                    signed_by_any=signed_by_any, signed_by_all=signed_by_all, keyring=keyring, gnupghome=gnupghome,
                )  # fmt: skip
            content = sfn or None
        if keep_mode and source:
            mode = _source_mode(source, sfn, saltenv) or mode
        ignored = _Ignored(ignore_ordering, ignore_whitespace, ignore_comment_characters)
        # What was no link when it was written is not followed as one afterwards.
        may_follow = follow_symlinks and kind == stat.S_IFLNK
        wanted = (user, group, mode, attrs, may_follow, seuser, serole, setype, serange)
        if there or is_link:
            return _update(name, ret, content, wanted, backup, show_changes, bool(template), is_link, ignored)
        return _create(name, ret, content, wanted, makedirs, dir_mode, bool(source), new_file_diff, show_changes)
    finally:
        # Also where what is there was found to be right.
        filesys.discard(given)


def _kind(name: str) -> int:
    """What there is at a path itself, as `stat` calls it; 0 for nothing."""
    try:
        return stat.S_IFMT(os.lstat(name).st_mode)
    except (OSError, ValueError):
        return 0


def _encoded(contents: Any, encoding: str | None, errors: str) -> bytes | None:
    if contents is None or isinstance(contents, bytes):
        return contents
    return str(contents).encode(encoding or "utf-8", errors if encoding else "surrogateescape")


def _fetched(
    there: str, sfn: str, source: str, source_sum: Mapping[str, str], saltenv: str, verify_ssl: bool, use_etag: bool,
    skip_verify: bool, name: str,
) -> tuple[str, str]:  # fmt: skip
    """The file with what is to be held, verified; "" when it is held already. And what is wrong, or ""."""
    kind, hsum = source_sum.get("hash_type", ""), source_sum.get("hsum", "")
    if there and hsum and filesums.digest(there, kind) == hsum:
        return "", ""
    if not sfn:
        try:
            sfn = __salt__["cp.cache_file"](source, saltenv, verify_ssl=verify_ssl, use_etag=use_etag)
        except TrisaltError as exc:
            log.error("%s cannot be fetched: %s", source, exc)
            sfn = ""
    if not sfn:
        return "", f"Source file '{source}' not found"
    if not skip_verify and not source.startswith("salt://") and hsum:
        have = filesums.digest(sfn, kind)
        if have != hsum:
            hint = (". If the 'source_hash' value refers to a remote file with multiple possible matches, then it may "
                    "be necessary to set 'source_hash_name'.") if there else ""  # fmt: skip
            return sfn, (f"Specified {kind} checksum for {source if there else name} ({hsum}) does not match actual "
                         f"checksum ({have}){hint}")  # fmt: skip
    return sfn, ""


def _source_mode(source: str, sfn: str, saltenv: str) -> str | None:
    """The mode of a source, for `mode: keep`."""
    if source.startswith("salt://"):
        return __salt__["cp.stat_file"](source, saltenv=saltenv, octal=True)
    path = sfn or source.removeprefix("file://")
    return filesys.shown_mode(os.stat(path)) if os.path.exists(path) else None


def _update(
    name: str, ret: dict[str, Any], content: str | bytes | None, wanted: tuple[Any, ...], backup: Any,
    show_changes: bool, template: bool, is_link: bool, ignored: _Ignored,
) -> dict[str, Any]:  # fmt: skip
    """A file that is there, or a link that is to become one."""
    before = None if is_link else os.stat(name)
    if content is not None:
        old: bytes | str = name if os.path.isfile(name) else b""
        diff = filediff.between(old, content, show_changes=show_changes, template=template)
        if diff:
            ret["changes"]["diff"] = diff
            if ignored:
                ignored.look(old, content)
                if not ignored.differs:
                    ret["skip_req"] = True
        elif is_link:
            ret["changes"]["diff"] = "Replace symbolic link with regular file"
        if diff or is_link:
            backup = __salt__["config.backup_mode"](backup)
            if backup in ("minion", "both") and os.path.isfile(name):
                filebackup.keep(os.path.join(__opts__["cachedir"], "file_backup"), name)
            elif backup and backup not in ("master", "minion"):
                log.debug("There is no kind of backup %r", backup)
            bits = _bits(wanted[2])
            if is_link:
                _put_over(name, content, bits)
            else:
                # Who may read the old content need not be allowed to read the new.
                _put(name, content, mask=0o7777 if bits is None else bits)
    ret = _perms(name, ret, wanted, before)
    if ret["changes"]:
        ret["comment"] = f"File {name} updated"
    elif ret["result"]:
        ret["comment"] = f"File {name} is in the correct state"
    return ret


def _create(
    name: str, ret: dict[str, Any], content: str | bytes | None, wanted: tuple[Any, ...], makedirs: bool,
    dir_mode: Any, has_source: bool, new_file_diff: bool, show_changes: bool,
) -> dict[str, Any]:  # fmt: skip
    folder = os.path.dirname(name)
    user, group, mode, *_others = wanted
    if not os.path.isdir(folder):
        if not makedirs:
            return ret | {"result": False, "comment": "Parent directory not present"}
        __salt__["file.makedirs"](name, user=user, group=group, mode=dir_mode or _folder_mode(mode))
    # Nobody but its owner sees it before it has the mode it shall have.
    if content is None:
        os.close(os.open(follow(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        ret["changes"]["new"] = f"file {name} created"
        ret["comment"] = "Empty file"
    else:
        _put(name, content, mode=0o600)
        if new_file_diff:
            ret["changes"]["diff"] = filediff.between(b"", content, show_changes=show_changes)
        else:
            ret["changes"]["diff"] = "New file"
    if mode in (None, ""):
        usual = f"{0o666 & ~umask():04o}"
        if has_source:
            wanted = (user, group, usual, *wanted[3:])
        else:
            os.chmod(name, int(usual, 8))
    ret = _perms(name, ret, wanted)
    if not ret["comment"]:
        ret["comment"] = f"File {name} updated"
    return ret


def _bits(mode: Any) -> int | None:
    """A mode as a number; None for none, and for what is refused where it is set."""
    try:
        return None if mode in (None, "") else filesys.octal(fileperms.normal(mode))
    except InvocationError:
        return None


def _folder_mode(mode: Any) -> str | None:
    """The mode of the directories above a file: its own, and whoever may read them may enter them."""
    bits = _bits(mode)
    return None if bits is None else f"{bits | (bits & 0o444) >> 2:04o}"


def _put(name: str, content: str | bytes, *, mode: int | None = None, mask: int = 0o7777) -> None:
    """Write bytes, or the content of the file of a path, to a file as a whole."""
    with replacing(name, mode=mode, mask=mask) as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            with open(content, "rb") as source:
                shutil.copyfileobj(source, file)


def _put_over(name: str, content: str | bytes, mode: int | None) -> None:
    """Put a file in the place of a link."""
    with tempfile.TemporaryDirectory(prefix=".", dir=os.path.dirname(name)) as folder:
        fresh = os.path.join(folder, "file")
        _put(fresh, content, mode=mode)
        os.rename(fresh, name)


def _perms(
    name: str, ret: dict[str, Any], wanted: tuple[Any, ...], before: os.stat_result | None = None
) -> dict[str, Any]:
    user, group, mode, attrs, follow_symlinks, *context = wanted
    asked = fileperms.Wanted(user=user, group=group, mode=mode, attributes=attrs, context=fileperms.context(*context))
    # What has not been touched, and is as it should be, needs no second look.
    untouched = not ret["changes"] and not isinstance(ret["comment"], list)
    if before is not None and untouched and fileperms.is_right(before, asked):
        return ret
    run = __salt__["cmd.run_all"]
    return fileperms.check(name, ret, asked, follow=follow_symlinks, run=run, before=before)[0]
