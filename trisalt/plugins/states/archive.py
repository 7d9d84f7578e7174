"""Archives that are unpacked.

/opt/app:
  archive.extracted:
    - source: https://dist.example.com/app-1.4.tar.gz
    - source_hash: sha256=…
    - enforce_toplevel: False
    - user: app
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

import attrs

from trisalt.errors import CommandError, TrisaltError
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import Result, returned

_FORMATS = ("tar", "rar", "zip")
_ENDINGS = {
    "tar": (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz", ".tar.lzma", ".tlz", ".tar.zst"),
    "rar": (".rar",),
    "zip": (".zip", ".jar", ".war"),
}
_ABSENCE = ", due to absence of one or more files/dirs"


def extracted(
    name: str,
    source: Any,
    source_hash: Any = None,
    source_hash_name: str | None = None,
    source_hash_update: bool = False,
    skip_files_list_verify: bool = False,
    skip_verify: bool = False,
    password: str | None = None,
    options: str | None = None,
    list_options: str | None = None,
    force: bool = False,
    overwrite: bool = False,
    clean: bool = False,
    clean_parent: bool = False,
    user: Any = None,
    group: Any = None,
    if_missing: str | None = None,
    trim_output: Any = False,
    use_cmd_unzip: bool | None = None,
    extract_perms: bool = True,
    enforce_toplevel: bool = True,
    enforce_ownership_on: str | None = None,
    archive_format: str | None = None,
    use_etag: bool = False,
    keep_source: bool = True,
    **kwargs: Any,
) -> Result:
    """
    A directory holds what an archive (tar, zip or rar) holds: it is unpacked when something of it is not there, or
    always with `overwrite`. `clean` removes what it would unpack first, `clean_parent` the whole directory; `user` and
    `group` are given what was unpacked, or what is below `enforce_ownership_on`. With `if_missing` that path alone says
    whether anything is to be done. An archive with several things at its top needs `enforce_toplevel: False`.
    """
    name = os.path.expanduser(name)
    job = _Job(name=name.rstrip("/") + "/", user=user, group=group, owned=enforce_ownership_on)
    refusal = _refused(job, if_missing, clean and clean_parent, trim_output)
    if refusal:
        return returned(name, False, refusal)
    if if_missing is not None and os.path.exists(if_missing):
        return returned(name, True, f"Path {if_missing} exists")
    backend = kwargs.get("sig_backend") or "gpg"
    if (kwargs.get("signature") or kwargs.get("source_hash_sig")) and f"{backend}.verify" not in __salt__:
        return returned(name, False, f"Cannot verify signatures because the {backend} module was not loaded")
    try:
        place, source_hash = __salt__["file.source_list"](source, source_hash, kwargs.get("saltenv") or __env__)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    form = archive_format.lower() if archive_format else _guessed(place)
    if form not in _FORMATS:
        return returned(name, False, _no_format(archive_format))
    if password and form != "zip":
        return returned(name, False, "The 'password' argument is only supported for zip archives")
    local, said = _cached(place, source_hash, source_hash_name, skip_verify, use_etag, kwargs)
    if local is None:
        return returned(name, None if said is None else False, said or _unknown_yet(place))
    try:
        if kwargs.get("signature"):
            _verify(local, kwargs)
        contents = __salt__["archive.list"](local, archive_format=form, options=list_options, verbose=True)
        job.read(contents, clean=clean or clean_parent)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if enforce_toplevel and if_missing is None and len(job.top) > 1:
        return returned(name, False, _bomb(form, job.name))
    if job.wrong and not (force or clean or clean_parent):
        return returned(name, False, _wrong_types(job))
    if not (job.missing or job.wrong or overwrite or (if_missing is not None)):
        return _with_owner(returned(name, True, "All files in archive are already present"), job)
    explained = "" if overwrite and not job.missing else _ABSENCE
    if __opts__["test"]:
        cleaning = ", after cleaning destination path(s)" if clean or clean_parent else ""
        return returned(name, None, f"Archive {place} would be extracted to {job.name}{cleaning}{explained}")
    ret = returned(name, True)
    try:
        _make_room(job, clean, clean_parent, ret)
        if not os.path.isdir(job.name):
            __salt__["file.makedirs"](job.name, user=user, group=group)
            ret["changes"]["directories_created"] = [job.name]
        files = _unpack(form, local, job, options, list_options, password, use_cmd_unzip, extract_perms, trim_output)
    except (TrisaltError, OSError) as exc:
        return ret | {"result": False, "comment": str(exc)}
    if not files:
        return ret | {"result": False, "comment": f"No files were extracted from {place}"}
    ret["changes"]["extracted_files"] = files
    ret["comment"] = f"{place} extracted to {job.name}{explained}"
    if trim_output:
        lines = trim_output if trim_output is not True else 100
        ret["changes"]["extracted_files"] = files[:lines]
        ret["comment"] += f". Output was trimmed to {lines} number of lines"
    if not keep_source and "://" in place:
        os.unlink(local)
    return _with_owner(ret, job)


# -- what is asked ---------------------------------------------------------------------------------------------------


@attrs.define
class _Job:
    """Where an archive is unpacked, whose that is, and what of it is there."""

    name: str
    user: Any
    group: Any
    owned: str | None
    top: list[str] = attrs.field(factory=list)
    missing: list[str] = attrs.field(factory=list)
    wrong: list[str] = attrs.field(factory=list)
    """What is there, and is of another kind."""
    paths: list[str] = attrs.field(factory=list)

    def read(self, contents: Mapping[str, list[str]], *, clean: bool) -> None:
        """Compare what the archive holds with what is there."""
        tops = ("top_level_dirs", "top_level_files", "top_level_links")
        self.top = [path for kind in tops for path in contents.get(kind, ())]
        kinds = (("dirs", stat.S_ISDIR), ("files", stat.S_ISREG), ("links", stat.S_ISLNK))
        for kind, is_kind in kinds:
            for inner in contents.get(kind, ()):
                path = os.path.join(self.name, inner)
                self.paths.append(inner)
                try:
                    mode = os.lstat(path.rstrip("/")).st_mode
                except OSError:
                    self.missing.append(inner)
                    continue
                if not is_kind(mode) and not (kind == "dirs" and os.path.isdir(path)):
                    self.wrong.append(inner)


def _refused(job: _Job, if_missing: str | None, both: bool, trim: Any) -> str:
    if not os.path.isabs(job.name):
        return f"{job.name.rstrip('/')} is not an absolute path"
    if os.path.lexists(job.name.rstrip("/")) and not os.path.isdir(job.name):
        return f"{job.name.rstrip('/')} exists and is not a directory"
    if if_missing is not None and not os.path.isabs(if_missing):
        return "Value for 'if_missing' is not an absolute path"
    if job.owned is not None:
        if not os.path.isabs(job.owned):
            return "Value for 'enforce_ownership_on' is not an absolute path"
        if not f"{job.owned.rstrip('/')}/".startswith(job.name):
            return f"Value for 'enforce_ownership_on' must be within {job.name}"
    if job.user not in (None, "") and __salt__["file.user_to_uid"](job.user) == "":
        return f"User {job.user} does not exist"
    if job.group not in (None, "") and __salt__["file.group_to_gid"](job.group) == "":
        return f"Group {job.group} does not exist"
    if both:
        return "Only one of 'clean' and 'clean_parent' can be set to True"
    if trim and not isinstance(trim, bool | int):
        return "Invalid value for trim_output, must be True/False or an integer"
    return ""


def _guessed(place: str) -> str:
    path = place.partition("?")[0].lower()
    return next((form for form, endings in _ENDINGS.items() if path.endswith(endings)), "")


def _no_format(given: str | None) -> str:
    formats = ", ".join(_FORMATS)
    if given:
        return (
            f"Invalid archive_format '{given}'. Either set it to a supported value ({formats}) or remove this argument "
            "and the archive format will be guessed based on file extension."
        )
    return (
        "Could not guess archive_format from the value of the 'source' argument. Please set this archive_format to one "
        f"of the following: {formats}"
    )


def _bomb(form: str, name: str) -> str:
    inside = os.path.join(name, "some_dir")
    return (
        "Archive does not have a single top-level directory. To allow this archive to be extracted, set "
        f"'enforce_toplevel' to False. To avoid a '{form}-bomb' it may also be advisable to set a top-level directory "
        f"by adding it to the 'name' value (for example, setting 'name' to {inside} instead of {name})."
    )


def _wrong_types(job: _Job) -> str:
    paths = "".join(f"\n- {path}" for path in job.wrong)
    return (
        f"The below paths (relative to {job.name}) exist, but are the incorrect type (file instead of directory, "
        "symlink instead of file, etc.). To proceed with extraction, set 'force' to True. Note that this will remove "
        f"these paths before extracting.\n{paths}"
    )


# -- where it is -----------------------------------------------------------------------------------------------------


def _cached(
    place: str, source_hash: Any, hash_name: str | None, skip_verify: bool, use_etag: bool, kwargs: Mapping[str, Any]
) -> tuple[str | None, str | None]:
    """The archive on this host; or None, and what is wrong; nothing where a preview does not fetch it."""
    env = kwargs.get("saltenv") or __env__
    if place.startswith("file://"):
        place = place.removeprefix("file://")
    if "://" not in place:
        return (place, None) if os.path.isfile(place) else (None, f"Source file '{place}' does not exist")
    if __opts__["test"]:
        try:
            if source_hash:
                __salt__["file.get_source_sum"](
                    place, source_hash=source_hash, source_hash_name=hash_name, saltenv=env, **_proof(kwargs)
                )
        except TrisaltError as exc:
            return None, str(exc)
        there = __salt__["cp.is_cached"](place, env)
        return (there, None) if there and not place.startswith("http") else (None, None)
    got = __states__["file.cached"](
        place, source_hash=source_hash, source_hash_name=hash_name, skip_verify=skip_verify, saltenv=env,
        use_etag=use_etag, **_proof(kwargs),
    )  # fmt: skip
    there = __salt__["cp.is_cached"](place, env) if got["result"] else ""
    return (there, None) if there else (None, str(got["comment"]))


def _proof(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """How signatures are judged, and that of the file of hashes."""
    hashes = kwargs.get("source_hash_sig")
    return {**__utils__["signature.judged"](kwargs), **({} if hashes is None else {"source_hash_sig": hashes})}


def _verify(local: str, kwargs: Mapping[str, Any]) -> None:
    """See that an archive has its `signature`. Raises CommandError."""
    try:
        __utils__["signature.verify"](
            local, kwargs["signature"], saltenv=kwargs.get("saltenv") or __env__,
            **__utils__["signature.judged"](kwargs),
        )  # fmt: skip
    except TrisaltError as exc:
        raise CommandError(f"Failed verifying the source file's signature: {exc}") from exc


def _unknown_yet(place: str) -> str:
    return f"Archive {place} would be cached (if necessary) and checked to discover if extraction is needed"


# -- unpacking -------------------------------------------------------------------------------------------------------


def _make_room(job: _Job, clean: bool, clean_parent: bool, ret: Result) -> None:
    if clean_parent and os.path.isdir(job.name):
        __salt__["file.remove"](job.name.rstrip("/"), force=True)
        ret["changes"]["cleaned"] = f"Directory {job.name.rstrip('/')} was removed prior to the extraction"
        return
    gone = [
        path
        for path in (job.paths if clean else job.wrong)
        if os.path.lexists(os.path.join(job.name, path).rstrip("/"))
    ]
    for path in sorted(gone, key=len, reverse=True):
        whole = os.path.join(job.name, path).rstrip("/")
        if os.path.isdir(whole) and not os.path.islink(whole) and path not in job.wrong:
            if not os.listdir(whole):
                os.rmdir(whole)
        else:
            __salt__["file.remove"](whole, force=True)
        ret["changes"].setdefault("removed", []).append(os.path.join(job.name, path))


def _unpack(
    form: str,
    local: str,
    job: _Job,
    options: str | None,
    list_options: str | None,
    password: str | None,
    use_cmd: bool | None,
    perms: bool,
    trim: Any,
) -> list[str]:
    """Unpack it all; what was in it."""
    if form == "tar":
        __salt__["archive.tar"](f"xf {options}" if options else "xf", local, dest=job.name)
        # In the order of the archive: what tar prints depends on its options.
        return [path.rstrip("/") for path in __salt__["archive.list"](local, archive_format=form, options=list_options)]
    if form == "rar":
        return list(__salt__["archive.unrar"](local, job.name))
    if (use_cmd or options) and not password:
        return list(__salt__["archive.cmd_unzip"](local, job.name, options=options, trim_output=trim))
    return list(__salt__["archive.unzip"](local, job.name, password=password, trim_output=trim, extract_perms=perms))


def _with_owner(ret: Result, job: _Job) -> Result:
    """Give away what was unpacked, as far as it is not so already."""
    if job.user in (None, "") and job.group in (None, ""):
        return ret
    recurse = [word for word, value in (("user", job.user), ("group", job.group)) if value not in (None, "")]
    if job.owned is not None:
        folders, files = [job.owned], []
    else:
        tops = [os.path.join(job.name, path).rstrip("/") for path in job.top]
        folders = [path for path in tops if os.path.isdir(path) and not os.path.islink(path)]
        files = [path for path in tops if path not in folders]
    changed = False
    for path in folders:
        done = __states__["file.directory"](path, user=job.user, group=job.group, recurse=recurse)
        if done["result"] is False:
            ret |= {"result": False, "comment": f"{ret['comment']}\n\n{done['comment']}"}
        changed = changed or bool(done["changes"])
    for path in files:
        if not os.path.lexists(path):
            continue
        if __opts__["test"]:
            info = os.lstat(path)
            wanted = [__salt__["file.user_to_uid"](job.user), __salt__["file.group_to_gid"](job.group)]
            changed = changed or any(
                value not in ("", have) for value, have in zip(as_list(wanted), (info.st_uid, info.st_gid), strict=True)
            )
            continue
        done, _perms = __salt__["file.check_perms"](path, returned(path, True), job.user, job.group, None)
        changed = changed or bool(done["changes"])
    if changed and __opts__["test"]:
        text = f"{ret['comment']}. Ownership would be updated on one or more files/directories."
        return ret | {"result": None, "comment": text}
    if changed:
        ret["changes"]["updated ownership"] = True
    return ret
