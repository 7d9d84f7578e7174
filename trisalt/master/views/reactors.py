"""The reactor: which events have which SLS files run, what is in these, whom a tag would wake, and what they would do.

For who may read the configuration (`wheel.config.values`): what stands in the files is no less than that. Only files
that the reactor's map names are read, never one that somebody asks for. To try them is for who may fire events.
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

from trisalt.bus.events import Reacted
from trisalt.errors import CommandError, Denied, RemoteProtocolError
from trisalt.fileserver import urls
from trisalt.fileserver.served import Served
from trisalt.master.grants import RUNNER, WHEEL
from trisalt.master.reactions import read_reaction
from trisalt.master.reactor import Renderer
from trisalt.master.sight import Sight
from trisalt.master.views import history
from trisalt.master.views.desk import Desk

MOST_FILES = 200
MOST_BYTES = 64 * 1024
LONGEST_TAG = 512
LATEST = 20
"""How many reactions are told."""
RENDERED_S = 30.0
"""For so long a test may render."""


async def reactors(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """`{items, runs, counts, latest}`, in the map's order: `{tag, files: [{path, source, error}], matches}`.

    `tag`: whether each would be woken by it, in `matches`, which is None without one. `runs`: whether this master is
    the one that reacts. `counts` are since it started, `latest` the newest reactions of the log. Raises Denied.
    """
    _admit(sight)
    tag = _tag(question)
    rows = desk.reactor.rows
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
        "runs": desk.reactor.leader,
        "counts": desk.reactor.statistics(),
        "latest": await history.latest(desk, sight, Reacted.TAG, LATEST),
    }


async def try_reactors(desk: Desk, sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """`{files, items, problems}`: what an event of this `tag` and `data` would have done, and nothing of it is.

    The files are rendered for it, and what their templates call is called. Each item is `{id, sls, fun, tgt, tgt_type,
    ret, arg, kwarg}`, secrets hidden; a problem is a text. Raises Denied.
    """
    _admit(sight)
    if not sight.runs(RUNNER, "event.send"):
        raise Denied(f"The user {sight.caller.name} may not fire events")
    tag, data = _tag(question), question.get("data") or {}
    if not tag or not isinstance(data, Mapping):
        raise RemoteProtocolError("tag is a text, and data an object")
    files = desk.reactor.patterns.woken(tag)
    if not files:
        return {"files": [], "items": [], "problems": []}
    with trio.move_on_after(RENDERED_S) as patience:
        rendered = await Renderer(desk.workers).render(files, tag, dict(data))
    if patience.cancelled_caught:
        raise CommandError(f"The files were not rendered within {RENDERED_S:.0f} seconds")
    items, problems = [], [_said(problem) for problem in rendered["problems"]]
    for chunk in rendered["chunks"]:
        try:
            reaction = read_reaction(chunk)
        except CommandError as exc:
            problems.append(str(exc))
            continue
        items.append(
            {
                "id": reaction.id,
                "sls": reaction.sls,
                "fun": f"{reaction.kind}.{reaction.fun}",
                "tgt": reaction.tgt,
                "tgt_type": reaction.tgt_type,
                "ret": reaction.ret,
                "arg": desk.mask(reaction.arg),
                "kwarg": desk.mask(reaction.kwarg),
            }
        )
    return {"files": files, "items": items, "problems": problems}


def _admit(sight: Sight) -> None:
    if not sight.runs(WHEEL, "config.values"):
        raise Denied(f"The user {sight.caller.name} may not see the configuration")


def _tag(question: Mapping[str, Any]) -> str:
    tag = question.get("tag") or ""
    if not isinstance(tag, str) or len(tag) > LONGEST_TAG:
        raise RemoteProtocolError(f"tag is text of at most {LONGEST_TAG} characters")
    return tag


def _said(problem: Mapping[str, Any]) -> str:
    if problem["event"] == "reactor.malformed":
        return "; ".join(problem["errors"])
    return f"{problem.get('place') or problem['sls']}: {problem.get('reason') or 'There is no such file'}"


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
