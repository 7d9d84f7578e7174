"""`trisalt.master.publisher`: allowed, recorded, told, sealed, sent, in this order; and who is named, by `minions`."""

from __future__ import annotations

import hashlib
import time
from functools import partial

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from trisalt.bus.bus import Bus
from trisalt.bus.events import ITSELF, JobNew, JobPublished, JobRefused, Origin
from trisalt.bus.requests import (
    MASTER,
    AimRequest,
    Caller,
    Presence,
    PresenceRequest,
    PublishRequest,
    Resolved,
    SendRequest,
)
from trisalt.errors import ConfigError, Denied, StoreError, TargetError
from trisalt.master.acl import Acl
from trisalt.master.identity import Identity
from trisalt.master.keyring import State
from trisalt.master.minions import Minions, for_the_wire, narrowed
from trisalt.master.publisher import USUAL_PATIENCE_S, PublishRules, publish_jobs
from trisalt.target.match import matches
from trisalt.wire import codec
from trisalt.wire.keys import PrivateKey
from trisalt.wire.session import open_publication

GRAINS = {"m1": {"os": "Debian"}, "m2": {"os": "Arch"}}
PILLAR = {"m1": {"role": "web"}}
NODEGROUPS = {"web": "I@role:web or N@old", "old": ["m2", "or", "m3"], "ring": "N@ring"}


class FakeKeyring:
    def __init__(self, folder):
        self.folder = folder
        self.reads = 0
        self.others = {}

    def list(self, state):
        if state is not State.ACCEPTED:
            return self.others.get(state, [])
        self.reads += 1
        return sorted(path.name for path in self.folder.iterdir())


class FakeBanks:
    def __init__(self):
        self.asked = []

    async def look(self, banks, work):
        await trio.lowlevel.checkpoint()
        self.asked += banks
        return work(*({"grains": GRAINS, "pillar": PILLAR}[bank] for bank in banks))


class FakeJobs:
    """Notes what is recorded; `told` is what had been told and sent by then."""

    def __init__(self, log):
        self.log = log
        self.error = None

    async def record_job(self, load, minions, *, waits=None, events=()):
        await trio.lowlevel.checkpoint()
        self.waits = waits
        if self.error:
            raise self.error
        self.log.append(("recorded", load, list(minions)))
        return True


class FakePublisher:
    def __init__(self, log):
        self.log = log

    def send(self, payload, topics=()):
        self.log.append(("sent", payload, list(topics)))


@pytest.fixture(scope="module")
def key():
    return PrivateKey.generate(1024)


@pytest.fixture
def minions(tmp_path):
    (tmp_path / "minions").mkdir()
    for id in ("m1", "m2", "m3"):
        (tmp_path / "minions" / id).touch()
    return Minions(FakeKeyring(tmp_path / "minions"), FakeBanks(), pki_dir=tmp_path, nodegroups=lambda: NODEGROUPS)


class Desk:
    def __init__(self, key, minions, acl=None, **rules):
        self.log = []
        self.bus = Bus()
        self.identity = Identity(key, id="master")
        self.jobs = FakeJobs(self.log)
        self.run = partial(
            publish_jobs,
            self.bus,
            FakePublisher(self.log),
            self.identity,
            minions,
            self.jobs,
            acl or Acl(),
            rules=lambda: PublishRules(**rules),
        )

    async def follow(self, task_status):
        """Put what is told among what is recorded and sent."""
        async with self.bus.subscribe((JobNew, JobPublished, JobRefused), keep=False) as events:
            task_status.started()
            async for event in events:
                self.log.append((type(event).__name__, event))

    async def ask(self, tgt="*", fun="test.ping", arg=(), user="root", **kwargs):
        with trio.fail_after(5):
            published = await self.bus.ask(PublishRequest(tgt=tgt, fun=fun, arg=list(arg), user=user, **kwargs))
        await trio.testing.wait_all_tasks_blocked()
        return published

    def sent(self):
        payload = next(row[1] for row in self.log if row[0] == "sent")
        shared = self.identity.shared.crypticle
        return open_publication(payload, crypticle=shared, master_pub=self.identity.key.public)


async def test_a_job_is_recorded_before_it_is_told_and_told_before_it_is_sent(key, minions, nursery):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    await nursery.start(desk.follow)
    published = await desk.ask("m[12]", arg=["a", {"__kwarg__": True, "k": 1}], watch=True, timeout=3)
    assert (published.minions, published.missing, published.error) == (["m1", "m2"], [], None)
    assert [row[0] for row in desk.log if row[0] in ("recorded", "sent")] == ["recorded", "sent"]
    assert {row[0] for row in desk.log} == {"recorded", "JobNew", "JobPublished", "sent"}
    new = next(row[1] for row in desk.log if row[0] == "JobNew")
    assert (new.jid, new.minions, new.watch, new.timeout) == (published.jid, ["m1", "m2"], True, 3)
    assert "watch" not in new.to_data()
    assert desk.sent() == {
        "fun": "test.ping",
        "arg": ["a", {"__kwarg__": True, "k": 1}],
        "tgt": "m[12]",
        "jid": published.jid,
        "ret": "",
        "tgt_type": "glob",
        "user": "root",
        "serial": 1,
    }


@pytest.mark.parametrize(
    ("caller", "origin"),
    [
        (Caller(name="root"), Origin("user", "root")),
        (Caller(name="root", minion=True, rows=[".*"]), Origin("minion", "root")),
        (MASTER, ITSELF),
    ],
    ids=["account", "minion", "master"],
)
async def test_a_job_is_of_whoever_the_door_made_sure_of(key, minions, nursery, caller, origin):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    await nursery.start(desk.follow)
    await desk.ask("m1", caller=caller, kwargs={"origin": "user/somebody", "user": "somebody"})
    told = [row[1] for row in desk.log if row[0] in ("JobNew", "JobPublished", "JobRefused")]
    assert told
    assert {event.origin for event in told} == {origin}


async def test_a_job_that_was_recorded_goes_out_though_whoever_asked_has_gone(key, minions, nursery):
    desk = Desk(key, minions)
    record, at_work, door = desk.jobs.record_job, trio.Event(), trio.Event()

    async def slowly(load, ids, **further):
        at_work.set()
        await door.wait()
        return await record(load, ids, **further)

    desk.jobs.record_job = slowly
    await nursery.start(desk.run)
    async with trio.open_nursery() as askers:
        askers.start_soon(desk.ask)
        await at_work.wait()
        askers.cancel_scope.cancel()
        door.set()
    assert [row[0] for row in desk.log] == ["recorded", "sent"]


async def test_serials_rise_and_jids_differ(key, minions, nursery):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    jids = []

    async def one():
        jids.append((await desk.ask()).jid)

    async with trio.open_nursery() as burst:
        for _ in range(20):
            burst.start_soon(one)
    assert len(set(jids)) == 20
    last = 0
    for row in desk.log:
        if row[0] == "sent":
            job = open_publication(
                row[1], crypticle=desk.identity.shared.crypticle, master_pub=key.public, last_serial=last
            )
            last = job["serial"]
    assert last == 20


async def test_only_known_keys_of_the_job_travel(key, minions, nursery):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    kwargs = {"metadata": {"a": 1}, "delimiter": "|", "password": "x", "token": "y", "to": 5, "auth_list": []}
    await desk.ask(kwargs=kwargs)
    assert set(desk.sent()) - {"fun", "arg", "tgt", "jid", "ret", "tgt_type", "user", "serial"} == {
        "metadata",
        "delimiter",
    }
    assert "password" not in str(desk.log)


async def test_a_master_of_masters_sends_more_and_even_to_nobody(key, minions, nursery):
    desk = Desk(key, minions, order_masters=True)
    await nursery.start(desk.run)
    published = await desk.ask("nobody", kwargs={"to": 5})
    assert (published.minions, desk.sent()["to"]) == ([], 5)
    assert published.jid is not None


async def test_nobody_is_named_in_stocks_words_and_nothing_is_sent(key, minions, nursery):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    published = await desk.ask("nobody")
    assert (published.jid, published.error) == (None, "Master could not resolve minions for target nobody")
    for tgt, tgt_type in (("m1 and (", "compound"), ("*", "nonsense")):
        with pytest.raises(TargetError):
            await desk.ask(tgt, tgt_type=tgt_type)
    assert desk.log == []


async def test_whom_a_target_would_name_if_they_might_come_in_is_hinted_to_who_keeps_the_keys(key, minions, nursery):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    minions._keyring.others = {State.PENDING: ["new1", "other"], State.REJECTED: ["new2"]}
    assert (await desk.ask("new*")).hint == (
        "new1: Its key is pending: `salt-key -a new1` accepts it.\nnew2: Its key was rejected."
    )
    assert (await desk.ask("os:*", tgt_type="grain")).hint == ""
    assert (await desk.ask("nosuch")).hint == ""


async def test_a_wanted_jid_is_kept_and_nonsense_is_not(key, minions, nursery):
    desk = Desk(key, minions, unique_jid=True)
    await nursery.start(desk.run)
    assert (await desk.ask(jid="20261122130453717216")).jid == "20261122130453717216"
    made = (await desk.ask(jid="../../evil")).jid
    assert made[:20].isdigit()
    assert made[20] == "_"


async def test_what_cannot_be_recorded_is_neither_told_nor_sent(key, minions, nursery):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    await nursery.start(desk.follow)
    desk.jobs.error = StoreError("full")
    with pytest.raises(StoreError):
        await desk.ask()
    assert desk.log == []
    desk.jobs.error = None
    assert (await desk.ask()).jid is not None


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


class Folder:
    def list(self, _state):
        return ["m1", "m2", "m3"]


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


async def test_an_unsigned_publication_is_one_only_when_configured(key, minions, nursery):
    desk = Desk(key, minions, sign_pub_messages=False)
    await nursery.start(desk.run)
    await desk.ask()
    assert "sig" not in codec.unpack(desk.log[-1][1])


async def test_filtered_publications_go_to_each_minions_topic(key, minions, nursery):
    desk = Desk(key, minions, zmq_filtering=True)
    await nursery.start(desk.run)
    await desk.ask("m1,m3", tgt_type="list")
    assert desk.log[-1][2] == [hashlib.sha1(id.encode()).hexdigest().encode() for id in ("m1", "m3")]
    await desk.ask("os:Debian", tgt_type="grain")
    assert desk.log[-1][2] == [b"broadcast"]


async def test_nodegroups_leave_as_words_that_minions_understand(key, minions, nursery):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    await nursery.start(desk.follow)
    published = await desk.ask("web", tgt_type="nodegroup")
    assert published.minions == ["m1", "m2", "m3"]
    job = desk.sent()
    assert (job["tgt"], job["tgt_type"]) == ("( I@role:web or ( m2 or m3 ) )", "compound")
    new = next(row[1] for row in desk.log if row[0] == "JobNew")
    assert (new.tgt, new.tgt_type) == ("web", "nodegroup")


# -- who is named ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "expected"),
    [
        ("*", "glob", ["m1", "m2", "m3"]),
        ("m[13]", "glob", ["m1", "m3"]),
        ("m1|m2", "pcre", ["m1", "m2"]),
        ("m1,m2", "list", ["m1", "m2"]),
        ("os:debian", "grain", ["m1"]),
        ("role:web", "pillar", ["m1"]),
        ("G@os:Arch or I@role:w*", "compound", ["m1", "m2"]),
        ("not G@os:Arch", "compound", ["m1", "m3"]),
        ("N@old and not m2", "compound", ["m3"]),
        ("web", "nodegroup", ["m1", "m2", "m3"]),
    ],
)
async def test_targets_name_accepted_minions(minions, tgt, tgt_type, expected):
    assert await minions.resolve(tgt, tgt_type) == (expected, [])


async def test_a_list_names_who_is_missing(minions):
    assert await minions.resolve(["m1", "mx"], "list") == (["m1"], ["mx"])
    assert await minions.resolve("m3..4", "range") == (["m3"], ["m4"])


async def test_an_unreadable_target_is_an_error_even_with_no_minions(tmp_path):
    (tmp_path / "minions").mkdir()
    empty = Minions(FakeKeyring(tmp_path / "minions"), FakeBanks(), pki_dir=tmp_path, nodegroups=dict)
    assert await empty.resolve("*") == ([], [])
    for tgt, tgt_type in (("(", "compound"), ("x", "nosuch"), ("nosuch", "nodegroup")):
        with pytest.raises(TargetError):
            await empty.resolve(tgt, tgt_type)


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "banks"),
    [
        ("*", "glob", []),
        ("os:Debian", "grain", ["grains"]),
        ("role:web", "pillar_exact", ["pillar"]),
        ("m1 or m2", "compound", ["grains", "pillar"]),
    ],
)
async def test_what_is_kept_is_looked_into_only_where_it_counts(minions, tgt, tgt_type, banks):
    await minions.resolve(tgt, tgt_type)
    assert minions._banks.asked == banks


async def test_a_key_that_was_moved_in_counts_at_once(minions, tmp_path):
    assert (await minions.resolve("m9"))[0] == []
    (tmp_path / "minions/m9").touch()
    assert (await minions.resolve("m9"))[0] == ["m9"]
    (tmp_path / "minions/m9").unlink()
    assert (await minions.resolve("m9"))[0] == []


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "sent"),
    [
        ("G@os:Debian  or m1", "compound", ("G@os:Debian or m1", "compound")),
        ("(m1 or m2) and not m3", "compound", ("( m1 or m2 ) and not m3", "compound")),
        ("(N@old or m1)", "compound", ("( ( m2 or m3 ) or m1 )", "compound")),
        ("old", "nodegroup", ("( m2 or m3 )", "compound")),
        ("m1,m2", "glob", (["m1", "m2"], "list")),
        ("m1..3", "range", (["m1", "m2", "m3"], "list")),
        ("R@m1..2 or G|@os|Arch", "compound", ("L@m1,m2 or G|@os|Arch", "compound")),
        ("m[1,2]", "glob", ("m[1,2]", "glob")),
        ("N@x", "glob", ("N@x", "glob")),
    ],
)
def test_a_target_goes_out_in_words_that_every_minion_understands(tgt, tgt_type, sent):
    assert for_the_wire(tgt, tgt_type, NODEGROUPS) == sent


@pytest.mark.parametrize("tgt", ["N@ring", "N@nosuch"])
def test_a_ring_of_nodegroups_and_an_unknown_one_are_errors(tgt):
    with pytest.raises(TargetError):
        for_the_wire(tgt, "compound", NODEGROUPS)


@pytest.mark.parametrize(
    ("asked", "configured", "sent"),
    [("", "", ""), ("local", "", "local"), ("", "keep", "keep"), ("local,syslog", "keep", "local,syslog,keep")],
)
async def test_every_return_goes_to_the_external_job_cache_too(key, minions, nursery, asked, configured, sent):
    desk = Desk(key, minions, ext_job_cache=configured)
    await nursery.start(desk.run)
    await desk.ask("m1", ret=asked)
    assert desk.sent()["ret"] == sent


# -- jobs that wait for minions -------------------------------------------------------------------------------------


@pytest.fixture
async def m2_away(nursery):
    """Answers as presence does, on any bus: m1 is here, m2 is not, of m3 nobody knows."""

    def answering(bus):
        async def answer(request):
            await trio.lowlevel.checkpoint()
            known = {"m1": True, "m2": False, "m3": None}
            return {id: Presence(present=known[id]) for id in request.ids}

        return bus.answering({PresenceRequest: answer})

    return answering


@pytest.mark.parametrize(
    ("wait_absent", "configured", "fun", "caller", "seconds"),
    [
        (None, "", "cmd.run", None, None),
        (True, "", "cmd.run", None, USUAL_PATIENCE_S),
        (True, "2h", "test.ping", None, 7200),
        (60.0, "2h", "test.ping", None, 60),
        (None, "2h", "cmd.run", None, 7200),
        (None, 90, "cmd.run", None, 90),
        (0, "2h", "cmd.run", None, None),
        # What only asks, what the master does for itself, and what minions have others do.
        (None, "2h", "test.ping", None, None),
        (None, "2h", "saltutil.kill_job", None, None),
        (None, "2h", ["test.ping", "grains.items"], None, None),
        (None, "2h", ["test.ping", "cmd.run"], None, 7200),
        (None, "2h", "cmd.run", MASTER, None),
    ],
)
async def test_a_job_waits_for_who_is_away_when_that_is_wanted(
    key, minions, nursery, m2_away, wait_absent, configured, fun, caller, seconds
):
    desk = Desk(key, minions, queue_offline=PublishRules.from_opts({"queue_offline": configured}).queue_offline)
    await nursery.start(desk.run)
    await nursery.start(desk.follow)
    with m2_away(desk.bus):
        now = time.time()
        await desk.ask(fun=fun, arg=[[]] * 2 if isinstance(fun, list) else [], wait_absent=wait_absent, caller=caller)
    new = next(row[1] for row in desk.log if row[0] == "JobNew")
    if seconds is None:
        assert desk.jobs.waits is None
        assert new.until is None
    else:
        assert desk.jobs.waits.until == new.until == pytest.approx(now + seconds, abs=5)
        assert desk.jobs.waits.absent == new.absent == {"m2"}
        assert not {"until", "absent"} & new.to_data().keys()


def test_a_patience_that_cannot_be_read_is_told_with_its_option():
    with pytest.raises(ConfigError, match="queue_offline: 'soon' is no duration"):
        PublishRules.from_opts({"queue_offline": "soon"})


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "further", "sent"),
    [
        ("*", "glob", {}, (["m2", "m3"], "list")),
        ("m.", "pcre", {}, (["m2", "m3"], "list")),
        ("os:Arch Linux", "grain", {}, (["L@m2,m3", "and", "G@os:Arch Linux"], "compound")),
        ("os|Arch", "grain", {"delimiter": "|"}, (["L@m2,m3", "and", "G|@os|Arch"], "compound")),
        ("os::Arch", "grain", {"delimiter": "::"}, (["m2", "m3"], "list")),
        ("10.0.0.0/8", "ipcidr", {}, (["L@m2,m3", "and", "S@10.0.0.0/8"], "compound")),
        ("G@os:Arch or web*", "compound", {}, (["L@m2,m3", "and", "(", "G@os:Arch", "or", "web*", ")"], "compound")),
        ("old", "nodegroup", {}, (["L@m2,m3", "and", "(", "(", "m2", "or", "m3", ")", ")"], "compound")),
        ("nosuch", "nodegroup", {}, (["m2", "m3"], "list")),
        (["m1", "m2", "m3"], "list", {}, (["m2", "m3"], "list")),
        ("role:web", "pillar_exact", {}, (["m2", "m3"], "list")),
    ],
)
async def test_what_is_sent_again_goes_to_these_minions_who_judge_the_target_as_ever(
    key, minions, nursery, tgt, tgt_type, further, sent
):
    desk = Desk(key, minions)
    await nursery.start(desk.run)
    load = {"fun": "cmd.run", "arg": ["id"], "jid": "20261127100000000000", "ret": "keep", "user": "alice"}
    load |= {"tgt": tgt, "tgt_type": tgt_type, "metadata": {"a": 1}, "minions": ["m1", "m2", "m3"], "missing": []}
    now = time.time()
    await desk.bus.ask(SendRequest(load=load | further, minions=["m2", "m3"]))
    job = desk.sent()
    assert job.pop("sent") == pytest.approx(now, abs=5)
    assert job == {
        "fun": "cmd.run",
        "arg": ["id"],
        "jid": "20261127100000000000",
        "ret": "keep",
        "user": "alice",
        "metadata": {"a": 1},
        "tgt": sent[0],
        "tgt_type": sent[1],
        "serial": 1,
    }
    assert [row[0] for row in desk.log] == ["sent"]


@given(st.sampled_from(["os:Debian", "os:Arch", "os:*", "nosuch:x"]), st.sampled_from(["grain", "grain_pcre"]))
def test_a_narrowed_target_names_whom_both_name(tgt, tgt_type):
    if tgt_type == "grain_pcre":
        tgt = tgt.replace("*", ".*")
    narrow, kind = narrowed(tgt, tgt_type, ["m1"])
    for id, grains in GRAINS.items():
        whole = matches(tgt, tgt_type, id=id, grains=grains, pillar={})
        assert matches(narrow, kind, id=id, grains=grains, pillar={}) == (whole and id == "m1")
