"""Huge pages for what a daemon keeps in memory: to find the way to a small page costs more than what is read there.

A daemon that has slept touches megabytes, here and there, for one job; nothing of where they lie is in the processor's
tables any more. So what is full of small pages anyway becomes a huge one (`MADV_COLLAPSE`, Linux 6.1), which takes an
eighth more of that memory at most. Where the kernel has none, or is told never to have any, nothing is done.
"""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import structlog
import trio

from trisalt.meters import memory_bytes
from trisalt.service import next_beat

log = structlog.get_logger()

SETTINGS = Path("/sys/kernel/mm/transparent_hugepage")
# How often somebody looks whether there is more: the first time when what is needed has been made.
EVERY_S = 5.0
# Of 16 parts of a huge page so many are there and nobody else's: the rest is memory that nobody asked for. What was
# made first is needed by all, and lies where the zygote has some too: with 15 it was left out.
DENSE = 14
# The highest byte of a page's entry in /proc/self/pagemap: it is there, in memory, and in no other process.
_OURS = 0x81
_COLLAPSE = 25


async def gather_memory(*, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Gather what this process has in memory into huge pages, soon and whenever there is more, until cancelled."""
    task_status.started()
    size = huge_page()
    held = 0
    while size:
        await trio.sleep_until(next_beat(EVERY_S))
        if memory_bytes() - held < size // 8:
            # Next to nothing has been added, so that no more is dense than was.
            continue
        try:
            pages = await trio.to_thread.run_sync(gather, size)
        except OSError as exc:
            log.debug("memory.not_gathered", reason=exc.strerror)
            break
        held = memory_bytes()
        log.debug("memory.gathered", pages=pages)
    await trio.sleep_forever()


def huge_page() -> int:
    """How many bytes a huge page has; 0 where there are none."""
    try:
        if "[never]" in (SETTINGS / "enabled").read_text():
            return 0
        return int((SETTINGS / "hpage_pmd_size").read_text())
    except (OSError, ValueError):
        return 0


def gather(size: int) -> int:
    """Make huge pages of `size` bytes of what is dense; how many are, those of before too. Raises OSError."""
    # For this alone: whoever has no huge pages does without.
    import ctypes

    madvise = ctypes.CDLL(None, use_errno=True).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    pages = 0
    maps = Path("/proc/self/maps").read_text()
    with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
        for start in blocks(maps, size):
            entries = os.pread(pagemap.fileno(), size // mmap.PAGESIZE * 8, start // mmap.PAGESIZE * 8)
            if not is_dense(entries):
                continue
            if madvise(start, size, _COLLAPSE) == 0:
                pages += 1
            elif ctypes.get_errno() == errno.EINVAL and not pages:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return pages


def blocks(maps: str, size: int) -> Iterator[int]:
    """Where a huge page can be, in memory that Python and its libraries have asked for: `maps` is /proc/self/maps."""
    for line in maps.splitlines():
        fields = line.split(None, 5)
        name = fields[5].strip() if len(fields) > 5 else ""
        if fields[1] != "rw-p" or name not in ("", "[heap]"):
            continue
        low, high = (int(address, 16) for address in fields[0].split("-"))
        first = -(-low // size) * size
        yield from range(first, high - size + 1, size)


def is_dense(entries: bytes) -> bool:
    """Whether nearly all of these pages are there, and ours alone: `entries` are theirs of /proc/self/pagemap."""
    # Eight bytes each, the highest last.
    return entries[7::8].count(_OURS) * 16 >= len(entries) // 8 * DENSE > 0
