"""Files."""

import codecs
import contextlib
import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
import urllib.parse

from salt.exceptions import FileLockError

from trisalt.errors import CommandError

LOCAL_PROTOS = ("", "file")
REMOTE_PROTOS = ("http", "https", "ftp", "swift", "s3")
VALID_PROTOS = ("salt", "file", *REMOTE_PROTOS)
TEMPFILE_PREFIX = "__salt.tmp."
HASHES = {"sha512": 128, "sha384": 96, "sha256": 64, "sha224": 56, "sha1": 40, "md5": 32}
HASHES_REVMAP = {length: name for name, length in HASHES.items()}
HAS_FCNTL = True

_ARCHIVES = {
    "tar": re.compile(r"\.(tar|tgz|tar\.(gz|bz2|xz|Z|lzma)|tbz2?|txz|tlz)$", re.IGNORECASE),
    "zip": re.compile(r"\.zip$", re.IGNORECASE),
    "rar": re.compile(r"\.rar$", re.IGNORECASE),
}
_SIZES = "bkmgtpezy"


def fopen(*args, **kwargs):
    """`open`, text as UTF-8. A path that is a number, and would be a descriptor, is refused."""
    if args and args[0] in (0, 1, 2):
        raise TypeError(f"{args[0]} is not a permitted file descriptor")
    mode = kwargs.get("mode", args[1] if len(args) > 1 else "r")
    if "b" not in mode and len(args) < 4:
        kwargs.setdefault("encoding", "utf-8")
    return open(*args, **kwargs)


@contextlib.contextmanager
def flopen(*args, **kwargs):
    """`fopen`, locked for as long as the block takes."""
    mode = kwargs.get("mode", args[1] if len(args) > 1 else "r")
    with fopen(*args, **kwargs) as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX if set("wax+") & set(mode) else fcntl.LOCK_SH)
        try:
            yield file
        finally:
            fcntl.flock(file.fileno(), fcntl.LOCK_UN)


@contextlib.contextmanager
def fpopen(*args, **kwargs):
    """`fopen`, with the owner (`uid`, `gid`) and the mode that are asked for."""
    uid, gid, mode = kwargs.pop("uid", -1), kwargs.pop("gid", -1), kwargs.pop("mode", None)
    with fopen(*args, **kwargs) as file:
        found = os.stat(args[0])
        if uid not in (-1, found.st_uid) or gid not in (-1, found.st_gid):
            os.chown(args[0], uid, gid)
        if mode is not None and stat.S_IMODE(found.st_mode) != mode:
            os.chmod(args[0], found.st_mode | mode)
        yield file


def get_umask():
    """The umask of this process."""
    umask = os.umask(0)
    os.umask(umask)
    return umask


@contextlib.contextmanager
def set_umask(mask):
    """Another umask for a block."""
    before = os.umask(mask) if mask is not None else None
    try:
        yield
    finally:
        if before is not None:
            os.umask(before)


def mkstemp(*args, **kwargs):
    """The path of a new temporary file; with the open descriptor unless `close_fd`."""
    close = kwargs.pop("close_fd", True)
    kwargs.setdefault("prefix", TEMPFILE_PREFIX)
    descriptor, path = tempfile.mkstemp(*args, **kwargs)
    if not close:
        return descriptor, path
    os.close(descriptor)
    return path


def safe_rm(tgt):
    """Remove a file if it can be."""
    with contextlib.suppress(OSError):
        os.remove(tgt)


def remove(path):
    """Remove a file; no error when it is not there."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)


def rm_rf(path):
    """Remove a file or a whole folder."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.remove(path)


def rename(src, dst):
    """Rename a file, over another one if there is one."""
    os.replace(src, dst)


def copyfile(source, dest, backup_mode="", cachedir=""):
    """Copy a file so that the copy is there at once, as what was there before was owned; see `backup_minion`."""
    for path, wrong in ((source, not os.path.isfile(source)), (dest, os.path.isdir(dest))):
        if wrong:
            raise OSError(f"[Errno {2 if path is source else 21}] No such file or directory: {path}")
    folder = os.path.dirname(dest)
    if not os.path.isdir(folder or "."):
        raise OSError(f"[Errno 2] No such file or directory: {dest}")
    fresh = mkstemp(dir=folder or ".", prefix=f"{os.path.basename(dest)}.", suffix=os.path.basename(source)[-20:])
    try:
        shutil.copyfile(source, fresh)
        if os.path.exists(dest):
            found = os.stat(dest)
            os.chown(fresh, found.st_uid, found.st_gid)
            shutil.copymode(dest, fresh)
            if backup_mode in ("minion", "both") and cachedir:
                backup_minion(dest, os.path.join(cachedir, "file_backup"))
        else:
            os.chmod(fresh, 0o666 & ~get_umask())
        os.replace(fresh, dest)
    except BaseException:
        safe_rm(fresh)
        raise


def backup_minion(path, bkroot):
    """Keep a copy of a file below `bkroot`, under its own path and the time."""
    folder, name = os.path.split(path)
    found = os.stat(path)
    place = os.path.join(bkroot, folder.lstrip("/"))
    os.makedirs(place, mode=0o700, exist_ok=True)
    now = time.time()
    stamp = time.strftime("%a_%b_%d_%H:%M:%S", time.localtime(now))
    kept = os.path.join(place, f"{name}_{stamp}_{int(now % 1 * 1_000_000):06d}_{time.strftime('%Y')}")
    shutil.copyfile(path, kept)
    os.chown(kept, found.st_uid, found.st_gid)
    os.chmod(kept, found.st_mode)


def recursive_copy(source, dest):
    """Copy what is below a folder into another."""
    for root, _folders, names in safe_walk(source):
        place = os.path.join(dest, os.path.relpath(root, source))
        os.makedirs(place, exist_ok=True)
        for name in names:
            shutil.copyfile(os.path.join(root, name), os.path.join(place, name))


def safe_walk(top, topdown=True, onerror=None, followlinks=True, _seen=None):
    """`os.walk` through links too, but never twice into the same folder."""
    seen = set() if _seen is None else _seen
    found = os.stat(top)
    if (found.st_dev, found.st_ino) in seen:
        return
    seen.add((found.st_dev, found.st_ino))
    try:
        names = os.listdir(top)
    except OSError as exc:
        if onerror is not None:
            onerror(exc)
        return
    folders = [name for name in names if os.path.isdir(os.path.join(top, name))]
    if topdown:
        yield top, folders, [name for name in names if name not in folders]
    for name in folders:
        path = os.path.join(top, name)
        if followlinks or not os.path.islink(path):
            yield from safe_walk(path, topdown, onerror, followlinks, seen)
    if not topdown:
        yield top, folders, [name for name in names if name not in folders]


def list_files(directory):
    """A folder and all that is below it."""
    found = {directory}
    for root, folders, names in safe_walk(directory):
        found.update(os.path.join(root, name) for name in (*folders, *names))
    return list(found)


def normalize_mode(mode):
    """A file mode as a text of four digits."""
    if mode is None:
        return None
    text = str(mode).strip("\"'").replace("0o", "0")
    return f"{text:>04}" if len(text) < 4 else text


def st_mode_to_octal(mode):
    """The permissions of a mode in octal digits."""
    try:
        return oct(mode)[-4:]
    except (TypeError, IndexError):
        return ""


def is_empty(filename):
    """Whether a file is there, and has nothing in it."""
    try:
        return os.stat(filename).st_size == 0
    except OSError:
        return False


def is_text(fp_, blocksize=512):
    """Whether a file, or its path, has text in it as far as its beginning tells."""
    if isinstance(fp_, (str, bytes, os.PathLike)):
        try:
            with open(fp_, "rb") as file:
                block = file.read(blocksize)
        except OSError:
            return False
    else:
        block = fp_.read(blocksize)
        if isinstance(block, str):
            block = block.encode("utf-8", "surrogateescape")
    if b"\0" in block:
        return False
    if not block:
        return True
    try:
        block.decode("utf-8")
        return True
    except UnicodeDecodeError:
        strange = sum(1 for byte in block if (byte < 32 and byte not in b"\n\r\t\f\b") or byte == 127)
        return strange / len(block) <= 0.30


def is_binary(path):
    """Whether a file is there, and has something else than text in it."""
    if not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            block = file.read(2048)
        return b"\0" in block or (bool(block) and not _decodes(block))
    except OSError:
        return False


def _decodes(block):
    try:
        codecs.getincrementaldecoder("utf-8")().decode(block)
    except UnicodeDecodeError:
        return False
    return True


def get_encoding(path):
    """The encoding of a text file. Raises CommandExecutionError where it is none."""
    with open(path, "rb") as file:
        data = file.read(2048)
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return name
    if _decodes(data):
        return "UTF-8"
    raise CommandError("Could not detect file encoding")


def is_fcntl_available(check_sunos=False):
    """Whether files can be locked."""
    return True


def guess_archive_type(name):
    """`tar`, `zip` or `rar` by a file's name; None for another."""
    return next((kind for kind, pattern in _ARCHIVES.items() if pattern.search(name)), None)


def human_size_to_bytes(human_size):
    """`5M` in bytes: binary units. Raises ValueError for what is no size."""
    found = re.match(r"^(\d+)([KMGTPEZY])?$", str(human_size).upper())
    if not found:
        raise ValueError("Size must be all digits, with an optional unit type (K, M, G, T, or P)")
    return int(found[1]) * 1024 ** (_SIZES.index(found[2].lower()) if found[2] else 0)


def safe_filename_leaf(file_basename):
    """A file's name with what no name should have in it written as `%xx`."""
    return re.sub(
        r'[\\:/*?"<>|]|\A\.(?=\Z)', lambda sign: urllib.parse.quote(sign[0], safe=""), file_basename, flags=re.UNICODE
    )


def safe_filepath(file_path_name, dir_sep=None):
    """A path of which each part is such a name."""
    separator = dir_sep or os.sep
    return separator.join(safe_filename_leaf(part) for part in file_path_name.rsplit(separator))


def process_read_exception(exc, path, ignore=None):
    """Say why a file could not be read, as a CommandExecutionError; errors in `ignore` are let pass."""
    ignored = (ignore,) if isinstance(ignore, int) else tuple(ignore or ())
    if exc.errno in ignored:
        return
    match exc.errno:
        case errno.ENOENT:
            raise CommandError(f"{path} does not exist")
        case errno.EACCES:
            raise CommandError(f"Permission denied reading from {path}")
    raise CommandError(f"Error {exc.errno} encountered reading from {path}: {exc.strerror}")


@contextlib.contextmanager
def wait_lock(path, lock_fn=None, timeout=5, sleep=0.1, time_start=None):
    """Hold a lock file for a block; wait for it first. Raises FileLockError."""
    if not isinstance(path, str):
        raise FileLockError("path must be a string")
    lock = lock_fn or f"{path}.w"
    began = time_start or time.time()
    while True:
        if os.path.exists(path) and not os.path.isfile(path):
            raise FileLockError(f"lock_fn {lock} exists and is not a file")
        try:
            os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            break
        except FileExistsError:
            if time.time() - began >= timeout:
                text = f"lock_fn {lock} was not obtained within {timeout} seconds"
                raise FileLockError(text, time_start=began) from None
            time.sleep(sleep)
    try:
        yield
    finally:
        safe_rm(lock)


def case_insensitive_filesystem(path=None):
    """Whether names that differ by case only are one name."""
    with tempfile.NamedTemporaryFile(prefix="TmP", dir=path) as file:
        return os.path.exists(file.name.lower())


def await_lock(path, lock_fn=None, timeout=5, sleep=0.1, time_start=None):
    """The same as `wait_lock`."""
    return wait_lock(path, lock_fn, timeout, sleep, time_start)
