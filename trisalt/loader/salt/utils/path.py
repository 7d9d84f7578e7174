"""Paths and programs."""

import os
import posixpath
import shutil


def which(exe=None):
    """The path of a program; None when it is not there."""
    return shutil.which(exe, path=os.environ.get("PATH", os.defpath)) if exe else None


def which_bin(exes):
    """The path of the first of several programs that is there."""
    return next((found for exe in exes if (found := which(exe))), None)


def join(*parts, **kwargs):
    """Parts of a path as one; unlike `os.path.join`, a later part that begins with a slash does not win."""
    if not parts:
        return ""
    root, *rest = (str(part) for part in parts)
    return posixpath.normpath(posixpath.join(root, *(part.lstrip("/") for part in rest)))


def os_walk(top, *args, **kwargs):
    """`os.walk`."""
    return os.walk(top, *args, **kwargs)


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
