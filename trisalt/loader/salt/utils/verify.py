"""Whether paths and names are safe."""

import os
import pwd
import re

from salt.exceptions import SaltValidationError

from trisalt.wire.ids import valid_minion_id


def valid_id(opts, id_):
    """Whether it can be a minion's id."""
    return valid_minion_id(id_)


def clean_path(root, path, subdir=False, realpath=True):
    """A path below a root, made plain; "" for one that leads elsewhere."""
    clean = os.path.realpath if realpath else os.path.normpath
    if not os.path.isabs(root):
        root = os.path.join(os.getcwd(), root)
    root = clean(root)
    full = clean(path if os.path.isabs(path) else os.path.join(root, path))
    if subdir:
        return full if full == root or full.startswith(root.rstrip("/") + "/") else ""
    return full if os.path.dirname(full) == root else ""


def clean_join(root, *paths, subdir=False, realpath=True):
    """Parts below a root as one path; raises SaltValidationError for one that leads elsewhere."""
    path = os.path.join(root, *paths)
    if not clean_path(root, path, subdir, realpath):
        raise SaltValidationError(f"Invalid path: {path!r}")
    return path


def safe_py_code(code):
    """Whether a Python expression is free of what changes things."""
    return not any(word in code for word in ("import", "__", "exec", "eval", "open(", "compile("))


def check_user(user):
    """Whether this process runs as a user."""
    try:
        return os.geteuid() == pwd.getpwnam(user).pw_uid
    except KeyError:
        return False


def url(data):
    """Whether it is an address."""
    return bool(re.fullmatch(r"(https?|ssh|s?ftp|file)://\S+", str(data)))


def zmq_version():
    """There is a ZeroMQ that is new enough."""
    return True
