"""Webhooks that prove who posts them by a secret of their own, as GitHub, GitLab and Standard Webhooks do it. Pure.

`webhooks` of the block `rest_trisalt` names them:

    webhooks:
      deploy: {secret_file: /etc/salt/deploy.secret, signature: github}

`secret` stands in the place of `secret_file` where the configuration is secret enough.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import attrs

from trisalt.errors import ConfigError

SHORTEST, LONGEST = 16, 1024
# Of a signature that says when it was made: how old it may be, or how far ahead, in seconds.
FRESH_S = 300.0
# So many messages are remembered, so that none counts twice.
REMEMBERED = 10_000
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}(/[A-Za-z0-9_.-]{1,64}){0,7}")
_KEYS = frozenset({"secret", "secret_file", "signature"})
SIGNATURES = ("github", "gitlab", "standard")
# The header that holds a secret itself, and is nothing for everybody who listens.
GITLAB = "x-gitlab-token"


@attrs.frozen(kw_only=True)
class Webhook:
    """One webhook: `name` is what stands after the path of hooks."""

    name: str
    secret: bytes = attrs.field(repr=False)
    signature: str = "github"


class Seen:
    """The ids of messages that were taken, for as long as they are fresh."""

    def __init__(self) -> None:
        self._ids: OrderedDict[tuple[str, str], float] = OrderedDict()

    def take(self, name: str, id: str, now: float) -> bool:
        """Whether this is the first time."""
        while self._ids and (next(iter(self._ids.values())) < now or len(self._ids) >= REMEMBERED):
            self._ids.popitem(last=False)
        if (name, id) in self._ids:
            return False
        # A message from ahead is fresh for longer.
        self._ids[name, id] = now + 2 * FRESH_S
        return True


def read_webhooks(block: str, value: Any) -> dict[str, Webhook]:
    """All that are configured, by name. Raises ConfigError. Blocking: it reads the files of secrets."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{block}: webhooks: a map of names is wanted")
    found = {}
    for name, row in value.items():
        where = f"{block}: webhooks: {name}"
        if not isinstance(name, str) or not _NAME.fullmatch(name) or ".." in name.split("/"):
            raise ConfigError(f"{where}: a name is letters, digits, and .-_, with slashes between")
        # What stands there may be the secret itself: it is not told.
        if not isinstance(row, Mapping):
            raise ConfigError(f"{where}: a map is wanted, of {', '.join(sorted(_KEYS))}")
        if unknown := [str(key) for key in row if key not in _KEYS]:
            raise ConfigError(f"{where}: {', '.join(unknown)}: there are {', '.join(sorted(_KEYS))}")
        signature = row.get("signature", SIGNATURES[0])
        if signature not in SIGNATURES:
            raise ConfigError(f"{where}: signature is one of {', '.join(SIGNATURES)}")
        found[name] = Webhook(name=name, secret=_secret(where, row, signature), signature=signature)
    return found


def _secret(where: str, row: Mapping[str, Any], signature: str) -> bytes:
    text, path = row.get("secret"), row.get("secret_file")
    if (text is None) == (path is None):
        raise ConfigError(f"{where}: one of secret and secret_file is wanted")
    if path is not None:
        try:
            with open(str(path), "rb") as file:
                text = file.read(LONGEST + 2).decode().strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{where}: {path} cannot be read: {getattr(exc, 'strerror', 'it is no text')}") from exc
    text = str(text)
    if not SHORTEST <= len(text) <= LONGEST:
        raise ConfigError(f"{where}: a secret has {SHORTEST} to {LONGEST} characters")
    if signature != "standard":
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ConfigError(f"{where}: a secret of Standard Webhooks is base64, after whsec_") from None


def why_not(webhook: Webhook, headers: Mapping[str, str], body: bytes, seen: Seen, now: float) -> str:
    """Why a message is not signed by who knows the secret; empty when it is. `headers` are looked up in lower case."""
    match webhook.signature:
        case "github":
            given = headers.get("x-hub-signature-256", "")
            return "" if _same(given, sign(webhook.secret, body)) else "X-Hub-Signature-256 does not fit"
        case "gitlab":
            return "" if _same(headers.get(GITLAB, ""), webhook.secret.decode()) else "X-Gitlab-Token does not fit"
    return _why_not_standard(webhook, headers, body, seen, now)


def _why_not_standard(webhook: Webhook, headers: Mapping[str, str], body: bytes, seen: Seen, now: float) -> str:
    id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not 0 < len(id) <= 256 or not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        return "webhook-id or webhook-timestamp is missing"
    digest = hmac.digest(webhook.secret, f"{id}.{stamp}.".encode() + body, hashlib.sha256)
    wanted = f"v1,{base64.b64encode(digest).decode()}"
    # Several, with spaces between, while a secret is changed.
    if not any([_same(each, wanted) for each in headers.get("webhook-signature", "").split(" ")[:8]]):
        return "webhook-signature does not fit"
    if abs(now - int(stamp)) > FRESH_S:
        return "webhook-timestamp is not of now"
    return "" if seen.take(webhook.name, id, now) else "webhook-id has been here already"


def sign(secret: bytes, body: bytes) -> str:
    """The header X-Hub-Signature-256 of a body."""
    return f"sha256={hmac.digest(secret, body, hashlib.sha256).hex()}"


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
