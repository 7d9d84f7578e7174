"""The local door from outside: one answer, many answers, and every way in which there is none."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from trisalt.client.door import Door, DoorClosed, MasterRefused, MasterUnreachable, expect, to_error
from trisalt.errors import (
    CommandError,
    Denied,
    LocalProtocolError,
    RemoteProtocolError,
    RequestTimeout,
    TargetError,
    TrisaltError,
)
from trisalt.wire.frames import pack_frame

HEAVY = ("trio", "zmq", "cryptography", "structlog", "jinja2", "yaml", "asyncio", "inspect", "typing", "attr")


# -- answers -----------------------------------------------------------------------------------------------------------


def test_ask_gives_the_one_answer(scripted, door):
    scripted.answers({"ok": True}, {"never": "read"})
    assert door.ask({"op": "status", "bytes": b"\xff"}, 20) == {"ok": True}
    assert scripted.questions == [{"op": "status", "bytes": b"\xff"}]


def test_follow_gives_all_answers_however_they_are_cut(scripted, door):
    packed = b"".join(pack_frame({"n": n}) for n in range(50))
    scripted.answers(*[packed[start : start + 7] for start in range(0, len(packed), 7)])
    assert list(door.follow({"op": "events"}, 20)) == [{"n": n} for n in range(50)]


def test_answers_come_as_they_are_sent(scripted, door):
    gate = threading.Event()
    scripted.answers({"n": 1}, gate, {"n": 2})
    answers = door.follow({"op": "events"}, 20)
    assert next(answers) == {"n": 1}
    gate.set()
    assert list(answers) == [{"n": 2}]


def test_a_large_answer(scripted, door):
    scripted.answers({"x": b"x" * 5_000_000})
    assert len(door.ask({"op": "status"}, 20)["x"]) == 5_000_000


def test_closing_hangs_up(scripted, door):
    scripted.answers({"n": 1}, stay=True)
    with door.follow({"op": "events"}, 20) as answers:
        assert next(answers) == {"n": 1}
    assert scripted.hung_up.wait(20)
    assert list(answers) == []
    answers.close()


def test_following_that_is_forgotten_is_closed(scripted, door):
    scripted.answers({"n": 1}, stay=True)
    answers = door.follow({"op": "events"}, 20)
    del answers
    assert scripted.hung_up.wait(20)


def test_who_called_sudo_is_said(scripted):
    scripted.answers({"ok": True})
    Door(scripted.path, user_hint="ann").ask({"op": "status"}, 20)
    assert scripted.questions == [{"op": "status", "user_hint": "ann"}]


# -- no answer ---------------------------------------------------------------------------------------------------------


def test_no_master_no_socket(tmp_path):
    with pytest.raises(MasterUnreachable, match=r"^The salt master could not be contacted. Is master running\?$"):
        Door(str(tmp_path / "none.sock")).ask({"op": "status"})


def test_no_master_behind_a_stale_socket(tmp_path):
    path = str(tmp_path / "stale.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    with pytest.raises(MasterUnreachable, match="Is master running"):
        Door(path).ask({"op": "status"})


def test_a_path_that_is_too_long_is_no_master(tmp_path):
    with pytest.raises(MasterUnreachable):
        Door(str(tmp_path / ("x" * 200))).ask({"op": "status"})


def test_the_master_goes_away_before_it_answers(scripted, door):
    scripted.answers()
    with pytest.raises(DoorClosed, match="went away"):
        door.ask({"op": "status"}, 20)


def test_the_master_goes_away_in_the_middle_of_a_frame(scripted, door):
    scripted.answers({"n": 1}, pack_frame({"n": 2})[:5])
    answers = door.follow({"op": "events"}, 20)
    assert next(answers) == {"n": 1}
    with pytest.raises(DoorClosed):
        next(answers)
    assert list(answers) == []


def test_a_silent_master_is_late(scripted, door):
    scripted.answers(stay=True)
    began = time.monotonic()
    with pytest.raises(RequestTimeout, match="did not answer in time"):
        door.ask({"op": "status"}, 0.05)
    assert time.monotonic() - began < 5
    assert scripted.hung_up.wait(20)


def test_a_master_that_takes_no_callers_is_late(tmp_path):
    path = str(tmp_path / "busy.sock")
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(path)
        busy.listen(0)
        with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
            first.connect(path)
            second.setblocking(False)
            try:
                second.connect(path)
            except BlockingIOError:
                pass
            with pytest.raises(RequestTimeout):
                Door(path).ask({"op": "status"}, 0.05)


def test_a_busy_master_is_waited_for(tmp_path):
    """Many commands at once: more than its backlog holds."""
    path = str(tmp_path / "busy.sock")
    answered = []

    def ask():
        answered.append(Door(path).ask({"op": "status"}, 20))

    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(path)
        busy.listen(0)
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for _ in threads:
            conn, _ = busy.accept()
            with conn:
                conn.recv(65536)
                conn.sendall(pack_frame({"ok": True}))
        for thread in threads:
            thread.join(20)
    assert answered == [{"ok": True}] * 8


@pytest.mark.parametrize("garbage", [b"\xff" * 20, pack_frame({})[:4] + b"\xc1", b"\0\0\0\1\x01"])
def test_garbage_from_the_other_side(scripted, door, garbage):
    scripted.answers(garbage)
    with pytest.raises(RemoteProtocolError):
        door.ask({"op": "status"}, 20)


def test_a_question_that_cannot_be_packed_is_our_fault(door):
    with pytest.raises(LocalProtocolError):
        door.ask({"op": object()}, 20)


def test_an_interrupt_hangs_up(scripted, door):
    scripted.answers({"n": 1}, stay=True)
    answers = door.follow({"op": "events"}, 20)
    next(answers)
    main = threading.main_thread().ident
    threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        next(answers)
    assert scripted.hung_up.wait(20)


@pytest.mark.skipif(os.getuid() != 0, reason="root alone can become somebody else")
def test_who_may_not_come_in_is_told_so(scripted, tmp_path):
    for folder in [tmp_path, *tmp_path.parents]:
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    os.chmod(scripted.path, 0o600)
    code = (
        "import os, trisalt.client.door as d; os.setuid(65534)\n"
        f"try: d.Door({scripted.path!r}).ask({{'op': 'status'}})\n"
        "except Exception as exc: print(type(exc).__name__, exc)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == f"Denied No permission to talk to the master at {scripted.path}\n"


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("AuthorizationError", Denied),
        ("AuthenticationError", Denied),
        ("TargetError", TargetError),
        ("CommandError", CommandError),
        ("SomethingElse", MasterRefused),
    ],
)
def test_a_refusal_is_raised_in_the_masters_words(scripted, door, name, cls):
    scripted.answers({"n": 1}, {"error": {"name": name, "message": "in its words"}}, stay=True)
    answers = door.follow({"op": "publish"}, 20)
    assert next(answers) == {"n": 1}
    with pytest.raises(cls, match=r"^in its words$") as caught:
        next(answers)
    assert isinstance(caught.value, TrisaltError)
    assert scripted.hung_up.wait(20)
    if cls is MasterRefused:
        assert caught.value.name == name


def test_a_refusal_of_any_shape_is_an_error():
    assert str(to_error("plain")) == "plain"
    assert str(to_error({"name": "Only"})) == "Only"
    assert str(to_error({})) == ""
    assert isinstance(to_error(None), MasterRefused)


def test_an_answer_to_another_question_is_the_masters_fault():
    assert expect({"ok": 1}, "ok") == 1
    with pytest.raises(RemoteProtocolError, match="answered other, not ok"):
        expect({"other": 1}, "ok")


# -- thin --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["door", "jobs", "operations", "events"])
def test_it_imports_nothing_heavy(module):
    code = f"import sys, trisalt.client.{module}; print(*sorted(sys.modules))"
    result = subprocess.run([sys.executable, "-S", "-c", _with_path(code)], capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert f"trisalt.client.{module}" in loaded
    assert loaded.isdisjoint(HEAVY)


def _with_path(code):
    # -S: what the interpreter's own start-up loads, for this environment's .pth files, is not ours to answer for.
    return f"import sys; sys.path[:] = {sys.path!r}\n{code}"
