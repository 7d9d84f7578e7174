"""The one gate: who may ask for what."""

import pytest

from trisalt.master.acl import Acl


def test_root_the_masters_account_and_root_by_sudo_may_everything():
    acl = Acl(master_user="salt")
    for user in ("root", "salt", "sudo_ann"):
        assert acl.may_publish(user, "cmd.run", ["id"], "*")
        assert acl.may_run(user, "wheel.key.accept")
        assert acl.may_follow(user)


def test_nobody_else_may_anything_by_default():
    acl = Acl(master_user="salt")
    for user in ("ann", "", "Root", "roots", "salty"):
        assert not acl.may_publish(user, "test.ping", [], "*")
        assert not acl.may_run(user, "runner.jobs.active")
        assert not acl.may_follow(user)
    assert not acl.open_to_users


def test_a_grant_is_for_the_whole_name_of_the_function():
    acl = Acl(publisher_acl={"ann": ["cmd.run", "test.*", "pkg[.](list|install)"]})
    assert acl.open_to_users
    for fun in ("cmd.run", "test.ping", "pkg.install", "pkg.list"):
        assert acl.may_publish("ann", fun, [], "*")
    for fun in ("cmd.run_all", "xcmd.run", "pkg.install_all", "pkg.lis", "state.apply"):
        assert not acl.may_publish("ann", fun, [], "*")


def test_a_grant_is_for_the_whole_name_of_the_user():
    acl = Acl(publisher_acl={"ann.*": ["test.ping"]})
    assert acl.may_publish("anna", "test.ping", [], "*")
    assert not acl.may_publish("joann", "test.ping", [], "*")


def test_of_a_compound_job_every_function_must_be_granted():
    acl = Acl(publisher_acl={"ann": ["test.*"]})
    assert acl.may_publish("ann", ["test.ping", "test.echo"], [[], ["x"]], "*")
    assert not acl.may_publish("ann", ["test.ping", "cmd.run"], [[], ["id"]], "*")


def test_whoever_may_publish_anything_may_look_for_jobs():
    acl = Acl(publisher_acl={"ann": ["test.ping"]})
    assert acl.may_publish("ann", "saltutil.find_job", ["1"], "*")
    assert not acl.may_publish("bob", "saltutil.find_job", ["1"], "*")


def test_a_grant_with_a_target_is_for_that_target_only():
    acl = Acl(publisher_acl={"ann": [{"web*": ["state.apply"]}, "test.ping"]})
    assert acl.may_publish("ann", "state.apply", [], "web*")
    assert not acl.may_publish("ann", "state.apply", [], "*")
    assert not acl.may_publish("ann", "state.apply", [], "web*", "pcre")
    assert acl.may_publish("ann", "test.ping", [], "*")


def test_a_grant_to_publish_is_none_to_run_or_to_follow():
    acl = Acl(publisher_acl={"ann": [".*"]})
    assert not acl.may_run("ann", "runner.jobs.active")
    assert not acl.may_follow("ann")


def test_the_blacklist_is_for_everybody():
    acl = Acl(
        publisher_acl={"ann": [".*"], "bob": [".*"]}, publisher_acl_blacklist={"users": ["bob"], "modules": ["cmd.*"]}
    )
    assert not acl.may_publish("root", "cmd.run", [], "*")
    assert not acl.may_publish("bob", "test.ping", [], "*")
    assert not acl.may_publish("sudo_bob", "test.ping", [], "*")
    assert acl.may_publish("ann", "test.ping", [], "*")


@pytest.mark.parametrize("entries", [None, [], "", {}, [None], [3], [{}], [{"*": None}], ["("]])
def test_an_entry_that_says_nothing_grants_nothing(entries):
    assert not Acl(publisher_acl={"ann": entries}).may_publish("ann", "test.ping", [], "*")
