import os
import stat
import subprocess
import sys
from contextlib import nullcontext
from glob import glob

import pytest

from trisalt.config.names import generated_id, host_id, with_domain, without_domain
from trisalt.config.paths import below, master_paths, minion_paths
from trisalt.config.read import _matching, config_file, parse_master, read_master, read_minion
from trisalt.errors import ConfigError


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in ("SALT_CONFIG_DIR", "SALT_MASTER_CONFIG", "SALT_MINION_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def master(tmp_path):
    def write(text="", **drop_ins):
        (tmp_path / "master").write_text(text)
        (tmp_path / "master.d").mkdir(exist_ok=True)
        for name, content in drop_ins.items():
            (tmp_path / "master.d" / f"{name}.conf").write_text(content)
        return read_master(tmp_path)

    return write


# -- what is read ------------------------------------------------------------------------------------------------


def test_without_a_file_the_defaults_hold(tmp_path):
    config = read_master(tmp_path / "none")
    assert (config.publish_port, config.ret_port, config.timeout, config.auto_accept) == (4505, 4506, 5.0, False)
    assert config.file_roots == {"base": ["/srv/salt", "/srv/spm/salt"]}
    assert config.warnings == []
    assert config.conf_file == str(tmp_path / "none" / "master")


def test_drop_ins_are_merged_with_one_another_and_go_over_the_main_file(master):
    config = master(
        "timeout: 3\nnodegroups: {main: a}\nfile_roots: {base: [/main]}\n",
        a="timeout: 7\nnodegroups: {a: x}\nfile_roots: {base: [/a]}\n",
        b="nodegroups: {b: y}\nfile_roots: {base: [/b], dev: [/d]}\n",
    )
    assert config.timeout == 7
    assert config.nodegroups == {"a": "x", "b": "y"}
    assert config.file_roots == {"base": ["/a", "/b"], "dev": ["/d"]}


def test_includes_come_after_drop_ins_and_are_relative_to_their_file(tmp_path, master):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "one").write_text("timeout: 11\ninclude: two\n")
    (tmp_path / "more" / "two").write_text("gather_job_timeout: 12\ninclude: one\n")
    config = master("include: [more/one, nosuch, 'none/*.conf']\n", a="timeout: 7\n")
    assert (config.timeout, config.gather_job_timeout) == (11, 12)
    circle, *missing = config.warnings
    assert "circle" in circle
    assert [str(tmp_path / "nosuch") in missing[0], str(tmp_path / "none/*.conf") in missing[1]] == [True, True]


@pytest.mark.parametrize(
    "pattern", ["d/*.conf", "d/*", "*/a.conf", "d/[ab].conf", "d/?.conf", "nosuch/*.conf", "d/*.c*"]
)
def test_a_pattern_names_what_globs_name(tmp_path, monkeypatch, pattern):
    (tmp_path / "d").mkdir()
    for name in ("b.conf", "a.conf", ".hidden.conf", "c.txt", "a.conf.bak"):
        (tmp_path / "d" / name).write_text("")
    for wanted in (pattern, str(tmp_path / pattern)):
        monkeypatch.chdir(tmp_path)
        assert _matching(wanted) == sorted(glob(wanted))


def test_the_command_line_goes_over_all_files(tmp_path, master):
    master("log_level: info\n", a="log_level: error\n")
    assert read_master(tmp_path, {"log_level": "debug"}).log_level == "debug"


def test_a_level_that_is_none_is_told_and_not_used(master):
    config = master("log_level: loud\nlog_level_logfile: Info\n")
    assert (config.log_level, config.log_level_logfile) == ("warning", "Info")
    (told,) = config.warnings
    assert told.endswith("log_level: 'loud' is no level of the log; the default, 'warning', is used")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "/etc/salt/master"),
        ({"SALT_CONFIG_DIR": "/a"}, "/a/master"),
        ({"SALT_CONFIG_DIR": "/a", "SALT_MASTER_CONFIG": "/b/c"}, "/b/c"),
        ({"SALT_MINION_CONFIG": "/b/c"}, "/etc/salt/master"),
    ],
)
def test_the_environment_says_where_unless_the_command_line_does(monkeypatch, environment, expected):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert config_file("master") == expected
    assert config_file("master", "/x") == "/x/master"


# -- what is wrong -----------------------------------------------------------------------------------------------


def test_broken_yaml_names_the_file_and_the_line(tmp_path, master):
    with pytest.raises(ConfigError, match=r"Error parsing configuration file: .*/master - line 3: "):
        master("timeout: 5\n\nnodegroups: a: b\n")
    master("")
    with pytest.raises(ConfigError, match=r"/master\.d/a\.conf - line 1: "):
        master("", a="a: b: c")


def test_text_instead_of_a_map_is_refused(master):
    with pytest.raises(ConfigError, match=r"conf should be a document, not <class 'str'>\."):
        master("just words\n")


def test_a_file_that_may_not_be_read_is_refused(tmp_path, master, monkeypatch):
    master("timeout: 5\n")

    def refuse(path, *_args, **_kwargs):
        # Root may read everything, so a mode would prove nothing where tests run as root.
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ConfigError, match="Permission denied"):
        read_master(tmp_path)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    (tmp_path / "master").mkdir()
    with pytest.raises(ConfigError, match=r"Error reading configuration file: .*/master"):
        read_master(tmp_path)


def test_each_doubtful_key_is_one_warning_that_names_its_file(tmp_path, master):
    config = master(
        "publish_prot: 1\nworker_threads: many\ncon_cache: true\nmy.returner: x\n",
        a="acceptance_wait_time: 5\nzmq_monitor: [1]\ndetect_remote_minions: maybe\n",
    )
    main, drop_in = tmp_path / "master", tmp_path / "master.d" / "a.conf"
    assert sorted(config.warnings) == sorted(
        [
            f"{main}: Config option 'worker_threads' with value many has an invalid type of str, a int is required "
            "for this option; the default, 5, is used",
            f"{main}: Unknown config option 'publish_prot'; did you mean 'publish_port'?",
            f"{main}: Config option 'con_cache' has no effect: the master knows who is connected",
            f"{main}: Unknown config option 'my.returner'",
            f"{drop_in}: Config option 'zmq_monitor' has no effect: connections are always watched",
            f"{drop_in}: Config option 'acceptance_wait_time' is the minion's and has no effect here",
            f"{drop_in}: Config option 'detect_remote_minions' with value maybe has an invalid type of str, a bool is required "
            "for this option",
        ]
    )
    assert config.worker_threads == 5


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("1", None),
        ("2", "has no effect: a minion's token goes back beside the shared key, where every minion looks for it"),
        ("two", "with value two has an invalid type of str, a int is required for this option"),
    ],
)
def test_another_auth_mode_is_known_and_has_no_effect(tmp_path, master, value, told):
    line = f"{tmp_path / 'master'}: Config option 'auth_mode' {told}"
    assert master(f"auth_mode: {value}\n").warnings == ([line] if told else [])


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("minion", "client_acl_blacklist: {}", "Config option 'client_acl_blacklist' has no effect: it is called "
         "'publisher_acl_blacklist' by now"),
        ("minion", "publisher_acl: {a: b}", "Config option 'publisher_acl' is the master's and has no effect here"),
        ("minion", "ssl: True", "Config option 'ssl' is for the transports tcp and ws, which are not spoken here"),
        ("minion", "proxy_keep_alive: False", "Config option 'proxy_keep_alive' is for proxy minions, which are not here"),
        ("minion", "restart_on_error: True", "Config option 'restart_on_error' has no effect, here or with stock Salt 3008"),
        ("minion", "environment: dev", "'environment' is called 'saltenv' by now; it is taken for that"),
        ("minion", "proxy_host: p", None),
        ("minion", "use_superseded: [module.run]", "Config option 'use_superseded' has no effect: functions take their older "
         "and their newer form"),
        ("minion", "log_datefmt_console: '%H'", None),
        ("master", "mworker_niceness: 5", "Config option 'mworker_niceness' has no effect: everything in a master runs in "
         "one process, but for workers"),
        ("master", "syndic_master: up", "Config option 'syndic_master' is for salt-syndic, which is not here"),
    ],
)  # fmt: skip
def test_why_a_key_has_no_effect_is_one_line(tmp_path, name, text, told):
    path = tmp_path / name
    path.write_text(f"id: m1\n{text}\n")
    config = read_minion(tmp_path) if name == "minion" else read_master(tmp_path)
    assert config.warnings == ([f"{path}: {told}"] if told else [])
    assert config.saltenv == ("dev" if "environment" in text else None)
    assert config.log_datefmt == ("%H" if "log_datefmt_console" in text else "%H:%M:%S")


@pytest.mark.parametrize("read", [read_master, read_minion])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("transport: tcp", "transport: tcp is not spoken here, only zeromq"),
        ("transport: ws", "transport: ws is not spoken here, only zeromq"),
        ("fips_mode: maybe", "Config option 'fips_mode' with value maybe has an invalid type of str"),
        ("fips_mode: True", r"fips_mode: \w+_algorithm: \w+-SHA1 is not allowed; take \S+-sha224"),
    ],
)
def test_what_cannot_be_gone_on_with_is_refused_at_the_start(tmp_path, read, text, told):
    for name in ("master", "minion"):
        (tmp_path / name).write_text(f"id: m1\n{text}\n")
    with pytest.raises(ConfigError, match=told) as raised:
        read(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path / read.__name__.removeprefix('read_')}: ")


@pytest.mark.parametrize(("hash_type", "good"), [("sha256", True), ("md5", False), ("sha1", False)])
def test_with_fips_mode_no_broken_hash_is_taken(tmp_path, hash_type, good):
    algorithms = "encryption_algorithm: OAEP-SHA224\nsigning_algorithm: PKCS1v15-SHA224\n"
    (tmp_path / "minion").write_text(f"id: m1\nfips_mode: True\nhash_type: {hash_type}\n{algorithms}")
    with nullcontext() if good else pytest.raises(ConfigError, match=f"fips_mode: hash_type: {hash_type} is not"):
        assert read_minion(tmp_path).fips_mode


def test_a_minion_needs_no_filtering_of_its_own(tmp_path):
    path = tmp_path / "minion"
    path.write_text("id: m1\nzmq_filtering: true\n")
    told = "Config option 'zmq_filtering' has no effect: a minion always hears what its master sends to it alone"
    assert read_minion(tmp_path).warnings == [f"{path}: {told}"]


def test_a_later_key_at_its_default_is_no_warning(master):
    assert master("transport: zeromq\nipc_mode: ipc\nssl: null\n").warnings == []


def test_a_restriction_that_cannot_be_read_is_refused(master):
    with pytest.raises(ConfigError, match=r"/master: Config option 'publisher_acl_blacklist' .* a dict is required"):
        master("publisher_acl_blacklist: [cmd.run]\n")
    with pytest.raises(ConfigError, match="hash_type: 'crc32' is not valid"):
        master("hash_type: crc32\n")
    with pytest.raises(ConfigError, match="publish_port: 70000 is not valid"):
        master("publish_port: 70000\n")


def test_open_doors_open_only_for_a_plain_true(master):
    config = master("open_mode: 'True'\nauto_accept: 1\n")
    assert (config.open_mode, config.auto_accept, len(config.warnings)) == (False, False, 2)


def test_roots_that_are_no_map_leave_the_defaults(master):
    config = master("file_roots: /srv/x\npillar_roots:\n")
    assert config.file_roots == {"base": ["/srv/salt", "/srv/spm/salt"]}
    assert config.pillar_roots == {"base": ["/srv/pillar", "/srv/spm/pillar"]}
    assert "file_roots" in config.warnings[0]
    assert master("file_roots: {base: /one, dev: }\n").file_roots == {"base": ["/one"], "dev": []}


# -- what becomes of it ------------------------------------------------------------------------------------------


def test_paths_go_below_root_dir(tmp_path, master):
    config = master(
        f"root_dir: {tmp_path}\npki_dir: {tmp_path}/keys\nautosign_file: /etc/auto\nlog_file: file:///dev/log\n"
    )
    assert config.pki_dir == f"{tmp_path}/keys"
    assert config.cachedir == f"{tmp_path}/var/cache/salt/master"
    assert config.autosign_file == f"{tmp_path}/etc/auto"
    assert config.log_file == "file:///dev/log"
    assert config.file_roots["base"][0] == "/srv/salt"
    assert read_master(tmp_path, root_dir="/other").pidfile == "/other/var/run/salt-master.pid"
    assert below("/", "/a/b") == "/a/b"
    assert below("/x", "/xy") == "/x/xy"


def test_opts_hold_every_key_with_the_final_values(tmp_path, master):
    config = master(f"root_dir: {tmp_path}\nmy.returner: x\n")
    assert config.opts["cachedir"] == config.cachedir
    assert config.opts["token_dir"] == f"{tmp_path}/var/cache/salt/master/tokens"
    assert (config.opts["my.returner"], config.opts["__role"], config.opts["gitfs_base"]) == ("x", "master", "master")
    assert "return" not in config.opts


def test_templates_see_whole_seconds_as_they_are_written(master):
    config = master("timeout: 7\ngather_job_timeout: '12'\nloop_interval: 30.0\ncompliance_interval: 0.5\n")
    shown = ("timeout", "gather_job_timeout", "loop_interval", "compliance_interval", "keep_jobs")
    assert [str(config.opts[name]) for name in shown] == ["7", "12", "30.0", "0.5", "24"]
    assert (config.timeout, type(config.timeout)) == (7.0, float)


def test_two_doors_want_two_ports(master):
    with pytest.raises(ConfigError, match=r"/master: publish_port and ret_port are both 4506$"):
        master("publish_port: 4506\n")
    assert master("publish_port: 0\nret_port: 0\n").ret_port == 0


def test_a_configuration_is_frozen_and_its_own(tmp_path, master):
    config = master("")
    with pytest.raises(AttributeError, match="frozen"):
        config.timeout = 1
    with pytest.raises(AttributeError, match="frozen"):
        del config.timeout
    with pytest.raises(AttributeError):
        config.no_such_option  # noqa: B018
    config.file_roots["base"].append("/mine")
    assert read_master(tmp_path).file_roots["base"] == ["/srv/salt", "/srv/spm/salt"]


def test_the_masters_id_is_made_when_it_is_asked_for(tmp_path, master):
    config = master("")
    assert "id" not in config.opts
    assert config.id == f"{host_id(str(tmp_path))}_master"
    assert config.opts["id"] == config.id
    assert master("id: m\n").id == "m"


def test_older_names_and_shapes_are_heeded(master):
    assert master("keep_jobs: 2\n").keep_jobs_seconds == 7200
    assert master("keep_jobs: 2\nkeep_jobs_seconds: 5\n").keep_jobs_seconds == 5
    assert master("nodegroups: [{a: x}, {b: [y, z]}]\n").nodegroups == {"a": "x", "b": ["y", "z"]}
    config = master("peer: {.*: [test.ping]}\nworker_threads: 1\n")
    assert config.worker_threads == 3
    assert "worker_threads" in config.warnings[0]


def test_sockets_move_as_stocks_tools_expect_and_have_short_paths(master):
    config = master("sock_dir: /a/very/long/folder/for/sockets\ncachedir: /c\n")
    assert config.sock_dir == "/c/.salt-unix"
    with pytest.raises(ConfigError, match="longer than the 103 bytes"):
        master_paths(master(f"sock_dir: /{'x' * 90}\ncachedir: /{'y' * 90}\n"))


# -- the minion --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("salt", ("salt", 4506)),
        ("salt:4599", ("salt", 4599)),
        ("::1", ("::1", 4506)),
        ("[::1]", ("::1", 4506)),
        ("[fe80::1%eth0]:4599", ("fe80::1%eth0", 4599)),
        (" 10.0.0.1 ", ("10.0.0.1", 4506)),
    ],
)
def test_a_master_is_a_host_and_maybe_a_port(text, expected):
    assert parse_master(text, 4506) == expected


@pytest.mark.parametrize(
    "text", ["", "  ", "salt:", "salt:x", "salt:0", "salt:70000", "[::1", "[::1]x", "[::1]:x", 5, None]
)
def test_a_master_that_cannot_be_read_is_refused(text):
    if text == "salt:":
        assert parse_master(text, 4506) == ("salt", 4506)
        return
    with pytest.raises(ConfigError, match="master"):
        parse_master(text, 4506)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("salt", ("salt", 4506)),
        ("salt:4510", ("salt", 4510)),
        ("'[::1]:4510'", ("::1", 4510)),
        ("[salt:4510]", ("salt", 4510)),
        ("['a:1', b]", (["a:1", "b"], 4506)),
    ],
)
def test_plugins_see_the_one_master_without_its_port(tmp_path, text, seen):
    (tmp_path / "minion").write_text(f"id: m1\nmaster: {text}\n")
    opts = read_minion(tmp_path).opts
    assert (opts["master"], opts["master_port"]) == seen


def test_one_master_or_several(tmp_path):
    (tmp_path / "minion").write_text("master: [a, 'b:1234']\nid: m1\n")
    config = read_minion(tmp_path)
    assert config.masters == [("a", 4506), ("b", 1234)]
    assert config.opts["master"] == config.master == ["a", "b:1234"]
    (tmp_path / "minion").write_text("master: a\nid: m1\nmaster_port: 4599\n")
    config = read_minion(tmp_path)
    assert (config.masters, config.master, config.opts["master"]) == ([("a", 4599)], ["a"], "a")
    (tmp_path / "minion").write_text("master: {a: b}\nid: m1\n")
    with pytest.raises(ConfigError, match="Config option 'master'"):
        read_minion(tmp_path)


def test_an_id_is_configured_remembered_or_generated_in_this_order(tmp_path):
    (tmp_path / "minion").write_text("id: 12345\n")
    (tmp_path / "minion_id").write_text("remembered\n")
    assert read_minion(tmp_path).id == "12345"
    (tmp_path / "minion").write_text("")
    assert read_minion(tmp_path).id == "remembered"
    (tmp_path / "minion").write_text("minion_id_caching: False\n")
    assert read_minion(tmp_path).id == generated_id()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"minion": "id_function: a.b"}, "Web.Example.org"),
        (
            {"minion": "id_function: {a.b: {c: 1}}\nminion_id_lowercase: True\nappend_domain: corp"},
            "web.example.org.corp",
        ),
        ({"minion": "id_function: a.b\nminion_id_remove_domain: True\nappend_domain: corp"}, "Web.corp"),
        ({"minion": "id_function: a.b\nid: m1"}, "m1"),
        ({"minion": "id_function: a.b", "minion_id": "remembered"}, "remembered"),
        ({"minion": "id_function: a.b\nminion_id_caching: False", "minion_id": "remembered"}, "Web.Example.org"),
    ],
)
def test_a_function_says_the_id_that_is_neither_configured_nor_remembered(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    config = read_minion(tmp_path, asked=lambda opts: "Web.Example.org" if opts["id_function"] else "", daemon=True)
    assert (config.id, config.opts["id"]) == (expected, expected)
    assert config.id_by_function == ("a.b" if expected.startswith(("W", "w")) else "")
    assert "id_by_function" not in config.opts


def test_what_a_function_says_has_to_be_an_id(tmp_path):
    (tmp_path / "minion").write_text("id_function: a.b")
    with pytest.raises(ConfigError, match=r"id_function: .* is not a valid minion id"):
        read_minion(tmp_path, asked=lambda _opts: "../x", daemon=True)
    assert not (tmp_path / "minion_id").exists()


def test_an_id_is_found_where_stock_remembers_it_below_a_root(tmp_path):
    (tmp_path / "minion").write_text(f"root_dir: {tmp_path}")
    stocks = tmp_path / "etc/salt"
    stocks.mkdir(parents=True)
    (stocks / "minion_id").write_text("of-stock")
    assert read_minion(tmp_path).id == "of-stock"
    (tmp_path / "minion_id").write_text("own")
    assert read_minion(tmp_path).id == "own"


def test_only_a_daemon_remembers_a_generated_id(tmp_path):
    config = read_minion(tmp_path)
    assert not (tmp_path / "minion_id").exists()
    assert read_minion(tmp_path, daemon=True).id == config.id
    assert (tmp_path / "minion_id").read_text() == config.id


@pytest.mark.parametrize("id", ["a/b", "..", ".x", "a\\b", "a\nb", "x" * 256])
def test_an_id_that_may_not_be_a_file_name_is_refused(tmp_path, id):
    with pytest.raises(ConfigError, match="is not a valid minion id"):
        read_minion(tmp_path, {"id": id})


def test_a_generated_id_is_the_first_name_that_says_something():
    assert generated_id(["localhost.localdomain", "", "127.0.0.1", "::1", "ip6-loopback", "web1", "web2"]) == "web1"
    assert generated_id(["LOCALHOST"]) == "localhost"
    assert generated_id([]) == "localhost"


def test_domains_come_and_go():
    assert without_domain("web1.example.com", True) == "web1"
    assert without_domain("web1.example.com", "Example.COM") == "web1"
    assert without_domain("web1.example.com", "other.com") == "web1.example.com"
    assert without_domain("10.0.0.1", True) == "10.0.0.1"
    assert with_domain("web1", "example.com") == "web1.example.com"
    assert with_domain("web1.example.com", "example.com") == "web1.example.com"
    assert with_domain("web1.", "example.com") == "web1."
    assert with_domain("web1", "") == "web1"


def test_several_minions_of_one_host_have_folders_of_their_own(tmp_path):
    config = read_minion(
        tmp_path, {"id": "m1", "append_minionid_config_dirs": ["pki_dir", "cachedir", "pidfile"], "root_dir": "/r"}
    )
    assert config.pki_dir == "/r/etc/salt/pki/minion/m1"
    assert config.cachedir == "/r/var/cache/salt/minion/m1"
    assert config.pidfile == "/r/var/run/salt/m1/salt-minion.pid"


def test_the_event_sockets_are_where_stocks_tools_look(tmp_path):
    paths = minion_paths(read_minion(tmp_path, {"id": "m1", "sock_dir": "/s"}))
    assert paths.event_pub == "/s/minion_event_ca0df2c95a_pub.ipc"
    paths = minion_paths(read_minion(tmp_path, {"id": "salt-minion-1", "sock_dir": "/s", "hash_type": "md5"}))
    assert paths.event_pull == "/s/minion_event_a8653ec967_pull.ipc"  # of the walkthrough
    assert paths.schedule == str(tmp_path / "minion.d" / "_schedule.conf")


def test_a_schedule_that_was_cut_short_does_not_keep_a_daemon_from_starting(tmp_path):
    (tmp_path / "minion.d").mkdir()
    schedule = tmp_path / "minion.d" / "_schedule.conf"
    schedule.write_text("schedule: {a: [\n")
    config = read_minion(tmp_path, {"id": "m1"})
    assert schedule.exists()
    assert "_schedule.conf" in config.warnings[0]
    assert "_schedule.conf" in read_minion(tmp_path, {"id": "m1"}, daemon=True).warnings[0]
    assert not schedule.exists()
    assert (tmp_path / "minion.d" / "_schedule.confYAMLError").exists()


def test_what_operators_made_of_the_schedule_goes_over_the_files_entry_by_entry(tmp_path):
    (tmp_path / "minion").write_text("schedule: {a: {function: x.a}, b: {function: x.b}}\n")
    (tmp_path / "minion.d").mkdir()
    (tmp_path / "minion.d" / "_schedule.conf").write_text("schedule: {b: {function: x.c}, enabled: false}\n")
    config = read_minion(tmp_path, {"id": "m1"})
    assert config.schedule == {"a": {"function": "x.a"}, "b": {"function": "x.c"}, "enabled": False}


def test_reading_plain_files_imports_next_to_nothing(tmp_path):
    (tmp_path / "master").write_text("interface: 127.0.0.1\nfile_roots:\n  base:\n  - /srv\n")
    code = (
        "import sys; from trisalt.config.read import read_master; from trisalt.config.paths import master_paths;"
        f"master_paths(read_master({str(tmp_path)!r}));"
        "print(*{'yaml', 'attrs', 'structlog', 'trio', 'socket', 'hashlib', 'difflib', 'typing'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.strip() == ""


def test_a_remembered_id_is_written_whole(tmp_path):
    read_minion(tmp_path, daemon=True)
    assert [path.name for path in tmp_path.iterdir()] == ["minion_id"]
    assert stat.S_ISREG((tmp_path / "minion_id").stat().st_mode)
