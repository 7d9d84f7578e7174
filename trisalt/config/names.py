"""What this host is called: the id of a minion that was given none, and the files it is remembered in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from trisalt.errors import ConfigError

_NAME_FILES = ("/etc/hostname", "/etc/nodename", "/etc/hosts")
_LOOPBACK_NAMES = ("localhost", "ip6-", "ipv6-", "0.0.0.0", "::1", "fe00::", "fe02::", "127.")  # noqa: S104


def host_id(config_dir: str, caching: bool = True) -> str:
    """The remembered id of this host, else a generated one. A remembered `localhost` is not believed."""
    name = remembered_id(config_dir) if caching else None
    return name or generated_id()


def remembered_id(config_dir: str) -> str | None:
    """The id in `minion_id`, or None."""
    try:
        with open(os.path.join(config_dir, "minion_id"), encoding="utf-8-sig") as file:
            name = file.readline().strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if name and name != "localhost" else None


def remember_id(config_dir: str, id: str) -> None:
    """Write `minion_id`, whole or not at all. Raises OSError."""
    path = os.path.join(config_dir, "minion_id")
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(id)
    os.replace(f"{path}.new", path)


def generated_id(candidates: Iterable[str] | None = None) -> str:
    """The first of this host's names that says more than `localhost`.

    Source: stock Salt 3008.3: the full name, the node's name, those of the name files, then addresses.
    """
    for name in _candidates() if candidates is None else candidates:
        if name and not name.lower().startswith(_LOOPBACK_NAMES):
            return name
    return "localhost"


def without_domain(id: str, domain: str | bool) -> str:
    """`minion_id_remove_domain`: take any domain (True), or this one, from a generated id."""
    if domain is True:
        return id if _is_address(id) else id.partition(".")[0]
    if domain and id.lower().endswith(f".{domain}".lower()):
        return id[: -len(domain) - 1]
    return id


def with_domain(id: str, domain: str) -> str:
    """`append_domain`: an id that has it already, ends with a dot or is an address stays as it is."""
    if not domain or id.endswith((domain, ".")) or _is_address(id):
        return id
    return f"{id}.{domain}"


def check_id(id: str, where: str) -> str:
    """`id`, when it may name a minion and so a file; else ConfigError."""
    if not id or id[0] == "." or "/" in id or "\\" in id or not id.isprintable() or len(id.encode()) > 255:
        raise ConfigError(f"{where}: {id!r} is not a valid minion id")
    return id


def _candidates() -> Iterator[str]:
    import socket  # only a host without a remembered id pays for it

    host = socket.gethostname()
    yield socket.getfqdn(host)
    yield host
    for path in _NAME_FILES:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.readlines()
        except OSError:
            continue
        for line in lines:
            words = line.partition("#")[0].split()
            if words and (words[0].startswith(("127.", "::1")) or len(words) == 1):
                yield from words
    try:
        for info in socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM):
            yield str(info[4][0])
    except OSError:
        return


def _is_address(id: str) -> bool:
    return id.replace(".", "").isdigit() and id.count(".") == 3
