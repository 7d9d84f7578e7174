"""`_file_*`, `_serve_file`, `_file_recv`, `_master_opts`: a minion asks the file server.

What is there and what it holds is `fileserver/backends`'s; here loads become calls, in threads, and what comes back
takes the shape a stock minion expects. `master/request_server` asks.
"""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog
import trio

from trisalt.bus.bus import Bus, Reply
from trisalt.bus.requests import FileRequest
from trisalt.fileserver import urls
from trisalt.fileserver.served import Served

log = structlog.get_logger()

# Reads that may be in threads at once; what is over waits, and so does its minion.
READS = 8
# A manifest holds so many files at most, and takes so many seconds: files that nobody has asked for yet are read.
MANIFEST_MOST, MANIFEST_WITHIN_S = 20_000, 2.0

Load = Mapping[str, Any]

# What `_master_opts` tells. Source: stock Salt 3008.3, the answer to `_master_opts`.
TOLD_ALWAYS = ("top_file_merging_strategy", "env_order", "default_top")
TOLD = (
    "renderer",
    "failhard",
    "state_top",
    "state_top_saltenv",
    "nodegroups",
    "state_auto_order",
    "state_events",
    "state_aggregate",
    "jinja_env",
    "jinja_sls_env",
    "jinja_lstrip_blocks",
    "jinja_trim_blocks",
)


async def serve_files(
    bus: Bus,
    fileserver: Served,
    *,
    opts: Mapping[str, Any],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer `FileRequest` until cancelled, each in a task of its own."""
    desk = FileDesk(fileserver, opts)
    limiter = trio.CapacityLimiter(READS)
    async with bus.claim(FileRequest) as requests, trio.open_nursery() as answers:
        task_status.started()
        async for request, reply in requests:
            answers.start_soon(_answer, desk, request, reply, limiter)


async def _answer(desk: FileDesk, request: FileRequest, reply: Reply, limiter: trio.CapacityLimiter) -> None:
    try:
        value = await trio.to_thread.run_sync(desk.answer, request, limiter=limiter)
    except Exception as exc:
        # One request: the door logs it and answers as stock does for a handler that raised.
        reply.fail(exc)
    else:
        reply.send(value)


class FileDesk:
    """Answers file requests; blocking, for a thread. `opts` are the master's options."""

    def __init__(self, fileserver: Served, opts: Mapping[str, Any]) -> None:
        self._files = fileserver
        self._opts = opts
        self._commands: dict[str, Callable[[str, Load], Any]] = {
            "_file_envs": lambda _id, _load: self._files.envs(),
            "_file_list": lambda _id, load: self._list(self._files.files, load, []),
            "_dir_list": lambda _id, load: self._list(self._files.dirs, load, []),
            "_file_list_emptydirs": lambda _id, load: self._list(self._files.empty_dirs, load, []),
            "_symlink_list": lambda _id, load: self._list(self._files.symlinks, load, {}),
            "_file_find": lambda _id, load: self._find(load),
            "_file_hash": lambda _id, load: self._hash(load)[0],
            "_file_hash_and_stat": lambda _id, load: self._hash(load),
            "_file_manifest": lambda _id, load: self._manifest(load),
            "_serve_file": lambda _id, load: self._serve(load),
            "_file_recv": self._receive,
            "_master_opts": lambda _id, load: self._master_opts(load),
        }

    def answer(self, request: FileRequest) -> Any:
        """The value that `request` is answered with; `{}` for a command that is none of ours."""
        command = self._commands.get(request.cmd)
        return {} if command is None else command(request.id, request.load)

    def _list(self, names: Callable[[str, str], Any], load: Load, nothing: Any) -> Any:
        if "saltenv" not in load:
            return nothing
        prefix = load.get("prefix") or ""
        return names(_env(load), prefix if isinstance(prefix, str) else "")

    def _find(self, load: Load) -> dict[str, Any]:
        found = self._files.find(_path(load), _env(load))
        if found is None:
            return {"path": "", "rel": ""}
        return {"path": found.path, "rel": found.rel, "stat": found.stat, "back": found.back}

    def _hash(self, load: Load) -> tuple[Any, Any]:
        hashed = self._files.hash(_path(load), _env(load)) if "saltenv" in load else None
        if hashed is None:
            return "", None
        return {"hash_type": self._files.hash_type, "hsum": hashed[0]}, hashed[1]

    def _manifest(self, load: Load) -> dict[str, Any]:
        """What `_file_hash_and_stat` says of many files, and the names below folders: for minions of ours.

        What would take long is left out; the minion asks for it by itself.
        """
        env, lists = _env(load), {}
        paths = dict.fromkeys(_texts(load.get("paths")))
        for folder in _texts(load.get("folders")):
            files = self._files.files(env, folder)
            lists[folder] = {
                "files": files,
                "dirs": self._files.dirs(env, folder),
                "empty_dirs": self._files.empty_dirs(env, folder),
                "links": self._files.symlinks(env, folder),
            }
            # Of these names a request would read a part as something else.
            paths.update((path, None) for path in files if "?" not in path and not path.startswith("|"))
        hashed: dict[str, Any] = {}
        over = time.monotonic() + MANIFEST_WITHIN_S
        for path in paths:
            if len(hashed) >= MANIFEST_MOST or time.monotonic() > over:
                break
            found = self._files.hash(path, env)
            hashed[path] = None if found is None else [found[0], found[1]]
        return {"hash_type": self._files.hash_type, "files": hashed, "lists": lists}

    def _serve(self, load: Load) -> dict[str, Any]:
        nothing = {"data": "", "dest": ""}
        loc = load.get("loc")
        if not isinstance(loc, int) or "saltenv" not in load:
            return nothing
        chunk = self._files.read(_path(load), _env(load), loc)
        if chunk is None:
            return nothing
        data, rel = chunk
        answer: dict[str, Any] = {"data": data, "dest": rel}
        level = load.get("gzip")
        if data and isinstance(level, int) and 1 <= level <= 9:
            answer["data"] = gzip.compress(data, compresslevel=level)
            answer["gzip"] = level
        return answer

    def _master_opts(self, load: Load) -> dict[str, Any]:
        told: dict[str, Any] = {"file_roots": {env: [] for env in self._files.envs()}}
        names = TOLD_ALWAYS if load.get("env_only") else TOLD_ALWAYS + TOLD
        if asked := load.get("manifest"):
            # A stock minion does not ask, and a stock master does not say. Who knows its files has them told at once.
            told["manifest"] = self._manifest(asked) if isinstance(asked, Mapping) else True
        return told | {name: self._opts.get(name) for name in names}

    def _receive(self, id: str, load: Load) -> bool:
        """A minion pushes a file (`cp.push`), chunk by chunk, below `CACHE/minions/<id>/files`."""
        if not self._opts.get("file_recv"):
            return False
        parts, loc, data = load.get("path"), load.get("loc", 0), load.get("data")
        data = data.encode() if isinstance(data, str) else data
        if (
            not isinstance(parts, list)
            or not parts
            or not isinstance(loc, int)
            or loc < 0
            or not isinstance(data, bytes)
        ):
            return False
        if any(not isinstance(part, str) or urls.clean_name(part) is None for part in parts):
            log.warning("file.push_refused", id=id)
            return False
        # Its whole size comes with each chunk: what will not fit is not begun.
        size = load.get("size")
        end = max(loc + len(data), size if isinstance(size, int) else 0)
        if end > int(self._opts.get("file_recv_max_size") or 100) << 20:
            log.error("file.push_too_large", id=id)
            return False
        _write_below(Path(str(self._opts["cachedir"])) / "minions" / id / "files", parts, loc, data)
        return True


def _path(load: Load) -> str:
    path = load.get("path")
    return path if isinstance(path, str) else ""


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _env(load: Load) -> str:
    env = load.get("saltenv", "base")
    return env if isinstance(env, str) else str(env)


def _write_below(base: Path, parts: list[str], loc: int, data: bytes) -> None:
    """Write at `loc` of the file `parts` below `base`; a link on the way is not followed."""
    base.mkdir(parents=True, exist_ok=True)
    handle = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            try:
                os.mkdir(part, dir_fd=handle)
            except FileExistsError:
                pass
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=handle)
            os.close(handle)
            handle = below
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | (0 if loc else os.O_TRUNC)
        fd = os.open(parts[-1], flags, 0o640, dir_fd=handle)
        try:
            view = memoryview(data)
            while view:
                written = os.pwrite(fd, view, loc)
                view, loc = view[written:], loc + written
        finally:
            os.close(fd)
    finally:
        os.close(handle)
