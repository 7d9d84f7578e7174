"""Grains of the minion itself: its versions, its process, its environment."""

from __future__ import annotations

import glob
import grp
import hashlib
import importlib.util
import locale
import os
import pwd
import shutil
import sys
import time
from functools import partial
from typing import Any

import trisalt
from trisalt.plugins.utils import probe


def identity() -> dict[str, Any]:
    """Who this minion is, and whose."""
    id = __opts__.get("id", "")
    master = __opts__.get("master", "")
    if isinstance(master, (list, tuple)) and len(master) == 1:
        master = master[0]
    return {"id": id, "master": master, "server_id": int(hashlib.sha256(id.encode()).hexdigest(), 16) % 2**31}


def versions() -> dict[str, Any]:
    """`saltversion` is the Salt whose behaviour is kept; `trisaltversion` is ours."""
    return {
        "saltversion": trisalt.SALT_VERSION,
        "saltversioninfo": [int(part) for part in trisalt.SALT_VERSION.split(".")],
        "trisaltversion": trisalt.__version__,
        "saltpath": os.path.dirname(os.path.abspath(trisalt.__file__)),
        "zmqversion": __opts__.get("__zmqversion__") or _zmq_version(),
        "pythonversion": list(sys.version_info),
        "pythonexecutable": sys.executable,
        "pythonpath": list(sys.path),
        "package": None,
    }


def environment() -> dict[str, Any]:
    """Working directory, search path, shell, locale."""
    path = os.environ.get("PATH", "").strip()
    language, encoding = locale.getlocale()
    return {
        "cwd": os.getcwd(),
        "path": path,
        "systempath": path.split(os.path.pathsep),
        "shell": os.environ.get("SHELL", "/bin/sh"),
        "locale_info": {
            "defaultlanguage": language,
            "defaultencoding": encoding,
            "detectedencoding": sys.getdefaultencoding(),
            "timezone": time.tzname[time.localtime().tm_isdst > 0],
        },
        "transactional": shutil.which("transactional-update") is not None,
    }


def process() -> dict[str, Any]:
    """Under whom the minion runs. `pid` is the daemon's, not the worker's that gathers grains."""
    uid, gid = os.getuid(), os.getgid()
    return {
        "uid": uid,
        "gid": gid,
        "username": _name(pwd.getpwuid, uid),
        "groupname": _name(grp.getgrgid, gid),
        "pid": __opts__.get("__pid__", os.getpid()),
    }


def _zmq_version() -> str:
    """Where no daemon told it (`salt-call`): asked of the library; all of pyzmq would cost a tenth of all grains."""
    package = importlib.util.find_spec("zmq")
    for folder in (package.submodule_search_locations or ()) if package is not None else ():
        # pyzmq's extension brings its own library, or finds the system's: what it is bound to is what answers.
        for extension in glob.glob(f"{glob.escape(folder)}/backend/cython/_zmq*.so"):
            libraries = os.path.join(os.path.dirname(folder), "pyzmq.libs")
            if not os.path.isdir(libraries):
                return _version_in(extension)
            where = probe.place(__opts__)
            return probe.remembered("zmq", where, extension, [libraries], partial(_version_in, extension))
    import zmq

    return str(zmq.zmq_version())


def _version_in(extension: str) -> str:
    import ctypes

    numbers = [ctypes.c_int() for _ in range(3)]
    ctypes.CDLL(extension).zmq_version(*map(ctypes.byref, numbers))
    return ".".join(str(number.value) for number in numbers)


def _name(look_up: Any, number: int) -> str:
    try:
        return look_up(number)[0]
    except KeyError:
        return ""
