"""`cache_jobs`: what jobs returned stays on the minion, a file each, where `saltutil.find_cached_job` looks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trisalt.wire.codec import pack_bin

FOLDER = "minion_jobs"


def keep_return(cachedir: str | os.PathLike[str], jid: str, ret: Mapping[str, Any]) -> None:
    """Write `minion_jobs/<jid>/return.p`, whole or not at all; only its owner may read it.

    Raises OSError, and LocalProtocolError for what cannot be packed.
    """
    data = pack_bin(dict(ret))
    folder = Path(cachedir, FOLDER, jid)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / ".return.p.new"
    with open(fresh, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(data)
    os.replace(fresh, folder / "return.p")
