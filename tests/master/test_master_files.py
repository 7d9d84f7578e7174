"""`trisalt.master.files`: the shapes a stock minion expects, and nothing outside a root."""

from __future__ import annotations

import gzip

import pytest
import trio

from trisalt.bus.bus import Bus
from trisalt.bus.requests import FILE_COMMANDS, FileRequest
from trisalt.fileserver.fileserver import FileServer
from trisalt.master import files
from trisalt.master.files import TOLD, TOLD_ALWAYS, FileDesk, serve_files


@pytest.fixture
def opts(tmp_path):
    (tmp_path / "srv/web").mkdir(parents=True)
    (tmp_path / "srv/web/init.sls").write_text("abcdefgh")
    return {
        "file_roots": {"base": [str(tmp_path / "srv")]},
        "cachedir": str(tmp_path / "cache"),
        "renderer": "jinja|yaml",
    }


@pytest.fixture
def ask(opts):
    def ask(cmd, **load):
        return FileDesk(FileServer.from_opts(opts), opts).answer(FileRequest(id="m1", cmd=cmd, load=load))

    return ask


def test_every_command_of_the_catalogue_is_answered(ask):
    for cmd in FILE_COMMANDS:
        assert ask(cmd) is not None
    assert ask("_no_such") == {}


def test_lists_have_stock_shapes(ask):
    assert ask("_file_envs") == ["base"]
    assert ask("_file_list", saltenv="base", prefix="") == ["web/init.sls"]
    assert ask("_dir_list", saltenv="base") == ["web"]
    assert ask("_file_list_emptydirs", saltenv="base") == []
    assert ask("_symlink_list", saltenv="base", prefix=["x"]) == {}
    assert ask("_file_list") == []


def test_a_file_is_found_hashed_and_served(ask, tmp_path):
    found = ask("_file_find", path="web/init.sls", saltenv="base")
    assert (found["path"], found["rel"], found["stat"][6]) == (str(tmp_path / "srv/web/init.sls"), "web/init.sls", 8)
    assert ask("_file_hash", path="web/init.sls", saltenv="base")["hash_type"] == "sha256"
    hashed, stat = ask("_file_hash_and_stat", path="web/init.sls", saltenv="base")
    assert (len(hashed["hsum"]), stat[6]) == (64, 8)
    assert ask("_serve_file", path="web/init.sls", saltenv="base", loc=2) == {"data": b"cdefgh", "dest": "web/init.sls"}
    assert ask("_serve_file", path="web/init.sls", saltenv="base", loc=8) == {"data": b"", "dest": "web/init.sls"}


def test_a_manifest_says_of_many_files_what_is_said_of_one(ask, tmp_path):
    (tmp_path / "srv/app/empty").mkdir(parents=True)
    for number in range(3):
        (tmp_path / f"srv/app/f{number}").write_text(str(number))
    (tmp_path / "srv/app/why?").write_text("")
    said = ask("_file_manifest", saltenv="base", paths=["web/init.sls", "gone", 5, "../x"], folders=["app"])
    hashed, stat = ask("_file_hash_and_stat", path="app/f1", saltenv="base")
    assert said["hash_type"] == hashed["hash_type"]
    assert said["files"]["app/f1"] == [hashed["hsum"], stat]
    assert (said["files"]["gone"], said["files"]["../x"]) == (None, None)
    assert sorted(said["files"]) == ["../x", "app/f0", "app/f1", "app/f2", "gone", "web/init.sls"]
    app = said["lists"]["app"]
    assert app["files"] == ask("_file_list", saltenv="base", prefix="app")
    assert (app["dirs"], app["empty_dirs"]) == (["app", "app/empty"], ["app/empty"])


def test_a_manifest_is_bounded(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MANIFEST_MOST", 2)
    assert len(ask("_file_manifest", saltenv="base", paths=["a", "b", "c"])["files"]) == 2
    monkeypatch.setattr(files, "MANIFEST_WITHIN_S", -1)
    assert ask("_file_manifest", saltenv="base", paths=["a"])["files"] == {}


def test_manifests_are_offered_to_those_that_ask(ask):
    assert ask("_master_opts", manifest=True)["manifest"] is True
    assert "manifest" not in ask("_master_opts")


def test_a_chunk_is_compressed_on_demand(ask):
    chunk = ask("_serve_file", path="web/init.sls", saltenv="base", loc=0, gzip=5)
    assert chunk["gzip"] == 5
    assert gzip.decompress(chunk["data"]) == b"abcdefgh"


@pytest.mark.parametrize(
    "load", [{}, {"path": "../x"}, {"path": 5}, {"path": b"\xff"}, {"path": "web"}, {"path": None}]
)
def test_what_is_not_there_is_answered_with_nothing(ask, load):
    load = {"saltenv": "base", "loc": 0} | load
    assert ask("_serve_file", **load) == {"data": "", "dest": ""}
    assert ask("_file_find", **load) == {"path": "", "rel": ""}
    assert ask("_file_hash", **load) == ""
    assert ask("_file_hash_and_stat", **load) == ("", None)


def test_the_options_told_are_the_ones_a_minion_needs(ask):
    told = ask("_master_opts")
    assert set(told) == {"file_roots", *TOLD_ALWAYS, *TOLD}
    assert (told["file_roots"], told["renderer"]) == ({"base": []}, "jinja|yaml")
    assert set(ask("_master_opts", env_only=True)) == {"file_roots", *TOLD_ALWAYS}


def test_files_are_taken_only_when_configured(ask, opts, tmp_path):
    push = {"path": ["etc", "hosts"], "loc": 0, "data": b"12345"}
    assert ask("_file_recv", **push) is False
    opts["file_recv"] = True
    assert ask("_file_recv", **push) is True
    assert ask("_file_recv", path=["etc", "hosts"], loc=5, data="6") is True
    assert (tmp_path / "cache/minions/m1/files/etc/hosts").read_text() == "123456"


@pytest.mark.parametrize("path", [["..", "x"], ["a/b"], ["/etc"], [""], [], "x", [5], None])
def test_a_pushed_file_stays_in_its_minions_folder(ask, opts, tmp_path, path):
    opts["file_recv"] = True
    assert ask("_file_recv", path=path, loc=0, data=b"x") is False
    assert not list(tmp_path.glob("cache/**/x"))


def test_a_pushed_file_has_a_largest_size(ask, opts):
    opts |= {"file_recv": True, "file_recv_max_size": 1}
    assert ask("_file_recv", path=["x"], loc=1 << 20, data=b"1") is False
    assert ask("_file_recv", path=["x"], loc=0, data=b"1", size=(1 << 20) + 1) is False
    assert ask("_file_recv", path=["x"], loc=0, data=b"1", size=1 << 20) is True


async def test_the_service_answers_and_fails_one_request_alone(opts, nursery):
    bus = Bus()
    await nursery.start(
        lambda task_status: serve_files(bus, FileServer.from_opts(opts), opts=opts, task_status=task_status)
    )
    with trio.fail_after(5):
        assert await bus.ask(FileRequest(id="m1", cmd="_file_envs", load={})) == ["base"]
        opts |= {"file_recv": True, "cachedir": "/proc/none"}
        with pytest.raises(OSError, match="/proc/none"):
            await bus.ask(FileRequest(id="m1", cmd="_file_recv", load={"path": ["x"], "loc": 0, "data": b"x"}))
        assert await bus.ask(FileRequest(id="m1", cmd="_file_envs", load={})) == ["base"]


def test_who_asks_for_options_may_be_told_of_files_at_once(ask):
    asked = {"saltenv": "base", "paths": ["web/init.sls", "gone"]}
    assert ask("_master_opts", manifest=asked)["manifest"] == ask("_file_manifest", **asked)
