"""OpenID Connect: who somebody is, by the word of a provider that the configuration names. Authorization code, PKCE.

`oidc` of the block `rest_trisalt` says which. Nothing here knows sessions or requests: `signon` has the routes. Source:
OpenID Connect Core 1.0 and Discovery 1.0, RFC 7636.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import attrs
import trio

from trisalt.errors import ConfigError, TrisaltError

# Signatures by a secret that both know, and none at all, are no provider's word.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
# What a provider says of itself is good for so long; for keys that nobody knows it is asked again, but not at once.
DISCOVERED_S, KEYS_AGAIN_S = 3600.0, 60.0
# Clocks differ.
LEEWAY_S = 60
MOST_GROUPS = 200
_KEYS: Mapping[str, tuple[type, Any]] = {
    "issuer": (str, ""),
    "client_id": (str, ""),
    "client_secret": (str, ""),
    "client_secret_file": (str, ""),
    "public_url": (str, ""),
    "name": (str, ""),
    "username_claim": (str, "preferred_username"),
    "groups_claim": (str, "groups"),
    "scopes": (list, ["openid", "profile", "email"]),
    "ca_file": (str, ""),
}


class Refused(TrisaltError):
    """The provider's word is none, or is about nobody. The text is for the log."""


@attrs.frozen(kw_only=True)
class OidcSettings:
    """What the configuration says. `public_url` is how browsers reach us, without a path; `name` is on the button."""

    issuer: str
    client_id: str
    public_url: str
    client_secret: str = attrs.field(default="", repr=False)
    name: str = ""
    username_claim: str = "preferred_username"
    groups_claim: str = "groups"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    ca_file: str = ""


def read_oidc(block: str, value: Any) -> OidcSettings | None:
    """The settings, None where there are none. Raises ConfigError. Blocking: it may read the file of a secret."""
    if not value:
        return None
    where = f"{block}: oidc"
    if missing := [name for name in ("httpcore", "joserfc") if find_spec(name) is None]:
        raise ConfigError(f"{where}: {missing[0]} is not there: pip install 'trisalt[oidc]'")
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: a map is wanted")
    if unknown := [str(key) for key in value if key not in _KEYS]:
        raise ConfigError(f"{where}: {', '.join(unknown)}: there are {', '.join(_KEYS)}")
    found = {name: value.get(name, usual) for name, (_kind, usual) in _KEYS.items()}
    for name, (kind, _usual) in _KEYS.items():
        if not isinstance(found[name], kind):
            raise ConfigError(f"{where}: {name}: {'a list' if kind is list else 'text'} is wanted")
    for name in ("issuer", "public_url"):
        if not _is_address(found[name]):
            raise ConfigError(f"{where}: {name}: an address of https is wanted (of http on loopback only)")
    if urlsplit(found["public_url"]).path not in ("", "/"):
        raise ConfigError(f"{where}: public_url: how browsers reach this service, without a path")
    if not found["client_id"]:
        raise ConfigError(f"{where}: client_id is wanted")
    path = found.pop("client_secret_file")
    if path:
        try:
            with open(path, encoding="utf-8") as file:
                found["client_secret"] = file.read(4096).strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{where}: {path} cannot be read: {getattr(exc, 'strerror', 'it is no text')}") from exc
    found["scopes"] = tuple(dict.fromkeys(["openid", *map(str, found["scopes"])]))
    found["public_url"] = found["public_url"].rstrip("/")
    return OidcSettings(**found)


def _is_address(text: str) -> bool:
    """Whether nobody on the way reads or changes what goes there."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.query or parts.fragment or parts.username is not None:
        return False
    if parts.scheme == "https":
        return True
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    return parts.scheme == "http" and loopback


@attrs.frozen(kw_only=True)
class Attempt:
    """One login under way: what the browser brings back has to belong to it."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def begin(cls) -> Attempt:
        """Nobody else's."""
        return cls(state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(64))

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@attrs.frozen(kw_only=True)
class Known:
    """Whom the provider knows."""

    username: str
    groups: Sequence[str] = ()


class Provider:
    """The provider. `outside` asks it (`outside.Outside`); `redirect` is where it sends browsers back to."""

    def __init__(
        self, settings: OidcSettings, outside: Any, redirect: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings
        self._outside = outside
        self._redirect = redirect
        self._clock = clock
        self._lock = trio.Lock()
        self._said: tuple[float, dict[str, Any]] = (0.0, {})
        self._keys: tuple[float, dict[str, Any]] = (0.0, {"keys": []})

    async def address(self, attempt: Attempt) -> str:
        """Where a browser goes to sign in. Raises OutsideError, and Refused for a provider that is none."""
        said = await self._discover()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self._redirect,
            "scope": " ".join(self.settings.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        address = said["authorization_endpoint"]
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"

    async def know(self, attempt: Attempt, code: str) -> Known:
        """Who comes back with this code. Raises OutsideError and Refused."""
        said = await self._discover()
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "code_verifier": attempt.verifier,
            "client_id": self.settings.client_id,
        }
        headers = {}
        if self.settings.client_secret:
            ways = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
            if "client_secret_basic" in ways:
                headers["authorization"] = _basic(self.settings.client_id, self.settings.client_secret)
            else:
                fields["client_secret"] = self.settings.client_secret
        answer = await self._outside.post(said["token_endpoint"], fields, headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise Refused("the provider gave no ID token")
        return self._whom(await self._claims(said, token, attempt.nonce))

    def _whom(self, claims: Mapping[str, Any]) -> Known:
        settings = self.settings
        name, groups = claims.get(settings.username_claim), claims.get(settings.groups_claim)
        if not isinstance(name, str) or not name:
            raise Refused(f"the ID token has no claim {settings.username_claim}")
        if settings.username_claim == "email" and claims.get("email_verified") is not True:
            raise Refused("the provider has not verified that address")
        several = groups if isinstance(groups, list) else [groups]
        return Known(username=name, groups=[each for each in several if isinstance(each, str) and each][:MOST_GROUPS])

    async def _claims(self, said: Mapping[str, Any], token: str, nonce: str) -> dict[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        decoded = None
        for again in (False, True):
            keys: Any = await self._fetch_keys(said, again=again)
            try:
                decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS))
                break
            except (JoseError, ValueError, TypeError, KeyError) as exc:
                # A provider changes its keys now and then.
                reason = f"{type(exc).__name__}: {exc}"
        if decoded is None:
            raise Refused(f"the ID token is not signed by the provider: {reason}")
        claims = dict(decoded.claims)
        now = int(self._clock())
        rules = jwt.JWTClaimsRegistry(
            now=now,
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.settings.issuer},
            sub={"essential": True},
            aud={"essential": True, "value": self.settings.client_id},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            rules.validate(claims)
        except (JoseError, ValueError, TypeError) as exc:
            raise Refused(f"the ID token is not for now, or not for us: {exc}") from exc
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self.settings.client_id:
            raise Refused("the ID token was given to another client")
        given = claims.get("nonce")
        if not isinstance(given, str) or not secrets.compare_digest(given.encode(), nonce.encode()):
            raise Refused("the ID token is of another login")
        return claims

    async def _discover(self) -> dict[str, Any]:
        async with self._lock:
            at, said = self._said
            if said and self._clock() - at < DISCOVERED_S:
                return said
            issuer = self.settings.issuer
            said = await self._outside.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if said.get("issuer") != issuer:
                raise Refused("the provider calls itself by another name than issuer does")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                address = said.get(name)
                if not isinstance(address, str) or not _is_address(address.partition("?")[0]):
                    raise Refused(f"the provider's {name} is no address of https")
            self._said = (self._clock(), said)
            return said

    async def _fetch_keys(self, said: Mapping[str, Any], *, again: bool) -> dict[str, Any]:
        async with self._lock:
            at, keys = self._keys
            age = self._clock() - at
            if age > DISCOVERED_S or (again and age > KEYS_AGAIN_S) or not keys["keys"]:
                keys = await self._outside.get(said["jwks_uri"])
                if not isinstance(keys.get("keys"), list):
                    raise Refused("the provider shows no keys")
                self._keys = (self._clock(), keys)
            return keys


def _basic(client_id: str, secret: str) -> str:
    """As RFC 6749 has it: both are escaped before they are joined."""
    pair = ":".join(quote(word, safe="") for word in (client_id, secret))
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
