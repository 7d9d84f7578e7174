"""What services outside are told: of what, when, to which addresses, and how often it is tried."""

import json
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import structlog
import trio

from trisalt.client.door import MasterUnreachable
from trisalt.errors import ConfigError
from trisalt.web import notify as module
from trisalt.web.notices import AGAIN_S, GATHERED_S, NAMED, Target, Watch, read_targets
from trisalt.web.notify import Poster, notify
from trisalt.web.outside import Outside, OutsideError, is_outside
from trisalt.web.signatures import sign

SECRET = b"0123456789abcdef"
JID = "20261122124204617323"


def target(**more):
    return Target(**{"name": "chat", "url": "https://chat.example/x", **more})


def ret(id, *, jid=JID, fun="state.apply", **more):
    return f"salt/job/{jid}/ret/{id}", {"fun": fun, "user": "ann", "id": id, "retcode": 0, "success": True, **more}


# -- what ----------------------------------------------------------------------------------------------------------------


def test_what_fails_of_one_job_is_told_together_after_a_moment():
    watch = Watch(target(on=frozenset({"job_failed"})))
    watch.feed(*ret("web1", retcode=2), 100.0)
    watch.feed(*ret("web2"), 101.0)
    watch.feed(*ret("web3", success=False), 102.0)
    watch.feed(*ret("web4", retcode={"a": 0, "b": 1}), 103.0)
    assert watch.next() == 100.0 + GATHERED_S
    assert list(watch.due(109.0)) == []
    (message,) = watch.due(110.0)
    assert message == {
        "kind": "job_failed",
        "text": f"state.apply by ann failed on web1, web3, web4 (job {JID})",
        "jid": JID,
        "fun": "state.apply",
        "user": "ann",
        "minions": ["web1", "web3", "web4"],
        "count": 3,
    }
    assert watch.next() == float("inf")


def test_only_jobs_of_functions_that_are_named_are_told():
    watch = Watch(target(functions=("state.*",)))
    watch.feed(*ret("web1", fun="cmd.run", retcode=1), 0.0)
    watch.feed(*ret("web1", fun=["state.apply", "test.ping"], retcode=1), 0.0)
    assert [message["fun"] for message in watch.due(60.0)] == ["state.apply,test.ping"]


def test_of_many_some_are_named():
    watch = Watch(target())
    for number in range(NAMED + 5):
        watch.feed(*ret(f"m{number}", retcode=1), 0.0)
    (message,) = watch.due(60.0)
    assert (len(message["minions"]), message["count"]) == (NAMED, NAMED + 5)
    assert "and 5 more" in message["text"]


def test_a_minion_is_away_when_it_stays_away():
    watch = Watch(target(after=30.0))
    watch.feed("trisalt/minion/web1/absent", {"id": "web1"}, 0.0)
    watch.feed("trisalt/minion/web2/absent", {"id": "web2"}, 1.0)
    watch.feed("trisalt/minion/web1/present", {"id": "web1"}, 10.0)
    assert list(watch.due(30.0)) == []
    (message,) = watch.due(31.0)
    assert (message["kind"], message["text"], message["minions"]) == ("minion_down", "Away: web2", ["web2"])
    assert list(watch.due(99.0)) == []


def test_who_knocks_again_and_again_is_told_of_once_a_day():
    watch = Watch(target())
    for now in (0.0, 10.0, AGAIN_S - 1):
        watch.feed("salt/auth", {"act": "pend", "id": "new"}, now)
    watch.feed("salt/auth", {"act": "accept", "id": "web1"}, 20.0)
    assert [message["minions"] for message in watch.due(AGAIN_S - 1)] == [["new"]]
    watch.feed("salt/auth", {"act": "pend", "id": "new"}, AGAIN_S + 11)
    assert [message["text"] for message in watch.due(AGAIN_S + 11)] == ["Keys wait to be accepted: new"]


def test_what_nobody_asked_for_or_makes_no_sense_is_not_told():
    watch = Watch(target(on=frozenset({"key_pending"})))
    for tag, data in (ret("web1", retcode=1), ("trisalt/minion/web1/absent", {}), ("salt/auth", "text"), ("x", None)):
        watch.feed(tag, data, 0.0)
    assert watch.next() == float("inf")
    assert target(on=frozenset({"key_pending"})).tags() == {"salt/auth"}


# -- where to ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "outside", "inside"),
    [
        ("93.184.216.34", True, True),
        ("2606:2800:220:1::1", True, True),
        ("10.0.0.5", False, True),
        ("192.168.1.1", False, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("::ffff:10.0.0.5", False, True),
        ("fd00::1", False, True),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("fe80::1%eth0", False, False),
        ("0.0.0.0", False, False),
        ("224.0.0.1", False, False),
        ("text", False, False),
    ],
)
def test_which_addresses_may_be_sent_to(address, outside, inside):
    assert (is_outside(address, private=False), is_outside(address, private=True)) == (outside, inside)


@contextmanager
def listening(statuses=()):
    """A service on loopback, and what it was sent; it answers with these statuses, then with 200."""
    statuses, sent = list(statuses), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            sent.append((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(statuses.pop(0) if statuses else 200)
            self.send_header("location", "http://127.0.0.1:1/")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hooks/very-secret", sent
        finally:
            server.shutdown()
            thread.join()


async def test_a_name_that_leads_inside_is_not_connected_to():
    with listening() as (url, sent):
        with pytest.raises(OutsideError):
            await Outside(private=False).send(url.replace("127.0.0.1", "localhost"), b"{}", {})
        assert sent == []
        assert await Outside(private=True).send(url, b"{}", {}) == 200


async def test_nobody_is_led_elsewhere_by_an_answer():
    with listening([307]) as (url, sent):
        assert await Outside().send(url, b"{}", {}) == 307
        assert len(sent) == 1


# -- how -----------------------------------------------------------------------------------------------------------------


class Service:
    """Answers posts by a script: statuses, or errors."""

    def __init__(self, *script):
        self.script, self.posted = list(script), []

    async def send(self, url, body, headers):
        await trio.lowlevel.checkpoint()
        self.posted.append((trio.current_time(), json.loads(body), headers))
        answer = self.script.pop(0) if self.script else 200
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
async def poster(nursery):
    """Gives posters at work: `poster(*script)`."""

    def open_poster(*script, **more):
        made = Poster(target(secret=SECRET, **more), "m1", Service(*script))
        nursery.start_soon(made.run)
        nursery.start_soon(made.post)
        made.service = made._outside
        return made

    yield open_poster
    nursery.cancel_scope.cancel()


async def test_a_message_is_signed_and_says_whose_it_is(autojump_clock, poster):
    one = poster()
    one.feed(*ret("web1", retcode=1))
    await trio.sleep(60)
    ((_at, message, headers),) = one.service.posted
    assert (message["kind"], message["master"], message["minions"]) == ("job_failed", "m1", ["web1"])
    assert headers["x-hub-signature-256"] == sign(SECRET, json.dumps(message).encode())


async def test_what_is_not_taken_is_tried_again_and_given_up_in_the_end(autojump_clock, poster):
    one = poster(OutsideError("gone"), 503, 429, 200)
    began = trio.current_time()
    one.feed("salt/auth", {"act": "pend", "id": "new"})
    await trio.sleep(100)
    assert [at - began for at, _message, _headers in one.service.posted] == [0.0, 2.0, 6.0, 14.0]
    with structlog.testing.capture_logs() as logs:
        other = poster(*[503] * 9)
        other.feed("salt/auth", {"act": "pend", "id": "new"})
        await trio.sleep(100)
    assert len(other.service.posted) == module.TRIES
    (told,) = [entry for entry in logs if entry["event"] == "notice.not_sent"]
    assert (told["target"], told["reason"]) == ("chat", "it answered 503")
    assert "chat.example" not in str(logs)


async def test_what_is_refused_for_good_is_tried_once(autojump_clock, poster):
    one = poster(404)
    one.feed("salt/auth", {"act": "pend", "id": "new"})
    await trio.sleep(100)
    assert len(one.service.posted) == 1


async def test_a_queue_that_is_full_says_how_many_it_lost(autojump_clock, poster, monkeypatch):
    monkeypatch.setattr(module, "QUEUE", 2)
    one = poster(*[503] * module.TRIES)
    for number in range(6):
        one.feed(*ret("web1", jid=f"2026112212420461{number:04}", retcode=1))
        await trio.sleep(GATHERED_S + 0.1 if number == 0 else 0.1)
    await trio.sleep(200)
    told = [message for _at, message, _headers in one.service.posted[module.TRIES :]]
    assert [message.get("lost") for message in told] == [3, None]


class Master:
    """A door that is away, then tells some events, and ends; then from where it stopped."""

    def __init__(self):
        self.asked = []

    def follow(self, question):
        self.asked.append(question)
        return self

    async def __aenter__(self):
        await trio.lowlevel.checkpoint()
        if len(self.asked) == 1:
            raise MasterUnreachable("gone")
        return self

    async def __aexit__(self, *_exc):
        pass

    def __aiter__(self):
        self.frames = [
            {"ready": {"log": "L", "at": 7}},
            {"events": [["salt/auth", 8, "m/", {"act": "pend", "id": "new"}]], "at": 8},
        ]
        if len(self.asked) > 2:
            self.frames = [{"ready": {"log": "L", "at": 8}}]
        return self

    async def __anext__(self):
        await trio.lowlevel.checkpoint()
        if self.frames:
            return self.frames.pop(0)
        if len(self.asked) > 2:
            await trio.sleep_forever()
        raise StopAsyncIteration


async def test_a_master_that_comes_back_is_followed_from_where_it_stopped(nursery, autojump_clock):
    master, service = Master(), Service()
    nursery.start_soon(partial(notify, master, [target(on=frozenset({"key_pending"}))], "m1", outside=service))
    await trio.sleep(30)
    assert [question.get("after") for question in master.asked] == [None, None, [["L", 8]]]
    assert master.asked[0]["match"] == ["salt/auth"]
    assert [message["minions"] for _at, message, _headers in service.posted] == [["new"]]
    nursery.cancel_scope.cancel()


# -- the configuration ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("https://chat.example", "a map is wanted"),
        ({}, "an address of https"),
        ({"url": "http://chat.example"}, "an address of https"),
        ({"url": "https://u:p@chat.example"}, "an address of https"),
        ({"url": "https://chat.example", "on": ["odd"]}, "odd: there are"),
        ({"url": "https://chat.example", "on": "job_failed"}, "a list is wanted"),
        ({"url": "https://chat.example", "after": -1}, "seconds are wanted"),
        ({"url": "https://chat.example", "private": "no"}, "true or false"),
        ({"url": "https://chat.example", "secret_file": "/nonexistent/x"}, "No such file"),
        ({"url": "https://chat.example", "uri": "x"}, "uri"),
    ],
)
def test_what_is_no_target_is_told_without_its_address(row, said):
    with pytest.raises(ConfigError) as caught:
        read_targets("rest_trisalt", {"chat": row})
    assert said in str(caught.value)
    assert "chat.example" not in str(caught.value)


def test_a_target_is_read_with_its_address_from_a_file(tmp_path):
    path = tmp_path / "url"
    path.write_text("https://chat.example/hooks/x?y=1\n")
    (found,) = read_targets("rest_trisalt", {"chat": {"url_file": str(path), "on": ["minion_down"], "secret": "s"}})
    assert (found.url, found.on, found.secret) == ("https://chat.example/hooks/x?y=1", {"minion_down"}, b"s")
    assert "chat.example" not in repr(found)
    assert read_targets("rest_trisalt", None) == ()
