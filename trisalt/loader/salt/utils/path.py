"""Paths and programs."""

import os
import posixpath
import shutil

from trisalt.errors import CommandNotFound, InvocationError


def which(exe=None):
    """The path of a program; None when it is not there. The places where administrators' programs are count too."""
    if not exe:
        return None
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    places += [place for place in ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin") if place not in places]
    return shutil.which(exe, path=os.pathsep.join(places))


def which_bin(exes):
    """The path of the first of several programs that is there."""
    if isinstance(exes, str):
        exes = [exes]
    if not hasattr(exes, "__iter__"):
        return None
    return next((found for exe in exes if (found := which(exe))), None)


def check_or_die(command):
    """Raise CommandNotFoundError where a program is not there."""
    if command is None:
        raise CommandNotFound("'None' is not a valid command.")
    if not which(command):
        raise CommandNotFound(f"'{command}' is not in the path")


def join(*parts, **kwargs):
    """Parts of a path as one; unlike `os.path.join`, a later part that begins with a slash does not win."""
    kwargs.pop("use_posixpath", None)
    if kwargs:
        raise InvocationError(f"The following keyword arguments are not valid: {', '.join(kwargs)}")
    root, *rest = (part.decode() if isinstance(part, bytes) else part for part in (parts or ("",)))
    return posixpath.normpath(posixpath.join(root, *(part.lstrip("/") for part in rest)))


def os_walk(top, *args, **kwargs):
    """`os.walk`."""
    return os.walk(top, *args, **kwargs)


def expand(path):
    """A path with `~` and `$NAME` in it written out."""
    return os.path.expandvars(os.path.expanduser(path))


def islink(path):
    """Whether a path is a symbolic link."""
    return os.path.islink(path)


def readlink(path, canonicalize=False):
    """Where a link leads."""
    return os.path.realpath(path) if canonicalize else os.readlink(path)


def safe_path(path, allow_path=None):
    """Whether a path leads to where it says, or below `allow_path`, also through links."""
    real = os.path.realpath(path)
    allowed = os.path.abspath(allow_path or path)
    return real == allowed or real.startswith(allowed.rstrip("/") + "/")


def sanitize_win_path(winpath):
    """A path without the signs that Windows does not take."""
    return winpath.translate(str.maketrans({sign: "_" for sign in '<>:|?*"'})) if isinstance(winpath, str) else winpath
