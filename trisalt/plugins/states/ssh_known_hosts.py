"""Hosts whose keys are known.

github.com:
  ssh_known_hosts.present:
    - user: ann
    - fingerprint: SHA256:…
"""

from __future__ import annotations

import os
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def present(
    name: str,
    user: str | None = None,
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
    A user, or without one the host, knows a host by this `key` or by the keys that it tells of itself; where a
    `fingerprint` is given, by those alone that have it.
    """
    config, refusal = _config(user, config)
    if refusal:
        return returned(name, False, refusal)
    if key and fingerprint:
        return returned(name, False, 'Specify either "key" or "fingerprint", not both.')
    if key and not enc:
        return returned(name, False, 'Required argument "enc" if using "key" argument.')
    if __opts__["test"]:
        return _preview(name, user, key, fingerprint, config, port, fingerprint_hash_type)
    try:
        done = __salt__["ssh.set_known_host"](
            user=user, hostname=name, fingerprint=fingerprint, key=key, port=port, enc=enc, config=config,
            hash_known_hosts=hash_known_hosts, timeout=timeout, fingerprint_hash_type=fingerprint_hash_type,
        )  # fmt: skip
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if done["status"] == "exists":
        return returned(name, True, f"{name} already exists in {config}")
    if done["status"] == "error":
        return returned(name, False, done["error"])
    changes = {"old": done["old"], "new": done["new"]}
    if key:
        return returned(name, True, f"{name}'s key saved to {config} (key: {done['new'][0]['key']})", changes)
    return returned(name, True, f"{name}'s key(s) saved to {config}", changes)


def absent(name: str, user: str | None = None, config: str | None = None) -> dict[str, Any]:
    """
    A user, or without one the host, knows a host by no key.
    """
    config, refusal = _config(user, config)
    if refusal:
        return returned(name, False, refusal)
    known = __salt__["ssh.get_known_host_entries"](user, name, config=config)
    if not known:
        return returned(name, True, "Host is already absent")
    if __opts__["test"]:
        return returned(name, None, f"Key for {name} is set to be removed from {config}")
    done = __salt__["ssh.rm_known_host"](user=user, hostname=name, config=config)
    if done["status"] == "error":
        return returned(name, False, done["error"])
    return returned(name, True, done["comment"], {"old": known, "new": None})


def _config(user: str | None, config: str | None) -> tuple[str, str]:
    """The file, and why there is none."""
    if user:
        return config or ".ssh/known_hosts", ""
    config = config or "/etc/ssh/ssh_known_hosts"
    if not os.path.isabs(config):
        return config, 'If not specifying a "user", specify an absolute "config".'
    return config, ""


def _preview(
    name: str, user: str | None, key: str | None, fingerprint: str | None, config: str, port: Any, kind: str | None
) -> dict[str, Any]:
    try:
        found = __salt__["ssh.check_known_host"](
            user, name, key=key, fingerprint=fingerprint, config=config, port=port, fingerprint_hash_type=kind
        )
    except TrisaltError as exc:
        return returned(name, False, f"ssh.check_known_host error: {exc}")
    if isinstance(found, dict):
        return returned(name, False, found["error"])
    if found == "exists":
        return returned(name, True, f"Host {name} is already in {config}")
    word = "added to" if found == "add" else "updated in"
    return returned(name, None, f"Key for {name} is set to be {word} {config}")
