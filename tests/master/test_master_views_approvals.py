"""Commands that wait for a second person: who may ask, who may consent, and that each is decided once."""

import pytest
import trio

from tests.support.views import ROOT, open_house, user
from trisalt.bus.answers import Published
from trisalt.bus.events import ApprovalChanged
from trisalt.bus.requests import PublishRequest
from trisalt.errors import Denied, NotFound, RemoteProtocolError
from trisalt.master.grants import read_grants
from trisalt.master.views import approvals as module

RULES = {
    "ann": ["test.ping", {"@approve": ["pkg.*", {"db*": ["cmd.run"]}, {"@runner": ["manage.up"]}]}],
    "bob": ["@approver", "test.ping"],
    "eve": ["test.ping", {"@approve": ["pkg.install"]}, "@approver"],
    "jim": [".*", "@runner", "@wheel"],
    "tim": [{"@approve": ["pkg.*"]}],
    "ops%": [{"@approve": ["service.restart"]}],
}
INSTALL = {"fun": "pkg.install", "tgt": "web*", "arg": ["nginx"], "kwarg": {"version": "1"}, "why": "a hole in it"}


@pytest.fixture
async def house(tmp_path):
    async with open_house(tmp_path, external_auth={"pam": RULES}) as opened:
        opened.published, opened.told = [], []

        async def publish(request):
            # As the publisher judges it.
            verdict = opened.desk.acl.judge_publish(request.asker, request.fun, request.arg)
            if not verdict:
                raise Denied("Authorization error occurred.")
            opened.published.append(request)
            await trio.lowlevel.checkpoint()
            return Published(jid="20261122124204617323", minions=["web1"], missing=[])

        with (
            opened.desk.bus.answering({PublishRequest: publish}),
            opened.desk.bus.listen(ApprovalChanged, opened.told.append),
        ):
            yield opened


async def ask(house, name="ann", **changes):
    return await house.ask("ask_approval", user(name), **{**INSTALL, **changes})


async def test_what_somebody_consents_to_is_run_in_the_name_of_who_asked(house):
    asked = await ask(house)
    assert (asked["state"], asked["minions"], asked["mine"], asked["jid"]) == ("waiting", 3, True, None)
    assert house.published == []
    done = await house.ask("decide", user("bob"), id=asked["id"], approve=True, note="go on")
    assert (done["state"], done["by"], done["note"], done["jid"]) == (
        "approved",
        "bob",
        "go on",
        "20261122124204617323",
    )
    ((request,), caller) = (house.published, house.published[0].caller)
    assert (request.user, caller.name, caller.eauth, request.fun, request.tgt) == (
        "ann",
        "ann",
        "pam",
        "pkg.install",
        "web*",
    )
    assert request.arg == ["nginx", {"__kwarg__": True, "version": "1"}]
    assert [(event.state, event.by) for event in house.told] == [("waiting", None), ("approved", "bob")]
    assert "nginx" not in str(house.told)


async def test_by_itself_such_a_permission_grants_nothing(house):
    acl = house.desk.acl
    for fun in ("pkg.install", "cmd.run"):
        assert not acl.judge_publish(user("ann"), fun, [])
    assert not acl.judge_run(user("ann"), "runner", "manage.up")
    assert not acl.judge_run(user("ann"), "runner", "approve.x")
    assert not acl.grants_of(user("tim")).publishes
    assert not read_grants([{"@approve": [".*"]}]).everything
    explained = await house.ask("explain", user("ann"), fun="pkg.install", tgt="web1")
    assert (explained["allowed"], explained["because"].endswith("granted with somebody's approval")) == (False, True)
    preview = {"tgt": "web*", "tgt_type": "glob"}
    assert (await house.ask("preview", user("ann"), fun="pkg.install", **preview))["approval"] is True
    assert (await house.ask("preview", user("ann"), fun="service.stop", **preview))["approval"] is False
    assert (await house.ask("preview", user("ann"), fun="test.ping", **preview))["approval"] is False


async def test_what_has_been_consented_to_grants_that_and_no_more(house):
    approved = house.desk.acl.approved(user("ann"))
    assert house.desk.acl.judge_publish(approved, "pkg.install", [])
    assert house.desk.acl.judge_publish(approved, "cmd.run", []).within == (frozenset({"db*"}),)
    assert not house.desk.acl.judge_publish(approved, "service.restart", [])
    nested = [{"@approve": [{"@approve": [".*"]}]}]
    assert not read_grants(nested)


@pytest.mark.parametrize(
    ("name", "changes", "error"),
    [
        ("ann", {"fun": "service.stop"}, Denied),
        ("ann", {"fun": "cmd.run"}, Denied),
        ("bob", {}, Denied),
        ("ann", {"fun": "test.ping", "arg": [], "kwarg": {}}, RemoteProtocolError),
        ("jim", {}, RemoteProtocolError),
        ("ann", {"why": "x" * 2000}, RemoteProtocolError),
        ("ann", {"arg": ["x" * 70_000]}, RemoteProtocolError),
        ("ann", {"fun": ["pkg.install", "cmd.run"]}, RemoteProtocolError),
    ],
)
async def test_only_what_could_be_approved_is_asked_for(house, name, changes, error):
    with pytest.raises(error):
        await ask(house, name, **changes)
    assert (await house.ask("approvals", ROOT))["total"] == 0


async def test_nobody_consents_to_their_own_wish_or_without_being_granted_that(house):
    own = await ask(house, "eve")
    with pytest.raises(Denied):
        await house.ask("decide", user("eve"), id=own["id"], approve=True)
    for name in ("ann", "jim", "tim"):
        with pytest.raises(NotFound):
            await house.ask("decide", user(name), id=own["id"], approve=True)
    with pytest.raises(NotFound):
        await house.ask("decide", user("bob"), id="0" * 16, approve=True)
    assert house.published == []
    # A name of another backend is somebody else.
    assert (await house.ask("decide", ROOT, id=own["id"], approve=True))["state"] == "approved"


async def test_who_asked_may_withdraw_and_somebody_else_refuse(house):
    withdrawn, refused = await ask(house), await ask(house)
    assert (await house.ask("decide", user("ann"), id=withdrawn["id"], approve=False))["state"] == "withdrawn"
    assert (await house.ask("decide", user("bob"), id=refused["id"], approve=False, note="no"))["state"] == "refused"
    for id in (withdrawn["id"], refused["id"]):
        with pytest.raises(RemoteProtocolError, match="decided already"):
            await house.ask("decide", user("bob"), id=id, approve=True)
    assert house.published == []


async def test_two_who_decide_at_once_run_it_once(house):
    asked = await ask(house)
    came = []

    async def decide(caller, approve):
        try:
            came.append((await house.ask("decide", caller, id=asked["id"], approve=approve))["state"])
        except RemoteProtocolError:
            came.append("late")

    async with trio.open_nursery() as nursery:
        for caller, approve in ((user("bob"), True), (ROOT, True), (user("eve"), True), (user("ann"), False)):
            nursery.start_soon(decide, caller, approve)
    assert came.count("late") == 3
    assert len(house.published) == came.count("approved")


async def test_what_waited_too_long_is_not_run_any_more(house):
    asked = await ask(house)
    house.now += module.EXPIRES_S + 1
    assert (await house.ask("approvals", user("ann")))["items"][0]["state"] == "expired"
    with pytest.raises(RemoteProtocolError, match="waited too long"):
        await house.ask("decide", user("bob"), id=asked["id"], approve=True)
    assert house.published == []


async def test_the_gate_judges_again_by_what_is_configured_by_then(house):
    asked = await ask(house)
    house.desk.acl.grant({"external_auth": {"pam": {**RULES, "ann": ["test.ping"]}}})
    done = await house.ask("decide", user("bob"), id=asked["id"], approve=True)
    assert (done["state"], done["note"], house.published) == ("failed", "Authorization error occurred.", [])


async def test_each_is_shown_their_own_and_who_may_approve_all_without_secrets(house):
    await ask(house, kwarg={"password": "hunter2"})
    house.now += 1
    await ask(house, "tim")
    assert [item["user"] for item in (await house.ask("approvals", user("ann")))["items"]] == ["ann"]
    page = await house.ask("approvals", user("bob"), limit=1)
    assert ([item["user"] for item in page["items"]], page["total"]) == (["tim"], 2)
    (rest,) = (await house.ask("approvals", user("bob"), cursor=page["next"]))["items"]
    assert (rest["user"], rest["mine"], "hunter2" in str(rest)) == ("ann", False, False)
    assert (await house.ask("approvals", user("bob"), state="approved"))["items"] == []
    with pytest.raises(RemoteProtocolError):
        await house.ask("approvals", user("bob"), state="odd")


async def test_what_waits_and_what_is_kept_has_bounds(house, monkeypatch):
    monkeypatch.setattr(module, "OF_ONE", 2)
    monkeypatch.setattr(module, "MOST", 3)
    first = await ask(house)
    await ask(house)
    with pytest.raises(RemoteProtocolError, match="of one person"):
        await ask(house)
    await house.ask("decide", user("bob"), id=first["id"], approve=False)
    await ask(house, "tim")
    await ask(house)
    ids = {item["id"] for item in (await house.ask("approvals", ROOT))["items"]}
    assert (len(ids), first["id"] in ids) == (3, False)
    with pytest.raises(RemoteProtocolError, match="too many"):
        await ask(house, "tim")


def test_what_is_no_permission_there_is_named():
    assert read_grants(["@approve"]).problems == ("@approve is a map of what is granted so",)
    assert read_grants([{"@approve": [7]}]).problems == ("@approve: 7 is neither a function nor a map",)
