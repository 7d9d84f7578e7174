"""What the option `reactor` says, and the files that it names."""

import pytest
import trio

from tests.support.views import open_house, user
from trisalt.bus.events import Reacted
from trisalt.errors import Denied, RemoteProtocolError
from trisalt.fileserver.backends import Backends
from trisalt.master.daemon import log_events
from trisalt.master.reaction_files import render_files
from trisalt.master.views import reactors

RULES = {"ops": ["@wheel"], "few": [".*"], "both": ["@wheel", {"@runner": ["event.send"]}]}
GREET = """greet:
  local.event.send:
    - tgt: '{{ data.id }}'
    - args:
      - tag: hello
      - password: hunter2
bad:
  nobody.test.ping: []
"""


class Workers:
    """Renders here."""

    async def run(self, function, request, *, warm=False):
        await trio.lowlevel.checkpoint()
        return render_files(request, {"cachedir": "/nonexistent", "file_roots": {}})


@pytest.fixture
async def house(tmp_path):
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv" / "start.sls").write_text("start:\n  local.state.apply: []\n")
    (tmp_path / "more").mkdir()
    for name in ("a", "b"):
        (tmp_path / "more" / f"{name}.sls").write_text(f"{name}: 1\n")
    rows = [
        {"salt/minion/*/start": ["salt://start.sls", f"{tmp_path}/more/*.sls"]},
        {"salt/auth": f"{tmp_path}/none.sls"},
        {"odd": [7, None, str(tmp_path)]},
        "text",
        {"greet": [str(tmp_path / "greet.sls"), str(tmp_path / "none.sls")]},
    ]
    (tmp_path / "greet.sls").write_text(GREET)
    async with open_house(tmp_path / "pki", workers=Workers(), reactor=rows, external_auth={"pam": RULES}) as opened:
        opened.desk.files = Backends.from_opts(
            {"file_roots": {"base": [str(tmp_path / "srv")]}, "cachedir": str(tmp_path)}
        )
        yield opened


async def test_the_files_of_each_pattern_are_told_with_what_is_in_them(house, tmp_path):
    found = await house.ask("reactors", user("ops"))
    first, second, third, _greet = found["items"]
    assert (first["tag"], first["matches"]) == ("salt/minion/*/start", None)
    assert first["files"][0] == {"path": "salt://start.sls", "source": "start:\n  local.state.apply: []\n", "error": ""}
    assert first["files"][1]["source"] == f"# {tmp_path}/more/a.sls\na: 1\n\n# {tmp_path}/more/b.sls\nb: 1\n"
    assert (second["files"][0]["source"], second["files"][0]["error"]) == (None, "No such file or directory")
    assert (third["files"][0]["source"], len(third["files"])) == (None, 1)
    assert found["runs"] is True


@pytest.mark.parametrize(
    ("tag", "woken"),
    [
        ("salt/minion/web1/start", [True, False, False, False]),
        ("salt/auth", [False, True, False, False]),
        ("x", [False] * 4),
    ],
)
async def test_a_tag_wakes_those_whose_globs_fit(house, tag, woken):
    assert [item["matches"] for item in (await house.ask("reactors", tag=tag))["items"]] == woken


async def test_they_are_for_who_may_read_the_configuration(house):
    with pytest.raises(Denied):
        await house.ask("reactors", user("few"))
    with pytest.raises(RemoteProtocolError):
        await house.ask("reactors", user("ops"), tag="x" * 600)


async def test_a_file_that_is_too_large_is_told_as_such(house, tmp_path, monkeypatch):
    monkeypatch.setattr(reactors, "MOST_BYTES", 8)
    files = (await house.ask("reactors"))["items"][0]["files"]
    assert [(each["source"], each["error"]) for each in files] == [
        (None, "It has more than 8 bytes"),
        (f"# {tmp_path}/more/a.sls\na: 1\n\n# {tmp_path}/more/b.sls\nb: 1\n", ""),
    ]


async def test_the_newest_reactions_are_told_to_who_sees_events_with_how_often_there_were_some(house):
    house.desk.reactor.counts.ran = 3
    async with log_events(house.desk.bus, house.desk.store.log):
        for name in ("a", "b"):
            event = Reacted(to="greet", sls="/g.sls", reaction=name, fun="local.test.ping", jid="1", success=True)
            await house.desk.bus.publish(event)
        await house.desk.bus.flush()
        found = await house.ask("reactors")
        assert (await house.ask("reactors", user("ops")))["latest"] == []
    assert [event["data"]["id"] for event in found["latest"]] == ["b", "a"]
    assert (found["counts"]["ran"], found["counts"]["patterns"]) == (3, 4)


async def test_a_try_tells_what_an_event_would_have_done_and_does_nothing(house, tmp_path):
    found = await house.ask("try_reactors", user("both"), tag="greet", data={"id": "web1"})
    assert found["files"] == [str(tmp_path / "greet.sls"), str(tmp_path / "none.sls")]
    (item,) = found["items"]
    assert (item["fun"], item["tgt"], item["sls"]) == ("local.event.send", "web1", str(tmp_path / "greet.sls"))
    assert item["kwarg"] == {"tag": "hello", "password": "********"}
    assert found["problems"] == [
        f"{tmp_path}/none.sls: There is no such file",
        "Reactor 'bad' failed to execute nobody 'test.ping': there is no such kind of reaction",
    ]
    assert house.desk.reactor.counts.ran == 0
    assert (await house.ask("try_reactors", user("both"), tag="nothing"))["files"] == []


@pytest.mark.parametrize("name", ["ops", "few"])
async def test_a_try_is_for_who_may_read_the_configuration_and_fire_events(house, name):
    with pytest.raises(Denied):
        await house.ask("try_reactors", user(name), tag="greet")


@pytest.mark.parametrize("question", [{"tag": ""}, {"tag": 5}, {"tag": "greet", "data": [1]}])
async def test_a_try_is_of_a_tag_and_an_object(house, question):
    with pytest.raises(RemoteProtocolError):
        await house.ask("try_reactors", user("both"), **question)
