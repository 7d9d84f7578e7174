"""
Where the content of managed files comes from: the part of the shelf `file` about sources, their hashes and templates.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from trisalt.errors import CommandError, TrisaltError
from trisalt.fileserver.client import FileClient, client_of
from trisalt.plugins.utils import filesums
from trisalt.plugins.utils.filesys import MADE, expand, told

log = logging.getLogger(__name__)

__virtualname__ = "file"

_REMOTE = ("http", "https", "ftp", "swift", "s3")


def __virtual__() -> str:
    return __virtualname__


# -- hashes ---------------------------------------------------------------------------------------------------------


@told
def get_hash(path: str, form: str = "sha256", chunk_size: int = 65536) -> str:
    """
    The hash of a file

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_hash /etc/shadow
    """
    return filesums.digest(expand(path), form, int(chunk_size))


@told
def get_sum(path: str, form: str = "sha256") -> str:
    """
    The hash of a file; a text when there is none

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_sum /etc/passwd sha512
    """
    path = expand(path)
    return filesums.digest(path, form) if os.path.isfile(path) else "File not found"


@told
def check_hash(path: str, file_hash: str) -> bool:
    """
    Whether a file has a hash: a digest, or one with its kind before it (`md5:…`, `md5=…`)

    CLI Example:

    .. code-block:: bash

        salt '*' file.check_hash /etc/fstab sha256:<digest>
    """
    kind, hexed = filesums.kind_of(file_hash)
    return filesums.digest(expand(path), kind) == hexed.lower()


@told
def extract_hash(
    hash_fn: str, hash_type: str | None = "sha256", file_name: str = "", source: str = "",
    source_hash_name: str | None = None,
) -> dict[str, str] | None:  # fmt: skip
    """
    Find the hash of a file in a file of hashes; None when there is none of that kind

    It is looked for under `source_hash_name`, else under the file's name and that of its source; where no line names
    one of them the first hash is returned.

    CLI Example:

    .. code-block:: bash

        salt '*' file.extract_hash /path/to/hash/file sha512 /etc/foo
    """
    return filesums.find(expand(hash_fn), hash_type, name=file_name, source=source, told=source_hash_name) or None


@told
def get_source_sum(
    file_name: str = "", source: str = "", source_hash: str | None = None, source_hash_name: str | None = None,
    saltenv: str = "base", verify_ssl: bool = True, source_hash_sig: str | None = None, signed_by_any: Any = None,
    signed_by_all: Any = None, keyring: str | None = None, gnupghome: str | None = None, sig_backend: str = "gpg",
) -> dict[str, str]:  # fmt: skip
    """
    What a `source_hash` says: `{hash_type, hsum}`. It is a hash, or a file of hashes.

    `source_hash_sig` is a signature of the file of hashes, which is verified first.

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_source_sum /tmp/foo.tar.gz source=http://mydomain.tld/foo.tar.gz \\
            source_hash=499ae16dcae71eeb7c3a30c75ea7a1a6
    """
    if not isinstance(source_hash, str) or not filesums.is_file(source_hash):
        return filesums.written(source_hash)
    cached = _client().cache_file(source_hash, saltenv, verify_ssl=verify_ssl)
    if not cached or not os.path.isfile(cached):
        raise CommandError(f"Source hash file {source_hash} not found")
    if source_hash_sig:
        __utils__["signature.verify"](
            cached, source_hash_sig, saltenv=saltenv, verify_ssl=verify_ssl, sig_backend=sig_backend,
            signed_by_any=signed_by_any, signed_by_all=signed_by_all, keyring=keyring, gnupghome=gnupghome,
        )  # fmt: skip
    found = filesums.find(cached, None, name=file_name, source=source, told=source_hash_name)
    if not found:
        raise filesums.invalid(source_hash)
    return found


# -- sources --------------------------------------------------------------------------------------------------------


@told
def source_list(source: Any, source_hash: Any, saltenv: str) -> tuple[Any, Any]:
    """
    Of several sources the first that is there, and its hash. One source is returned as it is.

    A source of a list is a path or a URL, or a map of one with its hash.

    CLI Example:

    .. code-block:: bash

        salt '*' file.source_list salt://web/site.conf '{hash_type: sha256, hsum: <digest>}' base
    """
    if not isinstance(source, list | tuple):
        return source, source_hash
    client = _client()
    for one in source:
        hashed = source_hash
        if isinstance(one, Mapping):
            if len(one) != 1:
                continue
            one, hashed = next(iter(one.items()))
            hashed = hashed or source_hash
        one = str(one)
        try:
            there = _is_there(client, one, saltenv)
        except TrisaltError as exc:
            log.debug("%s is not there: %s", one, exc)
            continue
        if there:
            return one, hashed
    raise CommandError("none of the specified sources were found")


def _is_there(client: FileClient, source: str, saltenv: str) -> bool:
    scheme = source.partition("://")[0] if "://" in source else ""
    if scheme == "salt":
        if client.hash_file(source, saltenv):
            return True
        from trisalt.fileserver import urls  # few sources are directories

        url = urls.parse(source)
        return url.path.rstrip("/") in client.dir_list(url.saltenv or saltenv)
    if scheme in _REMOTE:
        return bool(client.cache_file(source, saltenv))
    path = unquote(source.removeprefix("file://")) if scheme == "file" else source
    return os.path.isabs(path) and os.path.exists(path)


@told
def get_managed(
    name: str, template: str | None, source: Any, source_hash: Any, source_hash_name: str | None, user: Any,
    group: Any, mode: Any, attrs: Any, saltenv: str, context: Mapping[str, Any] | None,
    defaults: Mapping[str, Any] | None, skip_verify: bool = False, verify_ssl: bool = True, use_etag: bool = False,
    source_hash_sig: str | None = None, signed_by_any: Any = None, signed_by_all: Any = None,
    keyring: str | None = None, gnupghome: str | None = None, ignore_ordering: bool = False,
    ignore_whitespace: bool = False, ignore_comment_characters: Any = None, sig_backend: str = "gpg", **kwargs: Any,
) -> tuple[str, dict[str, str], str]:  # fmt: skip
    """
    Have what a managed file shall hold on this host: where, its hash, and what is wrong ("" when nothing is)

    A file of the master that is no template need not be here for its hash to be known: where is "" then.

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_managed /etc/nginx/site.conf jinja salt://web/site.conf \\
            '{hash_type: sha256, hsum: <digest>}' None root root '755' base None None
    """
    if not source:
        return "", {}, ""
    source = str(source)
    scheme = source.partition("://")[0] if "://" in source else ""
    hashed: dict[str, str] = {}
    if scheme in ("", "file"):
        sfn = unquote(source.removeprefix("file://")) if scheme else source
        if not os.path.isabs(sfn) or not os.path.exists(sfn):
            return "", {}, f"Local file source {sfn} does not exist"
    elif scheme == "salt":
        sfn = ""
        hashed = _client().hash_file(source, saltenv)
        if not hashed:
            return "", {}, f"Source file {source} not found in saltenv '{saltenv}'"
    elif scheme not in _REMOTE:
        return "", {}, f"Unsupported url scheme: {source}"
    if scheme != "salt" and source_hash:
        hashed = get_source_sum(
            name, source, source_hash, source_hash_name, saltenv, verify_ssl, source_hash_sig=source_hash_sig,
            signed_by_any=signed_by_any, signed_by_all=signed_by_all, keyring=keyring, gnupghome=gnupghome,
            sig_backend=sig_backend,
        )  # fmt: skip
    elif scheme in ("", "file"):
        hashed = {"hsum": filesums.digest(sfn), "hash_type": "sha256"} if os.path.isfile(sfn) else {}
    elif scheme != "salt" and not skip_verify:
        return "", {}, (f"Unable to verify upstream hash of source file {source}, please set source_hash or set "
                        "skip_verify to True")  # fmt: skip
    if scheme in _REMOTE or (scheme == "salt" and template):
        try:
            sfn = _client().cache_file(
                source,
                saltenv,
                hashed.get("hsum") if scheme != "salt" else None,
                verify_ssl=verify_ssl,
                use_etag=use_etag,
            )
        except TrisaltError as exc:
            return "", {}, f"Failed to cache {source}: {exc}"
        if not sfn:
            return "", {}, f"Source file '{source}' not found"
    if not template:
        return sfn, hashed, ""
    names = {"name": name, "source": source, "user": user, "group": group, "mode": mode, "attrs": attrs, **kwargs}
    try:
        text = _rendered(sfn, template, saltenv, names, context, defaults)
    except _NoEngine as exc:
        return sfn, {}, str(exc)
    return *_temporary(text), ""


@told
def apply_template_on_contents(
    contents: str, template: str, context: Mapping[str, Any] | None, defaults: Mapping[str, Any] | None, saltenv: str
) -> str | dict[str, Any]:
    """
    Render a text; a map says why not, when there is no such template engine

    CLI Example:

    .. code-block:: bash

        salt '*' file.apply_template_on_contents contents='This is a {{ template }} string.' template=jinja \\
            "context={}" "defaults={'template': 'cool'}" saltenv=base
    """
    if template not in _engines():
        return {"result": False, "comment": f"Specified template format {template} is not supported"}
    return __utils__["template.render"](contents, template, saltenv=saltenv, context=_merged(defaults, context))


class _NoEngine(Exception):
    pass


def _rendered(
    path: str, template: str, saltenv: str, names: Mapping[str, Any], context: Any, defaults: Any
) -> str:  # fmt: skip
    if template not in _engines():
        raise _NoEngine(f"Specified template format {template} is not supported")
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
    except UnicodeDecodeError as exc:
        raise CommandError(f"{path} cannot be read as a template: {exc}") from exc
    return __utils__["template.render"](
        text, template, saltenv=saltenv, path=path, names=names, context=_merged(defaults, context)
    )


def _engines() -> tuple[str, ...]:
    return tuple(__utils__["template.engines"]())


def _merged(defaults: Any, context: Any) -> dict[str, Any]:
    for given in (defaults, context):
        if given and not isinstance(given, Mapping):
            raise CommandError(f"The variables of a template are a map, not {type(given).__name__}")
    return {**(defaults or {}), **(context or {})}


def _temporary(text: str) -> tuple[str, dict[str, str]]:
    """A text in a file that is removed by who uses it, and its hash."""
    fd, path = tempfile.mkstemp(prefix=MADE)
    with open(fd, "wb") as file:
        file.write(text.encode())
    return path, {"hash_type": "sha256", "hsum": filesums.digest(path)}


def _client() -> FileClient:
    return client_of(__opts__, __context__)
