"""What the configuration says about the web: `rest_trisalt` (or `rest_cherrypy`), `halite`, `netapi_enable_clients`.

Read once at start, into listeners and limits. What cannot be heeded is a notice, for the log; what would be unsafe is
a ConfigError, in one line.
Source of the keys: stock Salt 3008.3, rest_cherrypy; Halite 0.1.17.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from trisalt.config.master import MasterConfig
from trisalt.config.option import fits, mistyped, nearest
from trisalt.config.paths import master_paths
from trisalt.errors import ConfigError
from trisalt.web.lowstate import CLIENTS, SERVED
from trisalt.web.notices import Target, read_targets
from trisalt.web.oidc import OidcSettings, read_oidc
from trisalt.web.signatures import Webhook, read_webhooks

# The name of ours goes before the one it stands for.
BLOCKS = ("rest_trisalt", "rest_cherrypy")
HALITE = "halite"

# Backends of who comes without a password: by OpenID Connect, or named by a proxy.
WITHOUT_PASSWORD = frozenset({"oidc", "proxy"})

# The commonest reason why nobody can sign in.
PAM_IS_BLIND = (
    "external_auth: pam: this account is not root's and may not read /etc/shadow, so that PAM verifies nobody but "
    "itself. On Debian the cure is to make it a member of the group shadow"
)

# Key, types, default.
REST_KEYS: dict[str, tuple[str, Any]] = {
    "port": ("int", 8000),
    "host": ("str", ""),
    "ssl_crt": ("str", ""),
    "ssl_key": ("str", ""),
    "ssl_chain": ("str", ""),
    "disable_ssl": ("bool", False),
    "log_access_file": ("str", ""),
    "webhook_url": ("str", "/hook"),
    "webhook_disable_auth": ("bool", False),
    "webhooks": ("any", {}),
    "max_request_body_size": ("int", 1048576),
    "stats_disable_auth": ("bool", False),
    "static": ("str", ""),
    "static_path": ("str", "/static"),
    "app": ("str", ""),
    "app_path": ("str", "/app"),
    "favicon": ("str", ""),
    "root_prefix": ("str", "/"),
    "enable_sessions": ("bool", True),
    "api_acl": ("dict", {}),
    "authorized_ips": ("list", []),
    "cors_origins": ("list", []),
    "trusted_proxies": ("list", []),
    "oidc": ("any", None),
    "notifications": ("any", None),
    "proxy_user_header": ("str", ""),
    "proxy_groups_header": ("str", ""),
    "login_without_rules": ("bool", False),
    "allow_root_login": ("bool", False),
    "ws_token_in_url": ("bool", False),
}
# What a pool of threads needs, and we do not; errors are in the log, and statistics are always there.
WITHOUT_EFFECT = frozenset(
    {"thread_pool", "socket_queue_size", "expire_responses", "debug", "log_error_file", "collect_stats"}
)
HALITE_KEYS: dict[str, tuple[str, Any]] = {
    "level": ("str", "info"),
    "server": ("str", ""),
    "host": ("str", "0.0.0.0"),  # noqa: S104 - Halite's
    "port": ("int", 8080),
    "cors": ("bool", False),
    "tls": ("bool", True),
    "certpath": ("str", "/etc/pki/tls/certs/localhost.crt"),
    "keypath": ("str", "/etc/pki/tls/certs/localhost.key"),
    "pempath": ("str", "/etc/pki/tls/certs/localhost.pem"),
}


@attrs.frozen(kw_only=True)
class Certificate:
    """Where a certificate and its key are: PEM files. `own`: we make them, where they are not there."""

    crt: str
    key: str
    chain: str = ""
    own: bool = False


@attrs.frozen(kw_only=True)
class Listener:
    """An address that is listened on. `block` is the key of the configuration that asks for it."""

    block: str
    host: str
    port: int
    certificate: Certificate | None = None

    @property
    def url(self) -> str:
        """What to type into a browser on this host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.certificate is None else 'https'}://{host}:{self.port}"


@attrs.frozen(kw_only=True)
class Settings:
    """What the web does, and where. Paths of URLs begin with a slash and end with none; `root_prefix` may be empty."""

    listeners: tuple[Listener, ...]
    door: str
    cachedir: str
    log_dir: str
    eauths: tuple[str, ...] = ()
    clients: frozenset[str] = frozenset(SERVED)
    token_expire: int = 43200
    log_access_file: str = ""
    webhook_url: str = "/hook"
    webhook_disable_auth: bool = False
    webhooks: Mapping[str, Webhook] = attrs.field(factory=dict)
    max_request_body_size: int = 1048576
    stats_disable_auth: bool = False
    static: str = ""
    static_path: str = "/static"
    app: str = ""
    app_path: str = "/app"
    favicon: str = ""
    root_prefix: str = ""
    enable_sessions: bool = True
    api_acl: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    authorized_ips: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    oidc: OidcSettings | None = None
    notifications: tuple[Target, ...] = ()
    proxy_user_header: str = ""
    proxy_groups_header: str = ""
    login_without_rules: bool = False
    allow_root_login: bool = False
    ws_token_in_url: bool = False
    # What the console shows, as it stands in the configuration.
    opts: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    notices: tuple[tuple[str, str], ...] = ()


# What a running service cannot change: addresses are bound, files open, and messages under way.
AT_START = ("listeners", "door", "cachedir", "log_dir", "notifications")
# Of the master's options those that are told as they stand.
_SHOWN = ("console_", "saltgui_", "nodegroups")


def reloaded(old: Settings, new: Settings) -> tuple[Settings, list[str], list[str]]:
    """What takes effect of settings that are read again; the names of what changed by it, and of what waits for a
    start."""
    changed = {
        field.name
        for field in attrs.fields(Settings)
        if field.name not in ("opts", "notices") and getattr(old, field.name) != getattr(new, field.name)
    }
    waiting = sorted(changed.intersection(AT_START))
    shown = {
        name for name in {*old.opts, *new.opts} if name.startswith(_SHOWN) and old.opts.get(name) != new.opts.get(name)
    }
    kept = attrs.evolve(new, **{name: getattr(old, name) for name in AT_START})
    return kept, sorted(changed.difference(AT_START) | shown), waiting


def read_settings(config: MasterConfig, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Everything, from a master's configuration. Raises ConfigError.

    `overrides` are Halite's options from a command line: `host`, `port`, `tls`, `certpath`, `keypath`, `pempath` make
    one listener in the place of the configured ones (in clear by default, if it is loopback's); `cors` and `base` hold
    for all.
    """
    notices: list[tuple[str, str]] = []
    rest = _block(config, _rest_name(config, notices), REST_KEYS, notices)
    halite = _block(config, HALITE, HALITE_KEYS, notices)
    listeners = tuple(_listeners(config, rest, halite, dict(overrides or {}), notices))
    values = rest or {name: default for name, (_types, default) in REST_KEYS.items()}
    cors = [str(origin).rstrip("/") for origin in values["cors_origins"]]
    if (overrides or {}).get("cors", (halite or {}).get("cors")):
        cors.append("*")
    if values["proxy_user_header"] and not values["trusted_proxies"]:
        raise ConfigError("proxy_user_header: trusted_proxies names nobody: anybody could say who they are")
    if "pam" in config.external_auth and os.geteuid() != 0 and not os.access("/etc/shadow", os.R_OK):
        notices.append(("warning", PAM_IS_BLIND))
    names = {field.name for field in attrs.fields(Settings)}
    plain = {name: value for name, value in values.items() if name in names}
    plain |= {name: _path(values[name]) for name in ("webhook_url", "static_path", "app_path", "root_prefix")}
    if (base := (overrides or {}).get("base")) is not None:
        plain["root_prefix"] = _path(base)
    return Settings(
        **plain
        | {
            "listeners": listeners,
            "door": master_paths(config).local_door,
            "cachedir": config.cachedir,
            "log_dir": os.path.dirname(config.log_file) if "://" not in config.log_file else config.cachedir,
            "eauths": tuple(str(name) for name in config.external_auth if name not in WITHOUT_PASSWORD),
            "clients": _clients(config, notices),
            "token_expire": config.token_expire,
            "api_acl": _api_acl(values["api_acl"]),
            "oidc": _oidc(config, values["oidc"], notices),
            "notifications": read_targets(_rest_name(config, []), values["notifications"]),
            "webhooks": read_webhooks(_rest_name(config, []), values["webhooks"]),
            "authorized_ips": _networks("authorized_ips", values["authorized_ips"]),
            "trusted_proxies": _networks("trusted_proxies", values["trusted_proxies"]),
            "cors_origins": tuple(dict.fromkeys(cors)),
            # The id may be one that is made on first use.
            "opts": {**config.opts, "id": config.id},
            "notices": tuple(notices),
        }
    )


# -- blocks ------------------------------------------------------------------------------------------------------------


def _rest_name(config: MasterConfig, notices: list[tuple[str, str]]) -> str:
    there = [block for block in BLOCKS if config.opts.get(block) is not None]
    if len(there) > 1:
        notices.append(("warning", "rest_trisalt goes before rest_cherrypy, which is not heeded"))
    return there[0] if there else BLOCKS[0]


def _block(
    config: MasterConfig, name: str, keys: Mapping[str, tuple[str, Any]], notices: list[tuple[str, str]]
) -> dict[str, Any] | None:
    """The values of a block, of their types; None where it is not there."""
    found = config.opts.get(name)
    if found is None or (name == HALITE and not found):
        return None
    if not isinstance(found, Mapping):
        raise ConfigError(f"{config.conf_file}: {name}: a map is wanted, not {found!r}")
    values = {key: default for key, (_types, default) in keys.items()}
    for key, value in found.items():
        if key in WITHOUT_EFFECT and name in BLOCKS:
            notices.append(("info", f"{name}: {key} is not needed here and has no effect"))
        elif key not in keys:
            near = nearest(str(key), keys)
            also = f"; did you mean '{near}'?" if near else ""
            notices.append(("warning", f"Unknown config option '{name}: {key}'{also}"))
        elif value is not None:
            values[key] = _typed(f"{name}: {key}", value, keys[key][0])
    return values


def _typed(name: str, value: Any, types: str) -> Any:
    if types == "int" and isinstance(value, str) and value.strip().isdigit():
        return int(value)
    if types == "str" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if types == "list" and isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    if not fits(types, value):
        raise ConfigError(mistyped(name, value, types))
    return value


# -- listeners ---------------------------------------------------------------------------------------------------------


def _listeners(
    config: MasterConfig,
    rest: dict[str, Any] | None,
    halite: dict[str, Any] | None,
    overrides: dict[str, Any],
    notices: list[tuple[str, str]],
) -> Iterator[Listener]:
    if overrides.keys() & {"host", "port", "tls", "certpath", "keypath", "pempath"}:
        values = {key: default for key, (_types, default) in HALITE_KEYS.items()} | (halite or {}) | overrides
        if "tls" not in overrides and is_loopback(values["host"]):
            values["tls"] = False
        yield _halite(config, values, named={*config.opts.get(HALITE, {}), *overrides}, notices=notices)
        return
    if rest is not None or halite is None:
        yield _rest(_rest_name(config, []), rest or {key: value for key, (_types, value) in REST_KEYS.items()})
    if halite is not None:
        if halite["server"]:
            notices.append(
                ("info", f"halite: server: {halite['server']} is not needed: trisalt has a server of its own")
            )
        yield _halite(config, halite, named=set(config.opts[HALITE]), notices=notices)


def _rest(block: str, values: Mapping[str, Any]) -> Listener:
    certificate = None
    if values["ssl_crt"] and values["ssl_key"] and not values["disable_ssl"]:
        certificate = Certificate(crt=values["ssl_crt"], key=values["ssl_key"], chain=values["ssl_chain"])
    elif bool(values["ssl_crt"]) != bool(values["ssl_key"]) and not values["disable_ssl"]:
        raise ConfigError(f"{block}: ssl_crt and ssl_key go together, and one of them is not there")
    host = values["host"] or ("127.0.0.1" if certificate is None else "0.0.0.0")  # noqa: S104 - stock's
    listener = Listener(block=block, host=host, port=_port(block, values["port"]), certificate=certificate)
    if certificate is None and not values["disable_ssl"] and not is_loopback(host):
        raise ConfigError(
            f"{block}: {host}:{listener.port} would take passwords in clear from the network: "
            "set ssl_crt and ssl_key, or host: 127.0.0.1, or disable_ssl: True"
        )
    return listener


def _halite(
    config: MasterConfig, values: Mapping[str, Any], *, named: set[str], notices: list[tuple[str, str]]
) -> Listener:
    host, port = values["host"], _port(HALITE, values["port"])
    if not values["tls"]:
        return Listener(block=HALITE, host=host, port=port)
    return Listener(block=HALITE, host=host, port=port, certificate=_halite_certificate(config, values, named, notices))


def _halite_certificate(
    config: MasterConfig, values: Mapping[str, Any], named: set[str], notices: list[tuple[str, str]]
) -> Certificate:
    """The named files, else those at Halite's places, else ones of our own making."""
    if "certpath" in named or "keypath" in named:
        return Certificate(crt=values["certpath"], key=values["keypath"])
    if "pempath" in named:
        return Certificate(crt=values["pempath"], key=values["pempath"])
    if os.path.exists(values["certpath"]) and os.path.exists(values["keypath"]):
        return Certificate(crt=values["certpath"], key=values["keypath"])
    if os.path.exists(values["pempath"]):
        return Certificate(crt=values["pempath"], key=values["pempath"])
    own = os.path.join(config.pki_dir, "api")
    notices.append(
        (
            "info",
            f"halite: there is no certificate at {values['certpath']}: one is made in {own}, which browsers ask about",
        )
    )
    return Certificate(crt=os.path.join(own, "console.crt"), key=os.path.join(own, "console.key"), own=True)


def _port(block: str, port: int) -> int:
    if not 0 <= port < 65536:
        raise ConfigError(f"{block}: port: {port} is no port")
    return port


def is_loopback(host: str) -> bool:
    """Whether only this host reaches that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# -- values ------------------------------------------------------------------------------------------------------------


def _clients(config: MasterConfig, notices: list[tuple[str, str]]) -> frozenset[str]:
    """Which clients may be used: those that are named; else all, if there is somebody who could."""
    named = config.opts.get("netapi_enable_clients")
    if named is None:
        return frozenset(SERVED) if config.external_auth else frozenset()
    names = [str(name) for name in (named if isinstance(named, list) else [named])]
    for name in names:
        if name not in CLIENTS:
            notices.append(("warning", f"netapi_enable_clients: there is no client {name}"))
    return frozenset(names) & frozenset(CLIENTS)


def _oidc(config: MasterConfig, value: Any, notices: list[tuple[str, str]]) -> OidcSettings | None:
    found = read_oidc(_rest_name(config, []), value)
    if found is not None and "oidc" not in config.external_auth:
        notices.append(("warning", "oidc: external_auth has no oidc: nobody who signs in there is granted anything"))
    return found


def _api_acl(value: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    users = value.get("users", {})
    if not isinstance(users, Mapping) or value.keys() - {"users"}:
        raise ConfigError("api_acl: a map is wanted, of the key users, with a list of addresses for each name")
    acl = {}
    for name, rows in users.items():
        rows = rows if isinstance(rows, list) else [rows]
        named = [row for row in rows if row != "*"]
        acl[str(name)] = (*(["*"] if "*" in rows else []), *_networks(f"api_acl: {name}", named))
    return acl


def _networks(name: str, values: Iterable[Any]) -> tuple[str, ...]:
    networks = []
    for item in values:
        try:
            networks.append(str(ipaddress.ip_network(str(item), strict=False)))
        except ValueError:
            raise ConfigError(f"{name}: {item!r} is no address and no network") from None
    return tuple(networks)


def _path(text: str) -> str:
    """`/app/` and `app` as `/app`; `/` as nothing."""
    path = "/" + text.strip().strip("/")
    return "" if path == "/" else path
