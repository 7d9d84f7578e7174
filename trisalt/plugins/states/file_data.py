"""Files made of data, patches, cached copies and special files.

/etc/app.json:
  file.serialize:
    - dataset_pillar: app:settings
    - serializer: json
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Mapping
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import Result, returned

__virtualname__ = "file"

# How data is written unless the options say otherwise. Source: stock Salt 3008.3.
_USUAL: dict[str, dict[str, Any]] = {
    "json": {"indent": 2, "separators": (",", ": "), "sort_keys": True},
    "yaml": {"default_flow_style": False, "allow_unicode": False},
}
# What stands for nothing in a difference. Source: stock Salt 3008.3.
_NOTHING = "<_null_>"


def __virtual__() -> str:
    return __virtualname__


def serialize(
    name: str,
    dataset: Any = None,
    dataset_pillar: str | None = None,
    user: Any = None,
    group: Any = None,
    mode: Any = None,
    backup: Any = "",
    makedirs: bool = False,
    show_changes: bool = True,
    create: bool = True,
    merge_if_exists: bool = False,
    encoding: str | None = None,
    encoding_errors: str = "strict",
    serializer: str | None = None,
    serializer_opts: Any = None,
    deserializer_opts: Any = None,
    check_cmd: str | None = None,
    tmp_dir: str | None = None,
    tmp_ext: str = "",
    **kwargs: Any,
) -> Result:
    """
    A file holds data: `dataset`, or what the pillar says at `dataset_pillar`, in the form of `serializer` (`json`,
    `yaml`, …). With `merge_if_exists` what is there stays under it.
    """
    if not name:
        return returned(name, False, "Must provide name to file.serialize")
    name = os.path.expanduser(name)
    formatter = kwargs.pop("formatter", None)
    if serializer and formatter:
        return returned(name, False, "Only one of serializer and formatter are allowed")
    form = str(serializer or formatter or "yaml").lower()
    if not create and not os.path.isfile(name):
        return returned(name, True, f"File {name} is not present and is not set for creation")
    if dataset is not None and dataset_pillar:
        return returned(name, False, "Only one of 'dataset' and 'dataset_pillar' is permitted")
    if dataset_pillar:
        dataset = __salt__["pillar.get"](dataset_pillar)
    if dataset is None:
        return returned(name, False, "Neither 'dataset' nor 'dataset_pillar' was defined")
    if f"{form}.serialize" not in __serializers__:
        text = "serializer could not be found. It either does not exist or its prerequisites are not installed."
        text = f"The {form} {text}"
        return returned(name, False, text)
    there = os.path.isfile(name)
    existing = None
    if merge_if_exists and there:
        if f"{form}.deserialize" not in __serializers__:
            return returned(name, False, f"merge_if_exists is not supported for the {form} serializer")
        try:
            with open(name, encoding=encoding or "utf-8") as file:
                existing = __serializers__[f"{form}.deserialize"](file, **_options(deserializer_opts))
        except Exception as exc:
            # Each form has its own kind of complaint.
            return returned(name, False, f"Failed to deserialize existing data: {exc}")
        if existing is not None:
            merged = _merged(existing, dataset)
            if merged == existing:
                return returned(name, True, f"The file {name} is in the correct state")
            dataset = merged
    try:
        contents = __serializers__[f"{form}.serialize"](
            _plain(dataset), **{**_USUAL.get(form, {}), **_options(serializer_opts)}
        )
    except (TrisaltError, TypeError, ValueError) as exc:
        return returned(name, False, f"Unable to manage file: {exc}")
    if isinstance(contents, str):
        contents = contents.rstrip("\n") + "\n"
    given = {
        "user": user, "group": group, "mode": mode, "backup": backup, "makedirs": makedirs, "encoding": encoding,
        "encoding_errors": encoding_errors, "show_changes": show_changes, "check_cmd": check_cmd, "tmp_dir": tmp_dir,
        "tmp_ext": tmp_ext,
    }  # fmt: skip
    ret = __states__["file.managed"](name, contents=contents, **given)
    if existing is not None and "diff" in ret["changes"] and show_changes:
        ret["changes"] = ret["changes"] | {"diff": _difference(existing, dataset)}
    if __opts__["test"] and ret["result"] is None:
        return ret | {"comment": f"Dataset will be serialized and stored into {name}"}
    return ret


def decode(
    name: str,
    encoded_data: str | None = None,
    contents_pillar: str | None = None,
    encoding_type: str = "base64",
    checksum: str = "md5",
) -> Result:
    """
    A file holds what a base64 text says: `encoded_data`, or the pillar's at `contents_pillar`.
    """
    if not encoded_data and not contents_pillar:
        return returned(name, False, "Specify either the 'encoded_data' or 'contents_pillar' argument.")
    if encoded_data and contents_pillar:
        return returned(name, False, "Specify only one 'encoded_data' or 'contents_pillar' argument.")
    text = encoded_data or __salt__["pillar.get"](contents_pillar, False)
    if text is False:
        return returned(name, False, "Pillar data not found.")
    if not text:
        return returned(name, False, "No contents given.")
    try:
        wanted = base64.b64decode(str(text))
        hashlib.new(checksum)
    except ValueError as exc:
        return returned(name, False, str(exc))
    old = ""
    if os.path.isfile(name):
        with open(name, "rb") as file:
            content = file.read()
        old = hashlib.new(checksum, content).hexdigest()
        if content == wanted:
            return returned(name, True, "File is in the correct state.")
    changes = {"old": old or None, "new": hashlib.new(checksum, wanted).hexdigest()}
    if __opts__["test"]:
        return returned(name, None, "File is set to be updated.", changes)
    __salt__["hashutil.base64_decodefile"](str(text), name)
    return returned(name, True, "File was updated.", changes)


def patch(
    name: str,
    source: str | None = None,
    source_hash: Any = None,
    source_hash_name: str | None = None,
    skip_verify: bool = False,
    template: str | None = None,
    context: Any = None,
    defaults: Any = None,
    options: str = "",
    reject_file: str | None = None,
    strip: Any = None,
    saltenv: str | None = None,
    **kwargs: Any,
) -> Result:
    """
    A patch (`source`, rendered where `template` says so) has been applied to a file, or below a directory with `strip`.
    """
    if "file.patch" not in __salt__ or not __salt__["cmd.which"]("patch"):
        return returned(name, False, "patch executable not found on minion")
    name = os.path.expanduser(name)
    if not name:
        return returned(name, False, "A file/directory to be patched is required")
    if not os.path.isabs(name):
        return returned(name, False, f"{name} is not an absolute path")
    if not os.path.exists(name):
        return returned(name, False, f"{name} does not exist")
    fd, cached = tempfile.mkstemp(prefix="__salt.tmp.patch.")
    os.close(fd)
    try:
        test, __opts__["test"] = __opts__["test"], False
        try:
            got = __states__["file.managed"](
                cached, source=source, source_hash=source_hash or "", source_hash_name=source_hash_name,
                skip_verify=skip_verify, template=template, context=context, defaults=defaults,
                saltenv=saltenv or __env__,
            )  # fmt: skip
        finally:
            __opts__["test"] = test
        if got["result"] is False:
            return returned(name, False, f"Failed to cache patch file {source}: {got['comment']}")
        return _patched(name, cached, options, strip, reject_file)
    finally:
        os.unlink(cached)


def cached(
    name: str,
    source_hash: Any = "",
    source_hash_name: str | None = None,
    skip_verify: bool = False,
    saltenv: str = "base",
    use_etag: bool = False,
    source_hash_sig: str | None = None,
    sig_backend: str = "gpg",
    **kwargs: Any,
) -> Result:
    """
    A file is in the minion's cache: a URL of the file server or of the web, which then needs a `source_hash`. The file
    of hashes has the signature `source_hash_sig`, if one is named.
    """
    if source_hash_sig and f"{sig_backend}.verify" not in __salt__:
        return returned(name, False, f"Cannot verify signatures because the {sig_backend} module was not loaded")
    if not isinstance(name, str) or not name:
        return returned(str(name), False, "Only URLs or local file paths are valid input")
    if "://" not in name:
        return _local(name, source_hash)
    is_web = not name.startswith(("salt://", "file://"))
    if is_web and not source_hash and not skip_verify and not use_etag:
        text = (
            f"Unable to verify upstream hash of source file {name}, please set source_hash or set skip_verify or "
            "use_etag to True"
        )
        return returned(name, False, text)
    before = __salt__["cp.is_cached"](name, saltenv)
    old = __salt__["file.get_hash"](before) if before else None
    wanted = None
    if source_hash:
        try:
            wanted = __salt__["file.get_source_sum"](
                source=name, source_hash=source_hash, source_hash_name=source_hash_name, saltenv=saltenv,
                source_hash_sig=source_hash_sig, sig_backend=sig_backend,
                **__utils__["signature.judged"](kwargs),
            )  # fmt: skip
        except TrisaltError as exc:
            return returned(name, False, str(exc))
    if __opts__["test"]:
        if not before:
            return returned(name, None, f"File will be cached: {name}")
        current = __salt__["cp.hash_file"](name, saltenv) if not is_web else wanted
        if current and current.get("hsum") == __salt__["file.get_hash"](before, current.get("hash_type", "sha256")):
            return returned(name, True, f"File already cached: {name}")
        text = "Hashes don't match.\nFile will be cached" if current else "No hash found. File will be cached"
        return returned(name, None, f"{text}: {name}")
    try:
        path = __salt__["cp.cache_file"](name, saltenv, **({"source_hash": wanted["hsum"]} if wanted else {}))
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if not path:
        return returned(name, False, f"Failed to cache {name}, check minion log for more information")
    new = __salt__["file.get_hash"](path)
    if wanted:
        have = __salt__["file.get_hash"](path, wanted["hash_type"])
        if have != wanted["hsum"]:
            text = (
                f"File is cached to {path}, but the hash ({have}) does not match the specified hash ({wanted['hsum']})"
            )
            return returned(name, False, text)
    changes = {"hash": {"old": old, "new": new}} if old != new else {}
    return returned(name, True, f"File is cached to {path}", changes)


def not_cached(name: str, saltenv: str = "base") -> Result:
    """
    A file is not in the minion's cache.
    """
    if "://" not in str(name):
        return returned(name, True, f"File {name} is a local path, no action taken")
    path = __salt__["cp.is_cached"](name, saltenv)
    if not path:
        return returned(name, True, f"{name} is not cached")
    if __opts__["test"]:
        return returned(name, None, f"{path} would be deleted", {"deleted": True})
    try:
        os.unlink(path)
    except OSError as exc:
        return returned(name, False, f"Failed to delete {path}: {exc}")
    return returned(name, True, f"{path} was deleted", {"deleted": True})


def mknod(
    name: str, ntype: str, major: int = 0, minor: int = 0, user: Any = None, group: Any = None, mode: Any = "0600"
) -> Result:
    """
    A special file is there: a character device (`c`), a block device (`b`) or a pipe (`p`).
    """
    kinds = {
        "c": ("Character device", "a character device", "is_chrdev"),
        "b": ("Block device", "a block device", "is_blkdev"),
        "p": ("Fifo pipe", "a fifo pipe", "is_fifo"),
    }
    if ntype not in kinds:
        text = (
            f"Node type unavailable: '{ntype}'. Available node types are character ('c'), block ('b'), and pipe ('p')"
        )
        return returned(name, False, text)
    what, article, question = kinds[ntype]
    if os.path.lexists(name):
        if not __salt__[f"file.{question}"](name):
            return returned(name, False, f"File {name} exists and is not {article}. Refusing to continue")
        if ntype != "p" and tuple(__salt__["file.get_devmm"](name)) != (int(major), int(minor)):
            have = "/".join(map(str, __salt__["file.get_devmm"](name)))
            text = f"{what} {name} exists and has a different major/minor {have}. Refusing to continue"
            return returned(name, False, text)
        if __opts__["test"]:
            return returned(name, True, f"{what} {name} is in the correct state")
        ret, _perms = __salt__["file.check_perms"](name, None, user, group, mode)
        return ret if ret["changes"] else ret | {"comment": f"{what} {name} is in the correct state"}
    if __opts__["test"]:
        return returned(name, None, f"{what} {name} is set to be created")
    return __salt__["file.mknod"](name, ntype, major, minor, user, group, mode)


# -- patches, and the cache ------------------------------------------------------------------------------------------


def _patched(name: str, patchfile: str, options: str, strip: Any, reject_file: str | None) -> Result:
    words = f"{options} -p{int(strip)}" if strip is not None else options

    def run(extra: str, *, dry: bool) -> dict[str, Any]:
        return __salt__["file.patch"](name, patchfile, options=f"{words} {extra}".strip(), dry_run=dry)

    trial = run("-N", dry=True)
    if trial["retcode"] > 1:
        # It is no patch, or cannot be read: nothing was tried.
        return returned(name, False, trial["stderr"] or trial["stdout"])
    if trial["retcode"]:
        if run("-R -f", dry=True)["retcode"] == 0:
            return returned(name, True, "Patch was already applied")
        text = "Patch would not apply cleanly, no changes made. Results of dry-run are below."
        if not reject_file:
            text += " Run state again using the reject_file option to save rejects to a persistent file."
        return returned(name, False, text, _said(trial))
    if __opts__["test"]:
        return returned(name, None, "The patch would be applied", _said(trial))
    reject = f"--reject-file={reject_file}" if reject_file else "--reject-file=-"
    done = run(f"-N {reject}", dry=False)
    if done["retcode"] == 0:
        return returned(name, True, "Patch successfully applied", _said(done))
    return returned(name, False, "Failed to apply patch", _said(done))


def _said(done: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in done.items() if key in ("pid", "retcode", "stdout", "stderr")}


def _local(name: str, source_hash: Any) -> Result:
    if not os.path.exists(name):
        return returned(name, False, f"File {name} is not present on the minion")
    if source_hash:
        wanted = __salt__["file.get_source_sum"](source_hash=source_hash)
        have = __salt__["file.get_hash"](name, wanted["hash_type"])
        if have == wanted["hsum"]:
            return returned(name, True, f"File {name} is present on the minion and has hash {have}")
        text = (
            f"File {name} is present on the minion, but the hash ({have}) does not match the specified hash "
            f"({wanted['hsum']})"
        )
        return returned(name, False, text)
    return returned(name, True, f"File {name} is present on the minion")


def _options(given: Any) -> dict[str, Any]:
    """Options as one map, of a list of maps."""
    if isinstance(given, Mapping):
        return dict(given)
    return {key: value for item in given or () if isinstance(item, Mapping) for key, value in item.items()}


# -- data ------------------------------------------------------------------------------------------------------------


def _merged(old: Any, new: Any) -> Any:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return new
    return {**old, **{key: _merged(old[key], value) if key in old else value for key, value in new.items()}}


def _difference(old: Any, new: Any) -> Any:
    """`{key: {old, new}}` of what differs, as deep as both are maps."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return {"old": old, "new": new}
    found = {}
    for key in [*old, *(key for key in new if key not in old)]:
        one, two = old.get(key, _NOTHING), new.get(key, _NOTHING)
        if one != two:
            found[key] = _difference(one, two)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
