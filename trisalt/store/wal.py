"""The log that SQLite writes ahead of its database (`-wal`) has its room before it is needed.

What a transaction appended to it is synced when it commits. While the file has to grow for that, the sync waits for the
file system's own journal too, and so for whatever others have begun to write: on a busy disk that is hundreds of
milliseconds in place of a few. SQLite begins at the front again when what is there has been moved home, so the room is
made once. In the writer's thread.
"""

from __future__ import annotations

import os

ROOM = 6 * 1024 * 1024
"""Of a daemon's store: more than SQLite lets it become before it moves it home (1000 pages of 4 KiB), and some."""

_SLICE = bytes(256 * 1024)


def make_room(path: str, room: int) -> None:
    """Have the log at `path` be `room` bytes long, with zeros, which are nothing that was ever committed.

    Nobody may write meanwhile: the caller has the database's lock for that. Raises OSError.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        if size >= room:
            return
        # Written, not only reserved: what is turned from reserved to written is in the journal again.
        while size < room:
            size += os.pwrite(fd, _SLICE[: room - size], size)
        os.fsync(fd)
    finally:
        os.close(fd)
