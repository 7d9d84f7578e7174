"""Read a daemon's configuration: the file, its drop-ins and includes, the environment, what the command line says.

Called by every command, so it is quick: PyYAML is imported only when a file is more than plain, and there are no other
packages. What an operator should know about the files is collected in `Config.warnings`; what cannot be gone on with
is a ConfigError that names the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from trisalt.config.master import MasterConfig
from trisalt.config.minion import MasterAddress, MinionConfig
from trisalt.config.names import check_id, generated_id, remember_id, remembered_id, with_domain, without_domain
from trisalt.config.option import Config, Origin, fit, fresh, mistyped
from trisalt.config.paths import BELOW_ROOT, below, opts_paths
from trisalt.config.plain import read_plain
from trisalt.config.sealed import opened
from trisalt.errors import ConfigError
from trisalt.levels import LEVELS

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

DEFAULT_DIR = "/etc/salt"
# The drop-in that the schedule writes.
KEPT_SCHEDULE = "_schedule.conf"
COMMAND_LINE = "command line"
# With `fips_mode`: SHA-1 and MD5 are out.
FIPS = {
    "encryption_algorithm": ("oaep-sha224",),
    "signing_algorithm": ("pkcs1v15-sha224",),
    "publish_signing_algorithm": ("pkcs1v15-sha224",),
    "hash_type": ("sha256", "sha224", "sha384", "sha512"),
}
# What a configuration has beside the keys of the files.
NO_KEYS = frozenset({"opts", "masters", "id_by_function"})
HASHES = frozenset({"md5", "sha1", "sha224", "sha256", "sha384", "sha512"})
SIGNING_ALGORITHMS = frozenset({"PKCS1v15-SHA1", "PKCS1v15-SHA224"})
ENCRYPTION_ALGORITHMS = frozenset({"OAEP-SHA1", "OAEP-SHA224"})


def read_master(
    config_dir: str | os.PathLike[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    root_dir: str | None = None,
    daemon: bool = False,
) -> MasterConfig:
    """The master's configuration. `overrides` go before the files, as the command line does.

    `config_dir` is what `-c` says; without it the environment, then `/etc/salt`. `daemon`: put a broken
    `_schedule.conf` aside. Raises ConfigError.
    """
    files = _Files(config_file("master", config_dir), aside=daemon)
    files.read(MasterConfig, overrides, root_dir)
    fields = files.fields(MasterConfig)
    if not fields["id"]:
        del fields["id"]
    if "keep_jobs" in files.values and "keep_jobs_seconds" not in files.values:
        fields["keep_jobs_seconds"] = int(fields["keep_jobs"] * 3600)
    if fields["peer"] and fields["worker_threads"] < 3:
        files.complain("worker_threads", "Config option 'worker_threads' cannot be lower than 3 with 'peer'; 3 is used")
        fields["worker_threads"] = 3
    if fields["order_masters"]:
        files.complain(
            "order_masters", "Config option 'order_masters' is of no use here: no syndic's returns are taken"
        )
    for name in ("publish_port", "ret_port"):
        _check(0 <= fields[name] <= 65535, files, name, fields[name])
    if fields["publish_port"] == fields["ret_port"] != 0:
        raise ConfigError(f"{files.main}: publish_port and ret_port are both {fields['ret_port']}")
    _check(fields["publish_signing_algorithm"] in SIGNING_ALGORITHMS, files, "publish_signing_algorithm", fields)
    config = MasterConfig(fields, files.origin(MinionConfig))
    config.opts.update(files.opts(MasterConfig, fields), **opts_paths(config))
    return config


def read_minion(
    config_dir: str | os.PathLike[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    root_dir: str | None = None,
    daemon: bool = False,
    asked: Callable[[Mapping[str, Any]], str] | None = None,
) -> MinionConfig:
    """The minion's configuration. As `read_master`; `daemon` also remembers a generated id in `minion_id`.

    `asked` is given the options of a minion that has no id yet, and gives the one that its `id_function` says.
    """
    files = _Files(config_file("minion", config_dir), aside=daemon)
    files.read(MinionConfig, overrides, root_dir)
    raw_master = files.values.get("master") or "salt"
    if isinstance(raw_master, str):
        files.values["master"] = [raw_master]
    fields = files.fields(MinionConfig)
    fields["id"], fields["id_by_function"] = _minion_id(files, fields, asked, remember=daemon)
    for name in fields["append_minionid_config_dirs"]:
        if name in ("pki_dir", "cachedir", "extension_modules"):
            fields[name] = os.path.join(fields[name], fields["id"])
        elif name == "pidfile":
            folder, file = os.path.split(fields[name])
            fields[name] = os.path.join(folder, "salt", fields["id"], file)
    fields["random_master"] = fields["random_master"] or fields["master_shuffle"]
    where = files.origins.get("master", files.main)
    _check(fields["master_uri_format"] in ("default", "ip_only"), files, "master_uri_format", fields)
    ip_only = fields["master_uri_format"] == "ip_only"
    fields["masters"] = [parse_master(text, fields["master_port"], where, ip_only=ip_only) for text in fields["master"]]
    fields["master_failback_interval"] = fields["master_failback_interval"] or fields["master_alive_interval"]
    _check(fields["encryption_algorithm"] in ENCRYPTION_ALGORITHMS, files, "encryption_algorithm", fields)
    _check(fields["signing_algorithm"] in SIGNING_ALGORITHMS, files, "signing_algorithm", fields)
    config = MinionConfig(fields, files.origin(MasterConfig))
    config.opts.update(files.opts(MinionConfig, fields), master=raw_master)
    if len(config.masters) == 1:
        # As stock's plugins see the one that a minion is with: the grain `master` is a host, and goes into templates.
        config.opts["master"], config.opts["master_port"] = config.masters[0]
    return config


def config_file(name: str, config_dir: str | os.PathLike[str] | None = None) -> str:
    """The main file: in `config_dir`, else where `SALT_<NAME>_CONFIG` or `SALT_CONFIG_DIR` say, else in `/etc/salt`."""
    if config_dir is None:
        named = os.environ.get(f"SALT_{name.upper()}_CONFIG")
        if named:
            return os.path.abspath(os.path.expanduser(named))
        config_dir = os.environ.get("SALT_CONFIG_DIR") or DEFAULT_DIR
    return os.path.join(os.path.abspath(os.path.expanduser(os.fspath(config_dir))), name)


def parse_master(text: object, port: int, where: str = COMMAND_LINE, *, ip_only: bool = False) -> MasterAddress:
    """`host`, `host:port`, `v6`, `[v6]` or `[v6]:port`, with `port` where it names none. `ip_only`: it never does."""
    if not isinstance(text, str) or not text.strip():
        raise ConfigError(f"{where}: master: {text!r} is no host")
    host, own = text.strip(), ""
    if ip_only:
        return MasterAddress(host.removeprefix("[").removesuffix("]"), port)
    if host.startswith("["):
        host, bracket, rest = host[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ConfigError(f"{where}: master: {text!r} is neither [address] nor [address]:port")
        own = rest[1:]
    elif host.count(":") == 1:
        host, _colon, own = host.partition(":")
    if own:
        if not own.isdigit() or not 0 < int(own) < 65536:
            raise ConfigError(f"{where}: master: {text!r} has no valid port")
        port = int(own)
    return MasterAddress(host, port)


# -- the files ---------------------------------------------------------------------------------------------------


class _Files:
    """What the files say, merged: drop-ins with one another, and then over the main file, key by key."""

    def __init__(self, main: str, *, aside: bool) -> None:
        # Whether a file speaks of what is kept elsewhere.
        self.sealed = False
        self.main, self.aside = main, aside
        self.values: dict[str, Any] = {}
        self.origins: dict[str, str] = {}
        self.complaints: list[str] = []
        # What operators made of the schedule: it goes over the files' entry by entry.
        self.kept: dict[str, Any] = {}

    def read(self, cls: type[Config], overrides: Mapping[str, Any] | None, root_dir: str | None) -> None:
        """Read the main file, what it includes, and put the command line over it."""
        self._put(self._load(self.main), self.main)
        drop_ins = self.values.get("default_include", cls.OPTIONS["default_include"].default)
        self._include(drop_ins, self.main, quiet=True)
        self._include(self.values.get("include"), self.main)
        schedule = self.values.get("schedule")
        if self.kept and (schedule is None or isinstance(schedule, dict)):
            self.values["schedule"] = {**(schedule or {}), **self.kept}
        self._put(dict(overrides or {}), COMMAND_LINE)
        if root_dir is not None:
            self._put({"root_dir": root_dir}, COMMAND_LINE)
        if self.sealed:
            self._open(cls)

    def _open(self, cls: type[Config]) -> None:
        """Put in what `sdb://` addresses stand for."""
        said = {name: self.values.get(name) or cls.OPTIONS[name].default for name in ("root_dir", "user")}
        folders = {
            name: below(said["root_dir"], self.values.get(name) or cls.OPTIONS[name].default)
            for name in ("cachedir", "extension_modules")
        }
        self.values = opened(self.values, {**self.values, **said, **folders}, str(said["user"]), self.complain)

    def _put(self, found: dict[str, Any], path: str) -> None:
        self.values.update(found)
        self.origins.update(dict.fromkeys(found, path))

    def _include(self, patterns: object, beside: str, *, quiet: bool = False) -> None:
        merged: dict[str, Any] = {}
        origins: dict[str, str] = {}
        self._collect(patterns, beside, merged, origins, quiet=quiet, inside=(beside,))
        self.values.update(merged)
        self.origins.update(origins)

    def _collect(
        self,
        patterns: object,
        beside: str,
        merged: dict[str, Any],
        origins: dict[str, str],
        *,
        inside: tuple[str, ...],
        quiet: bool = False,
    ) -> None:
        if not patterns:
            return
        for pattern in [patterns] if isinstance(patterns, str) else patterns if isinstance(patterns, list) else []:
            wanted = os.path.join(os.path.dirname(beside), os.path.expanduser(str(pattern)))
            paths = _matching(wanted) if _is_pattern(wanted) else [wanted] if os.path.exists(wanted) else []
            if not paths and not quiet:
                self.complaints.append(f"{beside}: 'include' path/glob '{wanted}' matches no files")
            for path in paths:
                if path in inside:
                    self.complaints.append(f"{beside}: include of {path} goes round in a circle")
                    continue
                found = self._load(path)
                if os.path.basename(path) == KEPT_SCHEDULE and isinstance(found.get("schedule"), dict):
                    self.kept = found.pop("schedule")
                self._collect(found.get("include"), path, merged, origins, inside=(*inside, path))
                _merge(merged, found)
                origins.update(dict.fromkeys(found, path))

    def _load(self, path: str) -> dict[str, Any]:
        try:
            with open(path, "rb") as file:
                text = file.read()
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as exc:
            raise ConfigError(f"Error reading configuration file: {path} - {exc.strerror}") from exc
        self.sealed = self.sealed or b"sdb://" in text
        try:
            return parse(text, path)
        except ConfigError as exc:
            # A schedule that was cut short must not keep the daemon from starting. Source: stock Salt 3008.3.
            if os.path.basename(path) != KEPT_SCHEDULE:
                raise
            self.complaints.append(f"{exc}; the file is ignored")
            if self.aside:
                os.replace(path, f"{path}YAMLError")
            return {}

    # -- from what was read to what holds --------------------------------------------------------------------

    def complain(self, key: str, text: str) -> None:
        self.complaints.append(f"{self.origins.get(key, self.main)}: {text}")

    def fields(self, cls: type[Config]) -> dict[str, Any]:
        """Every option of effect, of its type, its path below `root_dir`."""
        for key in ("file_roots", "pillar_roots"):
            self._roots(key)
        # The same by the name that stock's parsers give it.
        if isinstance(shown := self.values.get("log_datefmt_console"), str):
            self.values["log_datefmt"] = shown
        if "environment" in self.values:
            if self.values.get("saltenv") is None:
                self.complain("environment", "'environment' is called 'saltenv' by now; it is taken for that")
                self.values["saltenv"] = self.values["environment"]
            else:
                self.complain("environment", "'environment' is called 'saltenv' by now, which is set too: that is used")
        groups = self.values.get("nodegroups")
        if isinstance(groups, list) and all(isinstance(group, dict) for group in groups):
            self.values["nodegroups"] = {name: words for group in groups for name, words in group.items()}
        fields: dict[str, Any] = {}
        for name, row in cls.OPTIONS.items():
            if name not in self.values:
                fields[name] = fresh(row.default)
                continue
            try:
                fields[name], good = fit(row, self.values[name])
            except ConfigError as exc:
                raise ConfigError(f"{self.origins[name]}: {exc}") from None
            if not good:
                told = mistyped(name, self.values[name], row.types)
                self.complain(name, f"{told}; the default, {row.default!r}, is used")
        for name in ("log_level", "log_level_logfile"):
            if fields[name] is not None and fields[name].lower() not in LEVELS:
                default = cls.OPTIONS[name].default
                self.complain(
                    name, f"{name}: {fields[name]!r} is no level of the log; the default, {default!r}, is used"
                )
                fields[name] = default
        if fields["transport"] != "zeromq":
            raise ConfigError(
                f"{self.origins['transport']}: transport: {fields['transport']} is not spoken here, only zeromq: it is "
                "the same on masters and on minions"
            )
        if fields["fips_mode"]:
            _check_fips(self, fields)
        fields["hash_type"] = fields["hash_type"].lower()
        _check(fields["hash_type"] in HASHES, self, "hash_type", fields)
        # Stock's tools move the sockets the same way, and have to find ours. Source: stock Salt 3008.3.
        if len(fields["sock_dir"]) > len(fields["cachedir"]) + 10:
            fields["sock_dir"] = os.path.join(fields["cachedir"], ".salt-unix")
        for name in BELOW_ROOT:
            if fields.get(name):
                fields[name] = below(fields["root_dir"], fields[name])
        fields["conf_file"], fields["config_dir"], fields["opts"] = self.main, os.path.dirname(self.main), {}
        return fields

    def _roots(self, key: str) -> None:
        roots = self.values.get(key)
        if roots is None:
            self.values.pop(key, None)
            return
        if not isinstance(roots, dict):
            self.complain(key, f"The {key} parameter is not properly formatted, using defaults")
            del self.values[key]
            return
        self.values[key] = {
            str(env): [
                path
                for text in (folders if isinstance(folders, list) else [folders] if folders else [])
                for path in (_matching(str(text)) if _is_pattern(str(text)) else [str(text)])
            ]
            for env, folders in roots.items()
        }

    def origin(self, foreign: type[Config]) -> Origin:
        files = {key: path for key, path in self.origins.items() if path != COMMAND_LINE}
        return Origin(self.values, files, self.complaints, foreign)

    def opts(self, cls: type[Config], fields: Mapping[str, Any]) -> dict[str, Any]:
        """What plugins see as `__opts__`."""
        opts = {key: fresh(default) for key, (_types, default) in cls.LATER.items() if default is not ...}
        opts.update(self.values)
        opts.update((key, value) for key, value in fields.items() if key not in NO_KEYS)
        for key, value in fields.items():
            # Templates print them: who writes 5 does not mean 5.0.
            if type(value) is float and value.is_integer() and type(self.values.get(key)) is not float:
                opts[key] = int(value)
        opts["__role"] = cls.SIDE
        return opts


def parse(text: bytes, path: str) -> dict[str, Any]:
    """A YAML document that is a map. Raises ConfigError with the path, and the line where there is one."""
    plain = read_plain(text)
    if plain is not None:
        return plain
    import yaml  # most of what reading costs; files that are plain do without

    try:
        found = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        problem = getattr(exc, "problem", None) or " ".join(str(exc).split())
        raise ConfigError(f"Error parsing configuration file: {path} - {where}{problem}") from exc
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(f"Error parsing configuration file: {path} - conf should be a document, not {type(found)}.")
    return {str(key): value for key, value in found.items()}


def _is_pattern(path: str) -> bool:
    return any(char in path for char in "*?[")


def _matching(pattern: str) -> list[str]:
    """The paths that a pattern matches, sorted."""
    folder, name = os.path.split(pattern)
    if not _is_pattern(folder):
        try:
            names = os.listdir(folder or ".")
        except OSError:
            return []
        if not names:
            return []
        if name[:1] == "*" and not _is_pattern(name[1:]):
            # What nearly all patterns are like: master.d/*.conf.
            found = [entry for entry in names if entry.endswith(name[1:]) and entry[0] != "."]
            return sorted(os.path.join(folder, entry) for entry in found)
    from glob import glob  # with the regular expressions in it, a quarter of all reading

    return sorted(glob(pattern))


def _merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Maps are merged, lists joined, all else replaced. Source: stock Salt 3008.3, of drop-ins among one another."""
    for key, value in other.items():
        mine = into.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            _merge(mine, value)
        elif isinstance(mine, list) and isinstance(value, list):
            into[key] = mine + [item for item in value if item not in mine]
        else:
            into[key] = value


def _check(good: bool, files: _Files, name: str, fields: Any) -> None:
    if not good:
        value = fields[name] if isinstance(fields, dict) else fields
        raise ConfigError(f"{files.origins.get(name, files.main)}: {name}: {value!r} is not valid")


def _check_fips(files: _Files, fields: Mapping[str, Any]) -> None:
    for name, good in FIPS.items():
        if name in fields and fields[name].lower() not in good:
            where = files.origins.get(name, files.main)
            raise ConfigError(f"{where}: fips_mode: {name}: {fields[name]} is not allowed; take {good[0]}")


def _minion_id(
    files: _Files,
    fields: Mapping[str, Any],
    asked: Callable[[Mapping[str, Any]], str] | None,
    *,
    remember: bool,
) -> tuple[str, str]:
    """The id, and the function that gave it, if one did."""
    caching, function = fields["minion_id_caching"], ""
    id, where = fields["id"], files.origins.get("id", files.main)
    if not id and caching:
        id, where = _remembered(os.path.dirname(files.main), fields["root_dir"]), "minion_id"
    if not id:
        if fields["id_function"]:
            if asked is None:
                raise ConfigError(f"{files.origins['id_function']}: id_function cannot be asked here")
            id, where = asked(files.opts(MinionConfig, fields)), "id_function"
            named = fields["id_function"]
            function = named if isinstance(named, str) else str(next(iter(named)))
        else:
            id, where = generated_id(), "generated"
        if fields["minion_id_lowercase"]:
            id = id.lower()
        id = without_domain(id, fields["minion_id_remove_domain"])
        check_id(id, where)
        if remember and caching:
            try:
                remember_id(os.path.dirname(files.main), id)
            except OSError as exc:
                files.complaints.append(f"minion_id: {exc.strerror}; the generated id is not remembered")
    return check_id(with_domain(id, fields["append_domain"]), where), function


def _remembered(config_dir: str, root_dir: str) -> str:
    """The remembered id; of a minion with a root of its own, also where stock Salt 3008.3 keeps it."""
    own = remembered_id(config_dir)
    if own is None and os.path.abspath(root_dir) != "/":
        own = remembered_id(below(root_dir, DEFAULT_DIR))
    return own or ""
