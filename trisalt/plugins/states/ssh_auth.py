"""Keys that may log in as a user.

AAAAC3NzaC1lZDI1NTE5AAAA…:
  ssh_auth.present:
    - user: ann
    - enc: ssh-ed25519
"""

from __future__ import annotations

import re
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned

_CONFIG = ".ssh/authorized_keys"
# A whole line of the file: options, kind, key, comment.
_LINE = re.compile(
    r"^(?:(?P<options>.*?)\s)?(?P<enc>(?:ssh|ecdsa|sk-)[^\s,]*)\s+(?P<key>[A-Za-z0-9+/=]+)(?:\s+(?P<comment>.*))?$"
)


def present(
    name: str,
    user: str,
    enc: str = "ssh-rsa",
    comment: str = "",
    source: str = "",
    options: Any = None,
    config: str = _CONFIG,
    fingerprint_hash_type: str | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    A key may log in as a user, or each of the file `source` (`salt://…`). `name` is the key, or a whole line.
    """
    if source:
        return _from_file(name, user, source, options, config, fingerprint_hash_type, kwargs)
    key, enc, comment, options = _parts(name, enc, comment, options)
    if __opts__["test"]:
        try:
            found = __salt__["ssh.check_key"](
                user, key, enc, comment, options, config=config, fingerprint_hash_type=fingerprint_hash_type
            )
        except TrisaltError as exc:
            return returned(name, False, str(exc))
        if found == "exists":
            return returned(name, True, f"The authorized host key {key} is already present for user {user}")
        word = "updated" if found == "update" else "added"
        return returned(name, None, f"Key {key} for user {user} is set to be {word}")
    try:
        done = __salt__["ssh.set_auth_key"](
            user, key, enc=enc, comment=comment, options=options, config=config,
            fingerprint_hash_type=fingerprint_hash_type,
        )  # fmt: skip
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if done == "replace":
        text = f"The authorized host key {key} for user {user} was updated"
        return returned(name, True, text, {key: "Updated"})
    if done == "no change":
        return returned(name, True, f"The authorized host key {key} is already present for user {user}")
    if done == "new":
        return returned(name, True, f"The authorized host key {key} for user {user} was added", {key: "New"})
    if done == "fail":
        text = "Failed to add the ssh key. Is the home directory available, and/or does the key file exist?"
        return returned(name, False, text)
    return returned(name, False, "Invalid public ssh key, most likely has spaces or invalid syntax")


def absent(
    name: str,
    user: str,
    enc: str = "ssh-rsa",
    comment: str = "",
    source: str = "",
    options: Any = None,
    config: str = _CONFIG,
    fingerprint_hash_type: str | None = None,
) -> dict[str, Any]:
    """
    A key may not log in as a user, or none of the file `source`.
    """
    if source:
        found = __salt__["ssh.check_key_file"](user, source, config=config, saltenv=__env__)
        there = [key for key, status in found.items() if status != "add"]
        if __opts__["test"] and not there:
            return returned(name, True, f"All host keys in file {source} are already absent")
        if __opts__["test"]:
            return returned(name, None, "".join(f"Set to remove: {key}\n" for key in there))
        try:
            done = __salt__["ssh.rm_auth_key_from_file"](user, source, config=config, saltenv=__env__)
        except TrisaltError as exc:
            return returned(name, False, str(exc))
        return returned(name, True, done, {name: "Removed"} if done == "Key removed" else {})
    key = _parts(name, enc, comment, options)[0]
    if __opts__["test"]:
        found = key in __salt__["ssh.auth_keys"](user, config=config)
        if found:
            return returned(name, None, f"Key {key} for user {user} is set for removal")
        return returned(name, True, "Key is already absent")
    done = __salt__["ssh.rm_auth_key"](user, key, config=config)
    if done == "Key removed":
        return returned(name, True, done, {key: "Removed"})
    return returned(name, True, done)


def manage(
    name: str,
    ssh_keys: Any,
    user: str,
    enc: str = "ssh-rsa",
    comment: str = "",
    source: str = "",
    options: Any = None,
    config: str = _CONFIG,
    fingerprint_hash_type: str | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    These keys may log in as a user, and no others.
    """
    wanted = {_parts(str(key), enc, "", None)[0] for key in as_list(ssh_keys)}
    ret = returned(name, True)
    lines = []
    for key in [key for key in __salt__["ssh.auth_keys"](user, config=config) if key not in wanted]:
        if __opts__["test"]:
            lines.append(f"{key} Key set for removal")
            ret["result"] = None
        else:
            done = absent(key, user, config=config)
            ret["changes"][key] = done["comment"]
            ret["result"] = ret["result"] and done["result"]
    for key in map(str, as_list(ssh_keys)):
        done = present(key, user, enc, comment, "", options, config, fingerprint_hash_type, **kwargs)
        ret["changes"] |= done["changes"]
        if not done["changes"]:
            lines.append(done["comment"])
        if done["result"] is False or ret["result"] is True:
            ret["result"] = done["result"]
    return ret | {"comment": "\n".join(lines)}


def _parts(name: str, enc: str, comment: str, options: Any) -> tuple[str, str, str, Any]:
    line = _LINE.match(name.strip())
    if line is None:
        return name, enc, comment, options
    own = [word for word in (line["options"] or "").split(",") if word]
    return line["key"], line["enc"], line["comment"] or comment, own or options


def _from_file(
    name: str, user: str, source: str, options: Any, config: str, hash_type: str | None, kwargs: dict[str, Any]
) -> dict[str, Any]:
    env = kwargs.get("saltenv") or __env__
    cached = __salt__["cp.get_url"](source, None, saltenv=env)
    if not cached:
        return returned(name, False, f"Failed to add the ssh key. Source file {source} is missing")
    if __opts__["test"]:
        found = __salt__["ssh.check_key_file"](
            user, source, config=config, saltenv=env, fingerprint_hash_type=hash_type
        )
        if not found:
            return returned(name, False, f"No keys detected in {source}. Is file properly formatted?")
        changes = {key: status for key, status in found.items() if status != "exists"}
        if not changes:
            return returned(name, True, f"All host keys in file {source} are already present")
        return returned(name, None, "".join(f"Set to {status}: {key}\n" for key, status in changes.items()))
    try:
        done = __salt__["ssh.set_auth_key_from_file"](
            user, source, config=config, saltenv=env, fingerprint_hash_type=hash_type, options=options
        )
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    told = {"new": ("was added", "New"), "replace": ("was updated", "Updated")}
    if done in told:
        return returned(
            name, True, f"The authorized host key {name} for user {user} {told[done][0]}", {name: told[done][1]}
        )
    if done == "no change":
        return returned(name, True, f"The authorized host key {name} is already present for user {user}")
    return returned(
        name, False, f"Failed to add the ssh key. Source file {source} is missing" if done == "fail" else done
    )
