"""Sources of packages.

docker:
  pkgrepo.managed:
    - name: deb [signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/debian bookworm stable
    - file: /etc/apt/sources.list.d/docker.list
    - key_url: https://download.docker.com/linux/debian/gpg
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import Result, returned

# What is told of how states are to be understood after a trial. Source: stock Salt 3008.3.
_CAVEAT = (
    "This may cause pkg states to behave differently than stated if this action is repeated without test=True, due to "
    "the differences in the configured repositories."
)
# Arguments that say how a source is written, and not what it is.
_HOW = frozenset({
    "refresh", "refresh_db", "clean_file", "consolidate", "key_url", "key_text", "keyid", "keyserver", "file",
    "saltenv", "order", "humanname", "allow_insecure_key", "gpgautoimport", "copr", "comments",
})  # fmt: skip
_SAID_TWICE = (
    ("key_url", "keyserver", '"keyid"/"keyserver" and "key_url"'),
    ("key_text", "keyserver", '"keyid"/"keyserver" and "key_text"'),
    ("key_url", "key_text", '"key_url" and "key_text"'),
)


def __virtual__() -> Any:
    if "pkg.mod_repo" in __salt__:
        return "pkgrepo"
    return False, "there is no module that manages the sources of packages of this host"


def managed(name: str, ppa: str | None = None, copr: str | None = None, aptkey: bool = True, **kwargs: Any) -> Result:
    """
    A source of packages is configured. For apt `name` is its whole line, with `file`, `key_url` or `key_text`, `comps`,
    `architectures`, `signedby`; for dnf and zypper its id, with `baseurl` or `mirrorlist`, `gpgkey`, `gpgcheck` and
    what else a section may say. `disabled` or `enabled` says whether it is used; the lists are refreshed when something
    has changed, but for `refresh: False`.
    """
    if "repo" in kwargs:
        text = "'repo' is not a supported argument for this state. The 'name' argument is probably what was intended."
        return returned(name, False, text)
    for one, two, words in _SAID_TWICE:
        if kwargs.get(one) and kwargs.get(two):
            return returned(name, False, f"You may not use both {words} argument.")
    if "enabled" in kwargs and "disabled" in kwargs:
        return returned(name, False, "Only one of enabled/disabled is allowed")
    given = {key: value for key, value in kwargs.items() if not key.startswith("__") and value is not None}
    given.setdefault("disabled", not given.pop("enabled") if "enabled" in given else False)
    repo = f"ppa:{ppa}" if ppa else f"copr:{copr}" if copr else name
    if __grains__.get("os_family") != "Debian":
        given["enabled"] = not given.pop("disabled")
        given.setdefault("name", given.pop("humanname", repo))
    try:
        before = __salt__["pkg.get_repo"](repo)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to examine repo '{name}': {exc}")
    if before and _is_configured(repo, before, given):
        return returned(name, True, f"Package repo '{name}' already configured")
    if __opts__["test"]:
        return returned(name, None, f"Package repo '{name}' would be configured. {_CAVEAT}", {"repo": name})
    words = {key: value for key, value in given.items() if key not in ("clean_file", "humanname", "order")}
    try:
        if kwargs.get("clean_file") and kwargs.get("file"):
            __salt__["file.write"](kwargs["file"], args=[])
        __salt__["pkg.mod_repo"](repo, saltenv=__env__, **({"aptkey": aptkey} if "file" in given else {}), **words)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to configure repo '{name}': {exc}")
    try:
        after = __salt__["pkg.get_repo"](repo)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to confirm config of repo '{name}': {exc}")
    changes: dict[str, Any] = {"repo": name}
    if before:
        changes = {
            key: {"new": after.get(key), "old": before.get(key)}
            for key in {**before, **after}
            if key != "enabled" and after.get(key) != before.get(key)
        }
    # Whoever installs next finds the new lists.
    __context__.pop("pkg._avail", None)
    return returned(name, True, f"Configured package repo '{name}'", changes)


def absent(name: str, **kwargs: Any) -> Result:
    """
    A source of packages is not configured; with `keyid` its key goes too.
    """
    repo = f"ppa:{kwargs.pop('ppa')}" if kwargs.get("ppa") else name
    if kwargs.get("keyid") and "pkg.del_repo_key" not in __salt__:
        return returned(name, False, "Repo key management is not implemented for this platform")
    words = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    try:
        there = __salt__["pkg.get_repo"](repo)
    except TrisaltError as exc:
        return returned(name, False, f"Failed to configure repo '{name}': {exc}")
    if not there:
        return returned(name, True, f"Package repo {name} is absent")
    if __opts__["test"]:
        return returned(name, None, f"Package repo '{name}' will be removed. {_CAVEAT}", {"repo": name})
    try:
        __salt__["pkg.del_repo"](repo=repo, **{key: value for key, value in words.items() if key != "keyid"})
    except TrisaltError as exc:
        return returned(name, False, f"Failed to configure repo '{name}': {exc}")
    if __salt__["pkg.get_repo"](repo):
        return returned(name, False, f"Failed to remove repo {name}")
    text, changes = f"Removed repo {name}", {"repo": name}
    if kwargs.get("keyid"):
        try:
            __salt__["pkg.del_repo_key"](name=repo, **words)
        except TrisaltError as exc:
            return returned(name, False, f"{text}, but failed to remove key: {exc}", changes)
        text, changes = f"{text}, and keyid {kwargs['keyid']}", {**changes, "keyid": kwargs["keyid"]}
    return returned(name, True, text, changes)


def _is_configured(repo: str, before: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether what is asked for is what is there."""
    asked = {key: value for key, value in given.items() if key not in _HOW}
    line = __utils__["aptsources.parse"](repo) if __grains__.get("os_family") == "Debian" else None
    if line:
        options = line["options"]
        asked = {
            "comps": line["comps"], "type": line["type"], "uri": line["uri"], "dist": line["dist"],
            "architectures": __utils__["packages.words"](options["arch"]) if options.get("arch") else [],
            **({"signedby": options["signed-by"]} if options.get("signed-by") else {}), **asked,
        }  # fmt: skip
    return all(_same(before.get(key), value) for key, value in asked.items())


def _same(have: Any, wanted: Any) -> bool:
    if isinstance(have, bool) or isinstance(wanted, bool):
        return __utils__["packages.true"](have or False) == __utils__["packages.true"](wanted)
    if isinstance(have, list | tuple) or isinstance(wanted, list | tuple):
        one, two = (__utils__["packages.words"](side or []) for side in (have, wanted))
        return sorted(one) == sorted(two)
    return str(have or "").rstrip("/") == str(wanted or "").rstrip("/")
