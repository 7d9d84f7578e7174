"""Manage the SSH keys that users let in, and look at those of users and hosts. `ssh_known` has the hosts they know."""

from __future__ import annotations

import logging
import os
import pwd
import re
from typing import Any

from trisalt.errors import CommandError

log = logging.getLogger(__name__)

_USER_KEYS = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "identity")
_HOST_KEY = re.compile(r"ssh_host_(.+)_key(?:(-cert)?(\.pub))?")
_AUTHORIZED = ".ssh/authorized_keys"
__virtualname__ = "ssh"


def __virtual__() -> Any:
    return __utils__["sshkeys.virtual"]()


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
