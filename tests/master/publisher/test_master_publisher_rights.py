"""Who may send which job to whom."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.master.publisher.desk import (
    NODEGROUPS,
    Desk,
    FakeBanks,
    Folder,
)
from trisalt.bus.answers import Resolved
from trisalt.bus.caller import Caller
from trisalt.bus.requests import AimRequest
from trisalt.errors import Denied, TargetError
from trisalt.master.acl import Acl
from trisalt.master.minions import Minions

SOME = {"bob": ["test.version", {"m1": ["test.ping"], "G@os:Arch": ["test.ping", "test.echo"]}]}


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "fun", "sent"),
    [
        ("m1", "glob", "test.ping", (["m1"], "list")),
        ("m[12]", "glob", "test.ping", (["m1", "m2"], "list")),
        ("os:Arch", "grain", "test.ping", (["m2"], "list")),
        ("m2,m9", "list", "test.echo", (["m2"], "list")),
        ("*", "glob", "test.version", ("*", "glob")),
        ("os:Debian", "grain", "test.version", (["m1"], "list")),
        ("role:web", "pillar", "test.version", (["m1"], "list")),
    ],
)
async def test_where_some_minions_are_granted_a_job_goes_to_those_it_names_by_name(
    key, minions, nursery, tgt, tgt_type, fun, sent
):
    desk = Desk(key, minions, acl=Acl(publisher_acl=SOME))
    await nursery.start(desk.run)
    await desk.ask(tgt, tgt_type=tgt_type, fun=fun, user="bob")
    assert (desk.sent()["tgt"], desk.sent()["tgt_type"]) == sent


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "fun"),
    [
        ("*", "glob", "test.ping"),
        ("m3", "glob", "test.ping"),
        ("m1", "glob", "test.echo"),
        ("m[12]", "glob", ["test.ping", "test.echo"]),
        ("not m1", "compound", "test.ping"),
        ("m*", "glob", "cmd.run"),
        ("nobody", "glob", "cmd.run"),
    ],
)
async def test_a_job_for_one_minion_too_many_is_refused_whole(key, minions, nursery, tgt, tgt_type, fun):
    desk = Desk(key, minions, acl=Acl(publisher_acl=SOME), order_masters=True)
    await nursery.start(desk.run)
    await nursery.start(desk.follow)
    with pytest.raises(Denied):
        await desk.ask(tgt, tgt_type=tgt_type, fun=fun, arg=[[], []] if isinstance(fun, list) else [], user="bob")
    await trio.testing.wait_all_tasks_blocked()
    ((name, refused),) = desk.log
    assert (name, refused.user, refused.fun) == ("JobRefused", "bob", fun)
    assert refused.reason


async def test_who_may_something_on_some_minions_sends_nothing_to_those_nobody_here_knows(key, minions, nursery):
    desk = Desk(key, minions, acl=Acl(publisher_acl=SOME), order_masters=True)
    await nursery.start(desk.run)
    assert (await desk.ask("nobody", user="bob")).jid is None
    assert desk.log == []


@pytest.mark.parametrize(
    ("tgt", "tgt_type"), [("role:w*", "pillar"), ("role:w.*", "pillar_pcre"), ("I@role:w* or m9", "compound")]
)
async def test_only_administrators_choose_by_a_pattern_over_pillar(key, minions, nursery, tgt, tgt_type):
    desk = Desk(key, minions, acl=Acl(publisher_acl=SOME))
    await nursery.start(desk.run)
    assert (await desk.ask(tgt, tgt_type=tgt_type, fun="test.version")).minions == ["m1"]
    assert (await desk.ask(tgt, tgt_type=tgt_type, fun="test.version", user="bob")).minions == []


async def test_only_administrators_join_a_job_that_is_there(key, minions, nursery):
    desk = Desk(key, minions, acl=Acl(publisher_acl=SOME))
    await nursery.start(desk.run)
    jid = (await desk.ask(jid="20261122130453717216")).jid
    assert (await desk.ask(jid=jid, fun="test.version", user="bob")).jid != jid


async def test_only_administrators_and_minions_say_whose_a_job_is(key, minions, nursery):
    acl = Acl(publisher_acl=SOME, peer={"m1": ["test.ping"]})
    for caller, kept in (
        (Caller(name="bob"), False),
        (Caller(name="root"), True),
        (Caller(name="m1", minion=True), True),
    ):
        desk = Desk(key, minions, acl=acl)
        await nursery.start(desk.run)
        await desk.ask("m1", user="x", caller=caller, kwargs={"id": "m1", "metadata": {"a": 1}})
        sent = desk.sent()
        assert ("id" in sent) is kept
        assert sent["metadata"] == {"a": 1}


async def test_a_permission_whose_target_cannot_be_read_grants_nothing(key, minions, nursery):
    desk = Desk(key, minions, acl=Acl(publisher_acl={"bob": [{"m1 and (": ["test.ping"], "m2": ["test.ping"]}]}))
    await nursery.start(desk.run)
    assert (await desk.ask("m2", user="bob")).minions == ["m2"]
    with pytest.raises(Denied):
        await desk.ask("m1", user="bob")


FUNCTIONS = ["test.ping", "test.echo"]


permissions = st.lists(
    st.sampled_from(["test.ping", "test.*"])
    | st.dictionaries(
        st.sampled_from(["m1", "m[12]", "G@os:Arch", "not m1", "N@old", "*"]),
        st.lists(st.sampled_from([*FUNCTIONS, "*"]), min_size=1, max_size=2),
        min_size=1,
        max_size=2,
    ),
    max_size=3,
)


ids = st.lists(st.sampled_from(["m1", "m2", "m3"]), min_size=1, max_size=3, unique=True)


@settings(max_examples=60, deadline=None)
@given(permissions=permissions, funs=st.lists(st.sampled_from(FUNCTIONS), min_size=1, max_size=2), ids=ids)
def test_a_job_is_allowed_if_and_only_if_each_function_is_on_each_minion(key, permissions, funs, ids):
    async def run():
        minions = Minions(Folder(), FakeBanks(), pki_dir=trio.Path("/nonexistent"), nodegroups=lambda: NODEGROUPS)
        minions.accepted = lambda: ["m1", "m2", "m3"]
        desk = Desk(key, minions, acl=Acl(publisher_acl={"bob": permissions}))

        async def allowed(tgt, fun):
            asked = AimRequest(tgt=tgt, tgt_type="list", fun=fun, arg=[[] for _ in fun], user="bob")
            try:
                return bool((await desk.bus.ask(asked)).minions)
            except Denied:
                return False

        async with trio.open_nursery() as nursery:
            await nursery.start(desk.run)
            whole = await allowed(ids, funs)
            parts = [await allowed([id], [fun]) for id in ids for fun in funs]
            nursery.cancel_scope.cancel()
        assert whole is all(parts)

    trio.run(run)


async def test_who_may_not_is_told_so_and_the_refusal_names_no_arguments(key, minions, nursery):
    desk = Desk(key, minions, acl=Acl(publisher_acl={"bob": ["test.ping"]}))
    await nursery.start(desk.run)
    await nursery.start(desk.follow)
    with pytest.raises(Denied):
        await desk.ask(user="bob", fun="cmd.run", arg=["secret"])
    await trio.testing.wait_all_tasks_blocked()
    assert [row[0] for row in desk.log] == ["JobRefused"]
    assert "secret" not in str(desk.log[0][1].to_data())
    assert (await desk.ask(user="bob")).jid is not None


async def test_whom_a_job_would_go_to_is_told_and_nothing_is_sent(key, minions, nursery):
    desk = Desk(key, minions, acl=Acl(publisher_acl=SOME))
    await nursery.start(desk.run)
    aim = partial(AimRequest, fun="test.version", arg=[])
    assert await desk.bus.ask(aim(tgt="m1,m9", tgt_type="list", user="root")) == Resolved(
        minions=["m1"], missing=["m9"]
    )
    assert (await desk.bus.ask(aim(tgt="role:w*", tgt_type="pillar", user="bob"))).minions == []
    with pytest.raises(TargetError):
        await desk.bus.ask(aim(tgt="( and", tgt_type="compound", user="root"))
    assert desk.log == []


async def test_whom_a_job_would_go_to_is_judged_as_the_job_is(key, minions, nursery):
    desk = Desk(key, minions, acl=Acl(publisher_acl=SOME))
    await nursery.start(desk.run)
    await nursery.start(desk.follow)
    for fun, tgt in (("cmd.run", "m1"), ("test.ping", "*")):
        with pytest.raises(Denied):
            await desk.bus.ask(AimRequest(fun=fun, arg=[], tgt=tgt, user="bob"))
    await trio.testing.wait_all_tasks_blocked()
    assert [name for name, _event in desk.log] == ["JobRefused", "JobRefused"]
