"""Every option of the master: those of effect as typed attributes, the others with stock Salt's type and default."""

from __future__ import annotations

from trisalt.config.daemon import BY_WORKERS, DaemonConfig
from trisalt.config.daemon import LATER as LATER_ON_BOTH
from trisalt.config.names import host_id
from trisalt.config.option import option

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any


# What SaltGUI reads of the configuration, and of it the console of ours what it can.
CONSOLES = frozenset(
    f"saltgui_{name}"
    for name in (
        *("templates", "pages", "public_pillars", "preview_grains", "hide_jobs", "show_jobs", "hide_saltenvs"),
        *("show_saltenvs", "ipnumber_field", "ipnumber_prefix", "motd_txt", "motd_html", "custom_command_help"),
    )
)


class MasterConfig(DaemonConfig):
    """The master's configuration. Made by `read.read_master`."""

    SIDE = "master"

    # -- where ------------------------------------------------------------------------------------------------
    cachedir: str = option("/var/cache/salt/master", "Jobs, grains, pillar, mine, tokens: what a master remembers.")
    pidfile: str = option("/var/run/salt-master.pid", "Where a master in the background writes its process id.")
    pki_dir: str = option("/etc/salt/pki/master", "Folder of the master's and the minions' keys.", guards=True)
    sock_dir: str = option("/var/run/salt/master", "The local door and stock's event sockets.", guards=True)
    extension_modules: str = option("/var/cache/salt/master/extmods", "Folder of synced plugins.")
    runner_dirs: list[str] = option([], "Further folders with runners.")
    default_include: str = option("master.d/*.conf", "Drop-in files read after the main file; relative to its folder.")
    log_file: str = option("/var/log/salt/master", "The log file; `file:///dev/log` or `udp://host:514` for syslog.")
    max_open_files: int = option(100000, "The limit of open files asked for at start, as far as the hard limit allows.")

    # -- the network door -------------------------------------------------------------------------------------
    interface: str = option("0.0.0.0", "The address both ports are bound to; `::` for IPv6.", guards=True)  # noqa: S104
    publish_port: int = option(4505, "Where minions listen for jobs.", guards=True)
    ret_port: int = option(4506, "Where minions ask and return.", guards=True)
    zmq_backlog: int = option(1000, "Connections that may wait to be taken.")
    pub_hwm: int = option(1000, "Publications that may wait for one slow minion.")
    worker_threads: int = option(5, "Worker processes for pillar, runners and wheel functions.")
    request_server_ttl: int = option(0, "Seconds a request's time stamp may be off before it is refused; 0: 300.")
    request_max_size: int = option(67108864, "Bytes a minion's request may have. Ours.", guards=True)
    timeout: float = option(5.0, "Seconds to wait for returns before the minions are asked whether they still run.")
    gather_job_timeout: float = option(10.0, "Seconds to wait for the answers to that question.")
    order_masters: bool = option(False, "This master has syndics below it.")

    zmq_filtering: bool = option(False, "Send lists of ids only to those minions, by ZeroMQ's topics.")

    # -- files from elsewhere ---------------------------------------------------------------------------------
    fileserver_backend: list[str] | str = option(
        ["roots"], "Who serves files, in their order: `roots`, `gitfs`, `minionfs`."
    )
    gitfs_remotes: list[Any] = option([], "Repositories: a URL each, or a URL with a list of its own options.")
    gitfs_base: str = option("master", "The branch or tag that is the environment `base`.")
    gitfs_fallback: str = option("", "The one for environments that have none.")
    gitfs_root: str = option("", "The folder in a repository that is served; all of it when unset.")
    gitfs_mountpoint: str = option("", "Below which `salt://` path it is served.")
    gitfs_ref_types: list[str] = option(["branch", "tag", "sha"], "What may be an environment.")
    gitfs_disable_saltenv_mapping: bool = option(False, "Only `base` and what `saltenv` names are environments.")
    gitfs_saltenv: list[Any] = option([], "Environments with a `ref`, `root` or `mountpoint` of their own.")
    gitfs_saltenv_whitelist: list[str] | str = option([], "The only environments, when not empty.", guards=True)
    gitfs_saltenv_blacklist: list[str] | str = option([], "Branches and tags that are no environments.", guards=True)
    gitfs_refspecs: list[str] | str = option(
        ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"], "What is fetched, as git has it."
    )
    gitfs_user: str = option("", "Who signs in to repositories over HTTP.")
    gitfs_password: str = option("", "With which password.")
    gitfs_insecure_auth: bool = option(False, "Also without encryption.", guards=True)
    gitfs_privkey: str = option("", "The private key that signs in by ssh.")
    gitfs_passphrase: str = option("", "What opens that key.")
    gitfs_ssl_verify: bool = option(True, "Check the certificates of servers.", guards=True)
    gitfs_proxy: str = option("", "The proxy to servers.")
    gitfs_update_interval: int = option(60, "Seconds between two fetches of a repository.")
    minionfs_env: str = option("base", "The environment of files that minions pushed.")
    minionfs_mountpoint: str = option("", "Below which `salt://` path they are served.")
    minionfs_whitelist: list[str] | str = option([], "Whose files are served, when not empty.", guards=True)
    minionfs_blacklist: list[str] | str = option([], "Whose files are not served.", guards=True)

    # -- keys -------------------------------------------------------------------------------------------------
    id: str = option("", "The master's id; generated, with `_master` behind it, when unset.")
    auto_accept: bool = option(False, "Accept every new key.")
    open_mode: bool = option(False, "Accept and overwrite every key. Only to mend a lost key folder.")
    autosign_file: str | None = option(None, "File of ids, globs or expressions whose new keys are accepted.")
    autosign_timeout: int = option(120, "Minutes a file in `minions_autosign/` is good for.")
    autosign_grains_dir: str | None = option(None, "Folder with a file of values per grain, that sign a new key on.")
    autoreject_file: str | None = option(None, "Ids, globs or expressions whose new keys are rejected.", guards=True)
    max_minions: int = option(0, "How many minions may be signed in; 0: no limit.", guards=True)
    minimum_auth_version: int = option(3, "The oldest protocol version a minion may sign in with.", guards=True)
    sign_pub_messages: bool = option(True, "Sign every publication.", guards=True)
    publish_signing_algorithm: str = option("PKCS1v15-SHA1", "How publications are signed.", guards=True)
    master_sign_pubkey: bool = option(False, "Sign the master's public key with a further key pair.", guards=True)
    master_sign_key_name: str = option("master_sign", "Name of that pair in the key folder.")
    publish_session: int = option(86400, "Seconds after which the shared key is replaced.")
    rotate_aes_key: bool = option(True, "Replace the shared key when a key is deleted or rejected.", guards=True)
    ping_on_rotate: bool = option(False, "Ping all minions after that, so that they sign in at once.")
    preserve_minion_cache: bool = option(False, "Keep what is known of a minion whose key is deleted.")
    allow_minion_key_revoke: bool = option(True, "Let a minion give up its own key.")
    auth_events: bool = option(True, "Tell of every sign-in as `salt/auth`.")

    key_pass: str | None = option(None, "What the master's private key is encrypted with.", guards=True)
    signing_key_pass: str | None = option(None, "What the signing key is encrypted with.", guards=True)
    master_use_pubkey_signature: bool = option(False, "Take that signature from a file made elsewhere.", guards=True)
    master_pubkey_signature: str | None = option(None, "Name of that file; `<id>_pubkey_signature` when unset.")
    require_minion_sign_messages: bool = option(False, "Refuse what minions do not sign.", guards=True)
    drop_messages_signature_fail: bool = option(False, "Refuse what minions sign wrongly.", guards=True)

    # -- jobs -------------------------------------------------------------------------------------------------
    keep_jobs: float = option(24.0, "The same in hours: an older name, heeded when the newer one is not set.")
    keep_jobs_seconds: int = option(86400, "How long jobs are remembered.")
    keep_events_seconds: int = option(604800, "How long events are remembered; 0: for ever. Ours.")
    store_max_bytes: int = option(4294967296, "How big trisalt.db may grow: then the oldest goes; 0: no bound. Ours.")
    job_cache_store_endtime: bool = option(False, "Remember when a job ended.")
    job_cache: bool = option(True, "Keep returns; False: they go a minute after their job has ended.", guards=True)
    master_job_cache: str = option(
        "local_cache", "A returner that is told of each job and return as well, on the master."
    )
    ext_job_cache: str = option("", "A returner that minions give every return to as well; it is told of each job.")
    reactor: list[Any] | str = option(
        [], "Which SLS files an event wakes: maps of a tag's glob to files, or a file of them."
    )
    reactor_worker_threads: int = option(10, "Reactions that run at once.")
    reactor_worker_hwm: int = option(
        10000, "Events, and reactions, that may wait for that; more are dropped, and counted."
    )
    reactor_max_depth: int = option(32, "Reactions that may lead one to the other before it is a loop; 0: any. Ours.")
    event_return: str | list[str] = option("", "Returners that are given the master's events.")
    event_return_queue: int = option(0, "Events that are given together; 0: each as soon as it can be.")
    event_return_queue_max_seconds: int = option(0, "Seconds that events wait for others; 0: until they are so many.")
    event_return_whitelist: list[str] = option([], "Tags that are given, as globs or expressions; all when empty.")
    event_return_blacklist: list[str] = option([], "Tags that are not given.")
    minion_data_cache: bool = option(True, "Remember grains, pillar and mine of each minion; targets need it.")
    minion_data_cache_events: bool = option(True, "Tell of new grains or pillar as `minion/refresh/<id>`.")
    pillar_cache: bool = option(False, "Give a minion its last pillar again, until it asks for a new one.")
    pillar_cache_ttl: int = option(3600, "For how many seconds a pillar is given again.")
    queue_offline: str = option("", "Jobs wait so long for minions that are away (24h), as with `--durable`. Ours.")
    loop_interval: float = option(60.0, "Seconds between looks at what is due in the house.")

    unique_jid: bool = option(False, "Put the process id behind every job id.")

    # -- who may what -----------------------------------------------------------------------------------------
    client_acl_verify: bool = option(
        True, "Keys of stock's commands only for accounts of this host, which are gone through."
    )
    publisher_acl: dict[str, Any] = option({}, "What system users may run.")
    publisher_acl_blacklist: dict[str, Any] = option({}, "Users and functions that are always refused.", guards=True)
    sudo_acl: bool = option(False, "Who comes as root by sudo may what `publisher_acl` lets the account.", guards=True)
    external_auth: dict[str, Any] = option(
        {}, "What users may run for whom a backend vouches: pam, ldap, file, oidc and their kin."
    )
    permissive_acl: bool = option(False, "Who has an entry of their own in `external_auth` gets that of `*` too.")
    sharedsecret: str = option("", "The password of everybody, for the backend sharedsecret.")
    token_expire: int = option(43200, "Seconds that a token is good for.", guards=True)
    totp: bool = option(
        False, "Second factors: who has set one up shows a code besides the password. Ours.", guards=True
    )
    token_expire_user_override: bool | dict[str, Any] = option(
        False, "Who may choose how long a token is good for: all, or users by backend.", guards=True
    )
    token_file: str = option("~/.salt_token", "Where `salt -T` keeps a user's token.")
    keep_acl_in_token: bool = option(False, "A token keeps the permissions of the time when it was made.")
    peer: dict[str, Any] = option({}, "What minions may publish to others: minion expression to function expressions.")
    peer_run: dict[str, Any] = option({}, "Which runners minions may run: minion expression to function expressions.")
    mine_get: dict[str, Any] = option({}, "Which minions may read what of the mine: id expression to functions.")
    nodegroups: dict[str, Any] = option({}, "Names for compound targets.")
    event_visibility: str = option(
        "permitted",
        "Events of which jobs are shown: permitted, own or all; `.*` and `@events` see all. Ours.",
        guards=True,
    )
    masked_arguments: str = option("", "Expression for keywords that job lists hide; else passwords and such. Ours.")

    # -- what consoles tell -----------------------------------------------------------------------------------
    console_minion_down_seconds: float = option(300.0, "A minion that is away for longer needs attention. Ours.")
    console_job_runs_seconds: float = option(600.0, "A job that runs for longer needs attention. Ours.")
    console_advisories: str = option("", "A file of advisories, which issues are made of where they fit minions. Ours.")
    compliance_interval: float = option(0.0, "Seconds between two tests of all highstates; 0: none. Ours.")
    compliance_batch: int = option(50, "How many minions are tested at a time. Ours.")

    # -- who is here ------------------------------------------------------------------------------------------
    presence_heartbeat: int = option(60, "Seconds between the signs of life of minions of ours; 0: only when asked.")
    presence_events: bool = option(False, "Tell who is here, and who came and went, every `loop_interval` seconds.")

    master_stats: bool = option(False, "Tell how often what was asked, and how long its answers took.")
    master_stats_event_iter: int = option(60, "Seconds between two of these events.")

    # -- files, pillar, commands ------------------------------------------------------------------------------
    file_buffer_size: int = option(1048576, "Bytes of a file in one answer.")
    file_recv: bool = option(False, "Let minions send files to the master.")
    file_recv_max_size: int = option(100, "Megabytes such a file may have.", guards=True)
    ext_pillar: list[Any] = option([], "Further sources of pillar, in order.")
    ext_pillar_first: bool = option(False, "Ask these before the pillar files.")
    on_demand_ext_pillar: list[str] = option(["libvirt", "virtkey"], "Those that a minion may ask for.", guards=True)
    git_pillar_base: str = option("master", "The branch of git pillars that is the environment `base`.")
    git_pillar_branch: str = option("master", "The branch of entries that are a URL and nothing else.")
    git_pillar_env: str = option("", "The environment of all of them, whatever their branches are called.")
    git_pillar_root: str = option("", "The folder in a repository that the pillar is in.")
    git_pillar_fallback: str = option("", "The branch for entries whose own there is not.")
    git_pillar_includes: bool = option(True, "Those of one environment may include each other's files.")
    git_pillar_refspecs: list[str] | str = option(
        ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"], "What is fetched of them, as git has it."
    )
    git_pillar_user: str = option("", "Who signs in to their repositories over HTTP.")
    git_pillar_password: str = option("", "With which password.")
    git_pillar_insecure_auth: bool = option(False, "Also without encryption.", guards=True)
    git_pillar_privkey: str = option("", "The private key that signs in by ssh.")
    git_pillar_passphrase: str = option("", "What opens that key.")
    git_pillar_ssl_verify: bool = option(True, "Check the certificates of servers.", guards=True)
    git_pillar_proxy: str = option("", "The proxy to servers.")
    git_pillar_update_interval: int = option(60, "Seconds between two fetches of a repository.")
    pillar_opts: bool = option(False, "Put the master's options into each pillar, as `master`.")
    pillar_safe_render_error: bool = option(True, "Tell minions that pillar failed, but not why.", guards=True)
    jinja_env: dict[str, Any] = option({}, "Options of the Jinja environment for templates.")
    jinja_sls_env: dict[str, Any] = option({}, "Options of the Jinja environment for SLS files.")
    jinja_trim_blocks: bool = option(False, "Jinja's `trim_blocks` for SLS files.")
    jinja_lstrip_blocks: bool = option(False, "Jinja's `lstrip_blocks` for SLS files.")
    master_tops: dict[str, Any] = option({}, "Plugins that say what is in a minion's top file.")
    cli_summary: bool = option(False, "`salt` prints a summary.")
    batch_safe_limit: int = option(0, "`salt` makes a batch of what is for so many minions or more; 0: never.")
    batch_safe_size: int | str = option(8, "How many minions at a time then: a number, or 25%.")
    show_jid: bool = option(False, "`salt` prints the job id.")
    show_timeout: bool = option(True, "`salt` prints the minions that did not return.")
    failhard: bool = option(False, "A batch ends after the first minion that fails.")
    key_logfile: str = option("/var/log/salt/key", "The log of `salt-key`.")

    # -- the web ----------------------------------------------------------------------------------------------
    rest_trisalt: dict[str, Any] | None = option(
        None, "The REST API and the console: address, certificate, limits. Ours."
    )
    rest_cherrypy: dict[str, Any] | None = option(None, "The same, under the name it has with stock Salt.")
    halite: dict[str, Any] = option({}, "The web console: its address, port and certificate.")
    netapi_enable_clients: list[str] | None = option(
        None,
        "What the API may do: local, runner, wheel and their kin; unset: all, once `external_auth` names somebody.",
    )
    console_templates: dict[str, Any] = option({}, "Commands that the console has ready, by name. Ours.")
    console_motd: str = option("", "What the console says before one signs in. Ours.")
    console_confirm_above: int = option(50, "For more minions than that the console asks once more. Ours.")
    api_by_master: bool = option(True, "The master starts `salt-api` itself, if it is configured; or init does. Ours.")
    api_logfile: str = option("/var/log/salt/api", "The log of `salt-api`.")
    api_pidfile: str = option("/var/run/salt-api.pid", "Where a `salt-api` in the background writes its process id.")

    @property
    def asks_for_api(self) -> bool:
        """Whether a REST API or a console is configured at all."""
        return self.rest_trisalt is not None or self.rest_cherrypy is not None or bool(self.halite)

    def late(self, name: str) -> Any:
        """The master's id, when none is configured: made on first use, since finding the host's names may take long."""
        if name != "id":
            raise AttributeError(name)
        self.__dict__["id"] = self.opts["id"] = f"{host_id(self.config_dir, self.minion_id_caching)}_master"
        return self.__dict__["id"]

    # `return` is heeded by `salt`: the returners of what it sends.
    # The others are of the master's own grains, which runners see.
    BY_PLUGINS = (
        BY_WORKERS
        | CONSOLES
        | {"auth.pam.service", "return"}
        | {
            "enable_gpu_grains",
            "enable_fqdns_grains",
            "enable_lspci",
            "grains",
            "grains_blacklist",
            "grains_deep_merge",
        }
    )
    WITHOUT_EFFECT = {
        "auth_mode": "has no effect: a minion's token goes back beside the shared key, where every minion looks for it",
        "gitfs_provider": "has no effect: repositories are read by the command git",
        "git_pillar_provider": "has no effect: repositories are read by the command git",
    }
    LATER = LATER_ON_BOTH | {
        "archive_jobs": ("bool", False),
        "auth_events_autosign_grains": ("list", ...),
        "auth_events_pend_autosign_grains": ("any", False),
        "auth_mode": ("int", 1),
        "client_acl_verify": ("bool", True),
        "cluster_auto_replace_voters": ("bool", False),
        "cluster_demote_cooldown": ("float", 60.0),
        "cluster_encryption_algorithm": ("str", "OAEP-SHA1"),
        "cluster_id": ("str|None", None),
        "cluster_isolated_filesystem": ("bool", False),
        "cluster_key_pass": ("str|None", None),
        "cluster_max_log_size": ("int|None", None),
        "cluster_max_voters": ("int|None", None),
        "cluster_min_voters": ("int", 3),
        "cluster_peers": ("list", []),
        "cluster_pki_dir": ("str|None", None),
        "cluster_pool_port": ("int", 4520),
        "cluster_pub_fingerprint": ("str|None", None),
        "cluster_secret": ("str|None", None),
        "cluster_voter_health_check_interval": ("float", 1.0),
        "cluster_voter_timeout": ("float", 10.0),
        "con_cache": ("bool", False),
        "detect_remote_minions": ("bool", False),
        "django_auth_path": ("str", ""),
        "django_auth_settings": ("str", ""),
        "dummy_pub": ("any", False),
        "eauth_acl_module": ("str", ""),
        "eauth_tokens": ("str", "localfs"),
        "eauth_tokens.cache_driver": ("str|None", None),
        "eauth_tokens.cluster_id": ("str|None", None),
        "enable_gpu_grains": ("bool", False),
        "enable_ssh_minions": ("bool", False),
        "enforce_mine_cache": ("any", False),
        "event_publisher_niceness": ("int|None", None),
        "event_return_niceness": ("int|None", None),
        "file_client": ("str", "local"),
        "fileserver_events": ("bool", False),
        "fileserver_interval": ("int", 3600),
        "fileserver_update_niceness": ("int|None", None),
        "fileserver_verify_config": ("bool", True),
        "git_pillar_provider": ("str", ...),
        "git_pillar_verify_config": ("bool", True),
        "gitfs_provider": ("str", ...),
        "hgfs_base": ("str", "default"),
        "hgfs_branch_method": ("str", "branches"),
        "hgfs_mountpoint": ("str", ""),
        "hgfs_remotes": ("list", []),
        "hgfs_root": ("str", ""),
        "hgfs_saltenv_blacklist": ("list", []),
        "hgfs_saltenv_whitelist": ("list", []),
        "key_cache": ("str", ""),
        "local": ("bool", True),
        "maintenance_interval": ("int", 3600),
        "maintenance_niceness": ("int|None", None),
        "master_async_mworker": ("bool", False),
        "master_mworker_max_inflight": ("int", 0),
        "master_roots": ("dict", {"base": ["/srv/salt-master"]}),
        "memcache_debug": ("bool", False),
        "memcache_expire_seconds": ("int", 0),
        "memcache_full_cleanup": ("bool", False),
        "memcache_max_items": ("int", 1024),
        "min_extra_mods": ("str", ""),
        "minionfs_blacklist": ("list", []),
        "minionfs_env": ("str", "base"),
        "minionfs_mountpoint": ("str", ""),
        "minionfs_whitelist": ("list", []),
        "mworker_niceness": ("int|None", None),
        "mworker_queue_niceness": ("int|None", None),
        "netapi_allow_raw_shell": ("bool", False),
        "netapi_enable_clients": ("list", []),
        "pass_dir": ("str", ""),
        "pass_gnupghome": ("str", ""),
        "pass_strict_fetch": ("bool", False),
        "pass_to_ext_pillars": ("str|list", ...),
        "pass_variable_prefix": ("str", ""),
        "pillar_version": ("int", 2),
        "pub_server_niceness": ("int|None", None),
        "pub_server_write_queue_size": ("int", 10000),
        "publish_drain_timeout": ("float", 60.0),
        "publish_timeout": ("any", 30),
        "queue_dirs": ("list", []),
        "regen_thin": ("any", False),
        "remote_minions_port": ("int", 22),
        "req_server_niceness": ("int|None", None),
        "request_server_aes_session": ("int", 0),
        "rest_cherrypy": ("dict", ...),
        "rest_tornado": ("dict", ...),
        "roster": ("str", ...),
        "roster_file": ("str|None", ...),
        "runner_returns": ("bool", True),
        "salt_cp_chunk_size": ("int", 98304),
        "search": ("str", ""),
        "serial": ("str", "msgpack"),
        "sqlite_queue_dir": ("str", "/var/cache/salt/master/queues"),
        "ssh_config_file": ("str", "/root/.ssh/config"),
        "ssh_identities_only": ("bool", False),
        "ssh_keepalive": ("bool", True),
        "ssh_keepalive_count_max": ("int", 3),
        "ssh_keepalive_interval": ("int", 60),
        "ssh_list_nodegroups": ("dict", {}),
        "ssh_log_file": ("str", "/var/log/salt/ssh"),
        "ssh_passwd": ("str", ""),
        "ssh_minion_opts": ("dict", ...),
        "ssh_port": ("str|int", "22"),
        "ssh_priv_passwd": ("any", ""),
        "ssh_scan_ports": ("str|int", "22"),
        "ssh_scan_timeout": ("float", 0.01),
        "ssh_sudo": ("bool", False),
        "ssh_sudo_user": ("str", ""),
        "ssh_timeout": ("float", 60),
        "ssh_use_home_key": ("bool", False),
        "ssh_user": ("str", "root"),
        "svnfs_branches": ("str", "branches"),
        "svnfs_mountpoint": ("str", ""),
        "svnfs_remotes": ("list", []),
        "svnfs_root": ("str", ""),
        "svnfs_saltenv_blacklist": ("list", []),
        "svnfs_saltenv_whitelist": ("list", []),
        "svnfs_tags": ("str", "tags"),
        "svnfs_trunk": ("str", "trunk"),
        "syndic_event_forward_timeout": ("float", 0.5),
        "syndic_failover": ("str", "random"),
        "syndic_forward_all_events": ("bool", False),
        "syndic_jid_forward_cache_hwm": ("int", 100),
        "syndic_log_file": ("any", "/var/log/salt/syndic"),
        "syndic_master": ("str|list", "masterofmasters"),
        "syndic_master_port": ("int", ...),
        "syndic_pidfile": ("any", "/var/run/salt-syndic.pid"),
        "syndic_wait": ("int", 5),
        "tcp_master_pub_port": ("int", 4512),
        "tcp_master_publish_pull": ("int", 4514),
        "tcp_master_pull_port": ("int", 4513),
        "tcp_master_workers": ("int", 4515),
        "thin_exclude_saltexts": ("bool", False),
        "thin_extra_mods": ("str", ""),
        "thin_saltext_allowlist": ("list|None", None),
        "thin_saltext_blocklist": ("list", []),
        "worker_pools": ("dict", {}),
        "worker_pools_enabled": ("bool", True),
        "zmq_monitor": ("any", False),
    }
