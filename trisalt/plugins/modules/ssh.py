"""Manage the SSH keys that users and hosts trust, and look at their own."""

from __future__ import annotations

import logging
import os
import pwd
import re
import shutil
from typing import Any

from trisalt.errors import CommandError

log = logging.getLogger(__name__)

_USER_KEYS = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "identity")
_HOST_KEY = re.compile(r"ssh_host_(.+)_key(?:(-cert)?(\.pub))?")
_AUTHORIZED = ".ssh/authorized_keys"


def __virtual__() -> Any:
    if shutil.which("ssh-keygen"):
        return True
    return False, "The ssh execution module cannot be loaded: the ssh-keygen command is not available"


# -- keys of their own -----------------------------------------------------------------------------------------


def host_keys(keydir: str | None = None, private: bool = True, certs: bool = True) -> dict[str, str]:
    """
    The keys of this host, by type: `{rsa.pub: ..., rsa: ...}`.

    CLI Example:

        salt '*' ssh.host_keys private=False
    """
    folder, found = keydir or "/etc/ssh", {}
    try:
        names = sorted(os.listdir(folder))
    except OSError as exc:
        raise CommandError(f"Unable to read {folder}: {exc.strerror}") from exc
    for name in names:
        parts = _HOST_KEY.fullmatch(name)
        if parts and (certs or not parts[2]) and (private or parts[3]):
            text = __utils__["rewrite.read"](os.path.join(folder, name)) or ""
            found[f"{parts[1]}{parts[2] or ''}{parts[3] or ''}"] = text.strip()
    return found


def user_keys(user: Any = None, pubfile: Any = None, prvfile: Any = None) -> dict[str, dict[str, str]]:
    """
    The keys of a user, of several, or of all: `{user: {id_rsa.pub: ..., id_rsa: ...}}`. A file may be named, or `False`
    for none of that kind.

    CLI Example:

        salt '*' ssh.user_keys user=user1 prvfile=False
    """
    found = {}
    for name in _users(user):
        entry = __utils__["userfiles.account"](name)
        if entry is None:
            continue
        files: list[str] = []
        for given, suffix in ((pubfile, ".pub"), (prvfile, "")):
            if given:
                files.append(str(given))
            elif given is not False:
                files += [f"{key}{suffix}" for key in _USER_KEYS]
        keys = {}
        for file in files:
            path = __utils__["userfiles.path"](file if os.path.isabs(file) else os.path.join(".ssh", file), entry)
            try:
                text = __utils__["userfiles.read"](path, entry)
            except CommandError as exc:
                log.warning("%s: %s", name, exc)
                continue
            if text:
                keys[os.path.basename(path)] = text.strip()
        if keys:
            found[name] = keys
    return found


def key_is_encrypted(key: str) -> bool:
    """
    Whether a private key's file wants a passphrase.

    CLI Example:

        salt '*' ssh.key_is_encrypted /root/id_rsa
    """
    text = __utils__["rewrite.read"](key)
    if text is None:
        raise CommandError(f"{key} does not exist")
    return __utils__["sshkeys.is_encrypted"](text)


# -- keys that may log in --------------------------------------------------------------------------------------


def auth_keys(user: Any = None, config: str = _AUTHORIZED, fingerprint_hash_type: str | None = None) -> dict[str, Any]:
    """
    The keys that may log in as a user: `{key: {enc, comment, options, fingerprint}}`; for a list of users, or for
    all, by user.

    CLI Example:

        salt '*' ssh.auth_keys root
    """
    found = {}
    for name in _users(user):
        keys = {}
        for line in _lines(name, config):
            row = __utils__["sshkeys.authorized"](line)
            if row is not None:
                key = row.pop("key")
                keys[key] = {**row, "fingerprint": __utils__["sshkeys.fingerprint"](key, fingerprint_hash_type)}
        if keys:
            found[name] = keys
    return found.get(user, {}) if isinstance(user, str) else found


def check_key(
    user: str,
    key: str,
    enc: str,
    comment: str,
    options: Any,
    config: str = _AUTHORIZED,
    cache_keys: Any = None,
    fingerprint_hash_type: str | None = None,
) -> str:
    """
    What it would take for a key to log in as a user: `add`, `update` or, as it stands, `exists`.

    CLI Example:

        salt '*' ssh.check_key root <key> ssh-rsa comment '[]'
    """
    known = auth_keys(user, config, fingerprint_hash_type)
    for gone in cache_keys or []:
        known.pop(gone, None)
    if key not in known:
        return "add"
    wanted = __utils__["sshkeys.authorized_line"](key, _enc(enc, key) or enc, comment, options)
    row = known[key]
    return "exists" if wanted == _line(key, row) else "update"


def check_key_file(
    user: str,
    source: str,
    config: str = _AUTHORIZED,
    saltenv: str = "base",
    fingerprint_hash_type: str | None = None,
) -> dict[str, str]:
    """
    What `check_key` tells of each key in a file.

    CLI Example:

        salt '*' ssh.check_key_file root salt://ssh/keyfile
    """
    rows = _rows_of(source, saltenv) or []
    return {
        row["key"]: check_key(
            user, row["key"], row["enc"], row["comment"], row["options"], config,
            fingerprint_hash_type=fingerprint_hash_type,
        )
        for row in rows
    }  # fmt: skip


def set_auth_key(
    user: str,
    key: str,
    enc: str = "ssh-rsa",
    comment: str = "",
    options: Any = None,
    config: str = _AUTHORIZED,
    cache_keys: Any = None,
    fingerprint_hash_type: str | None = None,
) -> str:
    """
    Let a key log in as a user: `new`, `replace`, `no change`, `fail` where there is no such user, and what it says
    where it is no key.

    CLI Example:

        salt '*' ssh.set_auth_key root '<key>' enc=ssh-ed25519
    """
    if len(str(key).split()) != 1:
        return "invalid"
    found = _enc(enc, key)
    if found is None:
        return "Invalid public key"
    entry = __utils__["userfiles.account"](user)
    if entry is None:
        __context__["retcode"] = 1
        return "fail"
    line = __utils__["sshkeys.authorized_line"](key, found, comment, options)
    with __utils__["rewrite.locked"](f"keys of {user}"):
        status = check_key(user, key, found, comment, options, config, cache_keys, fingerprint_hash_type)
        if status == "exists":
            return "no change"
        lines = _lines(user, config)
        _write_keys(entry, config, [*lines, line] if status == "add" else _replaced(lines, key, [line]))
    return "new" if status == "add" else "replace"


def set_auth_key_from_file(
    user: str,
    source: str,
    config: str = _AUTHORIZED,
    saltenv: str = "base",
    fingerprint_hash_type: str | None = None,
    **kwargs: Any,
) -> str:
    """
    Let every key of a file log in as a user. `options` are for those that bring none.

    CLI Example:

        salt '*' ssh.set_auth_key_from_file root salt://ssh/keyfile
    """
    rows = _rows_of(source, saltenv)
    if rows is None:
        raise CommandError("Failed to pull key file from salt file server")
    if not rows:
        raise CommandError(f"No keys detected in {source}. Is file properly formatted?")
    answers = [
        set_auth_key(
            user, row["key"], row["enc"], row["comment"], row["options"] or kwargs.get("options"), config,
            fingerprint_hash_type=fingerprint_hash_type,
        )
        for row in rows
    ]  # fmt: skip
    # The one of several that says most of what was done.
    return next(word for word in ("fail", "replace", "new", *answers) if word in answers)


def rm_auth_key(user: str, key: str, config: str = _AUTHORIZED, fingerprint_hash_type: str | None = None) -> str:
    """
    Let a key no more log in as a user: `Key removed` or `Key not present`.

    CLI Example:

        salt '*' ssh.rm_auth_key root '<key>'
    """
    with __utils__["rewrite.locked"](f"keys of {user}"):
        if key not in auth_keys(user, config, fingerprint_hash_type):
            return "Key not present"
        _write_keys(__utils__["userfiles.account"](user), config, _replaced(_lines(user, config), key, []))
    return "Key removed"


def rm_auth_key_from_file(
    user: str,
    source: str,
    config: str = _AUTHORIZED,
    saltenv: str = "base",
    fingerprint_hash_type: str | None = None,
) -> str:
    """
    Let no key of a file log in as a user any more.

    CLI Example:

        salt '*' ssh.rm_auth_key_from_file root salt://ssh/keyfile
    """
    rows = _rows_of(source, saltenv)
    if rows is None:
        raise CommandError("Failed to pull key file from salt file server")
    answers = [rm_auth_key(user, row["key"], config, fingerprint_hash_type) for row in rows]
    return "Key removed" if "Key removed" in answers else "Key not present"


# -- hosts that are known --------------------------------------------------------------------------------------


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

        salt '*' ssh.get_known_host_entries root github.com
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

        salt '*' ssh.recv_known_host_entries github.com enc=ed25519
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

        salt '*' ssh.check_known_host root github.com fingerprint='xx:xx:..:xx'
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

        salt '*' ssh.set_known_host root github.com fingerprint='xx:xx:..:xx' enc=ed25519
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
        kind = _enc(enc, key) if enc else __utils__["sshkeys.type_of"](key)
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

        salt '*' ssh.rm_known_host root github.com
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


def _users(user: Any) -> list[str]:
    if not user:
        return sorted({entry.pw_name for entry in pwd.getpwall()})
    return [str(name) for name in user] if isinstance(user, list | tuple) else [str(user)]


def _enc(enc: str, key: str) -> str | None:
    return __utils__["sshkeys.named_type"](enc, key)


def _line(key: str, row: dict[str, Any]) -> str:
    return __utils__["sshkeys.authorized_line"](key, row["enc"], row["comment"], row["options"])


def _lines(user: str, config: str) -> list[str]:
    entry = __utils__["userfiles.account"](user)
    if entry is None:
        return []
    return __utils__["userfiles.read"](__utils__["userfiles.path"](config, entry), entry).splitlines()


def _replaced(lines: list[str], key: str, fresh: list[str]) -> list[str]:
    """The lines with those of a key replaced by others, at the place of the first."""
    result, fresh = [], list(fresh)
    for line in lines:
        row = __utils__["sshkeys.authorized"](line)
        if row is None or row["key"] != key:
            result.append(line)
        else:
            result += fresh
            fresh = []
    return result


def _write_keys(entry: pwd.struct_passwd, config: str, lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    __utils__["userfiles.write"](__utils__["userfiles.path"](config, entry), text, entry, 0o600)


def _rows_of(source: str, saltenv: str) -> list[dict[str, Any]] | None:
    """The keys in a file of the file server, or of this host; None when it is not there."""
    path = __salt__["cp.cache_file"](source, saltenv)
    if not path:
        return None
    rows = map(__utils__["sshkeys.authorized"], (__utils__["rewrite.read"](path) or "").splitlines())
    return [row for row in rows if row is not None]


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
