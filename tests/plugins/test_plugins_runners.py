"""Runners as a worker loads them: over a real store file, with a host that answers as a master would."""

import inspect

import pytest

from trisalt.errors import CommandError, StoreError
from trisalt.loader.dunders import Plugins
from trisalt.store.sqlite import open_store
from trisalt.store.store import Waits
from trisalt.wire.codec import unpack_bin
from trisalt.worker import upcall

FIRST, SECOND, THIRD = "20261122100000000000", "20261122110000123456", "20261122120000000000"


class Host:
    """A master that answers upcalls, and remembers them."""

    def __init__(self):
        self.asked = []
        self.answers = {}

    def call(self, kind, fields):
        self.asked.append((kind, fields))
        answer = self.answers.get(kind, True)
        return answer(fields) if callable(answer) else answer


@pytest.fixture
async def runners(tmp_path, host):
    async with open_store(tmp_path / "trisalt.db") as store:
        jobs = store.jobs
        load = {"tgt_type": "glob", "user": "root", "ret": ""}
        await jobs.record_job({**load, "jid": FIRST, "fun": "test.ping", "arg": [], "tgt": "*"}, ["m1"])
        await jobs.record_job({**load, "jid": SECOND, "fun": "cmd.run", "arg": ["id"], "tgt": "web*"}, ["m1", "m2"])
        compound = {"fun": ["test.ping", "test.echo"], "arg": [[], ["hi"]], "tgt": ["m1", "m3"], "tgt_type": "list"}
        await jobs.record_job({**load, **compound, "jid": THIRD, "metadata": {"a": 1, "b": 2}}, ["m3", "m1"])
        await jobs.record_job({**load, "jid": "20261122130000000000", "fun": "saltutil.find_job", "tgt": "*"}, ["m1"])
        await jobs.record_return(FIRST, "m1", {"return": True, "retcode": 0, "success": True})
        await jobs.record_return(
            SECOND, "m2", {"return": "uid=0", "retcode": 2, "success": False, "out": "highstate", "fun": "cmd.run"}
        )
        opts = {"cachedir": str(tmp_path), "timeout": 3, "gather_job_timeout": 10, "extension_modules": ""}
        yield Plugins(opts).loader("runners")


# -- jobs -------------------------------------------------------------------------------------------------------------


async def test_jobs_are_listed_oldest_first_compound_ones_too_and_find_job_not(runners):
    found = runners["jobs.list_jobs"]()
    assert list(found) == [FIRST, SECOND, THIRD]
    assert found[SECOND] == {
        "Function": "cmd.run",
        "Arguments": ["id"],
        "Target": "web*",
        "Target-type": "glob",
        "User": "root",
        "StartTime": "2026, Nov 22 11:00:00.123456",
    }
    assert found[THIRD]["Function"] == ["test.ping", "test.echo"]
    assert found[THIRD]["Metadata"] == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("wanted", "jids"),
    [
        ({"search_function": "test.*"}, [FIRST, THIRD]),
        ({"search_function": "cmd.*, test.echo"}, [SECOND, THIRD]),
        ({"search_function": ["cmd.run"]}, [SECOND]),
        ({"search_function": "nosuch.*"}, []),
        ({"search_target": "m3"}, [THIRD]),
        ({"search_metadata": {"a": 1}}, [THIRD]),
        ({"search_metadata": {"a": 2}}, []),
        ({"search_metadata": {"a": 2, "b": 2}}, [THIRD]),
        ({"start_time": "2026-11-22T11:00:00"}, [SECOND, THIRD]),
        ({"start_time": "2026, Nov 22 11:00", "end_time": "2026, Nov 22 11:30"}, [SECOND]),
        ({"end_time": SECOND}, [FIRST, SECOND]),
        ({"start_time": "2026-11-22T13:00:00+02:00"}, [SECOND, THIRD]),
    ],
    ids=str,
)
async def test_jobs_are_searched(runners, wanted, jids):
    assert list(runners["jobs.list_jobs"](**wanted)) == jids


async def test_jobs_are_listed_packed_for_who_takes_them_so(runners):
    expected = runners["jobs.list_jobs"](search_target="web*")
    upcall.take_packed(True)
    try:
        assert unpack_bin(runners["jobs.list_jobs"](search_target="web*").data) == expected
        assert runners["jobs.list_jobs"](outputter="json", search_target="web*")["data"] == expected
    finally:
        upcall.take_packed(False)


@pytest.mark.parametrize("wanted", [{"start_time": "noon"}, {"search_metadata": "a"}], ids=str)
async def test_a_search_that_cannot_be_read_is_refused(runners, wanted):
    with pytest.raises(CommandError):
        runners["jobs.list_jobs"](**wanted)


async def test_the_newest_jobs_are_a_list(runners):
    found = runners["jobs.list_jobs_filter"](2)
    assert [row["JID"] for row in found] == [SECOND, THIRD]
    with pytest.raises(CommandError):
        runners["jobs.list_jobs_filter"]("many")


async def test_one_job_is_told_with_its_minions_and_its_results(runners):
    found = runners["jobs.list_job"](SECOND)
    assert (found["jid"], found["Minions"]) == (SECOND, ["m1", "m2"])
    assert found["Result"] == {"m2": {"return": "uid=0", "retcode": 2, "success": False, "out": "highstate"}}
    assert runners["jobs.print_job"](SECOND) == {SECOND: {key: found[key] for key in found if key != "jid"}}


async def test_who_was_named_and_has_no_key_stays_visible_with_the_reason(runners, tmp_path, capsys):
    listed = "20261122130000000000"
    load = {"jid": listed, "fun": "test.ping", "arg": [], "tgt": ["m1", "nope"], "tgt_type": "list", "user": "root"}
    async with open_store(tmp_path / "trisalt.db") as store:
        await store.jobs.record_job({**load, "missing": ["nope"]}, ["m1"])
        await store.jobs.record_return(listed, "m1", {"return": True, "retcode": 0, "success": True})
    why = "No accepted key had this name when the job was published."
    assert runners["jobs.list_job"](listed)["Missing"] == {"nope": f"Minion did not return. [No response]\n{why}"}
    assert runners["jobs.lookup_jid"](listed) == {"m1": True}
    assert capsys.readouterr().out == f"# nope: {why}\n"
    assert runners["jobs.lookup_jid"](listed, missing=True) == {"m1": True, "nope": why}
    assert runners["jobs.exit_success"](listed) == {"m1": True, "nope": False}


async def test_a_return_that_came_late_has_a_mark_and_who_is_missing_a_reason(runners, tmp_path, capsys):
    async with open_store(tmp_path / "trisalt.db") as store:
        await store.jobs.record_return(THIRD, "m1", {"return": 1, "retcode": 0, "success": True})
        await store.jobs.mark_settled(THIRD, {"m3": "Minion did not return. [No response]"})
        await store.jobs.mark_settled(SECOND, {"m1": "Minion did not return. [Not connected]\nGone."})
        await store.jobs.record_return(THIRD, "m3", {"return": 3, "retcode": 0, "success": True})
    assert runners["jobs.list_job"](SECOND)["Missing"] == {"m1": "Minion did not return. [Not connected]\nGone."}
    result = runners["jobs.list_job"](THIRD)["Result"]
    assert result["m3"]["late_s"] >= 0
    assert "late_s" not in result["m1"]
    assert runners["jobs.lookup_jid"](THIRD) == {"m1": 1, "m3": 3}
    assert capsys.readouterr().out == "# m3: returned late, 0 s after nobody waited any longer.\n"


async def test_a_job_that_nobody_knows_is_told_as_such(runners):
    found = runners["jobs.list_job"]("20010101000000000000")
    assert found["Error"] == "Cannot contact returner or no job with this jid"
    assert found["Result"] == {}
    assert runners["jobs.lookup_jid"]("garbage") == {}
    assert runners["jobs.exit_success"]("garbage") == {}


async def test_returns_are_looked_up_with_the_outputter_they_name(runners):
    assert runners["jobs.lookup_jid"](FIRST) == {"m1": True}
    assert runners["jobs.lookup_jid"](int(FIRST)) == {"m1": True}
    assert runners["jobs.lookup_jid"](SECOND, missing=True) == {
        "outputter": "highstate",
        "data": {"m2": "uid=0", "m1": "Minion did not return"},
    }
    assert runners["jobs.lookup_jid"](THIRD, missing=True, returned=False) == {
        "m1": "Minion did not return",
        "m3": "Minion did not return",
    }


async def test_success_is_a_return_that_went_well(runners):
    assert runners["jobs.exit_success"](FIRST) == {"m1": True}
    assert runners["jobs.exit_success"](SECOND) == {"m1": False, "m2": False}


async def test_the_last_run_is_the_newest_that_matches(runners):
    assert list(runners["jobs.last_run"]()) == [THIRD]
    assert list(runners["jobs.last_run"](function="cmd.run")) == [SECOND]
    assert runners["jobs.last_run"](function="nosuch") is False


async def test_active_jobs_are_what_minions_say_they_run(runners, host):
    job = {"jid": SECOND, "fun": "cmd.run", "arg": ["id"], "tgt": "web*", "tgt_type": "glob", "user": "ann", "pid": 7}
    own = {
        "jid": "20261122140000000000",
        "fun": "saltutil.running",
        "arg": [],
        "tgt": "*",
        "tgt_type": "glob",
        "pid": 8,
    }
    host.answers["publish"] = {
        "jid": own["jid"],
        "minions": ["m1", "m2", "m3"],
        "missing": [],
        "returns": {"m1": {"return": [job, own]}, "m2": {"return": [{**job, "pid": 9}]}, "m3": {"return": "broken"}},
    }
    assert runners["jobs.active"]() == {
        SECOND: {
            "Function": "cmd.run",
            "Arguments": ["id"],
            "Target": "web*",
            "Target-type": "glob",
            "User": "ann",
            "StartTime": "2026, Nov 22 11:00:00.123456",
            "Running": [{"m1": 7}, {"m2": 9}],
            "Returned": ["m2"],
        }
    }
    assert host.asked[0][1]["fun"] == "saltutil.running"


@pytest.fixture
async def waiting(tmp_path, runners):
    """Jobs that wait, beside those of `runners`: one for m1 and m2, of which m1 was sent it; one that m3 did not take."""
    async with open_store(tmp_path / "trisalt.db") as store:
        load = {"fun": "cmd.run", "arg": ["id"], "tgt": "*", "tgt_type": "glob", "user": "root", "ret": ""}
        waits = Waits(until=1795877066.5, absent={"m2", "m3"})
        await store.jobs.record_job({**load, "jid": QUEUED}, ["m1", "m2"], waits=waits)
        await store.jobs.record_job({**load, "jid": ENDED}, ["m1", "m3"], waits=waits)
        await store.jobs.record_return(ENDED, "m1", {"return": "x", "retcode": 0, "success": True})
        await store.queue.end({ENDED: {"m3": "expired"}}, reasons={ENDED: {"m3": "It was not back in time"}})


QUEUED, ENDED = "20261127100000000000", "20261127110000000000"


async def test_what_waits_is_told_by_job_and_minion(runners, waiting):
    found = runners["jobs.queued"]()
    assert list(found) == [QUEUED]
    assert found[QUEUED]["Function"] == "cmd.run"
    assert {id: sorted(place) for id, place in found[QUEUED]["Queued"].items()} == {
        "m1": ["Sent", "Since", "Until"],
        "m2": ["Since", "Until"],
    }
    assert found[QUEUED]["Queued"]["m2"]["Until"] == "2026, Nov 28 14:44:26.500000"
    assert runners["jobs.queued"](int(QUEUED)) == found
    assert runners["jobs.queued"](FIRST) == {}


async def test_a_job_tells_for_whom_it_waits_or_has_waited_in_vain(runners, waiting):
    assert sorted(runners["jobs.list_job"](QUEUED)["Queued"]) == ["m1", "m2"]
    assert runners["jobs.print_job"](ENDED)[ENDED]["Queued"]["m3"]["How"] == "expired"
    assert "m1" not in runners["jobs.list_job"](ENDED)["Queued"]
    assert "Queued" not in runners["jobs.list_job"](FIRST)
    assert runners["jobs.lookup_jid"](QUEUED, missing=True) == dict.fromkeys(
        ["m1", "m2"], "Queued: will run when it is back, until 2026-11-28 14:44:26 UTC"
    )
    assert runners["jobs.lookup_jid"](ENDED, missing=True) == {"m1": "x", "m3": "It was not back in time"}
    assert runners["jobs.lookup_jid"](SECOND, missing=True)["data"]["m1"] == "Minion did not return"


@pytest.mark.parametrize(
    ("args", "asked"), [((), None), (("m1,m2",), ["m1", "m2"]), ((["m1"],), ["m1"]), ((7,), ["7"])]
)
async def test_cancel_says_what_became_of_each(runners, host, args, asked):
    host.answers["cancel"] = {"m2": True, "m1": False}
    found = runners["jobs.cancel"](int(QUEUED), *args)
    assert host.asked == [("cancel", {"jid": QUEUED, "minions": asked})]
    assert found["m1"] == "cancelled"
    assert f"saltutil.kill_job {QUEUED}" in found["m2"]


@pytest.mark.parametrize(("args", "said"), [((), "waits for nobody"), (("m1",), "waits for none of these")])
async def test_nothing_to_cancel_is_an_error(runners, host, args, said):
    host.answers["cancel"] = {}
    with pytest.raises(CommandError, match=said):
        runners["jobs.cancel"](QUEUED, *args)


async def test_what_is_kept_about_minions_is_read(tmp_path, host):
    async with open_store(tmp_path / "trisalt.db") as store:
        for id in ("m1", "m2"):
            await store.banks.store("grains", id, {"id": id})
        runners = Plugins({"cachedir": str(tmp_path)}).loader("runners")
        host.answers["match"] = {"minions": ["m2", "m1"], "missing": []}
        assert runners["cache.grains"]("id:m*", tgt_type="grain") == {"m1": {"id": "m1"}, "m2": {"id": "m2"}}
        assert host.asked[-1] == ("match", {"tgt": "id:m*", "tgt_type": "grain", "delimiter": ":"})
        assert runners["cache.list"]("grains") == ["m1", "m2"]
        assert runners["cache.fetch"]("grains", "m1") == {"id": "m1"}
        assert runners["cache.fetch"]("grains", "m9") == {}
        assert runners["cache.updated"]("grains", "m1") > 0


async def test_without_a_store_file_the_reason_is_told(tmp_path, host):
    with pytest.raises(StoreError, match="nowhere"):
        Plugins({"cachedir": str(tmp_path / "nowhere")}).loader("runners")["jobs.list_jobs"]()


# -- the others -------------------------------------------------------------------------------------------------------


def answered(fields, returns):
    return {"jid": FIRST, "minions": ["m1", "m2", "m3"], "missing": [], "returns": returns}


def known(present, **kwargs):
    seen = 1795351200.0 if present else None
    fields = {"since": 1795351100.0, "seen": seen, "address": "", "version": "", "every": 0.0, "latency": None}
    return {"present": present, **fields, "why": "", **kwargs}


async def test_who_is_up_and_who_is_down(runners, host):
    host.answers["match"] = {"minions": ["m1", "m2", "m3"], "missing": []}
    host.answers["presence"] = lambda fields: {"m1": known(True), "m2": known(False), "m3": known(True)}
    assert runners["manage.status"](timeout=2, gather_job_timeout=4) == {"up": ["m1", "m3"], "down": ["m2"]}
    assert runners["manage.up"]() == ["m1", "m3"]
    # Who must be asked has the patience of any other job: the one that is given, or the configured one.
    assert [fields for kind, fields in host.asked if kind == "presence"] == [
        {"ids": ["m1", "m2", "m3"], "ask": True, "patience": 6},
        {"ids": ["m1", "m2", "m3"], "ask": True, "patience": 13},
    ]
    assert not any(kind == "publish" for kind, _fields in host.asked)
    host.answers["command"] = {"return": {}, "retcode": 0, "success": True}
    assert runners["manage.down"](removekeys=True) == ["m2"]
    assert host.asked[-1] == (
        "command",
        {"kind": "wheel", "fun": "key.delete", "arg": ["m2"], "kwarg": {}, "timeout": 60},
    )
    host.answers["match"] = {"minions": [], "missing": []}
    assert runners["manage.status"]("nosuch") == {"up": [], "down": []}


async def test_versions_are_sorted_by_age_and_asked_of_those_that_do_not_say_theirs(runners, host):
    host.answers["match"] = {"minions": ["m1", "m2", "m3", "m4"], "missing": []}
    host.answers["presence"] = {
        "m1": known(True, version="3008.3"), "m2": known(True), "m3": known(False, version="3008.3"), "m4": known(True),
    }  # fmt: skip
    returns = {"m2": {"return": "3006.10"}, "m4": {"return": "no such function", "retcode": 1}}
    host.answers["publish"] = lambda fields: answered(fields, returns)
    assert runners["manage.versions"]() == {
        "Master": "3008.3",
        "Up to date": {"m1": "3008.3"},
        "Minion requires update": {"m2": "3006.10"},
        "Minion offline": {"m3": False, "m4": False},
    }
    assert [fields["tgt"] for kind, fields in host.asked if kind == "publish"] == [["m2", "m4"]]


async def test_what_is_known_of_who_is_here_is_listed(runners, host, tmp_path):
    async with open_store(tmp_path / "trisalt.db") as store:
        await store.banks.store_all({"grains": {"m2": {"saltversion": "3006.10"}, "m3": {"os": "Debian"}}})
    host.answers["match"] = {"minions": ["m3", "m1", "m2"], "missing": []}
    host.answers["presence"] = {
        "m1": known(True, address="192.0.2.1", version="3008.3", every=60.0, latency=0.0123),
        "m2": known(False, why="it does not answer"),
        "m3": known(None, seen=1795351000.0),
    }
    assert runners["presence.list"]("m*", ask=True) == {
        "m1": {
            "state": "present",
            "since": "2026-11-22 12:38:20 UTC",
            "last_seen": "2026-11-22 12:40:00 UTC",
            "address": "192.0.2.1",
            "version": "3008.3",
            "latency_ms": 12,
            "heartbeat_s": 60.0,
        },
        "m2": {
            "state": "absent",
            "since": "2026-11-22 12:38:20 UTC",
            "version": "3006.10",
            "reason": "it never came",
        },
        "m3": {"state": "unknown", "last_seen": "2026-11-22 12:36:40 UTC"},
    }
    assert host.asked[0][1]["tgt"] == "m*"
    assert host.asked[1][1] == {"ids": ["m3", "m1", "m2"], "ask": True, "patience": None}


async def test_an_event_is_sent_as_it_is(runners, host):
    assert runners["event.send"]("my/tag", {"a": 1}) is True
    assert host.asked == [("fire_event", {"tag": "my/tag", "data": {"a": 1}})]
    with pytest.raises(CommandError):
        runners["event.send"]("my/tag", "text")


async def test_errors_are_raised_by_name(runners):
    assert runners["error.error"]() == {}
    with pytest.raises(ValueError, match="why not"):
        runners["error.error"]("ValueError", "why not")
    with pytest.raises(CommandError, match="no"):
        runners["error.error"]("CommandError", "no")
    with pytest.raises(Exception, match="x"):
        runners["error.error"]("NoSuchError", "x")


async def test_options_are_looked_up_by_path(tmp_path, host):
    opts = {"file_roots": {"base": ["/srv/salt"]}, "id": "box", "__role": "master"}
    runners = Plugins(opts).loader("runners")
    assert runners["config.get"]("file_roots:base") == ["/srv/salt"]
    assert runners["config.get"]("file_roots,base,0", delimiter=",") == "/srv/salt"
    assert runners["config.get"]("nosuch:key", "default") == "default"
    assert "__role" not in runners["config.items"]()


async def test_test_functions_answer(runners, host):
    assert runners["test.arg"](1, a=2, __b=3) == {"args": [1], "kwargs": {"a": 2}}
    assert runners["test.raw_arg"](1, __b=3) == {"args": [1], "kwargs": {"__b": 3}}
    assert runners["test.metasyntactic"]("uk")[0] == "wibble"
    assert runners["test.sleep"](0) is True


async def test_state_event_is_the_commands_own(runners):
    with pytest.raises(CommandError, match="salt-run"):
        runners["state.event"]()


async def test_every_runner_and_wheel_function_documents_itself(runners):
    for kind in ("runner", "wheel"):
        docs = runners[f"doc.{kind}"]()
        assert docs
        assert not any(".. code-block::" in text for text in docs.values())
        for name, text in docs.items():
            assert "CLI Example" in text, name
    assert set(runners["doc.runner"]("jobs")) == {name for name in runners if name.startswith("jobs.")}
    assert list(runners["doc.runner"]("jobs.active")) == ["jobs.active"]


async def test_arguments_are_stocks(runners):
    assert list(inspect.signature(runners["jobs.lookup_jid"]).parameters) == [
        "jid",
        "ext_source",
        "returned",
        "missing",
        "display_progress",
    ]


def test_a_master_syncs_its_own_plugins(tmp_path):
    roots = tmp_path / "srv"
    for name in ("_runners/site.py", "_returners/keep.py", "_pillar/ext.py", "_auth/own.py", "_runners/notes.txt"):
        (roots / name).parent.mkdir(parents=True, exist_ok=True)
        (roots / name).write_text("def say(): return 'hello'\n")
    opts = {
        "file_roots": {"base": [str(roots)]},
        "cachedir": str(tmp_path / "cache"),
        "extension_modules": str(tmp_path / "ext"),
    }
    plugins = Plugins(opts)
    runners = plugins.loader("runners")
    assert runners["saltutil.sync_runners"]() == ["runners.site"]
    assert runners["site.say"]() == "hello"
    found = runners["saltutil.sync_all"]()
    assert {name: files for name, files in found.items() if files} == {
        "returners": ["returners.keep"], "pillar": ["pillar.ext"], "auth": ["auth.own"],
    }  # fmt: skip
    assert {"tokens", "proxymodules", "roster"} <= found.keys()
    (roots / "_runners/site.py").unlink()
    assert runners["saltutil.sync_runners"]() == []
    plugins.notice()
    assert "site.say" not in runners
    assert runners["saltutil.sync_all"](extmod_whitelist={"returners": []})["returners"] == []
    assert not (tmp_path / "ext/returners/keep.py").exists()


# -- batch ------------------------------------------------------------------------------------------------------------

RECORD = {
    **{"jid": FIRST, "fun": "test.ping", "arg": [], "tgt": "*", "tgt_type": "glob", "user": "root", "ret": ""},
    **{"kwargs": {}, "size": "50%", "wait": 0, "failhard": False, "timeout": 5, "gather_job_timeout": 10},
    **{"created": 10.0, "named": ["m1", "m2", "m3", "m4", "m5"], "minions": ["m1", "m2", "m3", "m4"], "down": ["m5"]},
    **{"jids": [FIRST], "last_progress": 20.0, "ended": None, "halted": None},
    **{"done": {}, "lost": {}, "active": [], "pending": []},
}


@pytest.fixture
async def batches(tmp_path, host):
    """The runners, on a store with a batch of four: one has returned, one was given up, one is at work."""
    async with open_store(tmp_path / "trisalt.db") as store:
        await store.banks.store("batches", FIRST, RECORD)
        await store.banks.store("batches", SECOND, {**RECORD, "jid": SECOND, "ended": 30.0, "done": {"m1": 0, "m2": 3}})
        await store.banks.store(
            f"batches/{FIRST}", "1", {"jid": FIRST, "minions": ["m1", "m2"], "lost": {}, "done": {}}
        )
        await store.banks.store(
            f"batches/{FIRST}", "2", {"jid": FIRST, "minions": [], "lost": {"m2": "no"}, "done": {}}
        )
        await store.banks.store(f"batches/{FIRST}", "3", {"jid": THIRD, "minions": ["m3"], "lost": {}, "done": {}})
        await store.jobs.record_job({"jid": FIRST, "fun": "test.ping", "arg": [], "tgt": "*"}, ["m1"])
        await store.jobs.record_return(FIRST, "m1", {"return": True, "retcode": 1, "success": False})
        yield Plugins({"cachedir": str(tmp_path), "extension_modules": ""}).loader("runners")


async def test_a_batch_tells_how_far_it_is(batches):
    found = batches["batch.status"](int(FIRST))
    assert 0 <= found.pop("age_seconds") < 60
    assert found.pop("last_progress") > 1000
    assert found == {
        **{"jid": FIRST, "fun": "test.ping", "tgt": "*", "tgt_type": "glob", "user": "root", "driver": "master"},
        **{"total": 4, "completed": 1, "active": 1, "pending": 1, "failed": 2, "batch_size": 2},
        **{"halted": False, "halted_reason": None, "created": 10.0},
    }
    assert batches["batch.status"]("20200101000000000000") is None
    over = batches["batch.status"](SECOND)
    assert (over["completed"], over["active"], over["failed"]) == (2, 0, 1)


async def test_only_batches_under_way_are_listed(batches):
    assert [found["jid"] for found in batches["batch.list_active"]()] == [FIRST]


async def test_a_batch_is_stopped_by_an_event_and_its_jobs_are_killed_if_asked(batches, host):
    assert batches["batch.stop"](SECOND) is False
    assert batches["batch.stop"]("20200101000000000000") is False
    assert host.asked == []
    assert batches["batch.stop"](FIRST) is True
    assert [(kind, fields["tag"]) for kind, fields in host.asked] == [("fire_event", f"salt/batch/{FIRST}/stop")]
    host.answers["publish"] = {"jid": "1", "minions": []}
    assert batches["batch.stop"](FIRST, kill=True) is True
    killed = [(fields["tgt"], fields["fun"], fields["arg"]) for kind, fields in host.asked if kind == "publish"]
    assert killed == [(["m2"], "saltutil.kill_job", [FIRST]), (["m3"], "saltutil.kill_job", [THIRD])]


# -- an external job cache -------------------------------------------------------------------------------------------


DATABASE = """
LOAD = {"fun": "cmd.run", "arg": ["id"], "tgt": "web*", "tgt_type": "glob", "user": "fred", "Minions": ["m2", "m1"]}
def get_load(jid): return LOAD if jid == SECOND else {}
def get_jid(jid): return {"m1": {"return": "uid=0", "out": "txt", "retcode": 2}, "m3": 5} if get_load(jid) else {}
def get_jids():
    return {
        SECOND: {"Function": "cmd.run", "Target": "web*"},
        FIRST: {"Function": "test.ping", "Target": ["a", "b"]},
    }
"""


@pytest.fixture
def elsewhere(tmp_path):
    folder = tmp_path / "returners"
    folder.mkdir()
    (folder / "db.py").write_text(DATABASE.replace("FIRST", repr(FIRST)).replace("SECOND", repr(SECOND)))
    opts = {"cachedir": str(tmp_path), "returner_dirs": [str(folder)], "extension_modules": ""}
    return Plugins(opts).loader("runners")


def test_jobs_are_read_out_of_an_external_cache(elsewhere):
    job = elsewhere["jobs.list_job"](SECOND, ext_source="db")
    assert (job["Function"], job["User"], job["Minions"]) == ("cmd.run", "fred", ["m1", "m2"])
    assert job["Result"] == {"m1": {"return": "uid=0", "retcode": 2, "out": "txt"}, "m3": {"return": 5}}
    assert elsewhere["jobs.print_job"](SECOND, ext_source="db")[SECOND]["Result"] == job["Result"]
    told = elsewhere["jobs.lookup_jid"](SECOND, ext_source="db", missing=True)
    assert told == {"outputter": "txt", "data": {"m1": "uid=0", "m3": 5, "m2": "Minion did not return"}}
    assert elsewhere["jobs.exit_success"](SECOND, ext_source="db") == {"m1": False, "m2": False, "m3": True}
    assert elsewhere["jobs.list_job"](THIRD, ext_source="db")["Error"].startswith("Cannot contact returner or no job")


@pytest.mark.parametrize(
    ("wanted", "jids"),
    [({}, [FIRST, SECOND]), ({"search_function": "cmd.*"}, [SECOND]), ({"search_target": "b"}, [FIRST])],
)
def test_the_jobs_of_an_external_cache_are_listed(elsewhere, wanted, jids):
    assert list(elsewhere["jobs.list_jobs"](ext_source="db", **wanted)) == jids
    assert [row["JID"] for row in elsewhere["jobs.list_jobs_filter"](1, ext_source="db")] == [SECOND]
    assert list(elsewhere["jobs.last_run"](ext_source="db", function="cmd.run")) == [SECOND]
    assert elsewhere["jobs.last_run"](ext_source="db", function="none") is False


def test_a_returner_that_keeps_no_jobs_is_told(elsewhere):
    with pytest.raises(CommandError, match="the returner nothing has no get_jids here"):
        elsewhere["jobs.list_jobs"](ext_source="nothing")
