"""What the option `reactor` says: which events have which SLS files run, what is in these, and whom a tag would wake.

For who may read the configuration (`wheel.config.values`): what stands in the files is no less than that. Only files
that the configuration names are read, never one that somebody asks for.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import trio

from trisalt.errors import Denied, RemoteProtocolError
from trisalt.fileserver import urls
from trisalt.fileserver.served import Served
from trisalt.master.grants import WHEEL
from trisalt.master.reactions import mapped
from trisalt.master.sight import Sight
from trisalt.master.views.desk import Desk

MOST_FILES = 200
MOST_BYTES = 64 * 1024
LONGEST_TAG = 512


async def reactors(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """`{items, runs}`, in the configuration's order: `{tag, files: [{path, source, error}], matches}`.

    `tag`: whether each would be woken by it, in `matches`, which is None without one. `runs`: whether this master runs
    them at all. Raises Denied.
    """
    if not sight.runs(WHEEL, "config.values"):
        raise Denied(f"The user {sight.caller.name} may not see the configuration")
    tag = question.get("tag") or ""
    if not isinstance(tag, str) or len(tag) > LONGEST_TAG:
        raise RemoteProtocolError(f"tag is text of at most {LONGEST_TAG} characters")
    rows = list(mapped(desk.opts.get("reactor")))
    files = await trio.to_thread.run_sync(partial(_read_all, rows, desk.files))
    return {
        "items": [
            {
                "tag": pattern,
                "files": [files[path] for path in paths if path in files],
                # As stock Salt 3008.3 matches: globs over the whole tag.
                "matches": fnmatchcase(tag, pattern) if tag else None,
            }
            for pattern, paths in rows
        ],
        "runs": True,
    }


# -- in a thread -----------------------------------------------------------------------------------------------------


def _read_all(rows: Sequence[tuple[str, Sequence[str]]], served: Served | None) -> dict[str, dict[str, Any]]:
    paths = dict.fromkeys(path for _pattern, paths in rows for path in paths)
    return {path: _read(path, served) for path in list(paths)[:MOST_FILES]}


def _read(path: str, served: Served | None) -> dict[str, Any]:
    try:
        source = _read_served(path, served) if path.startswith(urls.SCHEME) else _read_local(path)
    except OSError as exc:
        return {"path": path, "source": None, "error": exc.strerror or str(exc)}
    except ValueError as exc:
        return {"path": path, "source": None, "error": str(exc)}
    return {"path": path, "source": source, "error": ""}


def _read_served(path: str, served: Served | None) -> str:
    url = urls.parse(path)
    found = served.read(url.path, url.saltenv or "base", size=MOST_BYTES + 1) if served is not None else None
    if found is None:
        raise ValueError("The file server has no such file")
    return _text(found[0])


def _read_local(path: str) -> str:
    """One file, or those that a glob names, one after the other."""
    names = sorted(glob.glob(path)) if glob.has_magic(path) else [path]
    if not names:
        raise ValueError("There is no such file")
    texts = []
    for name in names[:MOST_FILES]:
        with open(os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ValueError(f"{name} is no file")
            text = _text(file.read(MOST_BYTES + 1))
        texts.append(text if len(names) == 1 else f"# {name}\n{text}")
    return "\n".join(texts)


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise ValueError(f"It has more than {MOST_BYTES} bytes")
    return data.decode("utf-8", "replace")
