"""Every option of the minion: those of effect as typed attributes, the others with stock Salt's type and default."""

from __future__ import annotations

from collections import namedtuple

from trisalt.config.daemon import BY_WORKERS, DaemonConfig
from trisalt.config.daemon import LATER as LATER_ON_BOTH
from trisalt.config.option import option

# What may be said of all git remotes: `gitfs_base`, `git_pillar_base`.
OF_REMOTES = (
    *("base", "fallback", "root", "mountpoint", "ref_types", "disable_saltenv_mapping", "saltenv", "saltenv_whitelist"),
    *("saltenv_blacklist", "user", "password", "insecure_auth", "privkey", "passphrase", "ssl_verify", "proxy"),
    *("update_interval", "refspecs"),
)

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any


class MasterAddress(namedtuple("MasterAddress", ("host", "port"))):
    """Where a master is asked: its host without brackets, and its request port."""

    __slots__ = ()
    host: str
    port: int


class MinionConfig(DaemonConfig):
    """The minion's configuration. Made by `read.read_minion`.

    `masters` is `master`, read: what `host`, `host:port` and `[v6]:port` say, in the order of the file.
    `id_by_function` names the function that gave the id, when one was asked.
    """

    SIDE = "minion"

    masters: list[MasterAddress]
    id_by_function: str

    # -- where ------------------------------------------------------------------------------------------------
    cachedir: str = option("/var/cache/salt/minion", "Files, running jobs, returns not yet sent.")
    pidfile: str = option("/var/run/salt-minion.pid", "Where a minion in the background writes its process id.")
    pki_dir: str = option("/etc/salt/pki/minion", "Folder of the minion's pair and of its master's key.", guards=True)
    sock_dir: str = option("/var/run/salt/minion", "Folder of the minion's event sockets.", guards=True)
    extension_modules: str = option("/var/cache/salt/minion/extmods", "Folder of synced plugins.")
    grains_dirs: list[str] = option([], "Further folders with grains.")
    returner_dirs: list[str] = option([], "Further folders with returners.")
    default_include: str = option("minion.d/*.conf", "Drop-in files read after the main file; relative to its folder.")
    log_file: str = option("/var/log/salt/minion", "The log file; `file:///dev/log` or `udp://host:514` for syslog.")
    append_minionid_config_dirs: list[str] = option(
        [], "Folders that get the id behind them, for several minions on a host."
    )

    # -- who --------------------------------------------------------------------------------------------------
    id: str = option("", "The minion's id; generated from the host's names when unset.")
    id_function: str | dict[str, Any] = option(
        {},
        "The execution function that says the id when none is set: `mod.fun`, or a map of it to its arguments.",
        guards=True,
    )
    minion_id_lowercase: bool = option(False, "Make a generated id lower case.")
    minion_id_remove_domain: str | bool = option(False, "Take the domain (or this one) from a generated id.")
    append_domain: str = option("", "Domain put behind an id that does not end with it.")
    grains: dict[str, Any] = option({}, "Grains of one's own.")
    grains_deep_merge: bool = option(False, "Merge grains of plugins deeply.")
    grains_blacklist: list[str] = option([], "Globs of grains that a minion does not have; its own `grains` stay.")
    grains_cache: bool = option(False, "Start with the grains that were gathered before, while they are young.")
    grains_cache_expiration: int = option(300, "For how many seconds they are.")
    grains_refresh_pre_exec: bool = option(False, "Gather grains anew before each job.")
    grains_refresh_every: int = option(0, "Minutes between gatherings of grains; 0: at start only.")
    enable_fqdns_grains: bool = option(False, "Ask DNS for all names of this host.")
    enable_gpu_grains: bool = option(True, "Look for graphics cards.")
    enable_lspci: bool = option(True, "Ask lspci for them.")

    # -- the master -------------------------------------------------------------------------------------------
    master: list[str] = option(["salt"], "The master, or several: `host`, `host:port` or `[v6]:port`.", guards=True)
    master_port: int = option(4506, "Where masters are asked that name no port.")
    publish_port: int = option(4505, "Where jobs are heard when the master does not say.")
    master_type: str = option(
        "str",
        "`str`: all masters at once; `failover`: one at a time; `distributed`: the one that is the id's; `func`: those "
        "that the function named by `master` gives; `disable`: none.",
    )
    master_uri_format: str = option("default", "`ip_only`: what `master` names are addresses, without ports.")
    master_alive_interval: int = option(0, "Seconds between looks whether the master still answers; 0: heartbeats do.")
    master_failback: bool = option(False, "Under `failover`, go back to the first master when it answers again.")
    master_failback_interval: int = option(0, "Seconds between looks at it; 0: as `master_alive_interval`.")
    master_tries: int = option(-1, "How often the masters are all tried before a minion gives up; -1: for ever.")
    random_master: bool = option(False, "Shuffle the list of masters.")
    master_shuffle: bool = option(False, "The older name of `random_master`.")
    retry_dns: float = option(30.0, "Seconds between tries to find a master's address; at least 1.")
    retry_dns_count: int | None = option(None, "How many such tries there are; unset: no end of them.")
    acceptance_wait_time: float = option(10.0, "Seconds between tries to sign in while the key is pending.")
    acceptance_wait_time_max: float = option(0.0, "When greater, that wait doubles up to this.")
    rejected_retry: bool = option(False, "Keep trying when the master rejected the key.")
    random_reauth_delay: float = option(10.0, "Up to so many seconds before signing in anew after a rotation.")
    random_startup_delay: float = option(0.0, "Up to so many seconds before the first sign-in.")
    auth_timeout: float = option(5.0, "Seconds for one try to sign in.")
    auth_tries: int = option(7, "Tries of one sign-in.")
    request_channel_timeout: float = option(60.0, "Seconds for one try of a request.")
    request_channel_tries: int = option(3, "Tries of a request.")
    return_retry_timer: float = option(5.0, "Least seconds for one try of a return.")
    return_retry_timer_max: float = option(10.0, "Most seconds for one try of a return.")
    return_retry_tries: int = option(3, "Tries of a return before it waits in the spool.")
    recon_default: float = option(1000.0, "Milliseconds before the first reconnect.")
    recon_max: float = option(10000.0, "Milliseconds the wait between reconnects grows to.")
    recon_randomize: bool = option(True, "Draw the first wait between `recon_default` and its sum with `recon_max`.")
    source_interface_name: str = option("", "The interface whose address the minion speaks to masters from.")
    source_address: str = option("", "That address itself, or a name of it.")
    source_ret_port: int = option(0, "The port that it asks from; 0: any.")
    source_publish_port: int = option(0, "The port that it listens to the master from; 0: any.")
    auth_safemode: bool = option(False, "Accepted: a minion does not end because a master did not answer.")
    ping_interval: int = option(0, "Minutes between pings of the master, for firewalls that forget; 0: none.")

    # -- trust ------------------------------------------------------------------------------------------------
    master_finger: str = option("", "Fingerprint the master's key must have.", guards=True)
    verify_master_pubkey_sign: bool = option(
        False, "Take only a master's key that its signing key vouches for.", guards=True
    )
    master_sign_key_name: str = option("master_sign", "Name of that signing key in the key folder.", guards=True)
    always_verify_signature: bool = option(False, "Accepted: a signature that is wanted is looked at each time.")
    encryption_algorithm: str = option("OAEP-SHA1", "How secrets to and from the master are encrypted.", guards=True)
    signing_algorithm: str = option("PKCS1v15-SHA1", "How the master is asked to sign.", guards=True)
    require_signed_publications: bool = option(True, "Run only jobs that the master has signed. Ours.", guards=True)
    minion_sign_messages: bool = option(False, "Sign what is sent to the master.")
    autosign_grains: list[str] = option([], "Grains whose values the hello carries, for `autosign_grains_dir`.")

    # -- jobs -------------------------------------------------------------------------------------------------
    multiprocessing: bool = option(True, "Accepted: every job has a process of its own.")
    process_count_max: int = option(-1, "How many jobs run at once; more wait. -1: no limit.")
    multifunc_ordered: bool = option(False, "Keep the order of several functions in one job.")
    disable_modules: list[str] = option([], "Execution modules that are not loaded.", guards=True)
    disable_returners: list[str] = option([], "Returners that are not loaded.", guards=True)
    enable_zip_modules: bool = option(False, "Load plugins from zip files too.", guards=True)
    whitelist_modules: list[str] = option([], "The only execution modules there are, when not empty.", guards=True)
    whitelist_state_modules: list[str] = option([], "The only state modules there are, when not empty.", guards=True)
    providers: dict[str, Any] = option({}, "Which module stands for another: `pkg: aptpkg`.")
    return_: str | list[str] = option("", "Returners that get every return as well.", key="return")
    module_executors: list[str] = option([], "What runs functions; `direct_call` when empty.")
    cmd_blacklist_glob: list[str] = option([], "Commands that `cmd` refuses, as globs.", guards=True)
    cmd_whitelist_glob: list[str] = option([], "The only commands that `cmd` runs, as globs.", guards=True)
    cmd_safe: bool = option(True, "`cmd.run` and its kin use a shell only where a call asks for one.", guards=True)
    states_dirs: list[str] = option([], "Further folders with states.")
    render_dirs: list[str] = option([], "Further folders with renderers.")
    pub_ret: bool = option(True, "Return what jobs give to the master; False: to returners alone.")
    cache_jobs: bool = option(False, "Keep what each job returned in `minion_jobs` of the cache folder, too.")
    start_event_grains: list[str] = option([], "Grains the start event carries.")
    enable_legacy_startup_events: bool = option(True, "Send `minion_start` beside `salt/minion/<id>/start`.")
    mine_enabled: bool = option(True, "Send the mine to the master.")
    mine_interval: int = option(60, "Minutes between that.")
    mine_functions: dict[str, Any] | list[Any] = option({}, "What is in the mine: functions and their arguments.")
    mine_return_job: bool = option(False, "Return the mine's job to the master.")
    loop_interval: float = option(1.0, "Seconds between looks at what is due.")
    beacons: dict[str, Any] = option({}, "What watches this host, by name.")
    beacons_before_connect: bool = option(False, "Have beacons look before a master is there.")
    scheduler_before_connect: bool = option(False, "Run scheduled jobs before the first sign-in.")
    startup_states: str = option("", "What runs at start: `highstate`, `sls` or `top`.")
    sls_list: list[str] = option([], "The SLS files of `startup_states: sls`.")
    top_file: str = option("", "The top file of `startup_states: top`.")
    pillarenv_from_saltenv: bool = option(False, "Take pillar from the environment of the job's `saltenv`.")
    minion_pillar_cache: bool = option(False, "Keep the pillar that `salt-call` is given, for `salt-call --local`.")
    file_client: str = option("remote", "`remote`: files come from the master; `local`: from this host.")
    file_buffer_size: int = option(262144, "Bytes of a file in one piece.")
    use_master_when_local: bool = option(False, "Talk to the master under `file_client: local` too.")
    sudo_user: str = option("", "The system user jobs run as, through sudo.", guards=True)

    BY_PLUGINS = BY_WORKERS | {
        # Of a minion without a master, and of `salt-call --local`, whose files and pillar are its own.
        *("failhard", "fileserver_backend", "pillar_opts", "pillar_safe_render_error", "on_demand_ext_pillar"),
        *("ext_pillar", "ext_pillar_first", "master_tops", "nodegroups"),
        *("jinja_env", "jinja_sls_env", "jinja_trim_blocks", "jinja_lstrip_blocks"),
        *(f"{of}_{name}" for of in ("gitfs", "git_pillar") for name in OF_REMOTES),
        *("gitfs_remotes", "git_pillar_branch", "git_pillar_env", "git_pillar_includes"),
        # What `status.custom` tells.
        *(
            f"status.{name}.custom"
            for name in (
                "cpuinfo", "cpustats", "diskstats", "diskusage", "loadavg", "meminfo", "netdev", "netstats", "procs",
                "time", "uptime", "version", "vmstats", "w",
            )
        ),
    }  # fmt: skip
    WITHOUT_EFFECT = {
        "auth_retries": "has no effect: a minion asks to be let in for as long as it runs",
        "zmq_filtering": "has no effect: a minion always hears what its master sends to it alone",
    }
    LATER = LATER_ON_BOTH | {
        "add_proxymodule_to_opts": ("bool", ...),
        "auth_retries": ("int", 0),
        "auto_accept": ("bool", True),
        "autoload_dynamic_modules": ("bool", True),
        "autosign_timeout": ("int", 120),
        "backup_mode": ("str", ""),
        "bootstrap_delay": ("int", ...),
        "disabled_requisites": ("str|list", []),
        "global_state_conditions": ("dict|None", None),
        "local": ("bool", False),
        "minion_jid_queue_hwm": ("int", 100),
        "minion_restart_command": ("list", []),
        "modules_max_memory": ("int", -1),
        "no_proxy": ("list", ...),
        "open_mode": ("bool", False),
        "password": ("str|None", None),
        "proxy_host": ("str", ""),
        "proxy_password": ("str", ""),
        "proxy_port": ("int", 0),
        "proxy_username": ("str", ""),
        "proxy_always_alive": ("bool", ...),
        "proxy_deep_merge_pillar_in_opts": ("bool", ...),
        "proxy_keep_alive": ("bool", ...),
        "proxy_keep_alive_interval": ("int", ...),
        "proxy_merge_grains_in_module": ("bool", ...),
        "proxy_merge_pillar_in_opts": ("bool", ...),
        "proxy_merge_pillar_in_opts_strategy": ("str", ...),
        "proxy_mines_pillar": ("bool", ...),
        "resolve_dns_fallback": ("bool", True),
        "resource_pillar_key": ("str", "resources"),
        "rest_timeout": ("int", ...),
        "restart_on_error": ("any", False),
        "salt_cp_chunk_size": ("int", 65536),
        "saltpip_allow_find_links": ("bool", True),
        "saltpip_disable_pip_version_check": ("bool", False),
        "saltpip_no_deps": ("bool", False),
        "saltpip_no_index": ("bool", False),
        "saltpip_use_pythonpath": ("bool", False),
        "sign_pub_messages": ("bool", False),
        "snapper_states": ("bool", False),
        "snapper_states_config": ("str", "root"),
        "ssh_merge_pillar": ("bool", True),
        "ssh_run_pre_flight": ("bool", ...),
        "state_queue": ("bool|int", False),
        "syndic_finger": ("str", ""),
        "syndic_retries": ("int", 3),
        "tcp_authentication_retries": ("int", 5),
        "tcp_pub_port": ("int", 4510),
        "tcp_pull_port": ("int", 4511),
        "tcp_reconnect_backoff": ("float", 1),
        "update_restart_services": ("list", []),
        "update_url": ("bool|str", False),
        "username": ("str|None", None),
        "winrepo_cache_expire_max": ("int", 604800),
        "winrepo_cache_expire_min": ("int", 1800),
        "winrepo_installer_cache_expire": ("int", 0),
        "winrepo_source_dir": ("str", "salt://win/repo-ng/"),
        "zmq_monitor": ("any", True),
    }
