"""What is dense becomes huge pages: which blocks are looked at, which are dense, and that memory stays as it is."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest
import trio

from trisalt import hugepages
from trisalt.hugepages import blocks, gather_memory, huge_page, is_dense

MB = 1024 * 1024
KERNEL = tuple(int(part) for part in os.uname().release.split(".")[:2])
MAPS = """\
00400000-00a00000 r-xp 00000000 fe:00 1    /usr/bin/python3.11
01000000-01700000 rw-p 00000000 00:00 0    [heap]
7f0000100000-7f0000900000 rw-p 00000000 00:00 0
7f0000a00000-7f0000c00000 rw-p 00000000 fe:00 2    /usr/lib/libc.so.6
7f0001000000-7f0001200000 ---p 00000000 00:00 0
7f0002100000-7f0002200000 rw-p 00000000 00:00 0
7ffc00000000-7ffc00400000 rw-p 00000000 00:00 0    [stack]
"""
HERE, SHARED, NOWHERE = (bytes(7) + bytes([highest]) for highest in (0x81, 0x80, 0x00))

# Fills its heap, looks at itself, and again when what is dense has been gathered.
FULL = """
from pathlib import Path
from trisalt.hugepages import gather, huge_page

def figures():
    rows = (line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    return {row[0]: int(row[1]) for row in rows}

kept = [bytes(100) for _ in range(300_000)]
before = figures()
pages = gather(huge_page())
after = figures()
print(pages, after["AnonHugePages:"] * 1024 // huge_page(), after["Rss:"] - before["Rss:"], kept[7] == bytes(100))
"""


def test_whole_blocks_of_memory_that_was_asked_for_are_looked_at_and_no_others():
    found = list(blocks(MAPS, 2 * MB))
    assert found == [0x1000000, 0x1200000, 0x1400000, 0x7F0000200000, 0x7F0000400000, 0x7F0000600000]


@pytest.mark.parametrize(
    ("pages", "dense"),
    [
        (HERE * 512, True),
        (HERE * 448 + NOWHERE * 64, True),
        (HERE * 447 + NOWHERE * 65, False),
        # A fork has them too: they would be copied.
        (HERE * 400 + SHARED * 112, False),
        (b"", False),
    ],
    ids=["full", "nearly full", "not full enough", "shared", "gone"],
)
def test_a_block_is_dense_when_nearly_all_of_it_is_there_and_ours(pages, dense):
    assert is_dense(pages) is dense


@pytest.mark.skipif(not huge_page() or KERNEL < (6, 1), reason="no huge pages here")
def test_what_a_process_holds_is_in_huge_pages_then_and_takes_hardly_more_memory():
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, timeout=60, check=True)
    pages, huge, more, whole = done.stdout.split()
    # Where the system gives some without being asked there are more.
    assert 0 < int(pages) <= int(huge)
    assert int(more) * 1024 <= int(pages) * huge_page() // 8 + MB
    assert whole == "True"


@pytest.mark.parametrize(
    ("enabled", "size"), [("always madvise [never]", 0), ("always [madvise] never", 2 * MB)], ids=["never", "asked"]
)
def test_an_operator_may_have_none(monkeypatch, tmp_path, enabled, size):
    monkeypatch.setattr(hugepages, "SETTINGS", tmp_path)
    assert huge_page() == 0
    (tmp_path / "enabled").write_text(enabled)
    (tmp_path / "hpage_pmd_size").write_text(str(2 * MB))
    assert huge_page() == size


async def test_it_is_done_soon_and_again_when_there_is_more(monkeypatch, autojump_clock):
    """Looked at every five seconds; not when nothing has grown, and no more once the kernel has said that it cannot."""
    held = iter([100, 100, 100.1, 101, 101, 106])
    gathered = []

    async def at_once(work, *args):
        await trio.lowlevel.checkpoint()
        return work(*args)

    def gather(_size):
        gathered.append(round(autojump_clock.current_time() - began))
        if len(gathered) == 3:
            raise OSError(errno.EINVAL, "no")
        return 1

    # Its clock would not wait for a thread.
    monkeypatch.setattr(trio.to_thread, "run_sync", at_once)
    monkeypatch.setattr(hugepages, "huge_page", lambda: 2 * MB)
    monkeypatch.setattr(hugepages, "memory_bytes", lambda: next(held) * MB)
    monkeypatch.setattr(hugepages, "gather", gather)
    began = autojump_clock.current_time()
    with trio.move_on_after(1000):
        await gather_memory()
    assert gathered == [5, 15, 20]
