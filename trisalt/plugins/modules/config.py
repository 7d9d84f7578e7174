"""Look a value up where operators put values: the minion's configuration, grains, pillar, the master's options."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from trisalt.target.data import traverse

MISSING = object()

# What modules of Salt take where nobody configured anything. Source: stock Salt 3008.3.
DEFAULTS: dict[str, Any] = {
    "aliases.file": "/etc/aliases",
    "ca.cert_base_path": "/etc/pki",
    "docker.compare_container_networks": {
        "static": ["Aliases", "Links", "IPAMConfig"],
        "automatic": ["IPAddress", "Gateway", "GlobalIPv6Address", "IPv6Gateway"],
    },
    "docker.exec_driver": "docker-exec",
    "hosts.file": "/etc/hosts",
    "ldap.anonymous": True,
    "ldap.attrs": None,
    "ldap.binddn": "",
    "ldap.bindpw": "",
    "ldap.no_verify": False,
    "ldap.port": "389",
    "ldap.scope": 2,
    "ldap.server": "localhost",
    "ldap.tls": False,
    "ldap.uri": "",
    "mongo.db": "salt",
    "mongo.password": "",
    "mongo.port": 27017,
    "mongo.user": "",
    "redis.db": "0",
    "redis.host": "salt",
    "redis.port": 6379,
    "solr.backup_path": None,
    "solr.baseurl": "/solr",
    "solr.cores": [],
    "solr.host": "localhost",
    "solr.num_backups": 1,
    "solr.port": "8983",
    "solr.request_timeout": None,
    "solr.type": "master",
    "test.foo": "unconfigured",
    "virt": {"tunnel": False, "images": "/srv/salt-images"},
}


def get(
    key: str,
    default: Any = "",
    delimiter: str = ":",
    merge: Any = None,
    omit_opts: bool = False,
    omit_pillar: bool = False,
    omit_master: bool = False,
    omit_grains: bool = False,
) -> Any:
    """
    The first value for `key` in: the minion's configuration, its grains, its pillar, the master's options that
    came with the pillar, the defaults of modules. `merge` first joins what stands at the top of `key` in all of
    them: with `recurse` maps at every depth, the first winning; with `overwrite` the first is taken as it is.

    CLI Example:

        salt '*' config.get pkg:apache
    """
    sources = [*_sources(omit_opts, omit_grains, omit_pillar, omit_master), DEFAULTS]
    if not merge:
        found = (traverse(source, key, MISSING, delimiter) for source in sources)
        value = next((value for value in found if value is not MISSING), default)
        # An address of something that is kept elsewhere.
        return __salt__["sdb.get"](value) if isinstance(value, str) and value.startswith("sdb://") else value
    top = key.split(delimiter)[0]
    values = [source[top] for source in sources if top in source]
    joined = values[0] if values else None
    if merge != "overwrite":
        for value in values[1:]:
            if isinstance(joined, Mapping) and isinstance(value, Mapping):
                joined = _merge(value, joined)
    return traverse({top: copy.deepcopy(joined)}, key, default, delimiter) if values else default


def option(
    value: str,
    default: Any = None,
    omit_opts: bool = False,
    omit_grains: bool = False,
    omit_pillar: bool = False,
    omit_master: bool = False,
    omit_all: bool = False,
    wildcard: bool = False,
) -> Any:
    """
    Like `get`, for a key that is taken as it is; with `wildcard` the map of all keys that match.

    CLI Example:

        salt '*' config.option redis.host
    """
    omitted = (omit or omit_all for omit in (omit_opts, omit_grains, omit_pillar, omit_master))
    sources = [*_sources(*omitted), DEFAULTS]
    if wildcard:
        found: dict[str, Any] = {}
        for source in reversed(sources):
            found |= {key: source[key] for key in source if fnmatchcase(key, value)}
        return found or ({} if default is None else default)
    return next((source[value] for source in sources if value in source), "" if default is None else default)


def merge(
    value: str, default: Any = "", omit_opts: bool = False, omit_master: bool = False, omit_pillar: bool = False
) -> Any:
    """
    The value of an option in configuration, pillar and master options, maps and lists joined.

    CLI Example:

        salt '*' config.merge schedule
    """
    candidates = ((omit_opts, __opts__), (omit_master, __pillar__.get("master", {})), (omit_pillar, __pillar__))
    found = [source[value] for omit, source in candidates if not omit and value in source]
    if not found:
        return DEFAULTS.get(value, default)
    joined = found[0]
    for other in found[1:]:
        if joined is None:
            joined = other
        elif isinstance(joined, Mapping) and isinstance(other, Mapping):
            joined = {**other, **joined}
        elif isinstance(joined, list) and isinstance(other, list):
            joined = [*joined, *other]
    return default if joined is None else joined


def dot_vals(value: str) -> dict[str, Any]:
    """
    All options whose name begins with `value` and a dot, of the minion's configuration over the master's.

    CLI Example:

        salt '*' config.dot_vals mysql
    """
    prefix = f"{value}."
    sources = (__pillar__.get("master", {}), __opts__)
    return {key: source[key] for source in sources for key in source if key.startswith(prefix)}


def items() -> dict[str, Any]:
    """
    The minion's whole configuration, without what is private to it.

    CLI Example:

        salt '*' config.items
    """
    return {key: value for key, value in __opts__.items() if not key.startswith("__")}


def manage_mode(mode: Any) -> str | None:
    """
    A file mode as four octal digits.

    CLI Example:

        salt '*' config.manage_mode 644
    """
    if mode is None:
        return None
    text = str(mode).removeprefix("0o").strip("\"'").lstrip("0")
    return text.zfill(4)


def backup_mode(backup: str = "") -> str:
    """
    The backup mode in force: the one given, or the configured one.

    CLI Example:

        salt '*' config.backup_mode
    """
    return backup or option("backup_mode")


def valid_fileproto(uri: str) -> bool:
    """
    Whether a source begins with a protocol that files can be fetched by.

    CLI Example:

        salt '*' config.valid_fileproto salt://path/to/file
    """
    protocol, colon, _path = uri.partition("://")
    return bool(colon) and protocol in {"salt", "http", "https", "ftp", "s3", "swift", "file"}


def _sources(omit_opts: bool, omit_grains: bool, omit_pillar: bool, omit_master: bool) -> list[Mapping[str, Any]]:
    candidates = (
        (omit_opts, __opts__),
        (omit_grains, __grains__),
        (omit_pillar, __pillar__),
        (omit_master, __pillar__.get("master", {})),
    )
    return [source for omit, source in candidates if not omit and isinstance(source, Mapping)]


def _merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in new.items():
        both_maps = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merge(merged[key], value) if both_maps else value
    return merged
