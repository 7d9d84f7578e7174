"""What the option `reactor` says, and the files that it names."""

import pytest

from tests.support.views import open_house, user
from trisalt.errors import Denied, RemoteProtocolError
from trisalt.fileserver.backends import Backends
from trisalt.master.views import reactors

RULES = {"ops": ["@wheel"], "few": [".*"]}


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
    ]
    async with open_house(tmp_path / "pki", reactor=rows, external_auth={"pam": RULES}) as opened:
        opened.desk.files = Backends.from_opts(
            {"file_roots": {"base": [str(tmp_path / "srv")]}, "cachedir": str(tmp_path)}
        )
        yield opened


async def test_the_files_of_each_pattern_are_told_with_what_is_in_them(house, tmp_path):
    found = await house.ask("reactors", user("ops"))
    first, second, third = found["items"]
    assert (first["tag"], first["matches"]) == ("salt/minion/*/start", None)
    assert first["files"][0] == {"path": "salt://start.sls", "source": "start:\n  local.state.apply: []\n", "error": ""}
    assert first["files"][1]["source"] == f"# {tmp_path}/more/a.sls\na: 1\n\n# {tmp_path}/more/b.sls\nb: 1\n"
    assert (second["files"][0]["source"], second["files"][0]["error"]) == (None, "No such file or directory")
    assert (third["files"][0]["source"], len(third["files"])) == (None, 1)
    assert found["runs"] is True


@pytest.mark.parametrize(
    ("tag", "woken"),
    [("salt/minion/web1/start", [True, False, False]), ("salt/auth", [False, True, False]), ("x", [False] * 3)],
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
