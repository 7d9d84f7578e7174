"""The options that a running minion has used up: SIGHUP says of them that they wait for a restart.

All others are read where they are needed, by workers mostly, or `daemon` takes them anew.
"""

AT_START_ONLY = frozenset(
    {
        # Who it is, and where.
        *(
            "id",
            "id_function",
            "user",
            "root_dir",
            "pki_dir",
            "cachedir",
            "sock_dir",
            "keysize",
            "hash_type",
            "pidfile",
        ),
        *("file_client", "use_master_when_local", "saltenv", "pillarenv"),
        # Its masters, and how it speaks to them.
        *("ipv6", "master", "master_port", "master_type", "master_tries", "master_uri_format", "publish_port"),
        *("random_master", "retry_dns", "retry_dns_count", "random_reauth_delay", "random_startup_delay"),
        *("encryption_algorithm", "signing_algorithm", "master_finger", "verify_master_pubkey_sign"),
        *("require_signed_publications", "minion_sign_messages", "autosign_grains", "rejected_retry"),
        *("acceptance_wait_time", "acceptance_wait_time_max", "auth_timeout", "auth_tries", "ping_interval"),
        *("source_interface_name", "source_address", "source_ret_port", "source_publish_port"),
        *("recon_default", "recon_max", "recon_randomize", "request_channel_timeout", "request_channel_tries"),
        *("tcp_keepalive", "tcp_keepalive_cnt", "tcp_keepalive_idle", "tcp_keepalive_intvl"),
        *("zmq_heartbeat_ivl", "zmq_heartbeat_timeout"),
        # What it does.
        *("return", "return_retry_timer", "return_retry_timer_max", "return_retry_tries", "pub_ret", "cache_jobs"),
        *("process_count_max", "minion_jid_queue_hwm", "module_executors", "multifunc_ordered", "sudo_user"),
        *("grains_refresh_every", "grains_refresh_pre_exec", "beacons_before_connect", "scheduler_before_connect"),
        *("startup_states", "sls_list", "top_file", "start_event_grains", "enable_legacy_startup_events"),
        *("loop_interval", "max_event_size", "metrics_address", "metrics_port"),
        # Its log, but for the levels.
        *("log_file", "log_rotate_max_bytes", "log_rotate_backup_count"),
        *("log_fmt_console", "log_fmt_logfile", "log_fmt_jid", "log_datefmt", "log_datefmt_logfile", "log_format"),
    }
)
