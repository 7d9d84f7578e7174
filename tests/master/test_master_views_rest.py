"""The overview, compliance, issues, documentation, preferences, and why somebody may do something."""

import json

import pytest
import trio

from tests.support.views import jid, open_house, user
from trisalt.bus.caller import Caller
from trisalt.errors import Denied, NotFound, RemoteProtocolError
from trisalt.master.keyring import State
from trisalt.master.views import functions, issues
from trisalt.store import listing
from trisalt.web.certificate import make_certificate
from trisalt.worker.documents import documents_in_worker
from trisalt.worker.protocol import Context


class Workers:
    """A pool of which each call gives what `made` is; how often it was asked."""

    def __init__(self, made):
        self.made, self.asked = made, 0

    async def run(self, function):
        self.asked += 1
        await trio.lowlevel.checkpoint()
        return self.made


DOCS = {
    "test.ping": {"doc": "\n    Whether it answers.\n\n    CLI Example:", "parameters": []},
    "test.echo": {"doc": "Give back a text.", "parameters": [{"name": "text", "required": True, "kind": "positional"}]},
    "cmd.run": {"doc": "Run a test of a command.", "parameters": []},
    "runner.manage.up": {"doc": "", "parameters": []},
}


@pytest.fixture
async def house(tmp_path, monkeypatch):
    # However busy this machine is, a page is whole.
    monkeypatch.setattr(listing, "SCAN_S", 60.0)
    async with open_house(tmp_path, workers=Workers(DOCS)) as opened:
        yield opened


def chunk(result, changes=(), **more):
    return {"result": result, "changes": dict(changes), "comment": "so", "name": "/etc/x", "__id__": "x"} | more


IN = {"file_|-x_|-/etc/x_|-managed": chunk(True)}
WOULD = {"file_|-x_|-/etc/x_|-managed": chunk(None, {"diff": "+1"}), "pkg_|-y_|-y_|-installed": chunk(True)}
FAILED = {"pkg_|-y_|-y_|-installed": chunk(False, __run_num__=1), "file_|-x_|-/etc/x_|-managed": chunk(True, {"a": 1})}


async def highstate(house, number, id, value, *, test=False, retcode=0):
    await house.run(number, [id], "state.highstate")
    await house.came(number, id, value, retcode=retcode, highstate=test)


# -- keys ---


async def test_keys_are_listed_by_what_is_to_be_done_about_them_with_their_fingerprints(house):
    house.key("new", State.PENDING)
    house.key("web1", State.DENIED)
    page = await house.ask("keys")
    assert [(item["id"], item["status"]) for item in page["items"]][:3] == [
        ("new", "pending"),
        ("web1", "denied"),
        ("db1", "accepted"),
    ]
    assert page["items"][0]["finger"] == house.desk.keyring.fingerprint("new", State.PENDING)
    assert page["counts"] == {"pending": 1, "denied": 1, "rejected": 0, "accepted": 4}
    for limit in (1, 4, 100):
        assert await house.ids("keys", limit=limit) == ["new", "web1", "db1", "web1", "web2", "web3"]
    assert await house.ids("keys", status="accepted", q="web") == ["web1", "web2", "web3"]
    assert {item["finger"] for item in (await house.ask("keys", user("key")))["items"]} == {None}
    for question in ({"status": "odd"}, {"q": 7}, {"cursor": "x"}):
        with pytest.raises(RemoteProtocolError):
            await house.ask("keys", **question)
    with pytest.raises(Denied):
        await house.ask("keys", user("all"))


# -- overview --------------------------------------------------------------------------------------------------------


async def test_the_overview_counts_minions_keys_and_jobs(house):
    house.key("new", State.PENDING)
    await house.run(1, ["web1"])
    await house.run(2, ["web1"], "cmd.run")
    await house.came(2, "web1", retcode=1)
    house.now += 7200
    await house.run(3, ["web1"])
    await house.came(3, "web1", retcode=1)
    found = await house.ask("overview")
    assert found["minions"] == {"up": 2, "down": 1, "never": 1}
    assert found["keys"] == {"accepted": 4, "denied": 0, "pending": 1, "rejected": 0}
    jobs = found["jobs"]
    assert (jobs["running"], jobs["failed_24h"], jobs["failed_1h"]) == (1, 2, 1)
    assert (len(jobs["per_hour"]), jobs["per_hour"][23], jobs["per_hour"][21]) == (24, 1, 2)
    assert found["os"] == [{"name": "Debian", "count": 2}, {"name": "Rocky", "count": 1}]
    assert found["versions"] == [{"name": "3008.3", "count": 2}, {"name": "3007.1", "count": 1}]
    assert [item["jid"] for item in found["latest"]] == [jid(3), jid(2), jid(1)]


async def test_the_overview_is_of_what_somebody_may_see(house):
    await house.run(1, ["db1"], "cmd.run")
    await house.run(2, ["web1"], by=user("web"))
    found = await house.ask("overview", user("web"))
    assert (found["minions"], found["keys"]) == ({"up": 1, "down": 1, "never": 1}, None)
    assert (found["jobs"]["running"], found["jobs"]["per_hour"][23]) == (1, 1)
    assert found["os"] == [{"name": "Debian", "count": 1}, {"name": "Rocky", "count": 1}]
    assert [item["jid"] for item in found["latest"]] == [jid(2)]


# -- compliance ------------------------------------------------------------------------------------------------------


async def test_a_minion_stands_as_its_newest_highstate_says(house):
    await highstate(house, 1, "web1", WOULD, test=True)
    await highstate(house, 2, "web2", FAILED, retcode=2)
    await highstate(house, 3, "db1", WOULD, test=True)
    await highstate(house, 4, "db1", IN)
    found = await house.ask("compliance")
    assert [(item["id"], item["state"], item["changes"], item["failed"]) for item in found["items"]] == [
        ("db1", "in", 0, 0),
        ("web1", "would_change", 1, 0),
        ("web2", "failed", 0, 1),
        ("web3", "unknown", 0, 0),
    ]
    assert found["counts"] == {"failed": 1, "would_change": 1, "unknown": 1, "in": 1}
    assert await house.ids("compliance", state="failed") == ["web2"]
    assert await house.ids("compliance", user("web"), limit=1) == ["web1", "web2", "web3"]
    with pytest.raises(RemoteProtocolError):
        await house.ask("compliance", state="odd")


async def test_what_is_not_as_it_should_be_is_told_in_its_order(house):
    await highstate(house, 1, "web1", FAILED, retcode=2)
    found = await house.ask("differences", id="web1")
    assert (found["state"], [item["fun"] for item in found["items"]]) == ("failed", ["file.managed", "pkg.installed"])
    assert found["items"][1] == {
        "id": "x",
        "fun": "pkg.installed",
        "name": "/etc/x",
        "sls": None,
        "result": False,
        "comment": "so",
        "changes": {},
    }
    assert (await house.ask("differences", id="web3"))["items"] == ()
    # Whoever may see the minion, and not the job, is not told what was in it.
    assert (await house.ask("differences", user("web"), id="web1"))["items"] == ()
    with pytest.raises(NotFound):
        await house.ask("differences", user("web"), id="db1")


async def test_a_highstate_that_could_not_begin_is_told_in_its_words(house):
    await highstate(house, 1, "web1", ["Rendering SLS 'base:x' failed"], retcode=1)
    found = await house.ask("differences", id="web1")
    assert (found["state"], found["items"][0]["comment"]) == ("failed", "Rendering SLS 'base:x' failed")


# -- issues ----------------------------------------------------------------------------------------------------------


async def kinds(house, caller=None):
    found = await (house.ask("issues", caller) if caller else house.ask("issues"))
    return {item["kind"]: item for item in found["items"]}


async def test_what_needs_attention_is_told_with_what_to_do_about_it(house):
    house.key("new", State.PENDING)
    house.key("web1", State.DENIED)
    await house.run(1, ["web1"])
    await highstate(house, 2, "web2", FAILED, retcode=2)
    house.now += issues.RUNS_S + 60
    house.desk.presence._clock = lambda: house.now
    found = await kinds(house)
    assert found["keys_pending"]["remedy"] == {"client": "wheel", "fun": "key.accept", "arg": ["new"]}
    assert (found["keys_denied"]["severity"], found["keys_denied"]["remedy"]) == ("error", None)
    assert found["minions_never_seen"]["text"].startswith("web3")
    assert found["job_runs_long"]["link"] == f"/app/jobs/{jid(1)}"
    assert found["job_runs_long"]["remedy"]["arg"] == (jid(1),)
    assert found["states_failed"]["remedy"]["tgt"] == ["web2"]
    assert found["versions_differ"]["text"].startswith("web2: ")


async def test_a_minion_that_is_away_is_an_issue_after_a_while(house):
    assert "minions_down" not in await kinds(house)
    house.now = house.desk.presence.find("web2").since + issues.DOWN_S + 1
    down = (await kinds(house))["minions_down"]
    assert (down["text"], down["severity"], down["link"]) == ("web2: away", "error", "/app/minions?q=down")


async def test_issues_are_told_to_who_may_see_what_they_are_about(house):
    house.key("new", State.PENDING)
    await house.run(1, ["db1"], "cmd.run")
    house.now += issues.RUNS_S + 60
    found = await kinds(house, user("web"))
    assert set(found) <= {"minions_never_seen", "versions_differ", "minions_down"}
    assert "keys_pending" in await kinds(house, user("key"))


async def test_a_certificate_is_an_issue_before_it_ends(tmp_path):
    broken = tmp_path / "broken.pem"
    broken.write_text("none")
    async with open_house(tmp_path, rest_trisalt={"ssl_crt": str(broken)}) as house:
        assert (await kinds(house))["certificate"]["severity"] == "error"
        assert "certificate" not in await kinds(house, user("all"))


@pytest.mark.parametrize(
    ("block", "ends"),
    [
        ({"halite": {"port": 8080}, "pki_dir": "{root}"}, True),
        ({"halite": {"certpath": "{root}/api/console.crt", "keypath": "x"}}, True),
        ({"halite": {"pempath": "{root}/api/console.crt"}, "rest_trisalt": {"port": 1}}, True),
        ({"rest_cherrypy": {"ssl_crt": "{root}/none.crt", "ssl_chain": "{root}/api/console.crt"}}, True),
        ({"halite": {"tls": False}, "pki_dir": "{root}"}, False),
        ({"rest_cherrypy": {"ssl_crt": "{root}/api/console.crt", "disable_ssl": True}}, False),
    ],
)
async def test_the_certificates_of_all_listeners_are_looked_at(tmp_path, monkeypatch, block, ends):
    monkeypatch.setattr(issues, "HALITE_CERTIFICATES", ())
    (tmp_path / "api").mkdir()
    crt = tmp_path / "api" / "console.crt"
    make_certificate(crt, tmp_path / "api" / "console.key")
    opts = json.loads(json.dumps(block).replace("{root}", str(tmp_path)))
    async with open_house(tmp_path, **opts) as house:
        house.now = crt.stat().st_mtime + 390 * 86_400
        found = [item for item in (await house.ask("issues"))["items"] if item["kind"] == "certificate"]
    assert any(f"{crt} ends on" in item["text"] for item in found) is ends
    assert any("none.crt is not there" in item["text"] for item in found) is ("rest_cherrypy" in block and ends)


# -- documentation ---------------------------------------------------------------------------------------------------


async def test_functions_are_found_by_their_names_first(house):
    found = await house.ask("docs", q="test")
    assert [item["fun"] for item in found["items"]] == ["test.echo", "test.ping", "cmd.run"]
    assert found["items"][1]["summary"] == "Whether it answers."
    pages = []
    question = {"q": "", "limit": 3}
    while question:
        page = await house.ask("docs", **question)
        pages.append([item["fun"] for item in page["items"]])
        question = page["next"] and {**question, "cursor": page["next"]}
    assert pages == [["cmd.run", "runner.manage.up", "test.echo"], ["test.ping"]]
    assert house.desk.workers.asked == 1


async def test_one_function_is_told_with_its_parameters(house):
    found = await house.ask("docs", user("all"), fun="test.echo")
    assert (found["fun"], found["parameters"][0]["name"]) == ("test.echo", "text")
    with pytest.raises(NotFound):
        await house.ask("docs", fun="no.such")


async def test_who_asks_while_the_index_is_made_again_is_given_the_old_one(monkeypatch):
    workers, index = Workers(DOCS), functions.Index()
    await index.get(workers)
    monkeypatch.setattr(functions, "GOOD_FOR_S", 0.0)
    async with index.making:
        assert await index.get(workers) == DOCS
    assert workers.asked == 1
    await index.get(workers)
    assert workers.asked == 2


@pytest.fixture(scope="module")
def documents():
    return documents_in_worker(Context(opts={"extension_modules": "", "cachedir": ""}, grains={"os_family": "Debian"}))


@pytest.mark.parametrize(
    ("fun", "name", "parameter"),
    [
        ("test.ping", None, None),
        ("runner.jobs.list_job", "jid", {"required": True, "kind": "positional"}),
        ("runner.jobs.list_job", "ext_source", {"required": False, "kind": "positional", "default": None}),
        ("state.apply", "kwargs", {"required": False, "kind": "kwargs"}),
        ("sys.doc", "args", {"required": False, "kind": "varargs"}),
        ("wheel.key.accept", "match", {"required": True, "kind": "positional"}),
    ],
)
def test_every_function_of_this_host_is_in_the_index(documents, fun, name, parameter):
    found = {each["name"]: each for each in documents[fun]["parameters"]}
    assert documents[fun]["doc"]
    if name is not None:
        assert found[name] == {"name": name, **parameter}


# -- preferences -----------------------------------------------------------------------------------------------------


async def test_preferences_are_kept_for_each_user_of_each_backend(house):
    assert await house.ask("prefs", user("all")) == {}
    await house.ask("prefs", user("all"), put={"theme": "dark"})
    assert await house.ask("prefs", user("all")) == {"theme": "dark"}
    assert await house.ask("prefs", user("web")) == {}
    assert await house.ask("prefs", Caller(name="root")) == {}


@pytest.mark.parametrize("wanted", ["text", [1], {1: 2}, {"a": "x" * 70_000}, {"a": float("nan")}, {"a": b"\xff"}])
async def test_what_is_no_small_map_is_no_preference(house, wanted):
    with pytest.raises(RemoteProtocolError):
        await house.ask("prefs", put=wanted)


# -- why -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "command", "allowed", "rule"),
    [
        ("web", {"fun": "test.ping", "tgt": "web*"}, True, {"web*": ["test.*", "…"]}),
        ("web", {"fun": "test.ping", "tgt": "*"}, False, "db1 is not within web*"),
        ("web", {"fun": "state.apply", "tgt": "web1", "kwarg": {"test": True}}, True, {"web*": ["test.*", "…"]}),
        ("web", {"fun": "state.apply", "tgt": "web1"}, False, "state.apply is not granted with these arguments"),
        ("key", {"fun": "key.list_all", "client": "wheel"}, True, {"@wheel": ["key.list_all"]}),
        ("web", {"fun": "cmd.run", "tgt": "web1"}, False, "cmd.run is not granted"),
        ("key", {"fun": "key.accept", "client": "wheel"}, False, "wheel.key.accept is not granted"),
        ("ann", {"fun": "cmd.run", "tgt": "*", "arg": ["id"]}, True, ".*"),
        ("nobody", {"fun": "test.ping"}, False, "nothing is granted to this user"),
    ],
)
async def test_whether_somebody_may_is_told_with_the_rule(house, name, command, allowed, rule):
    found = await house.ask("explain", user="" if name == "root" else name, eauth="pam", **command)
    assert found["allowed"] is allowed
    if not allowed:
        assert found["because"] == rule
    elif isinstance(rule, dict):
        assert found["rule"].keys() == rule.keys()
    else:
        assert found["rule"] == rule


async def test_permissions_that_only_together_grant_it_are_all_named(tmp_path):
    rules = [{"web*": ["test.ping"]}, {"db*": ["test.ping"]}]
    async with open_house(tmp_path, external_auth={"pam": {"two": rules}}) as house:
        found = await house.ask("explain", user("two"), fun="test.ping", tgt="*")
    assert (found["allowed"], found["rule"]) == (True, rules)


async def test_an_administrator_may_but_for_what_the_blacklist_names(tmp_path):
    async with open_house(tmp_path, publisher_acl_blacklist={"modules": ["cmd.*"]}) as house:
        assert (await house.ask("explain", fun="test.ping"))["allowed"]
        refused = await house.ask("explain", fun="cmd.run")
    assert (refused["allowed"], refused["because"]) == (False, "cmd.run is on the blacklist")


async def test_everybody_may_ask_about_themselves_and_few_about_others(house):
    assert (await house.ask("explain", user("all"), fun="test.ping"))["allowed"]
    assert (await house.ask("explain", user("ann"), user="all", eauth="pam", fun="test.ping"))["allowed"]
    with pytest.raises(Denied):
        await house.ask("explain", user("all"), user="ann", eauth="pam", fun="test.ping")
