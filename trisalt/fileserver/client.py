"""A minion's file client: files of the master, of web servers and of this host, kept in the minion's cache.

Plain blocking code for plugins. What the master has is asked by `worker/upcall`; with `file_client: local` this
host's own `file_roots` are read. The cache is laid out as stock lays it: `files/<env>/…`, `localfiles/…`,
`extrn_files/<env>/<host>/…` below `cachedir`. A file is transferred when its hash says so, and stands in its place as
a whole or not at all. How web servers are asked is `fileserver/web`'s.
Source: stock Salt 3008.3, the functions of `cp`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import zlib
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from fnmatch import fnmatch
from typing import Any, BinaryIO, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from trisalt.errors import CommandError, TrisaltError
from trisalt.fileserver import urls
from trisalt.fileserver.manifest import Manifest
from trisalt.fileserver.replace import replacing
from trisalt.worker import upcall

log = logging.getLogger(__name__)

# A packed chunk may become so large, whatever it says of itself; a master's `file_buffer_size` is 1 MiB.
MAX_CHUNK = 64 << 20
TRIES = 3
WEB = ("http", "https", "ftp")
# The length of a hex digest says of which kind it is.
KINDS = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}


class Source(Protocol):
    """Whose files `salt://` means: the master's, or this host's own."""

    def names(self, cmd: str, saltenv: str, prefix: str) -> Any: ...

    def envs(self) -> list[str]: ...

    def hash(self, path: str, saltenv: str) -> tuple[dict[str, str], list[Any]] | None: ...

    def chunk(self, path: str, saltenv: str, loc: int, gzip: int | None) -> bytes: ...


class FileClient:
    """The files that a minion may fetch. `opts` are its options; nothing is held open between calls.

    `manifest` is what the job has been told of many files already; those are not asked for. Where a file is not there
    the answer is `""`, or an empty list; a source that fails raises CommandError.
    """

    def __init__(
        self, opts: Mapping[str, Any], *, source: Source | None = None, manifest: Manifest | None = None
    ) -> None:
        self.opts = opts
        self.cachedir = os.path.abspath(str(opts["cachedir"]))
        self._source: Source = source or (_Here(opts) if opts.get("file_client") == "local" else _Master(manifest))

    # -- one file -------------------------------------------------------------------------------------------------

    def cache_file(
        self,
        path: str,
        saltenv: str = "base",
        source_hash: str | None = None,
        *,
        cachedir: str | None = None,
        verify_ssl: bool = True,
        use_etag: bool = False,
    ) -> str:
        """Have a file in the cache, and where; a file of this host is not copied. `""` when there is none.

        With `source_hash` (a hex digest, or `sha256=…`) a file of a web server that agrees is not fetched again.
        """
        found = self.get_url(
            path, "", True, saltenv,
            cachedir=cachedir, source_hash=source_hash, verify_ssl=verify_ssl, use_etag=use_etag,
        )  # fmt: skip
        assert isinstance(found, str)
        return found

    def get_file(
        self, path: str, dest: str = "", makedirs: bool = False, saltenv: str = "base", gzip: int | None = None,
        *, cachedir: str | None = None,
    ) -> str:  # fmt: skip
        """Copy a file of the file server to `dest` (a directory keeps its name), or into the cache; where it is.

        `""` when there is none, or no directory for it. Raises CommandError when it cannot be fetched whole.
        """
        name, saltenv = self._salt(path, saltenv)
        hashed = self._source.hash(name, saltenv)
        if hashed is None:
            log.debug("Could not find file '%s' in saltenv '%s'", path, saltenv)
            return ""
        if not dest:
            dest, makedirs = self._cached(name, saltenv, cachedir), True
        target = self._destination(dest, name, makedirs)
        if target and not _agrees(target, hashed[0]["hsum"], hashed[0]["hash_type"]):
            self._fetch(name, saltenv, target, hashed, gzip)
        return target

    def get_url(
        self, url: str, dest: str | None = "", makedirs: bool = False, saltenv: str = "base", no_cache: bool = False,
        *, cachedir: str | None = None, source_hash: str | None = None, verify_ssl: bool = True, use_etag: bool = False,
    ) -> str | bytes:  # fmt: skip
        """Fetch from any source: to `dest`, to the cache (`""`), or, with None, the content itself.

        A file of this host is named, not copied. `no_cache` reads a web server's content past the cache.
        """
        parts = _split(url)
        if parts.scheme in ("file", ""):
            local = unquote(parts.path) if parts.scheme else url
            if not os.path.isabs(local):
                raise CommandError(f"Path '{local}' is not absolute")
            return local if dest is not None else _content(local)
        if parts.scheme == "salt":
            found = self.get_file(url, dest or "", makedirs, saltenv, cachedir=cachedir)
            return found if dest is not None or not found else _content(found)
        if parts.scheme not in WEB:
            raise CommandError(f"Unsupported url scheme: {_shown(parts)}")
        from trisalt.fileserver import web  # urllib, which few calls need

        if no_cache and dest is None:
            return web.read(url, self.opts, verify_ssl=verify_ssl)
        target = self._destination(dest or self.cache_dest(url, saltenv, cachedir), parts.path, makedirs or not dest)
        if not target:
            return ""
        if dest or not _is_known(target, source_hash):
            try:
                web.fetch(url, target, self.opts, verify_ssl=verify_ssl, use_etag=use_etag)
            except OSError as exc:
                raise CommandError(f"{target} cannot be written: {exc.strerror or exc}") from exc
        return target if dest is not None else _content(target)

    def is_cached(self, path: str, saltenv: str = "base", cachedir: str | None = None) -> str:
        """Where the cache has a file; `""` when it has not."""
        if path.startswith("salt://"):
            name, saltenv = self._salt(path, saltenv)
            candidates = [self._cached(name, saltenv, cachedir)] if urls.clean(name) else []
        elif _split(path).scheme in WEB:
            candidates = [self.cache_dest(path, saltenv, cachedir)]
        else:
            rel = urls.clean(path.removeprefix("file://").lstrip("/"))
            candidates = [] if rel is None else [os.path.join(self._base(cachedir), "localfiles", rel)]
        return next((file for file in candidates if os.path.exists(file)), "")

    def cache_local_file(self, path: str, cachedir: str | None = None) -> str:
        """Copy a file of this host into the cache's `localfiles`; where it is, `""` when there is none."""
        rel = urls.clean(os.path.abspath(path).lstrip("/"))
        if rel is None or not os.path.isfile(path):
            return ""
        target = os.path.join(self._base(cachedir), "localfiles", rel)
        _folder(os.path.dirname(target))
        with open(path, "rb") as source, replacing(target) as file:
            shutil.copyfileobj(source, file)
        return target

    def cache_dest(self, url: str, saltenv: str = "base", cachedir: str | None = None) -> str:
        """Where a file would stand in the cache; a file of this host is its own place."""
        parts = _split(url)
        if parts.scheme == "salt":
            name, saltenv = self._salt(url, saltenv)
            return self._cached(name, saltenv, cachedir)
        if parts.scheme in WEB:
            host = re.sub(r"[^\w.-]", "", parts.netloc.rpartition("@")[2])
            name = f"{parts.path}-{parts.query}" if parts.query else parts.path
            if len(os.path.basename(name)) > 200:  # more than a file's name may have
                name = hashlib.sha256(name.encode()).hexdigest()
            rel = urls.clean(f"{host}/{unquote(name).lstrip('/')}")
            if rel is None or not rel.startswith(f"{host}/") or not host.strip("."):
                raise CommandError(f"There is no place in the cache for {_shown(parts)}")
            return os.path.join(self._base(cachedir), "extrn_files", _env(saltenv), rel)
        return url

    def external_dest(self, url: str, saltenv: str = "base") -> str:
        """Where in the cache that stands which is made of a file and is none of the file server's."""
        if _split(url).scheme in WEB:
            return self.cache_dest(url, saltenv)
        name = url.removeprefix("file://")
        if url.startswith("salt://"):
            name, saltenv = self._salt(url, saltenv)
        rel = urls.clean(name.lstrip("/"))
        if rel is None:
            raise CommandError(f"There is no place in the cache for {url}")
        return os.path.join(self._base(None), "extrn_files", _env(saltenv), rel)

    # -- many files -----------------------------------------------------------------------------------------------

    def cache_files(self, paths: str | Sequence[str], saltenv: str = "base", cachedir: str | None = None) -> list[str]:
        """Have several files in the cache; `paths` is a list, or one text with commas."""
        if isinstance(paths, str):
            paths = paths.split(",")
        return [self.cache_file(str(path).strip(), saltenv, cachedir=cachedir) for path in paths]

    def cache_dir(
        self, path: str, saltenv: str = "base", include_empty: bool = False, include_pat: str | None = None,
        exclude_pat: str | None = None, cachedir: str | None = None,
    ) -> list[str]:  # fmt: skip
        """Have a directory's files in the cache, those that the patterns (a glob, or `E@` and a regex) let in."""
        name, saltenv = self._salt(path, saltenv)
        name = f"{name.rstrip('/')}/"
        found = []
        for file in self.file_list(saltenv, name):
            if file.startswith(name) and _wanted(f"salt://{file}", include_pat, exclude_pat):
                found.append(self.cache_file(urls.create(file), saltenv, cachedir=cachedir))
        if include_empty:
            for folder in self.file_list_emptydirs(saltenv, name):
                target = self._cached(folder, saltenv, cachedir)
                _folder(target)
                found.append(target)
        return [file for file in found if file]

    def cache_master(self, saltenv: str = "base", cachedir: str | None = None) -> list[str]:
        """Have every file of an environment in the cache."""
        return [self.cache_file(urls.create(path), saltenv, cachedir=cachedir) for path in self.file_list(saltenv)]

    def get_dir(self, path: str, dest: str = "", saltenv: str = "base", gzip: int | None = None) -> list[str]:
        """Copy a directory of the file server below `dest`, under its own name.

        What was copied, where it is now: files, and directories that hold nothing.
        """
        name, saltenv = self._salt(path, saltenv)
        name = name.rstrip("/")
        above = os.path.dirname(name)
        written = []
        for file in self.file_list(saltenv, f"{name}/" if name else ""):
            if not name or file.startswith(f"{name}/"):
                rel = file[len(above) :].lstrip("/") if above else file
                written.append(self.get_file(urls.create(file), f"{dest}/{rel}", True, saltenv, gzip))
        for folder in self.file_list_emptydirs(saltenv, f"{name}/" if name else ""):
            if not name or folder.startswith(f"{name}/"):
                place = f"{dest}/{folder[len(above) :].lstrip('/') if above else folder}"
                _folder(place, 0o777)
                written.append(place)
        return written

    # -- what there is --------------------------------------------------------------------------------------------

    def file_list(self, saltenv: str = "base", prefix: str = "") -> list[str]:
        """The files of an environment whose names begin with `prefix`, sorted."""
        return _names(self._source.names("_file_list", saltenv, prefix))

    def file_list_emptydirs(self, saltenv: str = "base", prefix: str = "") -> list[str]:
        """The directories that hold nothing."""
        return _names(self._source.names("_file_list_emptydirs", saltenv, prefix))

    def dir_list(self, saltenv: str = "base", prefix: str = "") -> list[str]:
        """The directories."""
        return _names(self._source.names("_dir_list", saltenv, prefix))

    def symlink_list(self, saltenv: str = "base", prefix: str = "") -> dict[str, str]:
        """The links, and where each points."""
        found = self._source.names("_symlink_list", saltenv, prefix)
        return dict(found) if isinstance(found, Mapping) else {}

    def list_states(self, saltenv: str = "base") -> list[str]:
        """The names of an environment's SLS files, sorted."""
        names = set()
        for path in self.file_list(saltenv):
            if path.endswith(".sls"):
                names.add(path.removesuffix(".sls").removesuffix("/init").replace("/", "."))
        return sorted(names)

    def envs(self) -> list[str]:
        """The environments that the file server has."""
        return self._source.envs()

    def hash_file(self, path: str, saltenv: str = "base") -> dict[str, str]:
        """`{"hsum", "hash_type"}` of a file of the file server, or of this host; `{}` when there is none."""
        return self.hash_and_stat_file(path, saltenv)[0]

    def hash_and_stat_file(self, path: str, saltenv: str = "base") -> tuple[dict[str, str], list[Any] | None]:
        """The hash as `hash_file` gives it, and the stat as a list; `({}, None)` when there is no such file."""
        if path.startswith("salt://"):
            name, saltenv = self._salt(path, saltenv)
            found = self._source.hash(name, saltenv)
            return ({}, None) if found is None else found
        path = path.removeprefix("file://")
        if not os.path.isfile(path):
            return {}, None
        kind = str(self.opts.get("hash_type") or "sha256")
        return {"hsum": _digest(path, kind), "hash_type": kind}, list(os.stat(path))

    # -- inside ---------------------------------------------------------------------------------------------------

    def _salt(self, path: str, saltenv: str) -> tuple[str, str]:
        if not path.startswith("salt://"):
            raise CommandError(f"Unsupported path: {path}")
        url = urls.parse(path)
        return url.path, url.saltenv or saltenv or "base"

    def _base(self, cachedir: str | None) -> str:
        """Where the cache is; a relative `cachedir` is a part of the minion's own."""
        return os.path.join(self.cachedir, cachedir) if cachedir else self.cachedir

    def _cached(self, name: str, saltenv: str, cachedir: str | None) -> str:
        rel = urls.clean(name)
        if rel is None:
            raise CommandError(f"There is no place in the cache for salt://{name}")
        return os.path.join(self._base(cachedir), "files", _env(saltenv), rel)

    def _destination(self, dest: str, name: str, makedirs: bool) -> str:
        """The file that `dest` means; `""` when its directory is not there and shall not be."""
        if dest.endswith("/") or os.path.isdir(dest):
            dest = os.path.join(dest, os.path.basename(name))
        folder = os.path.dirname(os.path.abspath(dest))
        if os.path.isdir(folder):
            return dest
        if not makedirs:
            return ""
        cached = dest.startswith(os.path.join(self.cachedir, ""))
        try:
            _folder(folder) if cached else os.makedirs(folder, exist_ok=True)
        except OSError as exc:
            raise CommandError(f"The directory {folder} cannot be made: {exc.strerror}") from exc
        return dest

    def _fetch(
        self, name: str, saltenv: str, target: str, hashed: tuple[dict[str, str], list[Any]], gzip: int | None
    ) -> None:
        for last in (*[False] * (TRIES - 1), True):
            wanted, info = hashed
            try:
                with replacing(target) as file:
                    if self._copy(name, saltenv, file, wanted["hash_type"], info, gzip) != wanted["hsum"]:
                        raise CommandError(f"salt://{name} changed while it was fetched, or came incomplete")
                return
            except OSError as exc:
                raise CommandError(f"{target} cannot be written: {exc.strerror}") from exc
            except TrisaltError as exc:
                if last:
                    raise
                log.debug("Fetching salt://%s again: %s", name, exc)
            # It may be another file by now.
            hashed = self._source.hash(name, saltenv) or hashed

    def _copy(self, name: str, saltenv: str, file: BinaryIO, kind: str, info: Sequence[Any], gzip: int | None) -> str:
        """Fetch chunk by chunk; the digest of what came."""
        digest, loc = _hasher(kind), 0
        size = info[6] if len(info) > 6 and isinstance(info[6], int) else None
        # The size saves the question that would only tell that there is no more.
        while size is None or loc < size:
            data = self._source.chunk(name, saltenv, loc, gzip)
            if not data:
                break
            file.write(data)
            digest.update(data)
            loc += len(data)
        return digest.hexdigest()


# What decides which files of this host there are, where its roots are all there is.
_OF_ROOTS = (
    *("file_roots", "hash_type", "file_buffer_size", "file_ignore_regex", "file_ignore_glob"),
    *("fileserver_followsymlinks", "fileserver_ignoresymlinks"),
)


def client_of(opts: Mapping[str, Any], context: MutableMapping[str, Any]) -> FileClient:
    """A client of a job: what it has been told of its master's files, or has read of this host's, is in its context."""
    source: Source | None = None
    if opts.get("file_client") == "local" and opts.get("fileserver_backend") in (None, "roots", ["roots"]):
        key = repr([opts.get(name) for name in _OF_ROOTS])
        known = context.get("cp.here")
        if known is None or known[0] != key:
            known = context["cp.here"] = (key, _Here(opts))
        source = known[1]
    return FileClient(opts, source=source, manifest=context.get("cp.manifest"))


class _Master:
    """The files of the master that this minion, or this command, is signed in to."""

    def __init__(self, manifest: Manifest | None = None) -> None:
        self._told = manifest or Manifest()

    def names(self, cmd: str, saltenv: str, prefix: str) -> Any:
        told = self._told.names(cmd, saltenv, prefix)
        return upcall.ask_master(cmd, saltenv=saltenv, prefix=prefix) if told is None else told

    def envs(self) -> list[str]:
        return _names(upcall.ask_master("_file_envs")) if self._told.envs is None else list(self._told.envs)

    def hash(self, path: str, saltenv: str) -> tuple[dict[str, str], list[Any]] | None:
        is_told, told = self._told.hash(path, saltenv)
        if is_told:
            return told
        answer = upcall.ask_master("_file_hash_and_stat", path=urls.asked(path), saltenv=saltenv)
        hashed, info = answer if isinstance(answer, list | tuple) and len(answer) == 2 else (answer, None)
        if not hashed:
            return None
        if not isinstance(hashed, Mapping) or not isinstance(hashed.get("hsum"), str):
            raise CommandError(f"The file server has no hash of salt://{path}")
        kind = str(hashed.get("hash_type") or "sha256")
        _hasher(kind)
        return {"hsum": hashed["hsum"], "hash_type": kind}, list(info) if isinstance(info, list | tuple) else []

    def chunk(self, path: str, saltenv: str, loc: int, gzip: int | None) -> bytes:
        self._told.forget(path, saltenv)
        packed: dict[str, Any] = {"gzip": gzip} if gzip else {}
        answer = upcall.ask_master("_serve_file", path=urls.asked(path), saltenv=saltenv, loc=loc, **packed)
        if not isinstance(answer, Mapping):
            raise CommandError(f"The file server does not serve salt://{path}")
        data = answer.get("data") or b""
        data = data.encode() if isinstance(data, str) else bytes(data)
        return _unpacked(data) if answer.get("gzip") and data else data


class _Here:
    """The files that this host's own backends serve: its `file_roots`, and on a master what it fetched."""

    def __init__(self, opts: Mapping[str, Any]) -> None:
        from trisalt.fileserver.backends import Backends  # a minion with a master needs none

        self._files = Backends.from_opts(opts)
        if (git := self._files.git) is not None and opts.get("__role") != "master":
            git.freshen()  # a master fetches while it runs

    def names(self, cmd: str, saltenv: str, prefix: str) -> Any:
        names = {
            "_file_list": self._files.files,
            "_file_list_emptydirs": self._files.empty_dirs,
            "_dir_list": self._files.dirs,
            "_symlink_list": self._files.symlinks,
        }
        return names[cmd](saltenv, prefix)

    def envs(self) -> list[str]:
        return self._files.envs()

    def hash(self, path: str, saltenv: str) -> tuple[dict[str, str], list[Any]] | None:
        found = self._files.hash(urls.asked(path), saltenv)
        return None if found is None else ({"hash_type": self._files.hash_type, "hsum": found[0]}, found[1])

    def chunk(self, path: str, saltenv: str, loc: int, gzip: int | None) -> bytes:
        found = self._files.read(urls.asked(path), saltenv, loc)
        return b"" if found is None else found[0]


def _split(url: str) -> SplitResult:
    if "://" not in url:
        return SplitResult("", "", url, "", "")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as exc:
        raise CommandError(f"{url.partition('://')[0]}://… is no URL: {exc}") from exc
    return parts


def _shown(parts: SplitResult) -> str:
    """A URL without who signs in."""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _env(saltenv: str) -> str:
    """An environment's folder in the cache; a branch `feature/x` has one of two parts."""
    name = str(saltenv)
    if urls.clean(name) != name:
        raise CommandError(f"There is no environment {saltenv!r}")
    return name


def _names(found: object) -> list[str]:
    return [str(name) for name in found] if isinstance(found, list | tuple) else []


def _folder(path: str, mode: int = 0o700) -> None:
    """Make a directory and those above it."""
    try:
        os.makedirs(path, exist_ok=True) if mode != 0o700 else _private(path)
    except OSError as exc:
        raise CommandError(f"The directory {path} cannot be made: {exc.strerror}") from exc


def _private(path: str) -> None:
    if path and not os.path.isdir(path):
        _private(os.path.dirname(path))
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            if not os.path.isdir(path):
                raise


def _wanted(path: str, include: str | None, exclude: str | None) -> bool:
    return (not include or _matches(path, include)) and not (exclude and _matches(path, exclude))


def _matches(path: str, pattern: str) -> bool:
    if not pattern.startswith("E@"):
        return fnmatch(path, pattern)
    try:
        return re.search(pattern[2:], path) is not None
    except re.error as exc:
        raise CommandError(f"{pattern} is no regular expression: {exc}") from exc


def _hasher(kind: str) -> Any:
    try:
        return hashlib.new(kind)
    except ValueError:
        raise CommandError(f"This host has no hash of the kind {kind!r}") from None


def _digest(path: str, kind: str) -> str:
    digest = _hasher(kind)
    with open(path, "rb") as file:
        for data in _blocks(file):
            digest.update(data)
    return str(digest.hexdigest())


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while data := file.read(1 << 20):
        yield data


def _agrees(path: str, hsum: str, kind: str) -> bool:
    return os.path.isfile(path) and _digest(path, kind) == hsum


def _is_known(path: str, source_hash: str | None) -> bool:
    """Whether a cached file has the hash that the caller wants: a hex digest, or one after `sha256=`."""
    kind, _equals, value = (source_hash or "").rpartition("=")
    kind = kind or KINDS.get(len(value), "")
    return bool(kind) and _agrees(path, value.lower(), kind)


def _unpacked(data: bytes) -> bytes:
    gzip = zlib.decompressobj(wbits=31)
    try:
        plain = gzip.decompress(data, MAX_CHUNK)
    except zlib.error as exc:
        raise CommandError(f"A chunk of a file cannot be unpacked: {exc}") from exc
    if not gzip.eof:
        raise CommandError("A chunk of a file came incomplete, or is too large when it is unpacked")
    return plain


def _content(path: str) -> str | bytes:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as exc:
        raise CommandError(f"{path} cannot be read: {exc.strerror}") from exc
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
