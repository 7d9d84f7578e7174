"""The session keys, one per minion id: `CACHE/sessions/<id>`, 0600, the bare key string, as stock Salt keeps them.

`master/auth` hands them out, `master/request_server` opens requests with them. The file is the truth: it is looked
at again on every use, so a key that went or aged is not used any longer.
"""

from __future__ import annotations

from pathlib import Path

from trisalt.wire.crypticle import Crypticle


class Sessions:
    """Session keys by minion id. `lifetime` is `publish_session`: the seconds a key may be used since its file's mtime."""

    def __init__(self, folder: Path, *, lifetime: float) -> None: ...

    def find(self, id: str, *, now: float) -> Crypticle | None:
        """The live session of `id`; None when there is none or it is too old. Makes nothing."""
        raise NotImplementedError

    def open(self, id: str, *, now: float) -> Crypticle:
        """The live session of `id`, made if there is none: only for an id whose key has been accepted."""
        raise NotImplementedError

    def forget(self, id: str) -> None:
        """Remove the session of `id`."""
        raise NotImplementedError
