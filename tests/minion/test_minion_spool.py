"""The spool: what is in it is there for the next daemon, whatever happened to the last one."""

from __future__ import annotations

import errno
import os

import pytest
import structlog

from trisalt.errors import RemoteProtocolError
from trisalt.minion.spool import AT_HAND, JOURNAL_FULL, JOURNAL_WORN, Spool

JID = "20261122130453717216"
OTHER = "20261122130453717217"


def load(jid=JID, value=True):
    return {"cmd": "_return", "jid": jid, "return": value}


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".journal")


@pytest.mark.parametrize("fresh", [False, True], ids=["beside children", "without a child"])
def test_the_next_daemon_finds_what_is_not_home(tmp_path, fresh):
    spool = Spool(tmp_path)
    for jid in (OTHER, JID):
        assert spool.write(jid, load(jid), fresh=fresh) == load(jid)
    spool.write("gone", load("gone"), fresh=fresh)
    spool.remove("gone")
    for found in (spool, Spool(tmp_path)):
        assert found.names() == [JID, OTHER]
        assert JID in found
        assert "gone" not in found
        assert found.read(OTHER) == load(OTHER)
        assert 0 <= found.age(JID) < 60
    assert files(tmp_path) == ([] if fresh else [JID, OTHER])
    found.remove(JID)
    found.remove(OTHER)
    found.remove(OTHER)
    assert Spool(tmp_path).names() == []


def test_what_is_written_again_takes_the_place_of_what_was(tmp_path):
    spool = Spool(tmp_path)
    spool.write(JID, load(value=1), fresh=True)
    spool.write(JID, load(value=2), fresh=True)
    assert Spool(tmp_path).read(JID) == load(value=2)
    spool.write(JID, load(value=3))
    assert spool.read(JID) == Spool(tmp_path).read(JID) == load(value=3)
    spool.remove(JID)
    assert Spool(tmp_path).names() == []


def test_what_is_to_outlast_a_power_cut_is_synced_and_so_is_its_name(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{fd}"))))
    spool = Spool(tmp_path)
    spool.write(OTHER, load(OTHER))
    assert synced == []
    assert spool.write(JID, load(), synced=True) == load()
    assert synced == [f".{JID}.new", tmp_path.name]
    assert files(tmp_path) == [JID, OTHER]


def test_what_is_big_is_a_file_of_its_own(tmp_path):
    spool = Spool(tmp_path)
    spool.write(JID, load(value="x" * AT_HAND), fresh=True)
    assert files(tmp_path) == [JID]


def test_a_journal_that_is_full_takes_no_more_and_one_that_is_worn_begins_anew(tmp_path):
    spool, names = Spool(tmp_path), []
    while not files(tmp_path):
        names.append(f"{len(names):020}")
        spool.write(names[-1], load(names[-1], "x" * 10_000), fresh=True)
    journal = tmp_path / ".journal"
    assert JOURNAL_FULL <= journal.stat().st_size < JOURNAL_FULL + AT_HAND
    assert Spool(tmp_path).names() == names
    for name in names:
        spool.remove(name)
    assert (journal.stat().st_size, files(tmp_path), Spool(tmp_path).names()) == (0, [], [])
    for _ in range(JOURNAL_WORN // 100):
        spool.write(JID, load(value="x" * 1000), fresh=True)
        spool.remove(JID)
    assert journal.stat().st_size < JOURNAL_WORN + 2 * AT_HAND


@pytest.mark.parametrize(
    "end",
    [b"\0", b"\0\0\0\1", bytes(100), b"\xff" * 100, b"\0\0\0\3\x81\xa1x", b"\0\0\0\1\x80", b"\0\0\0\2\xc4\x09"],
    ids=["a byte", "no map", "zeros", "ones", "cut", "empty", "garbage"],
)
def test_what_a_journal_has_at_its_end_costs_nothing_of_what_came_before(tmp_path, end):
    Spool(tmp_path).write(JID, load(), fresh=True)
    with (tmp_path / ".journal").open("ab") as journal:
        journal.write(end)
    with structlog.testing.capture_logs() as logs:
        spool = Spool(tmp_path)
    assert [line["event"] for line in logs] == ["spool.journal_cut"]
    assert spool.names() == [JID]
    spool.write(OTHER, load(OTHER), fresh=True)
    assert Spool(tmp_path).names() == [JID, OTHER]


def test_half_a_return_is_taken_back_and_the_whole_is_held(tmp_path, monkeypatch):
    spool = Spool(tmp_path)
    spool.write(JID, load(), fresh=True)
    write = os.write
    with monkeypatch.context() as patch, structlog.testing.capture_logs() as logs:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[: len(data) // 2]))
        spool.write(OTHER, load(OTHER), fresh=True)
    assert [line["event"] for line in logs] == ["return.not_spooled"]
    assert spool.read(OTHER) == load(OTHER)
    assert Spool(tmp_path).names() == [JID]
    spool.write(OTHER, load(OTHER), fresh=True)
    assert Spool(tmp_path).names() == [JID, OTHER]


def test_a_disk_that_takes_no_new_file_is_no_reason_not_to_start(tmp_path, monkeypatch):
    def refused(path, flags, mode):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        spool = Spool(tmp_path)
        spool.write(JID, load(), fresh=True)
    assert spool.read(JID) == load()
    spool.write(OTHER, load(OTHER), fresh=True)
    assert Spool(tmp_path).names() == [OTHER]


def test_a_file_that_is_no_return_is_told_from_one(tmp_path):
    spool = Spool(tmp_path)
    (tmp_path / JID).write_bytes(b"\x80")
    with pytest.raises(RemoteProtocolError, match="holds no return"):
        spool.read(JID)
    with pytest.raises(FileNotFoundError):
        spool.read(OTHER)
