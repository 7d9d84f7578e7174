"""Files with their content, owner and mode.

    /etc/motd:
      file.managed:
        - source: salt://motd.jinja
        - template: jinja
        - mode: '0644'

    /etc/old.conf:
      file.absent: []

Lines of files are in `file_lines` and `file_keyvalue`, links in `file_links`, directories in `file_tree` and
`file_recurse`, copies and moves in `file_moves`, data and patches in `file_data`, backups
in `file_retention`.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Mapping, Set
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.fileserver import urls
from trisalt.plugins.utils.filesys import MADE, discard, gid_of, is_made, uid_of
from trisalt.plugins.utils.statehelp import as_list, owner_of, unknown_owner
from trisalt.state.result import Result, returned

log = logging.getLogger(__name__)

__virtualname__ = "file"

_OTHERS = "\nNote: No changes made, actual changes may\nbe different due to other states."
_CONTENTS = "'contents', 'contents_pillar', or 'contents_grains'"
_MISSING = object()


def __virtual__() -> str:
    return __virtualname__


def managed(
    name: str,
    source: Any = None,
    source_hash: Any = "",
    source_hash_name: str | None = None,
    keep_source: bool = True,
    user: Any = None,
    group: Any = None,
    mode: Any = None,
    attrs: str | None = None,
    template: str | None = None,
    makedirs: bool = False,
    dir_mode: Any = None,
    context: Any = None,
    replace: bool = True,
    defaults: Any = None,
    backup: Any = "",
    show_changes: bool = True,
    create: bool = True,
    contents: Any = None,
    tmp_dir: str | None = None,
    tmp_ext: str = "",
    contents_pillar: Any = None,
    contents_grains: Any = None,
    contents_newline: bool = True,
    contents_delimiter: str = ":",
    encoding: str | None = None,
    encoding_errors: str = "strict",
    allow_empty: bool = True,
    follow_symlinks: bool = True,
    check_cmd: str | None = None,
    skip_verify: bool = False,
    selinux: Mapping[str, str] | None = None,
    verify_ssl: bool = True,
    use_etag: bool = False,
    ignore_ordering: bool = False,
    ignore_whitespace: bool = False,
    ignore_comment_characters: Any = None,
    new_file_diff: bool = False,
    **kwargs: Any,
) -> Result:
    """
    A file holds what its `source` holds (`salt://…`, a path, a URL with its `source_hash`; of a list the first that
    there is), or `contents`, with this owner and mode. `template` renders it, with `context` over `defaults`. What
    replaces the file is written beside it, judged by `check_cmd`, and renamed into its place. `replace: False` leaves
    a file that is there as it is, `create: False` makes none.
    """
    if not name:
        return returned(name, False, "Destination file name is required")
    name = os.path.expanduser(name)
    user = owner_of(user, kwargs)
    keep_mode = str(mode).lower() == "keep"
    # A template sees the mode as it will be.
    mode = None if keep_mode or mode in (None, "") else __utils__["fileperms.normal"](mode)
    given = [value for value in (contents, contents_pillar, contents_grains) if value is not None]
    if source and given:
        return returned(name, False, f"'source' cannot be used in combination with {_CONTENTS}")
    if keep_mode and given:
        return returned(name, False, f"Mode preservation cannot be used in combination with {_CONTENTS}")
    if len(given) > 1:
        text = "Only one of 'contents', 'contents_pillar', and 'contents_grains' is permitted"
        return returned(name, False, text)
    # Nothing says what it is to hold.
    replace = replace and (bool(source) or bool(given))
    warnings = ["The 'file_mode' argument will be ignored.  Please use 'mode' instead to set file permissions."]
    more: dict[str, Any] = {"warnings": warnings} if "file_mode" in kwargs else {}
    for word, value in (("Context", context), ("Defaults", defaults)):
        if value and not isinstance(value, Mapping):
            return returned(name, False, f"{word} must be formed as a dict", **more)
    env = kwargs.get("saltenv") or __env__
    try:
        text = _contents(contents, contents_pillar, contents_grains, contents_delimiter, contents_newline, allow_empty)
        if text is not None and template:
            text = _rendered(text, template, context, defaults, env)
    except TrisaltError as exc:
        return returned(name, False, str(exc), **more)
    refusal = _refusal(name, user, group)
    if refusal:
        return returned(name, False, refusal, **more)
    if os.path.isdir(name) and not (os.path.islink(name) and not follow_symlinks):
        return returned(name, False, f"Specified target {name} is a directory", **more)
    there = os.path.exists(name) or os.path.islink(name)
    if not create and not there:
        return returned(name, True, f"File {name} is not present and is not set for creation", **more)
    security = _security(selinux)
    if there and not replace:
        return _owned(name, user, group, mode, attrs, follow_symlinks, security) | more
    context = _with_accumulated(name, context)
    wanted = (source, source_hash, source_hash_name, user, group, mode, attrs, template, context, defaults, env)
    ignored = {
        "ignore_ordering": ignore_ordering, "ignore_whitespace": ignore_whitespace,
        "ignore_comment_characters": ignore_comment_characters, "new_file_diff": new_file_diff,
    }  # fmt: skip
    signed = {key: kwargs[key] for key in _SIGNED if kwargs.get(key) is not None}
    fetched = {"skip_verify": skip_verify, "verify_ssl": verify_ssl}
    # A template sees these too: so are the variables of a `context` whose map is not indented any further.
    seen = {key: value for key, value in kwargs.items() if key not in _SIGNED and key not in _NOT_SEEN}
    sfn = ""
    try:
        if __opts__["test"]:
            return _previewed(
                name, wanted, text, keep_mode, follow_symlinks, show_changes, create or there,
                {**seen, **fetched, **security, **ignored, **signed},
            ) | more  # fmt: skip
        source, source_hash = __salt__["file.source_list"](source, source_hash, env)
        source_sum, said = {}, ""
        if text is None:
            sfn, source_sum, said = __salt__["file.get_managed"](
                name, template, source, source_hash, source_hash_name, user, group, mode, attrs, env, context, defaults,
                skip_verify, verify_ssl=verify_ssl, use_etag=use_etag, **signed, **seen,
            )  # fmt: skip
        if said:
            return returned(name, False, f"Unable to manage file: {said}", **more)

        def manage(path: str, how: Mapping[str, Any], content: str) -> Result:
            return __salt__["file.manage_file"](
                path, content, None, source, source_sum, user, group, mode, attrs, env, backup,
                template=template, show_changes=show_changes, contents=text, dir_mode=dir_mode,
                follow_symlinks=follow_symlinks, keep_mode=keep_mode, encoding=encoding,
                encoding_errors=encoding_errors, use_etag=use_etag, **fetched, **security, **ignored, **signed, **how,
            )  # fmt: skip

        if check_cmd and (refused := _checked(name, manage, sfn, check_cmd, tmp_dir, tmp_ext, kwargs)):
            return refused | more
        ret = manage(name, {"makedirs": makedirs}, sfn)
    except (TrisaltError, OSError) as exc:
        return returned(name, False, f"Unable to manage file: {exc}", **more)
    finally:
        discard(sfn)
        if not keep_source and isinstance(source, str) and "://" in source and not __opts__["test"]:
            _forget(source, env)
    return {**ret, **more}


# Arguments of a file whose state is told by its source and by what `lstat` says of it. Others are looked at each time.
_TOLD_BY_STAT = frozenset({"source", "mode", "user", "group", "makedirs", "dir_mode", "backup", "show_changes"})
# A file may be written twice within one tick of its file system, and look the same (nanoseconds): one whose times are
# in whole hundredths may be of one that counts in seconds.
_TICK, _COARSE, _COARSE_TICK = 100_000_000, 10_000_000, 2_500_000_000


def _managed_mark(low: Mapping[str, Any], given: Set[str]) -> Any:
    """What is the same as long as a file and its source are."""
    source, name, manifest = low.get("source"), low["name"], __context__.get("cp.manifest")
    if manifest is None or not given <= _TOLD_BY_STAT or type(source) is not str or not source.startswith(urls.SCHEME):
        return None
    if low.get("mode") == "keep" or not name.startswith("/"):
        return None
    url = urls.parse(source)
    known, hashed = manifest.hash(url.path, url.saltenv or low.get("saltenv") or low.get("__env__") or "base")
    if not known or hashed is None:
        return None
    try:
        info = os.lstat(name)
    except (OSError, ValueError):
        return None
    changed = max(info.st_ctime_ns, info.st_mtime_ns)
    if not stat.S_ISREG(info.st_mode) or changed + (_TICK if changed % _COARSE else _COARSE_TICK) > time.time_ns():
        return None
    owners = [uid_of(low["user"])] if low.get("user") else []
    owners += [gid_of(low["group"])] if low.get("group") else []
    return (
        hashed[0]["hsum"], info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_mode,
        info.st_uid, info.st_gid, *owners,
    )  # fmt: skip


__settled__ = {"managed": _managed_mark}

_SIGNED = (
    "signature", "source_hash_sig", "signed_by_any", "signed_by_all", "keyring", "gnupghome", "sig_backend",
)  # fmt: skip
# What is said of a file's environment is an argument of its own.
_NOT_SEEN = ("saltenv", "seuser", "serole", "setype", "serange")


def absent(name: str, **kwargs: Any) -> Result:
    """
    A file, link or directory is not there, nor what is below it.
    """
    if not name:
        return returned(name, False, "Must provide name to file.absent")
    name = os.path.expanduser(name)
    if not os.path.isabs(name):
        return returned(name, False, f"Specified file {name} is not an absolute path")
    if os.path.normpath(name) in ("/", "//"):
        return returned(name, False, 'Refusing to make "/" absent')
    kind = "File" if os.path.isfile(name) or os.path.islink(name) or not os.path.isdir(name) else "Directory"
    if not os.path.lexists(name):
        return returned(name, True, f"File {name} is not present")
    if __opts__["test"]:
        return returned(name, None, f"{kind} {name} is set for removal", {"removed": name})
    try:
        __salt__["file.remove"](name, force=True)
    except (TrisaltError, OSError) as exc:
        return returned(name, False, str(exc))
    if os.path.lexists(name):
        return returned(name, False, f"Failed to remove {kind.lower()} {name}")
    return returned(name, True, f"Removed {kind.lower()} {name}", {"removed": name})


def exists(name: str, **kwargs: Any) -> Result:
    """
    A path is there; nothing is changed.
    """
    if not name:
        return returned(name, False, "Must provide name to file.exists")
    name = os.path.expanduser(name)
    if os.path.exists(name):
        return returned(name, True, f"Path {name} exists")
    return returned(name, False, f"Specified path {name} does not exist")


def missing(name: str, **kwargs: Any) -> Result:
    """
    A path is not there; nothing is changed.
    """
    if not name:
        return returned(name, False, "Must provide name to file.missing")
    name = os.path.expanduser(name)
    if os.path.exists(name):
        return returned(name, False, f"Specified path {name} exists")
    return returned(name, True, f"Path {name} is missing")


def touch(name: str, atime: Any = None, mtime: Any = None, makedirs: bool = False) -> Result:
    """
    A file is there, empty if it was not, and its times are these, or now.
    """
    if not name:
        return returned(name, False, "Must provide name to file.touch")
    name = os.path.expanduser(name)
    if not os.path.isabs(name):
        return returned(name, False, f"Specified file {name} is not an absolute path")
    there, kind = os.path.exists(name), "directory" if os.path.isdir(name) else "file"
    if __opts__["test"]:
        if not there:
            return returned(name, None, f"File {name} is set to be created", {"new": name})
        if atime is not None or mtime is not None:
            info = os.stat(name)
            if (atime is None or info.st_atime == int(atime)) and (mtime is None or info.st_mtime == int(mtime)):
                return returned(name, True, f"File {name} exists and has the correct times")
        return returned(name, None, f"Times set to be updated on file {name}", {"touched": name})
    if makedirs:
        __salt__["file.makedirs"](name)
    if not os.path.isdir(os.path.dirname(name)):
        return returned(name, False, f"Directory not present to touch file {name}")
    done = __salt__["file.touch"](name, atime, mtime)
    if not there and done:
        return returned(name, True, f"Created empty file {name}", {"new": name})
    return returned(name, bool(done), f"Updated times on {kind} {name}", {"touched": name} if done else {})


def mod_run_check_cmd(cmd: str, filename: str, **check_cmd_opts: Any) -> bool | dict[str, Any]:
    """
    Whether a command finds a file good: it is run with the file's name behind it. True, or what a state returns.
    """
    given = {key: value for key, value in check_cmd_opts.items() if value is not None}
    if __salt__["cmd.retcode"](f"{cmd} {filename}", **{"python_shell": True, "ignore_retcode": True, **given}):
        return {"comment": "check_cmd execution failed", "skip_watch": True, "result": False}
    return True


# -- what a file is to hold ------------------------------------------------------------------------------------------


def _contents(contents: Any, pillar: Any, grains: Any, delimiter: str, newline: bool, allow_empty: bool) -> Any:
    """The text, or bytes, or None where a source says it. Raises TrisaltError."""
    if pillar is not None:
        found, where = _looked_up(pillar, "Pillar", __pillar__, delimiter), f"contents_pillar {pillar}"
    elif grains is not None:
        found, where = _looked_up(grains, "Grain", __grains__, delimiter), f"contents_grains {grains}"
    elif contents is not None:
        found, where = contents, "'contents'"
    else:
        return None
    if isinstance(found, bytes) or (isinstance(found, str) and "\0" in found):
        return found
    parts = found if isinstance(found, list | tuple) else [found]
    if not found and not isinstance(found, bool | int | float) and not allow_empty:
        raise TrisaltError(
            f"{where} value would result in empty contents. Set allow_empty to True to allow the managed file to be "
            "empty."
        )
    text = "".join(f"{line}\n" for part in parts for line in str(part).splitlines())
    return text if newline else text.rstrip("\n")


def _looked_up(keys: Any, kind: str, data: Any, delimiter: str) -> Any:
    """One value, or those of several keys one after the other. Raises TrisaltError."""
    found: list[Any] = []
    for key in as_list(keys):
        if kind == "Pillar":
            value = __salt__["pillar.get"](key, _MISSING, delimiter=delimiter)
        else:
            value = __salt__["grains.get"](key, _MISSING, delimiter=delimiter)
        if value is _MISSING:
            raise TrisaltError(f"{kind} {key} does not exist")
        found.append(value)
    if not isinstance(keys, list | tuple):
        return found[0]
    return [part for value in found for part in (value if isinstance(value, list) else [value])]


def _rendered(text: Any, template: str, context: Any, defaults: Any, env: str) -> str:
    if isinstance(text, bytes):
        raise TrisaltError(
            "Contents specified by contents/contents_pillar/contents_grains appears to be binary data, and as will not "
            "be able to be treated as a Jinja template."
        )
    found = __salt__["file.apply_template_on_contents"](text, template, context, defaults, env)
    if isinstance(found, str):
        return found
    raise TrisaltError(str(found.get("comment") or "Error while applying template on contents"))


def _with_accumulated(name: str, context: Any) -> Any:
    """What `file.accumulated` has gathered for a file is in its templates as `accumulator`."""
    gathered = __utils__["accumulators.gathered"](__instance_id__, name)
    return {**(context or {}), "accumulator": gathered} if gathered else context


# -- what may be ------------------------------------------------------------------------------------------------------


def _refusal(name: str, user: Any, group: Any) -> str:
    # A preview cannot know whom an earlier state of the run would make.
    unknown = "" if __opts__["test"] else unknown_owner(__salt__, user, group)
    if unknown:
        return unknown
    return "" if os.path.isabs(name) else f"Specified file {name} is not an absolute path"


def _security(selinux: Mapping[str, str] | None) -> dict[str, Any]:
    return {f"se{part}": value for part, value in (selinux or {}).items()}


# -- looking, and changing --------------------------------------------------------------------------------------------


def _owned(
    name: str, user: Any, group: Any, mode: Any, attrs: Any, follow_symlinks: bool, security: Mapping[str, Any]
) -> Result:
    """A file whose content is left alone: its owner and mode."""
    ret, perms = __salt__["file.check_perms"](name, None, user, group, mode, attrs, follow_symlinks, **security)
    if ret["result"] is False:
        return ret
    if __opts__["test"]:
        if mode and str(ret["changes"].get("mode", "")):
            text = (
                f"File {name} will be updated with permissions {ret['changes']['mode']} from its current state of "
                f"{perms['lmode']}"
            )
            return ret | {"result": None, "comment": text}
        return ret if ret["changes"] else ret | {"comment": f"File {name} not updated"}
    if not ret["changes"]:
        return ret | {"comment": f"File {name} exists with proper permissions. No changes made."}
    return ret


def _previewed(
    name: str,
    wanted: tuple[Any, ...],
    text: Any,
    keep_mode: bool,
    follow_symlinks: bool,
    show_changes: bool,
    may_create: bool,
    options: Mapping[str, Any],
) -> Result:
    found = __salt__["file.check_managed_changes"](
        name, *wanted, contents=text, keep_mode=keep_mode, follow_symlinks=follow_symlinks, **options
    )
    if isinstance(found, tuple):
        result, found = found
        if result is False and isinstance(found, str):
            return returned(name, False, found)
    if not found:
        return returned(name, True, f"The file {name} is in the correct state")
    if "diff" in found and not show_changes:
        found = {**found, "diff": "<show_changes=False>"}
    return returned(name, None, f"The file {name} is set to be changed{_OTHERS}", found)


def _checked(
    name: str, manage: Any, sfn: str, check_cmd: str, tmp_dir: str | None, tmp_ext: str, kwargs: Mapping[str, Any]
) -> Result | None:
    """What speaks against a change by the word of a command, which is given a copy of what the file would be."""
    fd, trial = tempfile.mkstemp(suffix=tmp_ext, dir=tmp_dir, prefix="__salt.tmp.check.")
    os.close(fd)
    try:
        if os.path.isfile(name):
            shutil.copyfile(name, trial)
        ret = manage(trial, {}, _copied(sfn))
        if not ret["changes"] and os.path.exists(name):
            return None
        if not ret["result"]:
            return returned(name, False, str(ret["comment"]))
        options = {key: kwargs[key] for key in ("cwd", "root", "runas", "shell", "env", "umask") if key in kwargs}
        verdict = mod_run_check_cmd(check_cmd, trial, **options)
        return None if verdict is True else returned(name, False, **{k: v for k, v in verdict.items() if k != "result"})
    finally:
        os.unlink(trial)


def _copied(sfn: str) -> str:
    """What was rendered once more: whoever makes a file of it uses it up."""
    if not is_made(sfn):
        return sfn
    fd, copy = tempfile.mkstemp(prefix=MADE)
    os.close(fd)
    return shutil.copyfile(sfn, copy)


def _forget(source: str, env: str) -> None:
    """The copy of a source in the cache, which is not to be kept."""
    cached = __salt__["cp.is_cached"](source, env)
    if cached:
        try:
            os.unlink(cached)
        except OSError as exc:
            log.warning("the cached copy of %s stays: %s", source, exc)
