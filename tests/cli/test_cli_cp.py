"""`salt-cp` against a local door that answers by a script."""

import base64
import gzip
import json
import os
from functools import partial

import pytest

from trisalt.cli.salt_cp import main
from trisalt.loader.signature import bind
from trisalt.plugins.modules.cp_send import recv_chunked

JID = "20261122124940743908"
GONE = "Minion did not return. [No response]"


@pytest.fixture
def cp(command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return partial(command, main)


class Fleet:
    """Minions that take what they are sent. `refuses` maps an id to what it answers; `silent` do not return."""

    def __init__(self, *ids, refuses=None, silent=()):
        self.ids, self.refuses, self.silent = list(ids), refuses or {}, silent
        self.files, self.modes, self.jobs = {}, {}, []

    def __call__(self, question):
        if question["op"] == "match":
            known = [id for id in self.ids if question["tgt"] in ("*", id)]
            yield {"matched": {"minions": known, "missing": []}}
            return
        self.jobs.append(question)
        tgt = question["tgt"]
        ids = [id for id in self.ids if tgt == "*" or id in tgt]
        if not ids:
            yield {"published": {"jid": None, "minions": [], "missing": [], "error": "nobody"}}
            return
        yield {"published": {"jid": JID, "minions": ids, "missing": []}}
        for id in ids:
            if id not in self.silent:
                answer = self.refuses.get(id) or self.take(id, question["fun"], question["arg"])
                yield {"return": {"id": id, "jid": JID, "fun": question["fun"], "return": answer, "retcode": 0}}
        yield {"settled": {"jid": JID, "missing": dict.fromkeys(set(ids) & set(self.silent), GONE)}}

    def take(self, id, fun, arg):
        if fun == "cp.recv":
            return {f"{arg[1].rstrip('/')}/{os.path.basename(path)}": True for path in arg[0]}
        (dest, chunk, append, compressed, mode), named = bind(recv_chunked, arg)
        assert not named
        data = None if chunk is None else base64.b64decode(chunk)
        data = gzip.decompress(data) if compressed and data is not None else data
        self.files[id, dest] = self.files[id, dest] + data if append else data
        self.modes[dest] = mode
        return True


def printed(capsys):
    return json.loads(capsys.readouterr().out)


def test_texts_travel_in_one_job(door, cp, tmp_path, capsys):
    door.says(fleet := Fleet("m1", "m2"))
    (tmp_path / "a").write_text("é\n")
    (tmp_path / "b").write_text("")
    assert cp("-t", "7", "*", "a", "b", "/dest/", "--out", "json") == 0
    assert printed(capsys) == {id: {"/dest/a": True, "/dest/b": True} for id in ("m1", "m2")}
    (job,) = fleet.jobs
    assert (job["fun"], job["arg"], job["timeout"]) == ("cp.recv", [{"a": "é\n", "b": ""}, "/dest/"], 7)


def test_a_minion_that_does_not_take_everything_fails_the_command(door, cp, tmp_path, capsys):
    (tmp_path / "a").write_text("x")
    door.says(Fleet("m1", "m2", refuses={"m2": "Destination unavailable"}))
    assert cp("*", "a", "/dest", "--out", "json") == 1
    assert printed(capsys) == {"m1": {"/dest/a": True}, "m2": "Destination unavailable"}
    door.says(Fleet("m1", "m2", silent=["m2"]))
    assert cp("*", "a", "/dest", "--out", "json") == 1
    assert printed(capsys)["m2"] == GONE


@pytest.mark.parametrize(
    ("words", "said", "status"),
    [
        (["*", "nosuch", "/d"], "nosuch does not exist\n", 1),
        (["-C", "*", "a", "nosuch", "/d"], "nosuch does not exist\n", 1),
        (["*", "dir", "/d"], 'dir is a directory, only files are supported in non-chunked mode. Use "--chunked"', 1),
        (["*", "bin", "/d"], 'bin is no text, only texts are supported in non-chunked mode. Use "--chunked"', 1),
        (["*", "big", "/d"], 'That is too much for one job. Use "--chunked" command line argument.', 1),
        (["-C", "*", "pipes", "/d"], "pipes/pipe is not a regular file", 1),
        (["-C", "*", "links", "/d"], "links/broken cannot be read: No such file or directory", 1),
        (["-C", "*", "a", "dir/a", "/d"], "Several of the sources would become /d/a", 64),
        (
            ["*", "a"],
            "Usage: salt-cp [options] '<target>' SOURCE... DEST\n\nsalt-cp: error: Insufficient arguments\n",
            64,
        ),
        ([], "salt-cp: error: Insufficient arguments", 64),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_sent_is_said_before_anything_is(door, cp, tmp_path, capsys, words, said, status):
    door.says(fleet := Fleet("m1"))
    for folder in ("dir", "pipes", "links"):
        (tmp_path / folder).mkdir()
    (tmp_path / "a").write_text("x")
    (tmp_path / "dir/a").write_text("x")
    (tmp_path / "bin").write_bytes(b"\xff")
    os.mkfifo(tmp_path / "pipes/pipe")
    (tmp_path / "links/broken").symlink_to("nosuch")
    with open(tmp_path / "big", "wb") as big:
        big.truncate(17 << 20)
    assert cp(*words) == status
    assert said in capsys.readouterr().err
    assert fleet.jobs == []


@pytest.mark.parametrize("flags", [[], ["-C"]])
def test_nobody_to_send_to_is_told_as_salt_tells_it(door, cp, tmp_path, capsys, flags):
    (tmp_path / "a").write_text("x")
    door.says(Fleet())
    assert cp(*flags, "nobody", "a", "/d") == 2
    done = capsys.readouterr()
    assert done.out == "No minions matched the target. No command was sent, no jid was assigned.\n"
    assert done.err == "ERROR: No return received\n"


@pytest.mark.parametrize("flags", [["-C"], ["-C", "-n"]])
def test_a_file_of_any_size_and_kind_travels_in_pieces(door, cp, tmp_path, capsys, flags):
    door.configure(root_dir=str(tmp_path), sock_dir="/r", file_buffer_size=1000)
    door.says(fleet := Fleet("m1", "m2"))
    content = os.urandom(2500)
    (tmp_path / "bin").write_bytes(content)
    (tmp_path / "bin").chmod(0o751)
    assert cp(*flags, "*", "bin", "/d/other", "--out", "json") == 0
    assert printed(capsys) == {id: {"/d/other": True} for id in ("m1", "m2")}
    assert fleet.files == {("m1", "/d/other"): content, ("m2", "/d/other"): content}
    assert fleet.modes == {"/d/other": 0o751}
    assert [job["arg"][2] for job in fleet.jobs] == [False, True, True]


@pytest.mark.parametrize(
    ("sources", "dest", "places"),
    [
        (["dir"], "/d/", ["/d/dir/empty", "/d/dir/sub/y", "/d/dir/x"]),
        (["dir/"], "/d", ["/d/dir/empty", "/d/dir/sub/y", "/d/dir/x"]),
        (["dir/sub/"], "/d", ["/d/sub/y"]),
        (["dir/empty"], "/d", ["/d/empty"]),
        (["dir/x"], "/d", ["/d"]),
        (["dir/x"], "/d/", ["/d/x"]),
        (["dir/x", "dir/sub"], "/d", ["/d/sub/y", "/d/x"]),
    ],
    ids=str,
)
def test_where_a_file_goes_is_where_stock_puts_it(door, cp, tmp_path, capsys, sources, dest, places):
    door.says(fleet := Fleet("m1"))
    (tmp_path / "dir/sub").mkdir(parents=True)
    (tmp_path / "dir/empty").mkdir()
    (tmp_path / "dir/x").write_text("x")
    (tmp_path / "dir/sub/y").write_text("y")
    assert cp("-C", "*", *sources, dest, "--out", "json") == 0
    assert sorted(printed(capsys)["m1"]) == places
    empty = [place for (_id, place), data in fleet.files.items() if data is None]
    assert empty == [place for place in places if place.endswith("empty")]


def test_who_fails_a_piece_gets_no_more_of_the_file_and_who_is_gone_nothing(door, cp, tmp_path, capsys):
    door.configure(root_dir=str(tmp_path), sock_dir="/r", file_buffer_size=2)
    door.says(fleet := Fleet("m1", "m2", "m3", refuses={"m2": "No space left"}, silent=["m3"]))
    (tmp_path / "a").write_text("abcd")
    (tmp_path / "b").write_text("e")
    assert cp("-C", "*", "a", "b", "/d", "--out", "json") == 1
    assert printed(capsys) == {
        "m1": {"/d/a": True, "/d/b": True},
        "m2": {"/d/a": "No space left", "/d/b": "No space left"},
        "m3": {"/d/a": GONE},
    }
    assert [(job["tgt_type"], job["tgt"]) for job in fleet.jobs] == [
        ("list", ["m1", "m2", "m3"]),
        ("list", ["m1"]),
        ("list", ["m1", "m2"]),
    ]


@pytest.mark.parametrize("content", ["ab", "m=", "xyzab", "1", "true"])
def test_no_piece_is_taken_for_a_keyword_or_a_number(door, cp, tmp_path, content):
    door.says(fleet := Fleet("m1"))
    (tmp_path / "a").write_text(content)
    assert cp("-C", "-n", "m1", "a", "/d/a") == 0
    assert fleet.files == {("m1", "/d/a"): content.encode()}


def test_an_empty_file_is_one_empty_piece(door, cp, tmp_path):
    door.says(fleet := Fleet("m1"))
    (tmp_path / "a").write_text("")
    assert cp("-C", "m1", "a", "/d/a") == 0
    assert fleet.files == {("m1", "/d/a"): b""}
