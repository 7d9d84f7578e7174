"""Public keys in a keychain of GnuPG.

packager:
  gpg.present:
    - keys: 3FAD9F1E53C96788
    - source: salt://keys/packager.asc
    - trust: fully
"""

from __future__ import annotations

import datetime
import os
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.gnupgs import OWNER_TRUST, matching
from trisalt.plugins.utils.statehelp import as_list
from trisalt.state.result import returned

# How a listing tells of a level.
_LISTED = {
    "expired": "Expired",
    "unknown": "Unknown",
    "not_trusted": "Not Trusted",
    "marginally": "Marginally Trusted",
    "fully": "Fully Trusted",
    "ultimately": "Ultimately Trusted",
}


def __virtual__() -> Any:
    if "gpg.list_keys" in __salt__:
        return True
    return False, "gpg module could not be loaded"


def present(
    name: str,
    keys: Any = None,
    user: str | None = None,
    keyserver: str | None = None,
    gnupghome: str | None = None,
    trust: str | None = None,
    keyring: str | None = None,
    source: Any = None,
    skip_keyserver: bool = False,
    text: str | None = None,
    subkey_maxage: Any = 100,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Keys, named by `keys` or by the state's name, are in a keychain and have not expired. They come from the `text`, or
    from the key server, or, where that has them not or with `skip_keyserver`, from the first `source` that has them.

    A key is fetched again when it has expired, and when one of its subkeys has, not longer ago than `subkey_maxage`
    days.
    """
    if trust is not None and trust not in OWNER_TRUST:
        return returned(name, False, f"Invalid trust level {trust}")
    sources = as_list(source)
    if skip_keyserver and not sources and not text:
        return returned(name, False, "When skipping keyservers, you must provide at least one source")
    where = {"user": user, "gnupghome": gnupghome, "keyring": keyring}
    fetch = _Fetch(where, None if skip_keyserver else {"keyserver": keyserver}, sources, text)
    result: bool | None = True
    lines: list[str] = []
    changes: dict[str, Any] = {}
    for key in as_list(keys) or [name]:
        try:
            good, said, changed = _kept(str(key), where, fetch, subkey_maxage)
            if good and trust:
                good, trusted = _trusted(str(key), trust, where, said, changed)
                changed = {**changed, **trusted}
        except TrisaltError as exc:
            good, said, changed = False, [str(exc)], {}
        lines += [f"Key {key}:", *(f"  * {line}" for line in said)]
        if changed:
            changes[str(key)] = changed
        if not good:
            result = False
    if __opts__["test"] and changes and result:
        result = None
    return returned(name, result, "\n".join(lines), changes)


def absent(
    name: str,
    keys: Any = None,
    user: str | None = None,
    gnupghome: str | None = None,
    keyring: str | None = None,
    keyring_absent_if_empty: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    Keys, named by `keys` or by the state's name, are not in a keychain. Those whose secret half is there stay.
    """
    where = {"user": user, "gnupghome": gnupghome, "keyring": keyring}
    result: bool | None = True
    lines: list[str] = []
    deleted: list[str] = []
    for key in map(str, as_list(keys) or [name]):
        try:
            good, line = _deleted(key, where)
        except TrisaltError as exc:
            good, line = False, str(exc)
        lines.append(line)
        if good:
            deleted.append(key)
        elif good is False:
            result = False
    changes: dict[str, Any] = {"deleted": deleted} if deleted else {}
    if __opts__["test"]:
        return returned(name, None if changes and result else result, "\n".join(lines), changes)
    if keyring and keyring_absent_if_empty and os.path.exists(keyring) and not __salt__["gpg.list_keys"](**where):
        os.unlink(keyring)
        lines.append(f"Removed empty keyring file {keyring}")
        changes["removed"] = keyring
    return returned(name, result, "\n".join(lines), changes)


# -- inside ------------------------------------------------------------------------------------------------------------


def _kept(key: str, where: dict[str, Any], fetch: _Fetch, maxage: Any) -> tuple[bool, list[str], dict[str, Any]]:
    """One key, present and not expired: whether it is, what is said of it, what has changed."""
    before = _in_keychain(key, where)
    if before is None:
        if __opts__["test"]:
            missing = fetch.missing(key)
            if missing:
                return False, missing, {}
            return True, [f"Would have added {key} to GPG keychain"], {"added": True}
        wrong = fetch(key)
        return (False, wrong, {}) if wrong else (True, [f"Added {key} to GPG keychain"], {"added": True})
    if before.get("expired"):
        if __opts__["test"]:
            missing = fetch.missing(key)
            if missing:
                return False, ["Existing key is expired, tried to fetch updated one", *missing], {}
            return True, [f"Would have attempted to update {key} because it is expired"], {"refresh": True}
        wrong = fetch(key)
        after = _in_keychain(key, where)
        if wrong or after is None or after.get("expired"):
            return False, ["Existing key is expired, tried to fetch updated one", *wrong], {}
        return True, [f"Updated {key} because it was expired"], {"refresh": True}
    old = _lately_expired(before, maxage)
    if not old:
        return True, [f"GPG Public Key {key} already in keychain"], {}
    return _with_subkeys(key, before, old, where, fetch)


def _with_subkeys(
    key: str, before: dict[str, Any], old: list[dict[str, Any]], where: dict[str, Any], fetch: _Fetch
) -> tuple[bool, list[str], dict[str, Any]]:
    nothing = f"Attempted to update {key} because it has expired subkeys, but no new signatures or keys were found"
    if __opts__["test"]:
        known = fetch.known(key)
        if known is not None and not _news(before, known):
            return True, [nothing], {}
        said = [f"  - {sub['keyid']} (expired on {sub['expires']})" for sub in old]
        head = f"Would have attempted to update {key} because it has expired subkeys:"
        return True, [head, *said], {"refresh": True}
    wrong = fetch(key)
    if wrong:
        return False, wrong, {}
    news = _news(before, _in_keychain(key, where) or {})
    if not news:
        return True, [nothing], {}
    return True, [f"Updated {key} because it had expired subkeys."], {"refresh": True, "subkeys": news}


def _trusted(
    key: str, trust: str, where: dict[str, Any], said: list[str], changed: dict[str, Any]
) -> tuple[bool, dict[str, Any]]:
    found = _in_keychain(key, where)
    if found and found["ownerTrust"] == _LISTED[trust]:
        said.append(f"GPG Public Key {key} already in correct trust state")
        return True, {}
    if __opts__["test"]:
        said.append(f"Would have set trust level for {key} to {trust}")
        return True, {"trust": trust}
    mark = found["fingerprint"] if found else key
    done = __salt__["gpg.trust_key"](fingerprint=mark, trust_level=trust, **where)
    if not done["res"]:
        said.append(str(done["message"]))
        return False, {}
    said.append(f"Set trust level for {key} to {trust}")
    return True, {"trust": trust}


def _deleted(key: str, where: dict[str, Any]) -> tuple[bool | None, str]:
    found = _in_keychain(key, where)
    if found is None:
        return None, f"{key} not found in GPG keychain"
    mark = found["fingerprint"]
    if __opts__["test"]:
        if __salt__["gpg.get_secret_key"](fingerprint=mark, **where):
            return False, "Secret key exists, delete first or pass delete_secret=True."
        return True, f"Would have deleted {key} from GPG keychain"
    done = __salt__["gpg.delete_key"](fingerprint=mark, **where)
    return (True, f"Deleted {key} from GPG keychain") if done["res"] else (False, str(done["message"]))


def _in_keychain(key: str, where: dict[str, Any]) -> dict[str, Any] | None:
    return next(iter(_named(__salt__["gpg.list_keys"](**where), key)), None)


def _named(keys: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """The keys of this id or fingerprint; a name is none."""
    return [found for found in matching(keys, key) if found["fingerprint"].endswith(key.replace(" ", "").upper())]


def _lately_expired(key: dict[str, Any], maxage: Any) -> list[dict[str, Any]]:
    if not maxage:
        return []
    oldest = (datetime.date.today() - datetime.timedelta(days=int(maxage))).isoformat()
    return [sub for sub in key.get("subkeys", []) if sub.get("expired") and sub["expires"] >= oldest]


def _news(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[str]]:
    """The subkeys that live longer now, and those that are new."""
    known = {sub["keyid"]: sub.get("expires") for sub in before.get("subkeys", [])}
    now = {sub["keyid"]: sub.get("expires") for sub in after.get("subkeys", [])}
    extended = [keyid for keyid, expires in now.items() if keyid in known and expires != known[keyid]]
    added = [keyid for keyid in now if keyid not in known]
    return {what: keyids for what, keyids in (("added", added), ("extended", extended)) if keyids}


class _Fetch:
    """Where keys come from: called with one it brings that key, and says what went wrong."""

    def __init__(
        self, where: dict[str, Any], server: dict[str, Any] | None, sources: list[Any], text: str | None
    ) -> None:
        self._where, self._server, self._sources, self._text = where, server, sources, text
        self._reading = {name: where[name] for name in ("user", "gnupghome")}

    def __call__(self, key: str) -> list[str]:
        if self._text:
            found = self._found(key, text=self._text)
            if not found:
                return [f"Passed text did not contain the requested key {key}"]
            return self._imported(found, text=self._text)
        wrong: list[str] = []
        if self._server is not None:
            done = __salt__["gpg.receive_keys"](keys=key, **self._server, **self._where)
            if done["res"]:
                return []
            wrong = "\n".join(done["message"]).strip().splitlines()
        if not self._sources:
            return wrong
        path, found = self._source(key)
        return self._imported(found, filename=path) if found else [*wrong, _nowhere(key)]

    def missing(self, key: str) -> list[str]:
        """What would go wrong for sure: a key server is not asked in advance."""
        if self._text:
            return [] if self._found(key, text=self._text) else [f"Passed text did not contain the requested key {key}"]
        return [] if self._server is not None or self._source(key)[1] else [_nowhere(key)]

    def known(self, key: str) -> dict[str, Any] | None:
        """The key as it would come, where that can be known in advance."""
        if self._text:
            return self._found(key, text=self._text)
        return None if self._server is not None else self._source(key)[1]

    def _source(self, key: str) -> tuple[str, dict[str, Any] | None]:
        for source in self._sources:
            path = __salt__["cp.cache_file"](source, __env__)
            found = self._found(key, path=path) if path else None
            if found and not found.get("expired"):
                return path, found
        return "", None

    def _found(self, key: str, **given: Any) -> dict[str, Any] | None:
        return next(iter(_named(__salt__["gpg.read_key"](**given, **self._reading), key)), None)

    def _imported(self, found: dict[str, Any], **given: Any) -> list[str]:
        done = __salt__["gpg.import_key"](select=found["fingerprint"], **given, **self._where)
        return [] if done["res"] else [str(done["message"])]


def _nowhere(key: str) -> str:
    return f"none of the specified sources were found or contained the (unexpired) key {key}."
