"""Pack and unpack archives: tar, zip, gzip and rar; and say what is in one."""

from __future__ import annotations

import os
import shlex
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from itertools import dropwhile
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.fileserver.client import FileClient
from trisalt.fileserver.replace import replacing

# Not by `__utils__`: what is loaded as late as that is read as the user, who may not be able to.
from trisalt.plugins.utils.userfiles import account, being

__func_alias__ = {"list_": "list", "zip_": "zip"}

_ZIP_NAMES = (".zip", ".jar", ".war", ".whl")


# -- what is in one ----------------------------------------------------------------------------------------------------


def list_(
    name: str,
    archive_format: str | None = None,
    options: str | None = None,
    strip_components: int | None = None,
    clean: bool = False,
    verbose: bool = False,
    saltenv: str = "base",
    source_hash: str | None = None,
    use_etag: bool = False,
) -> Any:
    """
    What an archive holds, which may lie anywhere a file can be had from. `verbose` tells files, directories and links
    apart; `strip_components` leaves so many leading parts of each path out; `clean` forgets a fetched archive.

    CLI Example:

        salt '*' archive.list /srv/app.tar.gz
        salt '*' archive.list salt://app.zip verbose=True
    """
    path, fetched = _local(name, saltenv, source_hash, use_etag)
    try:
        kind = str(archive_format).lower() if archive_format else _kind(path, name)
        match kind:
            case "tar":
                members = _tar_members(path, name, options)
            case "zip":
                members = _zip_members(path, name)
            case "rar":
                members = _rar_members(path)
            case _:
                raise CommandError(f"Unsupported archive format '{archive_format}'{_located(name)}")
    finally:
        if clean and fetched:
            os.unlink(path)
    if strip_components:
        members = list(_stripped(members, int(strip_components)))
    names = [_shown(member) for member in members]
    return _verbose(members) if verbose else names


def is_encrypted(
    name: str, clean: bool = False, saltenv: str = "base", source_hash: str | None = None, use_etag: bool = False
) -> bool:
    """
    Whether a zip archive needs a password.

    CLI Example:

        salt '*' archive.is_encrypted /srv/app.zip
    """
    path, fetched = _local(name, saltenv, source_hash, use_etag)
    try:
        with zipfile.ZipFile(path) as archive:
            return any(info.flag_bits & 1 for info in archive.infolist())
    except zipfile.BadZipFile:
        raise CommandError(f"{name} is not a ZIP file{_located(name)}") from None
    except OSError as exc:
        raise CommandError(f"{exc}{_located(name)}") from exc
    finally:
        if clean and fetched:
            os.unlink(path)


# -- tar, gzip, rar: by their programs ---------------------------------------------------------------------------------


def tar(
    options: str,
    tarfile: str,
    sources: Any = None,
    dest: str | None = None,
    cwd: str | None = None,
    template: str | None = None,
    runas: str | None = None,
) -> list[str]:
    """
    Run `tar` with these options: what it said, line by line. `sources` are paths, in a list or with commas between;
    `dest` is the directory to unpack into.

    CLI Example:

        salt '*' archive.tar czf /srv/app.tar.gz sources='/opt/app,/etc/app'
        salt '*' archive.tar xf /srv/app.tar.gz dest=/opt
    """
    if not options:
        raise InvocationError("Tar options can not be empty")
    argv = ["tar"]
    if dest:
        argv += ["-C", str(dest)]
    # Stock takes them with or without their dash; `-f` comes last, before its file.
    argv += shlex.split(str(options) if str(options).startswith("-") else f"-{options}")
    argv += [str(tarfile), *_paths(sources)]
    return _told(argv, cwd=cwd, template=template, runas=runas)


def gzip(
    sourcefile: str, template: str | None = None, runas: str | None = None, options: str | None = None
) -> list[str]:
    """
    Compress a file with `gzip`, which takes its place under a name that ends in .gz.

    CLI Example:

        salt '*' archive.gzip /var/log/app.log
    """
    return _told(["gzip", *shlex.split(options or ""), str(sourcefile)], template=template, runas=runas)


def gunzip(
    gzipfile: str, template: str | None = None, runas: str | None = None, options: str | None = None
) -> list[str]:
    """
    Unpack what `gzip` has compressed.

    CLI Example:

        salt '*' archive.gunzip /var/log/app.log.gz
    """
    return _told(["gunzip", *shlex.split(options or ""), str(gzipfile)], template=template, runas=runas)


def rar(
    rarfile: str, sources: Any, template: str | None = None, cwd: str | None = None, runas: str | None = None
) -> list[str]:
    """
    Pack files with `rar`.

    CLI Example:

        salt '*' archive.rar /srv/app.rar '/opt/app,/etc/app'
    """
    return _told(["rar", "a", "-idp", str(rarfile), *_paths(sources)], cwd=cwd, template=template, runas=runas)


def unrar(
    rarfile: str,
    dest: str,
    excludes: Any = None,
    template: str | None = None,
    runas: str | None = None,
    trim_output: Any = False,
) -> list[str]:
    """
    Unpack a rar archive with `unrar`, or with `rar`; `excludes` are left in it.

    CLI Example:

        salt '*' archive.unrar /srv/app.rar /opt/app excludes='*.txt'
    """
    program = "unrar" if __salt__["cmd.which"]("unrar") else "rar"
    argv = [program, "x", "-idp", str(rarfile)]
    for exclude in _paths(excludes):
        argv += ["-x", exclude]
    return _trimmed(_told([*argv, str(dest)], template=template, runas=runas), trim_output)


def cmd_zip(
    zip_file: str, sources: Any, template: str | None = None, cwd: str | None = None, runas: str | None = None
) -> list[str]:
    """
    Pack files with the program `zip`.

    CLI Example:

        salt '*' archive.cmd_zip /srv/app.zip '/opt/app,/etc/app'
    """
    return _told(["zip", "-r", str(zip_file), *_paths(sources)], cwd=cwd, template=template, runas=runas)


def cmd_unzip(
    zip_file: str,
    dest: str,
    excludes: Any = None,
    options: str | None = None,
    template: str | None = None,
    runas: str | None = None,
    trim_output: Any = False,
    password: str | None = None,
) -> list[str]:
    """
    Unpack a zip archive with the program `unzip`; `excludes` are left in it. Files that are there stay, unless
    `options` hold `-o`.

    CLI Example:

        salt '*' archive.cmd_unzip /srv/app.zip /opt/app excludes='*.txt'
    """
    argv = ["unzip"]
    if password:
        argv += ["-P", str(password)]
    argv += shlex.split(options or "")
    # Nobody is there to be asked.
    argv += [] if {"-o", "-n"} & set(argv) else ["-n"]
    argv += [str(zip_file), "-d", str(dest)]
    if excluded := _paths(excludes):
        argv += ["-x", *excluded]
    return _trimmed(_told(argv, template=template, runas=runas, secret=password), trim_output)


# -- zip: by Python ----------------------------------------------------------------------------------------------------


def zip_(
    zip_file: str,
    sources: Any,
    template: str | None = None,
    cwd: str | None = None,
    runas: str | None = None,
    zip64: bool = False,
) -> list[str]:
    """
    Pack files and directories into a zip archive, which is there when it is whole: the names in it. Paths are as they
    lie below `cwd`, or below the root.

    CLI Example:

        salt '*' archive.zip /srv/app.zip '/opt/app,/etc/app'
        salt '*' archive.zip /srv/app.zip app cwd=/opt
    """
    zip_file, *found = (_rendered(str(path), template) for path in (zip_file, *_paths(sources)))
    if not all(os.path.isabs(path) for path in found) and not cwd:
        raise InvocationError("Relative paths require the 'cwd' parameter")
    if cwd and not os.path.isabs(cwd):
        raise InvocationError("cwd must be absolute")
    names: list[str] = []
    root = cwd or "/"
    try:
        with (
            _being(runas),
            replacing(zip_file) as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, bool(zip64)) as archive,
        ):
            for path in found:
                for member in _walk(os.path.join(root, path)):
                    name = os.path.relpath(member, root) + ("/" if os.path.isdir(member) else "")
                    archive.write(member, name)
                    names.append(name)
            if not names:
                raise CommandError("None of the sources is there")
    except (OSError, ValueError, zipfile.LargeZipFile) as exc:
        raise CommandError(f"Exception encountered creating zipfile: {exc}") from exc
    return names


def unzip(
    zip_file: str,
    dest: str,
    excludes: Any = None,
    options: str | None = None,
    template: str | None = None,
    runas: str | None = None,
    trim_output: Any = False,
    password: str | None = None,
    extract_perms: bool = True,
) -> list[str]:
    """
    Unpack a zip archive: the names that were unpacked. `excludes` (globs) are left in it; with `extract_perms` files
    have the modes that it says.

    CLI Example:

        salt '*' archive.unzip /srv/app.zip /opt/app excludes='*.txt'
    """
    zip_file, dest = _rendered(str(zip_file), template), _rendered(str(dest), template)
    excluded = _paths(excludes)
    unpacked = []
    try:
        with _being(runas), zipfile.ZipFile(zip_file) as archive:
            secret = str(password).encode() if password else None
            for info in archive.infolist():
                if any(fnmatch(info.filename, glob) for glob in excluded):
                    continue
                unpacked.append(info.filename)
                mode = info.external_attr >> 16
                if stat.S_ISLNK(mode):
                    _unzip_link(archive, info, dest, secret)
                    continue
                # A path that leads out of `dest` is made to lie below it.
                place = archive.extract(info, dest, secret)
                if extract_perms and mode:
                    os.chmod(place, stat.S_IMODE(mode) & 0o777)
    except (OSError, RuntimeError, zipfile.BadZipFile, NotImplementedError) as exc:
        raise CommandError(f"Exception encountered unpacking zipfile: {exc}") from exc
    return _trimmed(unpacked, trim_output)


# -- inside ------------------------------------------------------------------------------------------------------------


def _paths(value: Any) -> list[str]:
    if value is None:
        return []
    words = value.split(",") if isinstance(value, str) else [str(word) for word in value]
    return [word.strip() for word in words if word.strip()]


@contextmanager
def _being(user: str | None) -> Iterator[None]:
    if not user:
        yield
        return
    entry = account(user)
    if entry is None:
        raise CommandError(f"User '{user}' is not available")
    with being(entry):
        yield


def _walk(path: str) -> Iterable[str]:
    if not os.path.lexists(path):
        return
    yield path
    if os.path.isdir(path) and not os.path.islink(path):
        for folder, names, files in os.walk(path):
            names.sort()
            yield from (os.path.join(folder, name) for name in sorted(files))
            yield from (os.path.join(folder, name) for name in names)


def _unzip_link(archive: zipfile.ZipFile, info: zipfile.ZipInfo, dest: str, secret: bytes | None) -> None:
    """A link is made only if what it names lies below the directory that is unpacked into, and stays there, whatever
    other links are made after it: it goes up first, by folders that are none, and then down."""
    target = archive.read(info, secret).decode()
    root = os.path.realpath(dest)
    place = os.path.normpath(os.path.join(root, info.filename.lstrip("/")))
    aim = os.path.realpath(os.path.join(os.path.dirname(place), target))
    steps = [step for step in target.split("/") if step not in ("", ".")]
    down = steps if target.startswith("/") else list(dropwhile("..".__eq__, steps))
    if ".." in down or not all(os.path.commonpath((root, path)) == root for path in (place, aim)):
        raise OSError(f"{info.filename} is a link that leads out of {dest}")
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if os.path.lexists(place):
        os.unlink(place)
    os.symlink(target, place)


def _told(
    argv: list[str],
    *,
    cwd: str | None = None,
    template: str | None = None,
    runas: str | None = None,
    secret: str | None = None,
) -> list[str]:
    """Run a program: the lines it printed. How it ended is the job's retcode."""
    done = __utils__["tool.run"](
        argv, cwd=cwd, template=template, runas=runas, output_loglevel="quiet" if secret else "debug",
        redirect_stderr=True,
    )  # fmt: skip
    if done["retcode"]:
        __context__["retcode"] = done["retcode"]
    return done["stdout"].splitlines()


def _trimmed(names: list[str], trim_output: Any) -> list[str]:
    limit = 100 if trim_output is True else int(trim_output or 0)
    return [*names[:limit], f"List trimmed after {limit} files."] if limit and len(names) > limit else names


def _rendered(text: str, template: str | None) -> str:
    return __utils__["template.render"](text, template) if template else text


def _local(name: str, saltenv: str, source_hash: str | None, use_etag: bool) -> tuple[str, bool]:
    """Where an archive lies on this host, and whether it was fetched for that."""
    if "://" not in name or name.startswith("file://"):
        return name.removeprefix("file://"), False
    path = FileClient(__opts__).cache_file(name, saltenv, source_hash=source_hash)
    if not path:
        raise CommandError(f"Failed to cache {name}")
    return path, True


def _kind(path: str, name: str) -> str:
    """By what is in it; by its name where there is nothing to look into."""
    try:
        if tarfile.is_tarfile(path):
            return "tar"
        if zipfile.is_zipfile(path):
            return "zip"
        with open(path, "rb") as file:
            if file.read(6) == b"Rar!\x1a\x07":
                return "rar"
    except OSError as exc:
        raise CommandError(f"Failed to list contents of {name}: {exc}{_located(name)}") from exc
    if path.lower().endswith(_ZIP_NAMES):
        return "zip"
    raise CommandError(
        f"Unable to guess archive format, please pass an 'archive_format' argument{_located(name, mark='.')}"
    )


def _located(name: str, *, mark: str = ".") -> str:
    return f"{mark} Additional info follows:\n\narchive location:\n    {name}"


Member = tuple[str, str]
"""A path without a slash at its end, and `dir`, `file` or `link`."""


def _tar_members(path: str, name: str, options: str | None) -> list[Member]:
    try:
        with tarfile.open(path) as archive:
            return [
                (info.name, "dir" if info.isdir() else "link" if info.issym() or info.islnk() else "file")
                for info in archive
            ]
    except (OSError, EOFError, tarfile.TarError) as exc:
        if not os.path.isfile(path):
            raise CommandError(f"Failed to list contents of {name}: {exc}{_located(name)}") from exc
    # What Python cannot unpack, the host's tar perhaps can.
    done = __utils__["tool.run"](["tar", "-t", *shlex.split(options or ""), "-f", path], ignore_retcode=True)
    if done["retcode"]:
        raise CommandError(f"Failed to list contents of {name}: {done['stderr'] or done['stdout']}{_located(name)}")
    return [(line.rstrip("/"), "dir" if line.endswith("/") else "file") for line in done["stdout"].splitlines()]


def _zip_members(path: str, name: str) -> list[Member]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [
                (
                    info.filename.rstrip("/"),
                    "dir" if info.is_dir() else "link" if stat.S_ISLNK(info.external_attr >> 16) else "file",
                )
                for info in archive.infolist()
            ]
    except zipfile.BadZipFile:
        raise CommandError(f"{name} is not a ZIP file{_located(name)}") from None
    except OSError as exc:
        raise CommandError(f"Failed to list contents of {name}: {exc}{_located(name)}") from exc


def _rar_members(path: str) -> list[Member]:
    program = "unrar" if __salt__["cmd.which"]("unrar") else "rar"
    done = __utils__["tool.run"]([program, "lb", path], ignore_retcode=True)
    if done["retcode"]:
        raise CommandError(done["stderr"] or done["stdout"] or f"{program} ended with {done['retcode']}")
    return [(line, "file") for line in done["stdout"].splitlines()]


def _stripped(members: Iterable[Member], count: int) -> Iterable[Member]:
    for path, kind in members:
        parts = path.split("/")[count:]
        if parts:
            yield "/".join(parts), kind


def _shown(member: Member) -> str:
    path, kind = member
    return f"{path}/" if kind == "dir" else path


def _verbose(members: list[Member]) -> dict[str, list[str]]:
    """Sorted by kind; and what lies at the top, of which a directory may be named by what is below it only."""
    found: dict[str, set[str]] = {
        key: set() for key in ("dirs", "files", "links", "top_level_dirs", "top_level_files", "top_level_links")
    }
    for path, kind in members:
        if not path:
            continue
        found[f"{kind}s"].add(_shown((path, kind)))
        first, slash, _rest = path.removeprefix("./").partition("/")
        top = "dirs" if slash else f"{kind}s"
        found[f"top_level_{top}"].add(f"{first}/" if top == "dirs" else first)
    return {key: sorted(paths) for key, paths in found.items()}
