"""Following the log from a command: moments, filters, cursors, and files that are gone on with."""

import json
import os
from functools import partial

import pytest

from trisalt.cli.eventfilter import Filter
from trisalt.cli.moments import moment, since
from trisalt.cli.salt_run import main
from trisalt.cli.shipping import Cursor, EventFile
from trisalt.errors import CommandError, InvocationError

JID = "20261122124940743908"
NOW = 1_795_791_271.5


# -- moments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("now", NOW),
        ("30s", NOW - 30),
        ("15m", NOW - 900),
        ("1h", NOW - 3600),
        ("7d", NOW - 7 * 86400),
        ("2w", NOW - 14 * 86400),
        ("1795791000", 1795791000),
        ("1795791000.25", 1795791000.25),
        ("0", 0),
        ("2026-11-22T12:49:40+00:00", 1795351780),
        ("2026-11-22 12:49:40Z", 1795351780),
        (JID, 1795351780.743908),
    ],
)
def test_a_moment(text, seconds):
    assert moment(text, now=NOW) == pytest.approx(seconds, abs=1e-6)


def test_times_without_a_zone_are_this_hosts(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert moment("2026-11-22 13:49:40", now=NOW) == 1795351780
        assert moment("2026-11-22", now=NOW) == 1795302000
        # 15:54 of that day.
        assert moment("15:30", now=NOW) == 1795789800
        assert moment("9:30:15", now=NOW) == 1795768215
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "text", ["", "soon", "1y", "-5m", "25:00", "2026-13-01", "٣h", "20261399000000000000", "1e999"]
)
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(InvocationError):
        moment(text, now=NOW)


def test_a_job_begins_where_its_events_begin():
    assert since(JID, now=NOW) == JID
    assert since("1h", now=NOW) == NOW - 3600
    with pytest.raises(InvocationError):
        since("20261399000000000000", now=NOW)


# -- filters --------------------------------------------------------------------------------------------------------

DATA = {"id": "web1", "retcode": 2, "success": False, "out": None, "fun_args": ["a", "b"], "return": {"a": {"b": [1]}}}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("id=web*", True),
        ("id=db*", False),
        ("id!=db*", True),
        ("id!=web1", False),
        ("retcode!=0", True),
        ("retcode=2", True),
        ("retcode=[13]", False),
        ("success=false", True),
        ("out=null", True),
        ("return.a.b=1", True),
        ("return.a.b.0=1", True),
        ("return.a={*}", True),
        ("fun_args=b", True),
        ("fun_args!=b", False),
        ("fun_args!=c", True),
        ("nosuch=*", False),
        ("nosuch!=x", False),
        ("id.x=*", False),
        ("@origin=minion/*", True),
        ("@tag=salt/job/*", True),
        ("@tag!=salt/job/*", False),
        ("id=", False),
        ("id=a=b", False),
    ],
)
def test_a_filter(text, fits):
    assert Filter.read(text).fits("salt/job/1/ret/web1", DATA, "minion/web1") is fits


def test_a_key_with_dots_is_found():
    assert Filter.read("data.etc.hosts=x").fits("t", {"data": {"etc.hosts": "x"}}, "")


@pytest.mark.parametrize("text", ["", "id", "=x", "!=x", " =x"])
def test_what_is_no_filter_is_refused(text):
    with pytest.raises(InvocationError):
        Filter.read(text)


# -- cursors and files ------------------------------------------------------------------------------------------------


def line(number, log="a1b2", **data):
    return json.dumps({"log": log, "number": number, "tag": "x", "data": data}) + "\n"


def test_a_cursor_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "cursor"
    cursor = Cursor(str(path))
    assert cursor.read() is None
    cursor.move("a1b2", 7)
    cursor.move("a1b2", 9)
    assert Cursor(str(path)).read() == ("a1b2", 9)
    assert [entry.name for entry in tmp_path.iterdir()] == ["cursor"]


@pytest.mark.parametrize("content", [b"", b"a1b2", b"a1b2 x", b"../x 7", b"\xff 7", b"a1b2 " + b"9" * 19])
def test_what_is_no_cursor_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "cursor"
    path.write_bytes(content)
    with pytest.raises(CommandError):
        Cursor(str(path)).read()
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("content", "last", "kept"),
    [
        ("", None, ""),
        (line(1), 1, line(1)),
        (line(1) + line(2), 2, line(1) + line(2)),
        (line(1) + line(2)[:-1], 1, line(1)),
        (line(1) + line(2)[:5], 1, line(1)),
        (line(1)[:9], None, ""),
        (line(1) + line(2, filling="x" * 300_000), 2, line(1) + line(2, filling="x" * 300_000)),
        (line(1, filling="x" * 300_000) + "torn" * 50_000, 1, line(1, filling="x" * 300_000)),
    ],
    ids=range(8),
)
def test_a_file_is_cut_after_its_last_whole_line_which_says_where_to_go_on(tmp_path, content, last, kept):
    path = tmp_path / "events"
    path.write_text(content)
    file = EventFile(str(path), keep=True, reads_back=True)
    assert file.last() == (None if last is None else ("a1b2", last))
    assert path.read_text() == kept
    file.write(line(8))
    file.close()
    assert path.read_text() == kept + line(8)


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "events"
    path.write_text("hello\n")
    with pytest.raises(CommandError):
        EventFile(str(path), keep=True, reads_back=True).last()
    assert path.read_text() == "hello\n"


def test_one_at_a_time_writes_to_a_file(tmp_path):
    path = str(tmp_path / "events")
    first = EventFile(path, keep=True, reads_back=True)
    with pytest.raises(CommandError, match="another"):
        EventFile(path, keep=True, reads_back=True)
    first.close()
    EventFile(path, keep=True, reads_back=True).close()


# -- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(command):
    return partial(command, main)


def events(*numbers, log="a1b2", at=0, end=None):
    """What the door says: that it stands, events with these numbers, and where it ends."""

    def says(question):
        yield {"ready": {"log": log, "at": at}}
        for number in numbers:
            yield {"events": [["my/tag", number, "user/root", {"n": number}]], "at": number}
        if end is not None:
            yield {"end": end}
        else:
            yield None

    return says


def test_ndjson_says_all_there_is_about_an_event(door, run, capsys):
    door.says(events(7, end=9))
    assert run("state.event", "--since", JID, "--until", "now", "--format", "ndjson") == 0
    assert json.loads(capsys.readouterr().out) == {
        "log": "a1b2",
        "number": 7,
        "tag": "my/tag",
        "origin": {"kind": "user", "name": "root"},
        "data": {"n": 7},
    }
    assert door.asked[0]["since"] == JID
    assert "until" in door.asked[0]


@pytest.mark.parametrize("form", ["tab", "pretty", "ndjson"])
def test_an_event_with_what_json_has_not_is_written_as_any_other(door, run, capsys, form):
    def says(question):
        yield {"ready": {"log": "a1b2", "at": 0}}
        yield {"events": [["my/tag", 1, "minion/m1", {b"k\xff": 1, "n": float("nan"), 2: None}]], "at": 1}
        yield {"end": 1}

    door.says(says)
    assert run("state.event", "--until", "now", "--since", "1h", "--format", form, "--filter", "n=*nan*") == 0
    found = json.loads(capsys.readouterr().out.removeprefix("my/tag\t"))
    assert (found["data"] if form == "ndjson" else found) == {"b'k\\xff'": 1, "n": "nan", "2": None}


def test_a_cursor_says_how_far_it_got_also_past_what_was_not_wanted(door, run, tmp_path, capsys):
    cursor = tmp_path / "cursor"
    door.says(events(3, 5, at=2, end=8))
    assert run("state.event", "--cursor", str(cursor), "--until", "now", "--filter", "n!=5") == 0
    assert capsys.readouterr().out == 'my/tag\t{"n": 3}\n'
    assert cursor.read_text() == "a1b2 8\n"
    assert door.asked[0]["after"] == []
    door.says(events(at=8, end=8))
    assert run("state.event", "--cursor", str(cursor), "--until", "now") == 0
    assert door.asked[1]["after"] == [["a1b2", 8]]


def test_the_first_time_it_begins_where_one_says_and_then_where_it_stopped(door, run, tmp_path):
    cursor = tmp_path / "cursor"
    door.says(events(end=4))
    for _ in range(2):
        assert run("state.event", "--cursor", str(cursor), "--since", "1h", "--until", "now") == 0
    first, second = door.asked
    assert ("since" in first, "after" in first) == (True, False)
    assert ("since" in second, second["after"]) == (False, [["a1b2", 4]])


def test_of_file_and_cursor_the_master_is_told_both(door, run, tmp_path):
    cursor, file = tmp_path / "cursor", tmp_path / "events"
    cursor.write_text("a1b2 5\n")
    file.write_text(line(7) + "torn")
    door.says(events(9, at=7, end=9))
    words = ["--cursor", str(cursor), "--out-file", str(file), "--format", "ndjson", "--until", "now"]
    assert run("state.event", *words) == 0
    assert door.asked[0]["after"] == [["a1b2", 5], ["a1b2", 7]]
    assert [json.loads(text)["number"] for text in file.read_text().splitlines()] == [7, 9]
    assert cursor.read_text() == "a1b2 9\n"
    assert os.stat(file).st_mode & 0o777 == 0o644


def test_another_log_is_begun_at_its_beginning_and_told(door, run, tmp_path, capsys):
    cursor = tmp_path / "cursor"
    cursor.write_text("0000 5\n")
    door.says(events(1, end=1))
    assert run("state.event", "--cursor", str(cursor), "--until", "now") == 0
    assert "another one" in capsys.readouterr().err
    assert cursor.read_text() == "a1b2 1\n"


def test_a_log_that_ends_before_the_cursor_is_told(door, run, tmp_path, capsys):
    cursor = tmp_path / "cursor"
    cursor.write_text("a1b2 9\n")
    door.says(events(6, at=5, end=6))
    assert run("state.event", "--cursor", str(cursor), "--until", "now") == 0
    assert "ends at 5, before the cursor (9)" in capsys.readouterr().err
    assert cursor.read_text() == "a1b2 6\n"


def test_what_reaches_back_further_than_the_log_is_told(door, run, capsys):
    def says(question):
        yield {"ready": {"log": "a1b2", "at": 4, "keeps_from": 1795351780.5}}
        yield {"lagged": 1, "end": 4}

    door.says(says)
    assert run("state.event", "--since", "30d", "--until", "now") == 0
    assert capsys.readouterr().err == (
        "[WARNING ] The log keeps nothing of before 2026-11-22 12:49:40 UTC\n"
        "[WARNING ] 1 event was missed: the log does not keep them any more\n"
    )


def test_with_a_cursor_a_master_that_goes_away_is_waited_for(door, run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("trisalt.cli.events.TRY_AGAIN_S", 0.01)
    cursor = tmp_path / "cursor"
    answers = [[7], [], [8, 9]]

    def says(question):
        numbers = answers.pop(0)
        if numbers:
            yield {"ready": {"log": "a1b2", "at": numbers[0] - 1}}
        for number in numbers:
            yield {"events": [["my/tag", number, "user/root", {"n": number}]], "at": number}

    door.says(says)
    assert run("state.event", "count=3", "--cursor", str(cursor)) == 0
    out, err = capsys.readouterr()
    assert out == "".join(f'my/tag\t{{"n": {number}}}\n' for number in (7, 8, 9))
    assert err.count("Waiting for it") == 1
    assert [question.get("after") for question in door.asked] == [[], [["a1b2", 7]], [["a1b2", 7]]]


@pytest.mark.parametrize("away", [lambda: iter(()), lambda: iter([None])], ids=["it goes away", "it hangs"])
def test_with_a_cursor_a_master_that_is_away_at_first_is_waited_for(door, run, tmp_path, capsys, monkeypatch, away):
    monkeypatch.setattr("trisalt.cli.events.TRY_AGAIN_S", 0.01)
    monkeypatch.setattr("trisalt.cli.events.PATIENCE", 0.1)
    answers = [away, away, lambda: events(3, at=2, end=3)(None)]
    door.says(lambda question: answers.pop(0)())
    assert run("state.event", "--cursor", str(tmp_path / "cursor"), "--since", "1h", "--until", "now") == 0
    out, err = capsys.readouterr()
    assert out == 'my/tag\t{"n": 3}\n'
    assert err.count("Waiting for it") == 1
    # From where it was to begin the first time, each time.
    assert len({question["since"] for question in door.asked}) == 1


def test_a_master_that_hangs_is_told_in_time(door, run, capsys, monkeypatch):
    monkeypatch.setattr("trisalt.cli.events.PATIENCE", 0.1)
    door.says([None])
    assert run("state.event") == 2
    assert capsys.readouterr().err == "The salt master does not answer.\n"


def test_a_file_that_is_ahead_of_its_cursor_stays_so_while_the_master_is_away(door, run, tmp_path, monkeypatch):
    monkeypatch.setattr("trisalt.cli.events.TRY_AGAIN_S", 0.01)
    cursor, file = tmp_path / "cursor", tmp_path / "events"
    cursor.write_text("a1b2 5\n")
    file.write_text(line(7))
    away = [True]

    def says(question):
        if away and away.pop():
            return
        yield {"ready": {"log": "a1b2", "at": 7}}
        yield {"end": 7}

    door.says(says)
    words = ["--cursor", str(cursor), "--out-file", str(file), "--format", "ndjson", "--until", "now"]
    assert run("state.event", *words) == 0
    assert [question["after"] for question in door.asked] == [[["a1b2", 5], ["a1b2", 7]]] * 2


def test_jobs_tail_ends_when_the_job_is_settled(door, run, capsys):
    def says(question):
        yield {"ready": {"log": "a1b2", "at": 0}}
        tags = [f"salt/job/{JID}/new", f"salt/job/{JID}/ret/m1", f"trisalt/job/{JID}/settled", "never/told"]
        yield {"events": [[tag, n, "master/", {"n": n}] for n, tag in enumerate(tags)], "at": 9}
        yield None

    door.says(says)
    assert run("jobs.tail", JID) == 0
    assert [text.partition("\t")[0] for text in capsys.readouterr().out.splitlines()] == [
        f"salt/job/{JID}/new",
        f"salt/job/{JID}/ret/m1",
        f"trisalt/job/{JID}/settled",
    ]
    assert door.asked == [{"op": "tail_job", "jid": JID}]


@pytest.mark.parametrize(
    "words",
    [
        ["state.event", "--since", "soon"],
        ["state.event", "--until", "soon"],
        ["state.event", "--filter", "retcode"],
        ["state.event", "--format", "xml"],
        ["jobs.tail"],
        ["jobs.tail", JID, "--since", "1h"],
        ["jobs.tail", "tgt=x"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_read_is_told_and_nobody_is_asked(door, run, capsys, words):
    try:
        status = run(*words)
    except SystemExit as exc:
        status = exc.code
    assert status == 64
    assert "ERROR" in (err := capsys.readouterr().err) or "error" in err
    assert door.asked == []
