"""The options both daemons have with the same default. `master.py` and `minion.py` add their own."""

from __future__ import annotations

from trisalt.config.option import Config, option

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any


class DaemonConfig(Config):
    """What a master and a minion have in common."""

    PLUGIN_PREFIXES = ("auth.ldap.", "docker.", "mysql.", "postgres.", "rawfile_json.", "redis.", "syslog.", "test.")

    # -- who and where ----------------------------------------------------------------------------------------
    root_dir: str = option("/", "Folder below which all other folders and files are put.")
    user: str = option("root", "The system user the daemon runs as.", guards=True)
    cachedir: str = option("", "Where the daemon keeps what it must remember.", guards=True)
    pidfile: str = option("", "Where a daemon in the background writes its process id.")
    pki_dir: str = option("", "Folder of the keys.", guards=True)
    sock_dir: str = option("", "Folder of the local sockets.", guards=True)
    extension_modules: str = option("", "Folder of synced plugins (`_modules` and its kin).")
    salt_modules: bool | str = option(
        False, "Also load what stock Salt has, beside us (True) or in that folder of packages. Ours."
    )
    module_dirs: list[str] = option([], "Further folders with plugins, a subfolder per kind.")
    default_include: str = option("", "Drop-in files read after the main file; relative to its folder.")
    include: str | list[str] = option([], "Further files read after the drop-ins; globs, relative to this file.")
    permissive_pki_access: bool = option(False, "Let the group of the daemon's user read the key folders.")
    minion_id_caching: bool = option(True, "Keep a generated id in `minion_id` beside the configuration file.")

    # -- log --------------------------------------------------------------------------------------------------
    log_level: str = option("warning", "What the console shows: garbage, trace, debug, info, warning, error, quiet.")
    log_level_logfile: str | None = option(None, "What the log file holds; as `log_level` when unset.")
    log_file: str = option("", "The log file; `file:///dev/log` or `udp://host:514` for syslog.")
    log_format: str = option("", "`json`: JSON lines on the console instead of `log_fmt_console`. Ours.")
    log_fmt_console: str = option("[%(levelname)-8s] %(message)s", "A line on the console; `json` for JSON lines.")
    log_fmt_logfile: str = option(
        "%(asctime)s,%(msecs)03d [%(name)-17s:%(lineno)-4d][%(levelname)-8s][%(process)d] %(message)s",
        "A line in the log file; `json` for JSON lines.",
    )
    log_fmt_jid: str | None = option("[JID: %(jid)s]", "What `%(jid)s` in a format becomes inside a job.")
    log_datefmt: str = option("%H:%M:%S", "What `%(asctime)s` is on the console.")
    log_datefmt_logfile: str = option("%Y-%m-%d %H:%M:%S", "What `%(asctime)s` is in the log file.")
    log_rotate_max_bytes: int = option(0, "Bytes of the log file, after which the daemon begins it anew; 0: no limit.")
    log_rotate_backup_count: int = option(0, "How many of before are kept then, as `<log_file>.1` and so on.")
    log_granular_levels: dict[str, Any] = option({}, "Levels by subject (`auth: debug`); they go before `log_level`.")

    # -- wire -------------------------------------------------------------------------------------------------
    ipv6: bool | None = option(None, "True: IPv6 only; False: IPv4 only; unset: whatever the address is.")
    transport: str = option("zeromq", "How masters and minions are connected; there is no other way.", guards=True)
    hash_type: str = option("sha256", "Hash of fingerprints and of files.", guards=True)
    fips_mode: bool = option(False, "Take no algorithm that FIPS 140-3 does not have.", guards=True)
    keysize: int = option(2048, "Bits of a new RSA key.")
    tcp_keepalive: bool = option(True, "Let the kernel probe idle connections.")
    tcp_keepalive_idle: float = option(300.0, "Seconds of silence before the first probe; -1 leaves it to the kernel.")
    tcp_keepalive_cnt: float = option(-1.0, "Probes before a connection counts as dead; -1 leaves it to the kernel.")
    tcp_keepalive_intvl: float = option(-1.0, "Seconds between probes; -1 leaves it to the kernel.")
    zmq_heartbeat_ivl: int | None = option(
        None, "Milliseconds between heartbeats on each connection; 0: none. Unset: 10 s."
    )
    zmq_heartbeat_timeout: int | None = option(
        None, "Milliseconds without an answer after which it is closed. Unset: a master 30 s, a minion 15 s."
    )
    metrics_port: int = option(0, "Where Prometheus reads `/metrics`; 0: nowhere. Needs `trisalt[metrics]`. Ours.")
    metrics_address: str = option(
        "127.0.0.1", "Who reaches that port; there is nothing secret there. Ours.", guards=True
    )
    max_event_size: int = option(1048576, "Bytes an event may have, and that stock's event sockets take.")

    # -- files and pillar -------------------------------------------------------------------------------------
    file_roots: dict[str, list[str]] = option(
        {"base": ["/srv/salt", "/srv/spm/salt"]}, "Folders of each environment's files."
    )
    pillar_roots: dict[str, list[str]] = option(
        {"base": ["/srv/pillar", "/srv/spm/pillar"]}, "Folders of each environment's pillar."
    )
    file_ignore_regex: list[str] | str = option([], "Files whose path one of these expressions finds are not served.")
    file_ignore_glob: list[str] | str = option([], "Files that one of these globs matches are not served.")
    fileserver_followsymlinks: bool = option(True, "Serve what links to folders point at.")
    renderer: str = option("jinja|yaml", "How an SLS file without a `#!` line is rendered.")
    renderer_blacklist: list[str] = option([], "Renderers that are not used.", guards=True)
    renderer_whitelist: list[str] = option([], "The only renderers that are used, when not empty.", guards=True)
    state_top: str = option("top.sls", "Name of the top file.")
    default_top: str = option("base", "Whose top file counts under `top_file_merging_strategy: same`.")
    env_order: list[str] = option([], "The order in which environments are merged.")
    top_file_merging_strategy: str = option("merge", "How the top files of several environments become one.")
    saltenv: str | None = option(None, "The environment of a minion that names none.")
    pillarenv: str | None = option(None, "The only environment pillar is taken from, when set.")
    pillar_source_merging_strategy: str = option("smart", "How pillar of several sources is merged.")
    pillar_merge_lists: bool = option(False, "Join lists when pillar is merged, instead of replacing them.")
    pillar_includes_override_sls: bool = option(False, "Let what an SLS includes win over what it says itself.")

    decrypt_pillar: list[Any] | dict[str, Any] = option([], "Paths of pillar that are decrypted after merging.")
    decrypt_pillar_default: str = option("gpg", "How, where the path does not say.")
    decrypt_pillar_delimiter: str = option(":", "Between the levels of such a path.")
    decrypt_pillar_renderers: list[str] = option(["gpg"], "What a path may say.", guards=True)
    gpg_keydir: str = option("", "Folder of the GPG keys; `gpgkeys` beside the configuration when unset.")
    gpg_decrypt_must_succeed: bool = option(True, "What cannot be decrypted is an error.", guards=True)
    allow_undefined: bool = option(False, "Let templates use names that are not defined.")
    pillar_raise_on_missing: bool = option(False, "`pillar.get` of what is not there is an error.")
    fileserver_ignoresymlinks: bool = option(False, "Do not serve links to files.")
    extmod_whitelist: dict[str, Any] = option({}, "The only synced plugins, by kind, when not empty.", guards=True)
    extmod_blacklist: dict[str, Any] = option({}, "Plugins that are not synced, by kind.", guards=True)
    clean_dynamic_modules: bool = option(True, "Remove synced plugins that are gone at their source.")
    utils_dirs: list[str] = option([], "Further folders with utils.")
    outputter_dirs: list[str] = option([], "Further folders with outputters.")

    # -- what commands print ----------------------------------------------------------------------------------
    color: bool = option(True, "Colours on a terminal.")
    output: str | None = option(None, "The outputter, when the command line names none.")
    output_file: str | None = option(None, "The file that commands print to, when the command line names none.")
    state_output: str = option("full", "How much of each state is printed.")
    state_verbose: bool = option(True, "Print states without changes too.")
    state_compress_ids: bool = option(False, "Print the names of one ID that ended the same way as one state.")
    state_output_diff: bool = option(False, "Print only what a state changes.")
    state_output_exclude: list[str] = option([], "States that are not printed.")
    state_output_pct: bool = option(False, "Print percentages in the summary.")
    state_output_profile: bool = option(True, "Print when a state started, and how long it took.")
    state_output_terse: list[str] = option([], "Fields of a state in terse output.")
    state_tabular: bool | str = option(False, "Print terse states in columns.")
    strip_colors: bool = option(True, "Take escape sequences out of what is printed.")
    color_theme: str = option("", "File with colours by name.")
    pillar_mask_output: bool = option(True, "Print `**********` for pillar values.")

    # -- jobs -------------------------------------------------------------------------------------------------
    schedule: dict[str, Any] = option({}, "Jobs by name, each with its function and its times.")


# How the outputter `table` lays out.
TABLE_OPTIONS = frozenset(
    f"out.table.{name}"
    for name in (
        *("rows_key", "labels_key", "separate_rows", "justify"),
        *("delim", "prefix", "suffix", "row_delimiter", "width"),
    )
)

# Folders with further plugins, and what of each kind is not loaded: of effect on both sides, for `salt-call --local`
# and runners find plugins of all kinds. The names are those of `loader.kinds`.
OF_LOADERS = frozenset(
    {
        *(
            f"{name}_dirs"
            for name in (
                *("auth", "beacons", "executor", "grains", "matchers", "module", "outputter", "pillar", "render"),
                *("returner", "runner", "sdb", "serializers", "states", "top", "utils", "wheel"),
            )
        ),
        *(
            f"disable_{name}s"
            for name in (
                *("auth", "beacon", "executor", "grain", "matcher", "module", "output", "pillar", "render"),
                *("returner", "runner", "sdb", "serializer", "state", "top", "util", "wheel"),
            )
        ),
        *("enable_zip_modules", "providers"),
    }
)

# Keys that no daemon reads, but plugins, the state engine and the file client of its workers do: of effect.
BY_WORKERS = (
    TABLE_OPTIONS
    | OF_LOADERS
    | {
        # States, on minions and in `state.orchestrate`.
        *("disabled_requisites", "global_state_conditions", "lock_saltenv", "master_tops_first", "state_aggregate"),
        *("state_auto_order", "state_events", "state_max_parallel", "state_queue", "state_top_saltenv", "test"),
        *("autoload_dynamic_modules", "backup_mode", "minion_jid_queue_hwm", "stateconf_end_marker"),
        # Files and pages from elsewhere.
        *("http_agent", "http_connect_timeout", "http_request_timeout", "user_agent", "verify_ssl", "ca_bundle"),
        *("ca_bundle_url", "no_proxy", "proxy_host", "proxy_password", "proxy_port", "proxy_username"),
        # Plugins, each by its own.
        *("aliases.file", "apache.server-status", "apt.lock_timeout", "ca.cert_base_path", "hosts.file"),
        *("iptables.save_filters", "multi_returner", "nacl.config", "splaytime", "systemd.scope", "vault", "venv_bin"),
        *("x509_signing_policies", "zypper.lock_timeout", "zypper.refreshdb_force"),
        *("environment", "log_datefmt_console", "event_match_type", "pass_to_ext_pillars"),
    }
)
# Known to stock Salt on both sides with the same default; not of effect yet. Type, default (`...`: stock has none).
LATER: dict[str, tuple[str, Any]] = {
    "cache": ("str", "localfs"),
    "cache_sreqs": ("bool", True),
    "cluster_mode": ("bool", False),
    "conf_file": ("str", ""),
    "cython_enable": ("bool", False),
    "decrypt_pillar": ("list", []),
    "disable_aes_with_tls": ("bool", False),
    "discovery": ("dict|bool", False),
    "engines": ("list", []),
    # The older name of `saltenv`, for which it is taken.
    "environment": ("str|None", ...),
    "event_match_type": ("str", "startswith"),
    "ext_job_cache": ("str", ""),
    "failhard": ("bool", False),
    "features": ("dict", {}),
    "file_recv": ("bool", False),
    "file_recv_max_size": ("int", 100),
    "fileserver_backend": ("list", ["roots"]),
    "git_pillar_base": ("any", "master"),
    "git_pillar_branch": ("any", "master"),
    "git_pillar_depth": ("any", 1),
    "git_pillar_disable_saltenv_mapping": ("any", False),
    "git_pillar_env": ("any", ""),
    "git_pillar_fallback": ("any", ""),
    "git_pillar_global_lock": ("bool", True),
    "git_pillar_includes": ("bool", True),
    "git_pillar_insecure_auth": ("bool", False),
    "git_pillar_passphrase": ("str", ""),
    "git_pillar_password": ("str", ""),
    "git_pillar_privkey": ("str", ""),
    "git_pillar_proxy": ("str", ""),
    "git_pillar_pubkey": ("str", ""),
    "git_pillar_ref_types": ("any", ["branch", "tag", "sha"]),
    "git_pillar_refspecs": ("list", ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]),
    "git_pillar_root": ("any", ""),
    "git_pillar_ssl_verify": ("bool", True),
    "git_pillar_update_interval": ("int", 60),
    "git_pillar_user": ("str", ""),
    "gitfs_base": ("any", "master"),
    "gitfs_depth": ("any", 1),
    "gitfs_disable_saltenv_mapping": ("bool", False),
    "gitfs_fallback": ("any", ""),
    "gitfs_global_lock": ("bool", True),
    "gitfs_insecure_auth": ("bool", False),
    "gitfs_mountpoint": ("any", ""),
    "gitfs_passphrase": ("str", ""),
    "gitfs_password": ("any", ""),
    "gitfs_privkey": ("str", ""),
    "gitfs_proxy": ("str", ""),
    "gitfs_pubkey": ("str", ""),
    "gitfs_ref_types": ("list", ["branch", "tag", "sha"]),
    "gitfs_refspecs": ("list", ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]),
    "gitfs_remotes": ("list", []),
    "gitfs_root": ("any", ""),
    "gitfs_saltenv": ("list", []),
    "gitfs_saltenv_blacklist": ("list", []),
    "gitfs_saltenv_whitelist": ("list", []),
    "gitfs_ssl_verify": ("bool", True),
    "gitfs_update_interval": ("int", 60),
    "gitfs_user": ("any", ""),
    "gpg_cache": ("bool", False),
    "gpg_cache_backend": ("str", "disk"),
    "gpg_cache_ttl": ("int", 86400),
    "hgfs_update_interval": ("int", 60),
    "http_connect_timeout": ("float", 20.0),
    "http_max_body": ("int", 107374182400),
    "http_request_timeout": ("float", 3600.0),
    "interface": ("str", "0.0.0.0"),  # noqa: S104  (stock's default; the master's own row is of effect)
    "ipc_mode": ("str", "ipc"),
    "ipc_write_buffer": ("int|str", 0),
    "keys.cache_driver": ("str|None", "localfs_key"),
    "lock_saltenv": ("bool", False),
    "log_fmt_minion_id": ("str|None", "[%(minion_id)s]"),
    "master_sign_key_name": ("str", "master_sign"),
    "master_tops_first": ("bool", False),
    "metrics": ("dict", {"enabled": False}),
    "minionfs_update_interval": ("int", 60),
    "on_demand_ext_pillar": ("list", ["libvirt", "virtkey"]),
    "optimization_order": ("list", [0, 1, 2]),
    "pillar.cache_driver": ("str|None", None),
    "pillar_cache": ("bool", False),
    "pillar_cache_backend": ("str", "disk"),
    "pillar_cache_ttl": ("int", 3600),
    "pillar_opts": ("bool", False),
    "publisher_acl": ("dict", {}),
    "publisher_acl_blacklist": ("dict", {}),
    "range_server": ("str", "range:80"),
    "reactor_niceness": ("int|None", None),
    "reactor_refresh_interval": ("int", 60),
    "reactor_worker_hwm": ("int", 10000),
    "reactor_worker_threads": ("int", 10),
    "roots_update_interval": ("int", 60),
    "s3fs_update_interval": ("int", 60),
    "sock_pool_size": ("int", 1),
    "ssl": ("dict|bool|None", None),
    "state_aggregate": ("any", False),
    "state_auto_order": ("bool", True),
    "state_events": ("bool", False),
    "state_max_parallel": ("int", 0),
    "state_top_saltenv": ("str|None", None),
    "svnfs_update_interval": ("int", 60),
    "test": ("bool", False),
    "thorium_interval": ("any", 0.5),
    "thorium_roots": ("any", {"base": ["/srv/thorium"]}),
    "thorium_top": ("str", "top.sls"),
    "thoriumenv": ("str|None", None),
    "tracing": ("dict", {"enabled": False}),
    "unique_jid": ("bool", False),
    "use_os_truststore": ("bool", False),
    "verify_env": ("bool", True),
    "winrepo_branch": ("any", "master"),
    "winrepo_cachefile": ("str", "winrepo.p"),
    "winrepo_depth": ("any", 1),
    "winrepo_dir": ("str", "/srv/salt/win/repo"),
    "winrepo_dir_ng": ("str", "/srv/salt/win/repo-ng"),
    "winrepo_fallback": ("any", ""),
    "winrepo_insecure_auth": ("bool", False),
    "winrepo_passphrase": ("str", ""),
    "winrepo_password": ("str", ""),
    "winrepo_privkey": ("str", ""),
    "winrepo_proxy": ("str", ""),
    "winrepo_pubkey": ("str", ""),
    "winrepo_refspecs": ("list", ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]),
    "winrepo_remotes": ("list", ["https://github.com/saltstack/salt-winrepo.git"]),
    "winrepo_remotes_ng": ("list", ["https://github.com/saltstack/salt-winrepo-ng.git"]),
    "winrepo_ssl_verify": ("bool", True),
    "winrepo_user": ("str", ""),
    "zmq_filtering": ("bool", False),
}
