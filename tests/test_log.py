import ast
import json
import logging
import os
import re
import socket
import string
import sys
import types
from functools import cache
from pathlib import Path

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from trisalt import log as logs
from trisalt import sinks
from trisalt.errors import ConfigError, StoreError
from trisalt.lines import MINION_LINES, STOCK_LINES, line_of


def logger():
    """A logger of its own: others' must not be bound while these tests configure."""
    return structlog.get_logger()


@pytest.fixture
def console(capfd, monkeypatch):
    # Handlers that other tests of this process left at the root are not what is looked at here.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])

    def lines(level="info", daemon="master", **options):
        logs.configure(level, daemon=daemon, **options)

        def read():
            return capfd.readouterr().err.splitlines()

        return read

    return lines


def test_a_module_that_has_logged_does_not_keep_what_was_set_up_before_a_reset(console, monkeypatch):
    module = types.ModuleType("trisalt.some")
    module.log = logger()
    monkeypatch.setitem(sys.modules, module.__name__, module)
    read = console()
    module.log.info("job.returned", id="m1", jid="1")
    assert read() == ["[INFO    ] Got return from m1 for job 1"]
    logs.reset()
    with structlog.testing.capture_logs() as entries:
        module.log.info("job.returned", id="m2", jid="1")
    assert [entry["id"] for entry in entries] == ["m2"]


def test_modules_that_are_imported_have_their_logger_itself(console):
    ours, others = types.SimpleNamespace(log=logger()), types.SimpleNamespace(log=logger())
    read = console()
    logs.settle({"trisalt.some": ours, "some": others, "trisalt.none": types.SimpleNamespace(log=logs)})
    assert isinstance(ours.log, logs.Logger)
    assert not isinstance(others.log, logs.Logger)
    for id in ("m1", "m2"):
        ours.log.info("job.returned", id=id, jid="1")
        ours.log.debug("job.returned", id=id, jid="1")
    assert read() == [f"[INFO    ] Got return from {id} for job 1" for id in ("m1", "m2")]


def test_lines_read_like_the_walkthrough(console):
    read, log = console(), logger()
    log.info("master.setup")
    log.info("master.user", user="root")
    log.info("master.rlimit_nofile", soft=524288, hard=1048576)
    log.info("publisher.puller_bound", path="/var/run/salt/master/publish_pull.ipc")
    log.info("request.received", enc="clear", cmd="_auth")
    log.info("auth.request", id="salt-minion-1")
    log.info("auth.pending", id="salt-minion-1")
    log.info("request.received", enc="aes", cmd="_pillar", id="salt-minion-2")
    log.error("auth.denied", id="m3", state="pending")
    log.warning("master.signal", signal="SIGTERM")
    log.warning("master.signal", signal="SIGINT")
    assert read() == [
        "[INFO    ] Setting up the Salt Master",
        "[INFO    ] salt-master is starting as user 'root'",
        "[INFO    ] Current values for max open files soft/hard setting: 524288/1048576",
        "[INFO    ] Starting the Salt Puller on ipc:///var/run/salt/master/publish_pull.ipc",
        "[INFO    ] Clear payload received with command _auth",
        "[INFO    ] Authentication request from salt-minion-1",
        "[INFO    ] Authentication failed from host salt-minion-1, the key is in pending and needs to be accepted "
        "with salt-key -a salt-minion-1",
        "[INFO    ] AES payload received with command _pillar",
        "[ERROR   ] Authentication attempt from m3 failed, the public key in pending did not match. "
        "This may be an attempt to compromise the Salt cluster.",
        "[WARNING ] Master received a SIGTERM. Exiting.",
        "[WARNING ] Exiting on Ctrl-c",
    ]


def test_one_event_is_several_lines_on_a_minion(console):
    read, log = console(daemon="minion"), logger()
    log.error("auth.pending", master="172.17.0.18", wait_s=10)
    log.info("auth.successful", master="172.17.0.18")
    log.info("scheduler.job_run", name="__mine_interval")
    assert read() == [
        "[ERROR   ] The Salt Master has cached the public key for this node, this salt minion will wait for 10 seconds "
        "before attempting to re-authenticate",
        "[INFO    ] Waiting for minion key to be accepted by the master.",
        "[INFO    ] Waiting 10 seconds before retry.",
        "[INFO    ] Authentication with master at 172.17.0.18 successful!",
        "[INFO    ] Running scheduled job: __mine_interval",
    ]


def test_an_event_without_a_row_or_a_fact_prints_its_name_and_facts(console):
    read, log = console(), logger()
    log.info("store.grown", path="/x y/db", rows=3)
    log.info("auth.accepted", peer="::1")
    assert read() == ["[INFO    ] store.grown path='/x y/db' rows=3", "[INFO    ] auth.accepted peer=::1"]


def test_what_a_peer_chose_neither_ends_a_line_nor_speaks_to_the_terminal(console):
    read, log = console(), logger()
    log.info("auth.request", id="m1\n[ERROR   ] forged \x1b[2J")
    log.info("request.refused", reason="a\nb")
    assert read() == [
        "[INFO    ] Authentication request from m1\\n[ERROR   ] forged \\x1b[2J",
        "[INFO    ] request.refused reason='a\\nb'",
    ]


def test_a_line_of_an_event_is_no_longer_than_somebody_reads(console):
    read, log = console(), logger()
    log.info("auth.request", id="x" * 1_000_000)
    log.info("request.refused", reason="x" * 1_000_000)
    lines = read()
    assert [line.endswith("characters)") for line in lines] == [True, True]
    assert max(map(len, lines)) < logs.LONGEST_LINE + 100


def test_every_sentence_prints_with_the_facts_it_names():
    samples = {
        "taken": ["nodegroups"],
        "at_restart": [],
        "signal": "SIGTERM",
        "enc": "aes",
        "late_s": 2,
        "state": "minions_pre",
        "wait_s": 10,
        "status": 1,
        "name": "job",
    }
    for row in [*STOCK_LINES.values(), *MINION_LINES.values()]:
        for sentence in [text for _level, text in row] if isinstance(row, tuple) else [row]:
            if callable(sentence):
                assert sentence(
                    {
                        **dict.fromkeys(
                            ("cmd", "eauth", "fun", "held", "id", "jid", "reason", "retcode", "sls", "type", "user"),
                            "x",
                        ),
                        **samples,
                    }
                )
            else:
                for _text, field, spec, _conversion in string.Formatter().parse(sentence):
                    assert not spec, sentence
                    assert field is None or field.isidentifier(), sentence
    for row in MINION_LINES.values():
        if isinstance(row, tuple):
            assert {level for level, _text in row} <= set(logs.LEVELS)


def test_levels_filter_and_stock_has_more_of_them(console):
    read, log = console(level="trace"), logger()
    log.garbage("x.garbage")
    log.trace("x.trace")
    log.profile("x.profile")
    assert read() == [
        "[WARNING ] Insecure logging configuration detected! Sensitive data may be logged.",
        "[TRACE   ] x.trace",
        "[PROFILE ] x.profile",
    ]


def test_granular_levels_go_by_subject(console):
    read, log = console(level="warning", granular_levels={"auth": "debug", "job.returned": "quiet"}), logger()
    log.debug("auth.seen")
    log.info("job.other")
    log.error("job.returned", id="m1", jid="1")
    log.error("job.other")
    assert read() == ["[DEBUG   ] auth.seen", "[ERROR   ] job.other"]


def test_an_expected_error_is_one_line_and_its_stack_is_for_debug(console):
    def fail():
        raise ExceptionGroup("services", [ConfigError("port in use"), StoreError("disk full")])

    read, log = console(), logger()
    try:
        fail()
    except ExceptionGroup as exc:
        log.error("service.crashed", service="x", exc_info=exc)
    assert read() == ["[ERROR   ] service.crashed service=x: port in use; disk full"]
    read, log = console(level="debug"), logger()
    try:
        fail()
    except ExceptionGroup:
        log.exception("service.crashed", service="x")
    assert any("Traceback" in line for line in read())


def test_an_unexpected_error_comes_with_its_stack(console):
    read, log = console(), logger()
    try:
        {}["x"]
    except KeyError:
        log.exception("request.failed")
    lines = read()
    assert lines[0] == "[ERROR   ] A request of some minions failed by a fault of the daemon"
    assert lines[-1] == "KeyError: 'x'"


def test_json_lines_have_their_fields_in_order(console):
    read, log = console(daemon="minion", minion_id="m1", fmt_console="json"), logger()
    with structlog.contextvars.bound_contextvars(jid="20141228052009048937"):
        log.info("job.received", fun="pkg.install", user="root")
    (line,) = read()
    entry = json.loads(line)
    assert list(entry) == ["timestamp", "level", "event", "daemon", "minion_id", "fun", "user", "jid"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["timestamp"])
    assert (entry["level"], entry["event"], entry["daemon"], entry["minion_id"]) == (
        "info",
        "job.received",
        "minion",
        "m1",
    )


def test_json_lines_are_one_line_each_and_not_longer_than_they_may(console):
    read, log = console(fmt_console="json"), logger()
    log.info("job.returned", id="a\nb", text="x" * 100_000, more="y" * 1000)
    log.error("request.failed", exc_info=ValueError("two\nlines"))
    first, second = map(json.loads, read())
    assert first["text"] == {"truncated": True, "size": 100_002}
    assert first["more"] == "y" * 1000
    assert (second["exc.type"], second["exc.message"]) == ("ValueError", "two\nlines")
    assert "ValueError" in second["exc.stack"]


def test_secrets_are_not_written(console):
    read, log = console(fmt_console="json"), logger()
    log.info("x.y", password="hunter2", pillar={"a": 1}, aes_key="k", nested={"api_token": "t", "fine": 1}, key_fp="ab")
    (line,) = read()
    entry = json.loads(line)
    assert entry["password"] == entry["pillar"] == entry["aes_key"] == entry["nested"]["api_token"] == "[redacted]"
    assert (entry["nested"]["fine"], entry["key_fp"]) == (1, "ab")


class Hostile:
    def __str__(self):
        raise RuntimeError("no text for you")

    __repr__ = __str__


VALUES = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=9)
    | st.binary(max_size=9)
    | st.builds(Hostile)
)


@settings(max_examples=100)
@given(
    st.dictionaries(
        st.text(max_size=8).filter(lambda name: name not in ("event", "self")),
        VALUES
        | st.lists(VALUES, max_size=2)
        | st.dictionaries(st.text(max_size=4) | st.integers(), VALUES, max_size=2),
        max_size=4,
    ),
    st.sampled_from([*STOCK_LINES, *MINION_LINES, "no.such", "no event", "", "%(x)s"]),
    st.sampled_from(["json", None, "%(asctime)s %(jid)s %(nosuch)s", "%(colorlevel)s%(colormsg)s", "%", "%(process)d"]),
)
def test_rendering_never_raises_and_never_loses_a_line(tmp_path_factory, facts, event, fmt):
    path = tmp_path_factory.getbasetemp() / "log"
    logs.configure("info", daemon="minion", console=False, log_file=str(path), fmt_logfile=fmt)
    before = path.stat().st_size
    logger().info(event, **facts)
    assert path.stat().st_size > before


def test_log_files_read_like_stocks(tmp_path, console):
    path = tmp_path / "master"
    console(level="quiet", log_file=str(path), log_level_logfile="info")
    log = logger()
    log.info("aes_key.rotated")
    log.debug("x.y")
    (line,) = path.read_text().splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[aes_key\.rotated  :0   \]\[INFO    \]\[{pid}\] Rotating AES key".replace(
            "{pid}", str(os.getpid())
        ),
        line,
    )
    assert path.stat().st_mode & 0o777 & ~0o640 == 0


def test_a_log_file_that_was_moved_away_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(sinks, "LOOK_AGAIN_S", 0)
    path = tmp_path / "log"
    logs.configure("info", daemon="master", console=False, log_file=str(path))
    log = logger()
    log.info("x.first")
    path.rename(tmp_path / "log.1")
    log.info("x.second")
    path.unlink()
    log.info("x.third")
    assert "x.first" in (tmp_path / "log.1").read_text()
    assert "x.second" not in (tmp_path / "log.1").read_text()
    assert "x.third" in path.read_text()
    logs.reopen()
    log.info("x.fourth")
    assert "x.fourth" in path.read_text()


def test_of_lines_that_come_together_the_first_looks_for_the_file(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(sinks, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    path = tmp_path / "log"
    logs.configure("info", daemon="master", console=False, log_file=str(path))
    log = logger()
    log.info("x.first")
    path.rename(tmp_path / "log.1")
    now[0] += sinks.LOOK_AGAIN_S * 0.9
    log.info("x.second")
    now[0] += sinks.LOOK_AGAIN_S * 0.2
    log.info("x.third")
    assert [line.split()[-1] for line in (tmp_path / "log.1").read_text().splitlines()] == ["x.first", "x.second"]
    assert [line.split()[-1] for line in path.read_text().splitlines()] == ["x.third"]


@pytest.mark.parametrize(
    ("most", "backups", "kept"),
    [
        (0, 3, {"": "0123456789"}),
        (4, 0, {"": "0123456789"}),
        (4, 1, {"": "89", ".1": "67"}),
        (4, 3, {"": "89", ".1": "67", ".2": "45", ".3": "23"}),
        (1, 2, {"": "9", ".1": "8", ".2": "7"}),
    ],
)
def test_a_log_file_begins_anew_when_it_is_full(tmp_path, most, backups, kept):
    path = tmp_path / "log"
    write = sinks.open_file(str(path), "master", most=most, backups=backups)
    for number in range(10):
        write(str(number), 20)
    write.close()
    found = {file.name.removeprefix("log"): file.read_text().replace("\n", "") for file in tmp_path.iterdir()}
    assert found == kept


def test_a_log_file_that_cannot_be_moved_grows(tmp_path):
    path = tmp_path / "log"
    (tmp_path / "log.1" / "in the way").mkdir(parents=True)
    write = sinks.open_file(str(path), "master", most=4, backups=1)
    for number in range(10):
        write(str(number), 20)
    write.close()
    assert path.read_text().replace("\n", "") == "0123456789"


def test_a_log_file_that_cannot_be_opened_is_told_and_no_more(tmp_path, console):
    read = console(log_file=str(tmp_path / "no" / "such"))
    assert read()[0].startswith("[ERROR   ] The log file cannot be written: ")
    read = console(log_file="tcp://host:514")
    assert read()[0].startswith("[ERROR   ] The log file cannot be written: ")


def test_the_jid_stands_where_a_format_wants_it(console):
    read, log = console(fmt_console="%(message)s %(jid)s"), logger()
    log.info("x.y", jid="2026")
    log.info("x.y")
    assert read() == ["x.y jid=2026 [JID: 2026]", "x.y "]


def test_colours_only_through_their_keys_and_on_a_terminal(console, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    read, log = console(fmt_console="%(colorlevel)s %(colormsg)s"), logger()
    log.warning("x.y")
    assert read() == ["[WARNING ] x.y"]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    read, log = console(fmt_console="%(colorlevel)s %(colormsg)s"), logger()
    log.warning("x.y")
    assert read() == ["\x1b[1;33m[WARNING ]\x1b[0m \x1b[33mx.y\x1b[0m"]


def test_the_journal_gets_the_priority_of_each_line(console, monkeypatch):
    info = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{info.st_dev}:{info.st_ino}")
    read, log = console(), logger()
    log.info("master.setup")
    log.error("x.y", exc_info=ValueError("boom"))
    lines = read()
    assert lines[0] == "<6>[INFO    ] Setting up the Salt Master"
    assert all(line.startswith("<3>") for line in lines[1:])
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    read, log = console(), logger()
    log.info("master.setup")
    assert read() == ["[INFO    ] Setting up the Salt Master"]


def test_what_plugins_log_goes_the_same_way(console):
    read = console()
    plugin = logging.getLogger("salt.modules.cmdmod")
    plugin.info("Executing command %s in directory '%s'", "date", "/root")
    plugin.debug("not shown")
    before = logs.dropped
    broken = logging.LogRecord("x", 20, "x.py", 1, "%d", ("not a number",), None)
    next(handler for handler in logging.getLogger().handlers if isinstance(handler, logs._FromStdlib)).emit(broken)
    assert logs.dropped == before + 1
    logger().log(20, "User root said \x1b[1m hello\nand more", jid="1")
    assert read() == [
        "[INFO    ] Executing command date in directory '/root'",
        "[INFO    ] User root said \\x1b[1m hello",
        "and more",
    ]


def test_plugins_words_are_a_message_in_json(console):
    read = console(fmt_console="json")
    logging.getLogger("salt.x").warning("two\nlines")
    entry = json.loads(read()[0])
    assert (entry["event"], entry["logger"], entry["message"]) == ("plugin.logged", "salt.x", "two\nlines")


def test_syslog_gets_datagrams(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "log"))
        sock.settimeout(5)
        logs.configure(
            "info",
            daemon="master",
            console=False,
            log_file=f"file://{tmp_path}/log/LOG_DAEMON",
            fmt_logfile="%(message)s",
        )
        logger().error("master.setup")
        assert sock.recv(1000) == b"<27>salt-master[%d]: Setting up the Salt Master" % os.getpid()


@pytest.mark.parametrize("facility", ["", "/LOG_USER"])
def test_syslog_on_the_network_gets_datagrams(facility):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        address = f"udp://127.0.0.1:{sock.getsockname()[1]}{facility}"
        logs.configure("info", daemon="minion", console=False, log_file=address, fmt_logfile="%(message)s")
        logger().info("minion.ready")
        assert sock.recv(1000).startswith(b"<14>salt-minion[")


def test_capture_logs_of_the_tests_still_works_when_configured(console):
    console()
    log = logger()
    with structlog.testing.capture_logs() as captured:
        log.info("x.y", a=1)
    assert captured == [{"event": "x.y", "a": 1, "log_level": "info"}]


def test_a_closed_console_loses_lines_and_nothing_else(console, monkeypatch):
    console()
    before = logs.dropped

    class Gone:
        def write(self, _text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    logger().info("x.y")
    assert logs.dropped == before + 1


@cache
def said():
    """Every `log.<level>("event", …)` in the house: where, level, event, facts; None for facts not known here."""
    root, found = Path(logs.__file__).parent, []
    for path in sorted(root.rglob("*.py")):
        # Plugins, state runs and the loader write with `logging`, in words of their own.
        if {"plugins", "loader", "state"} & set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            target, first = node.func, node.args[0]
            ours = isinstance(target.value, ast.Name) and target.value.id == "log" and target.attr in logs.LEVELS
            if ours and isinstance(first, ast.Constant):
                names = {keyword.arg for keyword in node.keywords}
                found.append((f"{path}:{node.lineno}", target.attr, str(first.value), None if None in names else names))
    return found


def calls():
    """Where, which event, and its facts."""
    return [(where, event, facts) for where, _level, event, facts in said()]


# What these hand to the log by its name alone.
HANDED_ON = re.compile(r'"event": "([a-z_.]+)"|_(?:complain|warn)\("([a-z_.]+)"')


def test_every_event_that_an_operator_may_meet_has_a_sentence():
    root = Path(logs.__file__).parent
    met = {("/minion/" in where, event) for where, level, event, _facts in said() if logs.LEVELS[level] >= 20}
    for path in root.rglob("*.py"):
        if "plugins" not in path.parts:
            met |= {(False, one or other) for one, other in HANDED_ON.findall(path.read_text())}
    assert len(met) > 200
    rows = (STOCK_LINES, {**STOCK_LINES, **MINION_LINES})
    assert sorted(event for ours, event in met if " " not in event and event not in rows[ours]) == []


@pytest.mark.parametrize(
    ("event", "facts", "line"),
    [
        (
            "pillar.render_failed",
            {"sls": "web", "path": "/srv/pillar/web.sls", "line": 3, "reason": "'x' is undefined"},
            "Rendering SLS 'web' failed, render error: 'x' is undefined (/srv/pillar/web.sls, line 3), for m1",
        ),
        (
            "worker.died",
            {"jid": "1", "fun": "test.sleep", "status": -9},
            "The process of job 1 (test.sleep) was ended by signal 9",
        ),
        (
            "queue.dropped",
            {"jid": "1", "minions": ("web1", "web2"), "why": "its time is over"},
            "Job 1 waits no longer for web1, web2: its time is over",
        ),
        ("pillar.error", {"reason": "no map"}, "Pillar render error: no map, for m1"),
        ("event.refused", {"reason": "invalid tag"}, "An event of minion m1 is refused: invalid tag"),
        ("return.refused", {"jid": "1"}, "A return of m1 is refused: it is malformed"),
        ("request.failed", {"cmd": "_mine", "peer": "p"}, "A request _mine of m1 failed by a fault of the daemon"),
        ("store.refused", {"reason": "no"}, "What is kept of minion m1 could not be removed: no"),
    ],
)
def test_a_sentence_says_what_is_known(console, event, facts, line):
    read = console()
    logger().error(event, id="m1", **facts)
    assert read() == [f"[ERROR   ] {line}"]
    if event in ("pillar.error", "pillar.render_failed"):
        assert line_of(event, {**facts, "id": "m1"}) == line


def test_every_event_that_has_a_sentence_brings_the_facts_of_it():
    found = 0
    for where, event, facts in calls():
        rows = [
            row for table in (STOCK_LINES, MINION_LINES if "/minion/" in where else {}) if (row := table.get(event))
        ]
        for sentence in [
            text for row in rows[-1:] for text in ([s for _l, s in row] if isinstance(row, tuple) else [row])
        ]:
            if facts is None or callable(sentence):
                continue
            wanted = {field for _text, field, _spec, _conversion in string.Formatter().parse(sentence) if field}
            assert wanted <= facts, f"{where}: {event} lacks {wanted - facts}"
            found += 1
    assert found > 30


def test_every_event_is_a_subject_and_what_happened():
    events = {(where, event) for where, event, _facts in calls() if " " not in event}
    assert len(events) > 100
    for where, event in events:
        assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", event), f"{where}: {event}"
