"""Keys of stock Salt that have no effect here, and why: the end of the sentence that an operator reads at the start.

Read only when a file sets one of them. A key that is of effect on the other daemon needs no row: that is said of it.
"""

from __future__ import annotations

# What is not here at all.
_ABSENT: dict[str, tuple[str, ...]] = {
    "is for the transports tcp and ws, which are not spoken here": (
        *("ssl", "disable_aes_with_tls", "tcp_authentication_retries", "tcp_reconnect_backoff"),
        *("pub_server_write_queue_size", "publish_drain_timeout"),
    ),
    "is for sockets of TCP on one host; here they are unix sockets": (
        *("ipc_mode", "tcp_pub_port", "tcp_pull_port", "tcp_master_pub_port", "tcp_master_publish_pull"),
        *("tcp_master_pull_port", "tcp_master_workers"),
    ),
    "is for salt-syndic, which is not here": ("syndic_*",),
    "is for salt-ssh, which is not here": (
        *("ssh_*", "thin_*", "min_extra_mods", "regen_thin", "roster", "roster_file", "enable_ssh_minions"),
        *("netapi_allow_raw_shell", "detect_remote_minions", "remote_minions_port"),
    ),
    "is for proxy minions, which are not here": ("proxy_*", "add_proxymodule_to_opts", "log_fmt_minion_id"),
    "is for resources of minions, which are not here": ("resource_pillar_key",),
    "is for clusters of masters, which are not here": ("cluster_*",),
    "is for Windows, where no minion of ours runs": ("winrepo_*",),
    "is for a file server that is not here": ("hgfs_*", "svnfs_*", "s3fs_*"),
    "is for engines, which are not here": ("engines",),
    "is for Thorium, which is not here": ("thorium*", "master_roots"),
    "is for runners and states of queues, which are not here": ("sqlite_queue_dir",),
    "is for the renderer pass, which is not here": ("pass_*",),
    "is for logins by Django, which are not here": ("django_*",),
    "is for plugins of a kind that is not here": (
        *("cache_dirs", "clouds_dirs", "engines_dirs", "fileserver_dirs", "log_handlers_dirs", "queue_dirs"),
        *("resources_dirs", "roster_dirs", "thorium_dirs", "tokens_dirs", "wrapper_dirs"),
    ),
    "is for salt-pip, which is not here": ("saltpip_*",),
    "is for the module snapper, which is not here": ("snapper_*",),
    "is for the module minion, which is not here": ("minion_restart_command",),
    "is for updates by esky, which are not here": ("update_url", "update_restart_services"),
    "is for another REST API; rest_cherrypy and rest_trisalt configure ours": ("rest_tornado",),
    "is for Cython, which is not used here": ("cython_enable",),
}

# What needs no key, or is done in another way.
_OTHERWISE: dict[str, tuple[str, ...]] = {
    "has no effect: all that is remembered is in the master's database": (
        *("cache", "pillar.cache_driver", "pillar_cache_backend", "memcache_*", "key_cache"),
    ),
    "has no effect: keys are files of pki_dir": ("keys.cache_driver",),
    "has no effect: tokens are in the master's database": ("eauth_tokens", "eauth_tokens.*"),
    "has no effect: the master knows who is connected": ("con_cache",),
    "has no effect: everything in a master runs in one process, but for workers": (
        *("*_niceness", "worker_pools", "worker_pools_enabled", "master_async_mworker", "sock_pool_size"),
        "master_mworker_max_inflight",
    ),
    "has no effect: files are looked at when somebody asks for them": (
        *("fileserver_interval", "fileserver_events", "fileserver_verify_config", "roots_update_interval"),
        "minionfs_update_interval",
    ),
    "has no effect: each thing is done when it is due": ("maintenance_interval",),
    "has no effect: which repositories there are is seen at the start": ("git_pillar_verify_config",),
    "has no effect: what a repository is given is git's own configuration": (
        *("gitfs_pubkey", "gitfs_depth", "gitfs_global_lock"),
        *("git_pillar_pubkey", "git_pillar_depth", "git_pillar_global_lock"),
    ),
    "has no effect: a git pillar says which branch it is, or __env__": (
        *("git_pillar_disable_saltenv_mapping", "git_pillar_ref_types"),
    ),
    "has no effect: what is encrypted is opened each time": ("gpg_cache*",),
    "has no effect: the reactor has no cache of its own": ("reactor_refresh_interval",),
    "has no effect: commands come in by a socket of the host, and wait as long as they are told": (
        *("publish_timeout", "rest_timeout"),
    ),
    "has no effect: connections are always watched": ("zmq_monitor",),
    "has no effect: events of sign-ins do not carry grains": ("auth_events_autosign_grains",),
    "has no effect: permissions are external_auth's and publisher_acl's": ("eauth_acl_module",),
    "has no effect: a mine is always what its minion sent last": ("enforce_mine_cache",),
    "has no effect: minions know one kind of pillar, which only they can open": ("pillar_version",),
    "has no effect: masters are named, and not looked for": ("discovery",),
    "has no effect: ranges are worked out without a server": ("range_server",),
    "has no effect: the wire is msgpack": ("serial",),
    "has no effect: folders are made where they are missing": ("verify_env",),
    "has no effect: what features switch on is on": ("features",),
    "has no effect: no module is loaded in the daemon": ("modules_max_memory",),
    "has no effect: Python compiles plugins as it is told to": ("optimization_order",),
    "has no effect: certificates are checked as Python does": ("use_os_truststore",),
    "has no effect: a page is not bounded": ("http_max_body",),
    "has no effect: metrics_port is for Prometheus": ("metrics",),
    "has no effect: the log and trisalt/req/* tell what each request took": ("tracing",),
    "has no effect: an event has max_event_size bytes": ("ipc_write_buffer",),
    "has no effect: a master's files are its own": ("file_client",),
    "has no effect: pieces have file_buffer_size bytes": ("salt_cp_chunk_size",),
    "is what was read, and not heeded in a file": ("conf_file", "local"),
}

# What stock Salt 3008.3 itself knows, and reads nowhere, or only what is no longer part of it.
_IDLE = (
    *("archive_jobs", "auth_events_pend_autosign_grains", "bootstrap_delay", "cache_sreqs", "dummy_pub"),
    *("request_server_aes_session", "resolve_dns_fallback", "restart_on_error", "runner_returns"),
    *("search", "password", "username"),
)

# What stock Salt does not declare: keys of older releases, and some that it reads all the same.
_NOTHING = "has no effect, here or with stock Salt 3008"
_UNDECLARED = {
    **dict.fromkeys(
        (
            *("sub_timeout", "dns_check", "salt_event_pub_hwm", "event_publisher_pub_hwm", "pillar_gitfs_ssl_verify"),
            *(
                "yaml_utf8",
                "fileserver_limit_traversal",
                "ioflo_verbose",
                "ioflo_period",
                "ioflo_realtime",
                "raet_port",
            ),
            *("minion_floscript", "master_floscript", "mworker_hwm", "files_remotes"),
        ),
        _NOTHING,
    ),
    "use_superseded": "has no effect: functions take their older and their newer form",
    "use_deprecated": "has no effect: functions take their older and their newer form",
    "rosters": "is for salt-ssh, which is not here",
    "roster_defaults": "is for salt-ssh, which is not here",
    "fileserver_list_cache_time": "has no effect: files are looked at when somebody asks for them",
    "ext_processes": "has no effect: a master needs no further processes",
    "lazy_loader_strict_matching": "has no effect: a file is looked into before it is loaded",
}

_WHY = {key: why for table in (_ABSENT, _OTHERWISE) for why, keys in table.items() for key in keys}
_WHY |= dict.fromkeys(_IDLE, _NOTHING)

# What a key was called once: whoever still says so has to be told, for it may be a wall.
RENAMED = {
    "client_acl": "publisher_acl",
    "client_acl_blacklist": "publisher_acl_blacklist",
}


def reason(key: str) -> str | None:
    """Why a key has no effect."""
    if key in _WHY or key in _UNDECLARED:
        return _WHY.get(key) or _UNDECLARED[key]
    for pattern, why in _WHY.items():
        if pattern.endswith("*") and key.startswith(pattern[:-1]):
            return why
        if pattern.startswith("*") and key.endswith(pattern[1:]):
            return why
    return None
