"""Jobs, runners, wheels, events and single questions, against a door that answers by a script."""

import threading

import pytest

from trisalt.client import events, jobs, operations
from trisalt.client.door import DoorClosed
from trisalt.errors import Denied, RemoteProtocolError, RequestTimeout, TargetError
from trisalt.wire.codec import pack_bin

PUBLISHED = {"published": {"jid": "20261122120000000000", "minions": ["m1", "m2"], "missing": ["m3"]}}
DENIED = {"error": {"name": "AuthorizationError", "message": "Authorization error occurred."}}


def returned(id):
    return {"return": {"id": id, "jid": "20261122120000000000", "fun": "test.ping", "return": True, "retcode": 0}}


# -- jobs ----------------------------------------------------------------------------------------------------------------


def test_a_job_is_published_and_followed_until_it_settles(scripted, door):
    gate = threading.Event()
    settled = {"settled": {"jid": "20261122120000000000", "missing": {"m2": "no return"}}}
    scripted.answers(PUBLISHED, gate, returned("m1"), settled, stay=True)
    with jobs.publish(door, "*", "test.ping", ["a", 1], kwargs={"metadata": {"x": 1}}, timeout=5) as job:
        assert (job.published.jid, job.published.minions, job.published.missing) == (
            "20261122120000000000",
            ["m1", "m2"],
            ["m3"],
        )
        assert job.missing is None
        gate.set()
        assert [ret["id"] for ret in job] == ["m1"]
        assert job.missing == {"m2": "no return"}
        assert list(job) == []
    assert scripted.questions == [
        {
            "op": "publish",
            "tgt": "*",
            "tgt_type": "glob",
            "fun": "test.ping",
            "arg": ["a", 1],
            "kwargs": {"metadata": {"x": 1}},
            "ret": "",
            "jid": "",
            "timeout": 5,
            "gather_job_timeout": None,
            "follow": True,
        }
    ]


def test_whom_a_target_names_is_asked_without_a_job(scripted, door):
    scripted.answers({"matched": {"minions": ["m1"], "missing": ["m9"]}})
    assert jobs.preview(door, ["m1", "m9"], "list") == (["m1"], ["m9"])
    assert scripted.questions == [{"op": "match", "tgt": ["m1", "m9"], "tgt_type": "list", "delimiter": ":"}]
    scripted.answers({"error": {"name": "TargetError", "message": "an empty target"}})
    with pytest.raises(TargetError, match="an empty target"):
        jobs.preview(door, "", "compound")


def test_nobody_matched_and_the_job_is_over(scripted, door):
    scripted.answers({"published": {"jid": None, "minions": [], "missing": [], "error": "No minions matched"}})
    job = jobs.publish(door, "x", "test.ping")
    assert (job.published.jid, job.published.error) == (None, "No minions matched")
    assert list(job) == []


def test_a_refused_publication_raises_and_hangs_up(scripted, door):
    scripted.answers(DENIED, stay=True)
    with pytest.raises(Denied, match="Authorization error occurred"):
        jobs.publish(door, "*", "test.ping")
    assert scripted.hung_up.wait(20)


def test_the_publication_has_a_deadline_and_the_returns_have_none(scripted, door):
    scripted.answers(stay=True)
    with pytest.raises(RequestTimeout):
        jobs.publish(door, "*", "test.ping", publish_timeout=0.05)
    gate = threading.Event()
    scripted.answers(PUBLISHED, gate, {"settled": {"jid": "1", "missing": {}}})
    job = jobs.publish(door, "*", "test.ping", publish_timeout=0.2)
    threading.Timer(0.5, gate.set).start()
    assert list(job) == []
    assert job.missing == {}


def test_a_master_that_goes_away_before_the_job_settles(scripted, door):
    scripted.answers(PUBLISHED, returned("m1"))
    job = jobs.publish(door, "*", "test.ping")
    got = []
    with pytest.raises(DoorClosed):
        got += [ret["id"] for ret in job]
    assert job.missing is None


def test_an_answer_that_is_no_publication(scripted, door):
    scripted.answers({"ok": True}, stay=True)
    with pytest.raises(RemoteProtocolError, match="not published"):
        jobs.publish(door, "*", "test.ping")
    assert scripted.hung_up.wait(20)


def test_publish_async_does_not_follow(scripted, door):
    scripted.answers(PUBLISHED)
    assert jobs.publish_async(door, "*", "test.ping").minions == ["m1", "m2"]
    assert scripted.questions[0]["follow"] is False


def test_a_running_job_is_followed(scripted, door):
    scripted.answers(returned("m1"), returned("m2"), {"settled": {"jid": "1", "missing": {}}})
    job = jobs.follow(door, "20261122120000000000")
    assert [ret["id"] for ret in job] == ["m1", "m2"]
    assert scripted.questions == [{"op": "follow_job", "jid": "20261122120000000000"}]


# -- runners and wheels ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "op"), [(operations.runner, "runner"), (operations.wheel, "wheel")])
def test_a_run_is_followed_to_its_result(scripted, door, verb, op):
    started = {"started": {"jid": "1", "tag": "salt/run/1"}}
    result = {"return": [1], "success": True, "retcode": 0}
    scripted.answers(started, {"progress": {"message": "half"}}, {"result": result}, stay=True)
    with verb(door, "some.fun", ["a"], {"b": 1}, jid="1") as run:
        assert (run.jid, run.tag, run.result) == ("1", "salt/run/1", None)
        assert list(run) == [{"message": "half"}]
        assert run.result == result
        assert run.wait() == result
    asked = {"op": op, "fun": "some.fun", "arg": ["a"], "kwarg": {"b": 1}, "jid": "1", "follow": True}
    assert scripted.questions == [asked | ({"pieces": True} if op == "runner" else {})]


def test_wait_drops_the_progress(scripted, door):
    scripted.answers({"started": {"jid": "1", "tag": "t"}}, {"progress": {}}, {"result": {"return": 1}})
    assert operations.runner(door, "some.fun").wait() == {"return": 1}
    assert "jid" not in scripted.questions[0]


def test_a_run_whose_master_goes_away(scripted, door):
    scripted.answers({"started": {"jid": "1", "tag": "t"}}, {"progress": {}})
    with pytest.raises(DoorClosed):
        operations.runner(door, "some.fun").wait()
    scripted.answers()
    with pytest.raises(DoorClosed):
        operations.runner(door, "some.fun")


def test_a_large_result_is_put_together_from_its_pieces(scripted, door):
    value = {"20261122120000000000": {"Function": "test.ping", "Arguments": [b"\xff", "\udcff"]}} | {
        "n": list(range(999))
    }
    packed = pack_bin(value)
    pieces = [{"piece": packed[start : start + 1000]} for start in range(0, len(packed), 1000)]
    result = {"return": None, "retcode": 0, "success": True, "pieces": True}
    scripted.answers({"started": {"jid": "1", "tag": "t"}}, {"progress": {"a": 1}}, *pieces, {"result": result})
    run = operations.runner(door, "some.fun")
    assert list(run) == [{"a": 1}]
    assert run.result == {"return": value, "retcode": 0, "success": True}
    scripted.answers({"started": {"jid": "1", "tag": "t"}}, pieces[0], {"result": result})
    with pytest.raises(RemoteProtocolError):
        operations.runner(door, "some.fun").wait()


def test_a_refused_run(scripted, door):
    scripted.answers(DENIED)
    with pytest.raises(Denied):
        operations.runner(door, "some.fun")
    scripted.answers({"started": {"jid": "1", "tag": "t"}}, DENIED)
    with pytest.raises(Denied):
        operations.runner(door, "some.fun").wait()


def test_a_run_that_says_nothing_is_late(scripted, door):
    scripted.answers({"started": {"jid": "1", "tag": "t"}}, stay=True)
    with pytest.raises(RequestTimeout):
        operations.runner(door, "some.fun", timeout=0.05).wait()


# -- single questions -----------------------------------------------------------------------------------------------


def test_single_questions(scripted, door):
    scripted.answers({"ok": True})
    operations.fire(door, "my/tag", {"n": 1})
    scripted.answers({"ok": True})
    operations.key_changed(door, "accepted", ["m1"])
    scripted.answers({"status": {"pid": 1}})
    assert operations.status(door) == {"pid": 1}
    scripted.answers(DENIED)
    with pytest.raises(Denied):
        operations.fire(door, "my/tag", {})
    assert scripted.questions[:3] == [
        {"op": "fire", "tag": "my/tag", "data": {"n": 1}},
        {"op": "key_changed", "act": "accepted", "ids": ["m1"]},
        {"op": "status"},
    ]


# -- events ------------------------------------------------------------------------------------------------------------


READY = {"ready": {"log": "a1b2", "at": 40}}


def test_events_come_one_by_one_out_of_their_batches(scripted, door):
    batch = {"events": [["a", 41, "user/root", {"n": 1}], ["b", 43, "minion/m1", {"n": 2}]], "at": 44}
    scripted.answers(READY, batch, {"lagged": 7}, {"events": [["c", 52, "master/", {"n": 3}]], "at": 60}, stay=True)
    with events.follow(door, ["a*", "b*"]) as following:
        assert (following.log, following.at) == ("a1b2", 40)
        assert next(following) == ("a", {"n": 1})
        assert (following.number, following.origin, following.at) == (41, "user/root", 41)
        assert next(following) == ("b", {"n": 2})
        assert (following.number, following.origin, following.at) == (43, "minion/m1", 44)
        lagged = next(following)
        assert isinstance(lagged, events.Lagged)
        assert lagged.missed == 7
        assert next(following) == ("c", {"n": 3})
    assert scripted.hung_up.wait(20)
    assert list(following) == []
    assert scripted.questions == [{"op": "events", "match": ["a*", "b*"]}]


def test_following_stands_when_follow_returns(scripted, door):
    gate = threading.Event()
    scripted.answers(gate, READY, stay=True)
    following = []
    thread = threading.Thread(target=lambda: following.append(events.follow(door)))
    thread.start()
    thread.join(0.1)
    assert not following
    gate.set()
    thread.join(20)
    following[0].close()
    assert scripted.questions == [{"op": "events", "match": None}]


def test_the_end_of_events_is_the_end_of_the_master(scripted, door):
    scripted.answers(READY, {"events": [["a", 41, "master/", {}]], "at": 41})
    following = events.follow(door)
    assert next(following) == ("a", {})
    with pytest.raises(DoorClosed):
        next(following)
    scripted.answers()
    with pytest.raises(DoorClosed):
        events.follow(door)


def test_seconds_without_an_event(scripted, door):
    scripted.answers(READY, stay=True)
    with events.follow(door, timeout=0.05) as following, pytest.raises(RequestTimeout):
        next(following)


def test_who_may_not_follow_is_told(scripted, door):
    scripted.answers(DENIED)
    with pytest.raises(Denied):
        events.follow(door)
