"""Jinja filters that look at the host or at the network: files, programs, accounts, names.

Source: stock Salt 3008.3.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import socket
from collections.abc import Callable
from typing import Any

import jinja2
from jinja2 import pass_context

from trisalt.errors import CommandError

# How long one address of a name may take to answer.
PATIENCE = 2.0


def file_hash(path: str, algorithm: str = "sha256") -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def is_empty(path: str) -> bool:
    try:
        return os.stat(path).st_size == 0
    except OSError:
        return False


def list_files(path: str) -> list[str]:
    """A folder and all below it, or the path itself."""
    found = {path}
    for root, folders, files in os.walk(path):
        found.add(root)
        found.update(os.path.join(root, name) for name in (*folders, *files))
    return list(found)


def is_text_file(path: str) -> bool:
    """Whether a file begins as a text does."""
    begin = _begin(path, 512)
    return begin is not None and not _is_binary(begin)


def is_bin_file(path: str) -> bool:
    """Whether a file begins as no text does."""
    begin = _begin(path, 2048)
    return begin is not None and _is_binary(begin)


def _begin(path: str, size: int) -> bytes | None:
    # A number would be taken for a file that is open already; a pipe might never answer.
    if not os.path.isfile(os.fspath(path)):
        return None
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except OSError:
        return None


def _is_binary(begin: bytes) -> bool:
    strange = sum(1 for sign in begin if not (32 <= sign < 127 or sign in b"\n\r\t\f\b"))
    return b"\0" in begin or strange > 0.3 * len(begin)


def get_uid(user: str | None = None) -> int | None:
    """The number of an account, of the process's own if none is named."""
    if user is None:
        return os.getuid()
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


def dns_check(address: str, port: int, safe: bool = False, ipv6: bool | None = None) -> str:
    """The address of a name that answers at a port, else the first; in brackets if it is of IPv6."""
    family = {True: socket.AF_INET6, False: socket.AF_INET}.get(ipv6, socket.AF_UNSPEC)  # type: ignore[arg-type]
    families = (family, socket.AF_INET) if ipv6 else (family,)
    for each in families:
        try:
            found = socket.getaddrinfo(address, port, each, socket.SOCK_STREAM)
        except (OSError, TypeError):
            continue
        best = next((info for info in found if _answers(info)), found[0])
        host = str(best[4][0])
        return f"[{host}]" if best[0] == socket.AF_INET6 else host
    raise CommandError(f"DNS lookup or connection check of '{address}' failed.")


def _answers(info: Any) -> bool:
    family, kind, protocol, _name, address = info
    with socket.socket(family, kind, protocol) as asked:
        asked.settimeout(PATIENCE)
        return asked.connect_ex(address) == 0


@pass_context
def http_query(context: jinja2.runtime.Context, url: str, *args: Any, **kwargs: Any) -> Any:
    """What `http.query` of the modules answers."""
    return context["salt"]["http.query"](url, *args, **kwargs)


HOST_FILTERS: dict[str, Callable[..., Any]] = {
    "dns_check": dns_check,
    "file_hashsum": file_hash,
    "get_uid": get_uid,
    "http_query": http_query,
    "is_bin_file": is_bin_file,
    "is_empty": is_empty,
    "is_text_file": is_text_file,
    "list_files": list_files,
    "which": shutil.which,
}
