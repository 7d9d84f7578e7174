"""The one gate: who may ask for what."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trisalt.bus.caller import MASTER, Caller
from trisalt.master.acl import Acl


def may(acl, user, fun, arg=(), **how):
    return acl.judge_publish(Caller(name=user, **how), fun, list(arg))


def runs(acl, user, fun, **how):
    kind, _, name = fun.partition(".")
    return bool(acl.judge_run(Caller(name=user, **how), kind, name))


# -- accounts of this host -----------------------------------------------------------------------------------------------


def test_root_the_masters_account_and_root_by_sudo_may_everything():
    acl = Acl(master_user="salt")
    for user in ("root", "salt", "sudo_ann"):
        assert may(acl, user, "cmd.run", ["id"]).within == ()
        assert may(acl, user, "cmd.run", ["id"])
        assert runs(acl, user, "wheel.key.accept")
        assert acl.may_follow(Caller(name=user))


def test_nobody_else_may_anything_by_default():
    acl = Acl(master_user="salt")
    for user in ("ann", "", "Root", "roots", "salty"):
        assert not may(acl, user, "test.ping")
        assert not runs(acl, user, "runner.jobs.active")
        assert not acl.may_follow(Caller(name=user))
        assert not acl.may_resolve(Caller(name=user))


def test_a_grant_is_for_the_whole_name_of_the_user():
    acl = Acl(publisher_acl={"ann.*": ["test.ping"]})
    assert may(acl, "anna", "test.ping")
    assert not may(acl, "joann", "test.ping")


def test_of_a_compound_job_every_function_must_be_granted_with_its_own_arguments():
    acl = Acl(publisher_acl={"ann": ["test.ping", {"*": [{"test.echo": {"args": ["a"]}}]}]})
    assert may(acl, "ann", ["test.ping", "test.echo"], [[], ["a"]])
    for funs, args in (
        (["test.ping", "cmd.run"], [[], ["id"]]),
        (["test.ping", "test.echo"], [["a"], ["b"]]),
        (["test.ping", "test.echo"], [["a"]]),
        (["test.ping", "test.echo"], ["", "a"]),
        (["test.ping", "test.echo"], "a"),
        ([], []),
        (["test.ping", 7], [[], []]),
    ):
        assert not may(acl, "ann", funs, args)


def test_whoever_may_publish_anything_may_look_for_jobs():
    acl = Acl(publisher_acl={"ann": ["test.ping"], "eve": [{"m1": ["test.ping"]}], "rob": ["@runner"]})
    for user in ("ann", "eve"):
        assert may(acl, user, "saltutil.find_job", ["1"]).within == ()
        assert may(acl, user, "saltutil.find_job", ["1"])
        assert acl.may_resolve(Caller(name=user))
    for user in ("bob", "rob"):
        assert not may(acl, user, "saltutil.find_job", ["1"])
        assert not acl.may_resolve(Caller(name=user))


def test_a_grant_with_a_target_says_within_what():
    acl = Acl(publisher_acl={"ann": [{"web*": ["state.apply", "test.*"], "G@os:Debian": ["state.apply"]}, "test.ping"]})
    assert may(acl, "ann", "state.apply").within == ({"web*", "G@os:Debian"},)
    assert may(acl, "ann", "test.ping").within == ()
    assert may(acl, "ann", ["state.apply", "test.echo", "test.ping"], [[], [], []]).within == (
        {"web*", "G@os:Debian"},
        {"web*"},
    )


def test_what_does_things_beside_the_function_is_judged_like_one():
    acl = Acl(
        publisher_acl={
            "ann": ["test.ping"],
            "bob": [".*"],
            "eve": ["test.ping", {"m1": ["ret_kwargs"]}],
        }
    )
    beside = {"ret_kwargs": {"rawfile_json.filename": "/etc/cron.d/x"}, "module_executors": None, "metadata": {}}
    assert not acl.judge_publish(Caller(name="ann"), "test.ping", [], beside)
    assert not acl.judge_publish(Caller(name="ann"), "test.ping", [], {"module_executors": ["sudo"]})
    assert acl.judge_publish(Caller(name="ann"), "test.ping", [], {"metadata": {"a": 1}, "executor_opts": {}})
    assert acl.judge_publish(Caller(name="bob"), "test.ping", [], beside).within == ()
    assert acl.judge_publish(Caller(name="bob"), "test.ping", [], beside)
    assert acl.judge_publish(Caller(name="eve"), "test.ping", [], beside).within == ({"m1"},)
    assert acl.judge_publish(Caller(name="root"), "test.ping", [], beside)


def test_a_grant_to_publish_is_none_to_run_or_to_follow():
    acl = Acl(publisher_acl={"ann": [".*"], "bob": ["@runner", {"@wheel": ["key.list_all"]}]})
    assert not runs(acl, "ann", "runner.jobs.active")
    assert not acl.may_follow(Caller(name="ann"))
    assert runs(acl, "bob", "runner.jobs.active")
    assert runs(acl, "bob", "wheel.key.list_all")
    assert not runs(acl, "bob", "wheel.key.delete")
    assert not may(acl, "bob", "test.ping")


def test_with_sudo_acl_root_by_sudo_may_what_the_account_may():
    acl = Acl(sudo_acl=True, publisher_acl={"ann": ["test.ping"]})
    assert may(acl, "sudo_ann", "test.ping")
    for user, fun in (("sudo_ann", "cmd.run"), ("sudo_bob", "test.ping")):
        assert not may(acl, user, fun)
    assert not runs(acl, "sudo_ann", "runner.jobs.active")
    assert may(acl, "root", "cmd.run")


# -- the blacklist -------------------------------------------------------------------------------------------------------


def test_the_blacklist_is_for_everybody():
    acl = Acl(
        publisher_acl={"ann": [".*"], "bob": [".*"]}, publisher_acl_blacklist={"users": ["bob"], "modules": ["cmd.*"]}
    )
    assert not may(acl, "root", "cmd.run")
    assert not may(acl, "root", ["test.ping", "cmd.run"], [[], []])
    assert not may(acl, "bob", "test.ping")
    assert not may(acl, "sudo_bob", "test.ping")
    assert may(acl, "ann", "test.ping")
    assert not acl.judge_publish(Caller(name="ann", trusted=True), "cmd.run", [])


@pytest.mark.parametrize("listed", ["modules", "users"])
def test_a_name_that_takes_too_long_to_look_at_is_on_the_blacklist(listed):
    slow, long = "(?:a|aa)" * 60 + "b", "a" * 90
    acl = Acl(publisher_acl={long: [".*"]}, publisher_acl_blacklist={listed: [slow]})
    assert not may(acl, long, long)


def test_a_blacklist_may_leave_root_only_by_sudo_and_the_master_goes_on_polling():
    acl = Acl(publisher_acl_blacklist={"users": ["root", "^(?!sudo_).*$"], "modules": ["saltutil.*"]})
    assert not may(acl, "root", "test.ping")
    assert may(acl, "sudo_ann", "test.ping")
    assert not may(acl, "sudo_ann", "saltutil.find_job", ["1"])
    assert acl.judge_publish(MASTER, "saltutil.find_job", ["1"])
    assert runs(acl, "root", "runner.jobs.active")


# -- external authentication -----------------------------------------------------------------------------------------------

PAM = {
    "pam": {
        "ann": ["test.ping"],
        "ops%": [{"web*": ["state.apply"]}, "@jobs"],
        "b.*": ["test.echo"],
        "*": ["test.version"],
        "^model": ["cmd.run"],
    }
}


def granted(acl, name, groups=(), **how):
    caller = Caller(name=name, eauth="pam", groups=groups, **how)
    functions = ("test.ping", "test.echo", "test.version", "state.apply", "cmd.run")
    return {fun for fun in functions if acl.judge_publish(caller, fun, [])}


def test_an_entry_of_ones_own_goes_before_the_one_for_everybody_and_groups_are_added():
    acl = Acl(external_auth=PAM)
    assert granted(acl, "ann") == {"test.ping"}
    assert granted(acl, "ann", ("ops",)) == {"test.ping", "state.apply"}
    assert granted(acl, "bob") == {"test.echo"}
    assert granted(acl, "zoe") == {"test.version"}
    assert granted(acl, "zoe", ("ops",)) == {"test.version", "state.apply"}
    assert granted(acl, "ops%") == {"test.version"}
    assert granted(acl, "^model") == {"test.version"}
    assert runs(acl, "zoe", "runner.jobs.active", eauth="pam", groups=("ops",))


def test_with_permissive_acl_the_entry_for_everybody_is_added():
    acl = Acl(external_auth=PAM, permissive_acl=True)
    assert granted(acl, "ann") == {"test.ping", "test.version"}


def test_who_a_backend_vouches_for_is_no_account_of_this_host():
    acl = Acl(external_auth={"pam": {"ann": [".*"]}}, publisher_acl={"bob": [".*"]})
    for name in ("root", "sudo_ann", "bob"):
        assert granted(acl, name) == set()
    assert not may(acl, "ann", "test.ping")
    assert not may(acl, "ann", "test.ping", eauth="ldap")


def test_permissions_that_stand_in_a_token_are_taken_in_the_place_of_the_configured_ones():
    acl = Acl(external_auth=PAM)
    assert granted(acl, "ann", rows=["test.echo"]) == {"test.echo"}
    assert granted(acl, "ann") == {"test.ping"}


# -- minions -------------------------------------------------------------------------------------------------------------


def test_a_minion_publishes_what_its_peers_let_it_and_never_on():
    acl = Acl(peer={"web.*": ["test.ping", {"db*": ["state.apply"]}], "root": [".*"]}, publisher_acl={"web1": [".*"]})
    assert may(acl, "web1", "test.ping", minion=True)
    assert may(acl, "web1", "state.apply", minion=True).within == ({"db*"},)
    for name, fun in (
        ("web1", "cmd.run"),
        ("xweb1", "test.ping"),
        ("root", "publish.publish"),
        ("sudo_x", "test.ping"),
    ):
        assert not may(acl, name, fun, minion=True)
    assert not may(acl, "root", ["test.ping", "publish.runner"], [[], []], minion=True)


def test_a_minion_runs_the_runners_it_is_let():
    acl = Acl(
        peer={"m1": [".*", "@runner", "@jobs", {"@wheel": [".*"], "m2": ["test.ping"]}]},
        peer_run={"m2": ["manage.up", "jobs.*"]},
    )
    assert not runs(acl, "m1", "runner.manage.up", minion=True)
    assert not runs(acl, "m1", "runner.jobs.active", minion=True)
    assert not runs(acl, "m1", "wheel.key.accept", minion=True)
    assert may(acl, "m1", "test.ping", minion=True)
    assert runs(acl, "m2", "runner.manage.up", minion=True)
    assert runs(acl, "m2", "runner.jobs.active", minion=True)
    assert not runs(acl, "m2", "runner.manage.upgrade", minion=True)
    assert not runs(acl, "m2", "wheel.key.accept", minion=True)
    assert not may(acl, "m2", "test.ping", minion=True)
    assert not runs(acl, "m3", "runner.manage.up", minion=True)


# -- all of it -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"publisher_acl": None}, {"publisher_acl": []}, {"external_auth": {"pam": [1]}}]
)
def test_options_that_say_nothing_grant_nothing(options):
    acl = Acl(**options, peer=7, peer_run="x", publisher_acl_blacklist=[])
    assert not may(acl, "ann", "test.ping")
    assert granted(acl, "ann") == set()
    assert not may(acl, "m1", "test.ping", minion=True)


def test_what_cannot_be_read_is_named():
    acl = Acl(
        publisher_acl={"ann": [7, "test.ping"]},
        external_auth={"pam": {"bob": [{"*": [{"test.echo": {"arg": []}}]}], "^x": 5}},
        peer={"m1": ["("]},
    )
    assert [problem.split(": ")[:2] for problem in acl.problems()] == [
        ["publisher_acl", "ann"],
        ["external_auth", "pam"],
    ]


def test_what_the_manual_shows_grants_what_it_says():
    text = (Path(__file__).parents[2] / "docs/permissions.md").read_text()
    options = {}
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        for name, value in yaml.safe_load(block).items():
            # What a later example adds to a backend, it adds.
            pam = {**options.get("external_auth", {}).get("pam", {}), **(value.get("pam", {}) if value else {})}
            options[name] = {**value, "pam": pam} if name == "external_auth" else value
    assert not may(Acl(**options), "root", "test.ping")
    assert not may(Acl(**options), "sudo_ann", "cmd.run")
    del options["publisher_acl_blacklist"]
    acl = Acl(**options)
    assert acl.problems() == []
    assert may(acl, "ann", "pkg.install", ["nginx"])
    assert may(acl, "ann", "state.apply", ["web", {"__kwarg__": True, "test": True}]).within == (
        {"web* or G@role:web"},
    )
    assert not may(acl, "ann", "state.apply", ["web"])
    assert not may(acl, "ann", "cmd.run", ["df -h", {"__kwarg__": True, "cwd": "/"}])
    assert runs(acl, "ann", "runner.manage.up")
    assert not runs(acl, "ann", "runner.manage.down")
    assert not may(acl, "eva", "pkg.install", ["nginx"], eauth="pam")
    assert may(acl, "eva", "test.ping", eauth="pam")
    assert runs(acl, "zoe", "runner.manage.down", eauth="pam", groups=("ops",))
    assert may(acl, "web1", "network.ip_addrs", minion=True)
    assert runs(acl, "web1", "runner.manage.up", minion=True)


FUNCTIONS = ["test.ping", "test.echo", "cmd.run"]
rows = st.lists(
    st.sampled_from([*FUNCTIONS, "test.*", "*"])
    | st.dictionaries(st.sampled_from(["web*", "db*"]), st.lists(st.sampled_from([*FUNCTIONS, ".*"]), max_size=2)),
    max_size=3,
)


@given(
    rows, st.lists(st.sampled_from(FUNCTIONS), max_size=1), st.lists(st.sampled_from(FUNCTIONS), min_size=1, max_size=3)
)
def test_a_compound_job_is_allowed_if_and_only_if_each_part_is_and_nowhere_else(rows, blocked, funs):
    acl = Acl(publisher_acl={"ann": rows}, publisher_acl_blacklist={"modules": blocked})
    parts = [may(acl, "ann", fun) for fun in funs]
    whole = may(acl, "ann", funs, [[] for _ in funs])
    assert bool(whole) is all(parts)
    if whole:
        assert set(whole.within) == {places for part in parts for places in part.within}
