"""`salt://path?saltenv=env`, its escape `salt://|raw name`, and the paths a minion may ask for. Pure.

Called by `fileserver/fileserver` for what minions send, and by whoever reads a `salt://` URL in an SLS file.
"""

from __future__ import annotations

import posixpath
from functools import lru_cache

import attrs

SCHEME = "salt://"


@attrs.frozen(kw_only=True)
class SaltUrl:
    """A file of the file server: `path` without a leading slash; `saltenv` None when the URL names none."""

    path: str
    saltenv: str | None = None


@lru_cache(maxsize=1024)
def parse(url: str) -> SaltUrl:
    """Read a `salt://` URL, or a bare path as minions send it. Raises ValueError for another scheme.

    After `|` nothing is a query: the rest is the name, with its question marks.
    Source: stock Salt 3008.3, salt:// URLs; other query keys than `saltenv` are dropped there, too.
    """
    scheme, colon, _rest = url.partition("://")
    if colon and scheme != "salt" and "/" not in scheme:
        raise ValueError(f"not a salt:// URL: {url}")
    resource = url.removeprefix(SCHEME).lstrip("/")
    if resource.startswith("|"):
        return SaltUrl(path=resource[1:])
    path, _mark, query = resource.partition("?")
    saltenv = None
    for word in query.split("&"):
        name, _equals, value = word.partition("=")
        if name == "saltenv" and value:
            saltenv = value
    return SaltUrl(path=path, saltenv=saltenv)


def create(path: str, saltenv: str | None = None) -> str:
    """Write a `salt://` URL; a path with a question mark is escaped, and has no environment then."""
    if asked(path) != path and not saltenv:
        return SCHEME + asked(path)
    return f"{SCHEME}{path}?saltenv={saltenv}" if saltenv else f"{SCHEME}{path}"


def asked(path: str) -> str:
    """A path as a file server is asked for it: with the escape where it could be read as one with a query."""
    return f"|{path}" if "?" in path or path.startswith("|") else path


def clean(path: str) -> str | None:
    """A path inside a root, normalised; None for one that is empty, absolute, leaves its root, or holds a NUL."""
    if not path or "\0" in path or path.startswith("/"):
        return None
    normal = posixpath.normpath(path)
    if normal in (".", "..") or normal.startswith("../"):
        return None
    return normal


def clean_name(name: str) -> str | None:
    """An environment's name that may stand in a path as one component; None for any other."""
    return name if name and name not in (".", "..") and "/" not in name and "\0" not in name else None
