"""The execution module `schedule` on a schedule of ours, and on what is kept on disk."""

import pytest
import trio
import yaml

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.scheduler.desk import manage
from trisalt.scheduler.entry import Source
from trisalt.scheduler.scheduler import Schedule
from trisalt.worker import upcall

HOURLY = {"function": "test.ping", "hours": 1, "run_on_start": False}
PUB = {"__pub_jid": "20260101000000000001", "__pub_user": "root"}


class Host:
    """A minion: its schedule, and other minions that answer what is published to them."""

    def __init__(self, path):
        self.schedule = Schedule(path=path)
        self.published, self.returns, self.refreshed = [], {}, []

    def call(self, kind, fields):
        match kind:
            case "schedule":
                fields = dict(fields)
                return trio.run(manage, self.schedule, fields.pop("op"), fields)
            case "publish":
                self.published.append((fields["tgt"], fields["fun"], fields["arg"], fields["kwarg"]))
                return {"jid": "1", "minions": [], "missing": [], "returns": self.returns}
            case "refresh":
                self.refreshed.append(fields["what"])
                return True
        raise CommandError(kind)


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "minion.d" / "_schedule.conf"


@pytest.fixture
def host(kept):
    host = Host(kept)
    before = upcall.install(host)
    yield host
    upcall.install(before)


@pytest.fixture
def salt(host, tmp_path):
    opts = {"id": "m1", "conf_file": str(tmp_path / "minion"), "default_include": "minion.d/*.conf"}
    pillar = {"whens": {"tea time": "4:30pm"}}
    return Plugins(opts, grains={"id": "m1"}, pillar=pillar).loader("modules")


def test_what_is_added_is_kept_as_it_was_said(salt, kept):
    assert salt["schedule.add"]("j1", **HOURLY, **PUB)["result"] is True
    assert yaml.safe_load(kept.read_text())["schedule"]["j1"] == {
        **HOURLY, "enabled": True, "jid_include": True, "maxrunning": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"hours": 1}, "Job function is required."),
        ({"function": "test.ping"}, "says not when"),
        ({"function": "test.ping", "hours": "x"}, "hours is no number"),
        ({"function": "test.ping", "cron": "61 * * * *"}, "out of range"),
        ({"function": "test.ping", "once": "some day"}, "once is no time"),
        ({"function": "test.ping", "hours": 1, "splay": -1}, "splay"),
        ({"function": "nosuch.fun", "hours": 1}, "Function nosuch.fun is not available."),
        ({"function": "test.ping", "when": "coffee time"}, 'item coffee time for "when"'),
    ],
)
def test_what_cannot_run_is_not_added(salt, kept, words, said):
    answer = salt["schedule.add"]("j1", **words)
    assert answer["result"] is False
    assert said in answer["comment"]
    assert not kept.exists()


def test_a_time_may_have_a_name(salt, host):
    host.schedule.name_times({"tea time": "4:30pm"})
    assert salt["schedule.add"]("tea", function="test.ping", when="tea time")["result"] is True
    assert host.schedule.get("tea").when == ("4:30pm",)


def test_keys_that_mean_nothing_are_named(salt, caplog):
    salt["schedule.add"]("j1", **HOURLY, minuts=3, **PUB)
    assert "job j1 has keys that mean nothing: minuts" in caplog.text


def test_a_job_of_the_configuration_that_is_changed_is_kept_then(salt, host, kept):
    host.schedule.load({"conf": HOURLY}, source=Source.CONFIG)
    assert salt["schedule.disable_job"]("conf")["result"] is True
    assert yaml.safe_load(kept.read_text())["schedule"]["conf"]["enabled"] is False
    assert "saved: true" in salt["schedule.list"]()


def test_jobs_of_the_pillar_stay(salt, host):
    host.schedule.load({"p": HOURLY}, source=Source.PILLAR)
    assert salt["schedule.purge"]() == {
        "comment": ["Failed to delete job p from schedule."], "changes": {}, "result": True,
    }  # fmt: skip
    assert "saved: false" in salt["schedule.list"](where="pillar")
    assert salt["schedule.list"](where="opts", return_yaml=False) == {}


def test_the_schedule_as_a_whole_is_switched_and_kept(salt, host, kept):
    salt["schedule.disable"]()
    assert yaml.safe_load(kept.read_text()) == {"schedule": {"enabled": False}}
    again = Schedule(path=kept)
    again.take_kept()
    assert again.enabled is False
    salt["schedule.enable"]()
    assert host.schedule.enabled is True


def test_a_skipped_and_a_postponed_run_show_in_the_status(salt):
    salt["schedule.add"]("j1", **HOURLY)
    salt["schedule.postpone_job"]("j1", "2030-01-01T00:00:00", "2030-01-01T01:00:00")
    status = salt["schedule.job_status"]("j1", time_fmt="%Y")
    assert status["skip_explicit"] == [{"time": "2030-01-01T00:00:00", "time_fmt": "%Y-%m-%dT%H:%M:%S"}]
    assert status["run_explicit"] == [{"time": "2030-01-01T01:00:00", "time_fmt": "%Y-%m-%dT%H:%M:%S"}]
    assert len(status["_next_fire_time"]) == 4


def test_the_next_run_in_another_form(salt):
    salt["schedule.add"]("j1", function="test.ping", once="2030-02-03T04:05:06")
    assert salt["schedule.show_next_fire_time"]("j1", fmt="%d.%m.")["next_fire_time"] == "03.02."


def test_offline_reads_and_writes_what_the_next_start_reads(salt, kept):
    add, listed = salt["schedule.add"], lambda: salt["schedule.list"](offline=True, return_yaml=False)
    assert add("j1", **HOURLY, offline=True)["changes"] == {"j1": "added"}
    assert add("j1", **HOURLY, offline=True)["comment"] == "Job j1 already exists in schedule."
    assert salt["schedule.modify"]("j1", hours=2, offline=True)["result"] is True
    assert listed()["j1"]["hours"] == 2
    assert salt["schedule.list"](return_yaml=False) == {}
    assert salt["schedule.delete"]("j1", offline=True)["changes"] == {"j1": "removed"}
    assert not kept.exists()


def test_what_is_said_of_all_jobs_is_no_job(salt, kept):
    kept.parent.mkdir()
    whole = {"splay": {"start": 1, "end": 5}, "skip_function": "test.fib", "enabled": False, "gone": None}
    kept.write_text(yaml.safe_dump({"schedule": {**whole, "j1": {**HOURLY, "enabled": False}}}))
    found = salt["schedule.list"](offline=True, return_yaml=False, show_disabled=False)
    assert found == {key: whole[key] for key in ("splay", "skip_function", "enabled")}
    shown = yaml.safe_load(salt["schedule.list"](offline=True))["schedule"]
    assert (shown["splay"], shown["j1"]["saved"]) == ({"start": 1, "end": 5}, True)


def test_a_file_that_cannot_be_read_is_said_and_left(salt, kept):
    kept.parent.mkdir()
    kept.write_text("schedule: [1, 2")
    with pytest.raises(CommandError, match="cannot be read"):
        salt["schedule.list"](offline=True)
    assert kept.read_text() == "schedule: [1, 2"


def test_a_job_is_given_to_other_minions(salt, host):
    salt["schedule.add"]("j1", **HOURLY, job_args=["a"])
    host.returns = {"m2": {"return": {"result": True}}, "m3": {"return": {"result": True}}}
    assert salt["schedule.copy"]("j1", "m*") == {
        "comment": "Copied Job j1 from schedule to minion(s).", "result": True, "minions": ["m2", "m3"],
    }  # fmt: skip
    tgt, fun, arg, kwarg = host.published[0]
    assert (tgt, fun, arg, kwarg["job_args"], kwarg["function"]) == ("m*", "schedule.add", ["j1"], ["a"], "test.ping")
    assert salt["schedule.move"]("j1", "m*")["comment"] == "Moved Job j1 from schedule."
    assert host.schedule.get("j1") is None


@pytest.mark.parametrize(
    ("returns", "wanted"),
    [
        ({}, {"comment": "no servers answered the published schedule.add command", "result": False}),
        (
            {"m2": {"return": {"result": False}}, "m3": {"return": {"result": True}}},
            {"comment": "the following minions return False", "result": False, "minions": ["m2"]},
        ),
    ],
)
def test_a_job_that_nobody_took_stays(salt, host, returns, wanted):
    salt["schedule.add"]("j1", **HOURLY)
    host.returns = returns
    assert salt["schedule.move"]("j1", "m*") == wanted
    assert host.schedule.get("j1") is not None


def test_reload_reads_the_file_again(salt, host, kept):
    salt["schedule.add"]("j1", **HOURLY)
    kept.write_text(yaml.safe_dump({"schedule": {"j2": HOURLY}}))
    assert salt["schedule.reload"]() == {
        "comment": ["Reloaded schedule on minion from schedule.conf."], "result": True,
    }  # fmt: skip
    assert [entry.name for entry in host.schedule.entries] == ["j2"]


def test_without_a_minion_it_is_said(salt):
    upcall.install(None)
    with pytest.raises(CommandError):
        salt["schedule.list"]()
    assert salt["schedule.enable"]() == {
        "comment": "schedule needs a running daemon", "result": False, "changes": {},
    }  # fmt: skip


@pytest.mark.parametrize("fun", ["present", "absent", "enabled", "disabled"])
def test_a_state_says_that_no_minion_runs_that_keeps_a_schedule(tmp_path, fun):
    class Nobody:
        def call(self, kind, fields):
            raise CommandError("The schedule is kept by the running minion, and there is none")

    before = upcall.install(Nobody())
    try:
        opts = {"id": "m1", "conf_file": str(tmp_path / "minion"), "default_include": "minion.d/*.conf", "test": False}
        found = Plugins(opts, grains={"id": "m1"}).loader("states")[f"schedule.{fun}"](
            "x", function="test.ping", seconds=5
        )
    finally:
        upcall.install(before)
    assert (found["result"], found["comment"]) == (
        False,
        "The schedule is kept by the running minion, and there is none",
    )
