"""The hosts that users and this host know by their SSH keys: the part of the shelf `ssh` about files of known hosts."""

from __future__ import annotations

import os
from typing import Any

__virtualname__ = "ssh"


def __virtual__() -> Any:
    return __utils__["sshkeys.virtual"]()


def get_known_host_entries(
    user: str | None,
    hostname: str,
    config: str | None = None,
    port: Any = None,
    fingerprint_hash_type: str | None = None,
) -> Any:
    """
    What a user, or without one the host, knows of a host: a list of `{hostname, enc, key, fingerprint}`, or nothing.

    CLI Example:

        salt '*' ssh.get_known_host_entries root git.example.org
    """
    place = _known_hosts(user, config)
    if "error" in place:
        return place
    host = __utils__["sshkeys.host_of"](hostname, port)
    found = []
    for line in __utils__["userfiles.read"](place["path"], place["entry"]).splitlines():
        row = __utils__["sshkeys.known"](line)
        if row is not None and __utils__["sshkeys.names_host"](row["hostname"], host):
            found.append({**row, "fingerprint": __utils__["sshkeys.fingerprint"](row["key"], fingerprint_hash_type)})
    return found or None


def recv_known_host_entries(
    hostname: str,
    enc: str | None = None,
    port: Any = None,
    hash_known_hosts: bool = True,
    timeout: int = 5,
    fingerprint_hash_type: str | None = None,
) -> Any:
    """
    Ask a host for its keys: what `get_known_host_entries` returns. Nobody vouches for what comes back.

    CLI Example:

        salt '*' ssh.recv_known_host_entries git.example.org enc=ed25519
    """
    host = __utils__["sshkeys.host_of"](hostname, port)
    argv = [
        "ssh-keyscan",
        *(["-p", port] if port else []),
        *(["-t", enc] if enc else []),
        "-T",
        timeout,
        "--",
        hostname,
    ]
    __utils__["sshkeys.fingerprint"]("", fingerprint_hash_type)  # an unknown kind is told before the host is asked
    found = __utils__["tool.run"](argv, ignore_retcode=True)
    rows = []
    for line in found["stdout"].splitlines():
        row = __utils__["sshkeys.known"](line)
        if row is not None:
            name = __utils__["sshkeys.hashed"](host) if hash_known_hosts else row["hostname"]
            print_ = __utils__["sshkeys.fingerprint"](row["key"], fingerprint_hash_type)
            rows.append({"hostname": name, "enc": row["enc"], "key": row["key"], "fingerprint": print_})
    if not rows:
        __context__["retcode"] = found["retcode"] or 1
    return rows or None


def check_known_host(
    user: str | None = None,
    hostname: str | None = None,
    key: str | None = None,
    fingerprint: str | None = None,
    config: str | None = None,
    port: Any = None,
    fingerprint_hash_type: str | None = None,
) -> Any:
    """
    What it would take for a host to be known, by this key or fingerprint where one is given: `add`, `update` or, as it
    is, `exists`.

    CLI Example:

        salt '*' ssh.check_known_host root git.example.org fingerprint='xx:xx:..:xx'
    """
    if not hostname:
        return _error("hostname argument required")
    known = get_known_host_entries(user, hostname, config, port, fingerprint_hash_type)
    if not known:
        return "add"
    if isinstance(known, dict):
        return known
    if key:
        return "exists" if any(row["key"] == key for row in known) else "update"
    if fingerprint:
        same = __utils__["sshkeys.same_fingerprint"]
        return "exists" if any(same(fingerprint, row["fingerprint"]) for row in known) else "update"
    return "exists"


def set_known_host(
    user: str | None = None,
    hostname: str | None = None,
    fingerprint: str | None = None,
    key: str | None = None,
    port: Any = None,
    enc: str | None = None,
    config: str | None = None,
    hash_known_hosts: bool = True,
    timeout: int = 5,
    fingerprint_hash_type: str | None = None,
) -> dict[str, Any]:
    """
    Have a host known by this key, or by the keys that it tells of itself: those alone whose `fingerprint` is the one
    that is given. `{status: exists, keys}`, `{status: updated, old, new}` or `{status: error, error}`.

    CLI Example:

        salt '*' ssh.set_known_host root git.example.org fingerprint='xx:xx:..:xx' enc=ed25519
    """
    if not hostname:
        return _error("hostname argument required")
    if port not in (None, "", 22, "22") and hash_known_hosts:
        return _error("argument port can not be used in conjunction with argument hash_known_hosts")
    place = _known_hosts(user, config)
    if "error" in place:
        return place
    old = get_known_host_entries(user, hostname, config, port, fingerprint_hash_type)
    status = check_known_host(user, hostname, key, fingerprint, config, port, fingerprint_hash_type)
    if status == "exists":
        return {"status": "exists", "keys": [row["key"] for row in old]}
    host = __utils__["sshkeys.host_of"](hostname, port)
    if key:
        kind = __utils__["sshkeys.named_type"](enc, key) if enc else __utils__["sshkeys.type_of"](key)
        if kind is None:
            return _error("Invalid public key")
        new = [{"hostname": host, "enc": kind, "key": key}]
    else:
        new = recv_known_host_entries(hostname, enc, port, hash_known_hosts, timeout, fingerprint_hash_type)
        if not new:
            return _error("Unable to receive remote host keys")
        if fingerprint:
            same = __utils__["sshkeys.same_fingerprint"]
            new = [row for row in new if same(fingerprint, row["fingerprint"])]
        if not new:
            return _error(
                "Remote host public keys found but none of their fingerprints match the one you have provided"
            )
    with __utils__["rewrite.locked"](place["path"]):
        lines, _gone = _without_host(place, host, {row["enc"] for row in new})
        for row in new:
            name = row["hostname"] if row["hostname"].startswith("|") or not hash_known_hosts else None
            lines.append(f"{name or __utils__['sshkeys.hashed'](host)} {row['enc']} {row['key']}")
        _write_known(place, lines)
    return {"status": "updated", "old": old, "new": new}


def rm_known_host(
    user: str | None = None, hostname: str | None = None, config: str | None = None, port: Any = None
) -> dict[str, str]:
    """
    Have a host known no more, by whichever key.

    CLI Example:

        salt '*' ssh.rm_known_host root git.example.org
    """
    if not hostname:
        return _error("hostname argument required")
    place = _known_hosts(user, config)
    if "error" in place:
        return place
    path = place["path"]
    if not os.path.isfile(path):
        return _error(f"Known hosts file {path} does not exist")
    host = __utils__["sshkeys.host_of"](hostname, port)
    with __utils__["rewrite.locked"](path):
        lines, gone = _without_host(place, host, None)
        if not gone:
            return {"status": "removed", "comment": f"Host {host} not found in {path}"}
        _write_known(place, lines)
    told = [f"# Host {host} found: line {number}" for number in gone]
    return {"status": "removed", "comment": "\n".join([*told, f"{path} updated."])}


def hash_known_hosts(user: str | None = None, config: str | None = None) -> dict[str, str]:
    """
    Hash the names of all hosts that are known, so that the file does not tell them.

    CLI Example:

        salt '*' ssh.hash_known_hosts
    """
    place = _known_hosts(user, config)
    if "error" in place:
        return place
    path = place["path"]
    if not os.path.isfile(path):
        return _error(f"Known hosts file {path} does not exist")
    with __utils__["rewrite.locked"](path):
        text = __utils__["userfiles.read"](path, place["entry"])
        fresh = __utils__["sshkeys.hashed_file"](text)
        if fresh != text:
            _write_known(place, fresh.splitlines())
    return {"status": "updated", "comment": f"{path} updated."}


# -- inside ----------------------------------------------------------------------------------------------------


def _known_hosts(user: str | None, config: str | None) -> dict[str, Any]:
    """`{path, entry}` of a file of known hosts, or what is wrong."""
    if not user:
        path = config or "/etc/ssh/ssh_known_hosts"
        return (
            {"path": path, "entry": None} if os.path.isabs(path) else _error("Cannot determine absolute path to file.")
        )
    entry = __utils__["userfiles.account"](user)
    if entry is None:
        return _error(f"User {user} does not exist")
    return {"path": __utils__["userfiles.path"](config or ".ssh/known_hosts", entry), "entry": entry}


def _without_host(place: dict[str, Any], host: str, kinds: set[str] | None) -> tuple[list[str], list[int]]:
    """The lines without a host's keys of these types, or of all, and the numbers of those that went."""
    kept, gone = [], []
    for number, line in enumerate(__utils__["userfiles.read"](place["path"], place["entry"]).splitlines(), 1):
        row = __utils__["sshkeys.known"](line)
        if (
            row is None
            or not __utils__["sshkeys.names_host"](row["hostname"], host)
            or (kinds is not None and row["enc"] not in kinds)
        ):
            kept.append(line)
        else:
            gone.append(number)
    return kept, gone


def _write_known(place: dict[str, Any], lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    __utils__["userfiles.write"](place["path"], text, place["entry"], 0o600 if place["entry"] else 0o644)


def _error(text: str) -> dict[str, str]:
    __context__["retcode"] = 1
    return {"status": "error", "error": text}
