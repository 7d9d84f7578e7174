"""The SLS files that an event wakes, rendered, as a worker runs it: `reactor` has it run there.

As pillars are: in a shared process as long as no plugin code is asked for and no file is code itself (`#!py` and its
kin), else in one that serves nobody after.
"""

from __future__ import annotations

import copy
import glob
import os
from collections.abc import Callable, Mapping
from typing import Any

from trisalt.errors import CommandError
from trisalt.fileserver import urls
from trisalt.fileserver.client import FileClient
from trisalt.loader.dunders import Plugins
from trisalt.master.reactions import compile_reactions
from trisalt.pillar.worker import Guarded, Named, NeedsProcess, has_own_code, need_process
from trisalt.sls.failure import SlsError
from trisalt.sls.functions import Functions
from trisalt.sls.marks import plain
from trisalt.sls.render import Rendering, render_text, sls_context
from trisalt.sls.roots import Sls, read_text
from trisalt.sls.served import Served

Problem = dict[str, Any]


def render_in_worker(request: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"chunks": what is to be done, "problems": what the log is to say}` of `request`: `files`, `tag` and `data`.

    With `alone`, this process serves nobody after. Without it, `{"alone": True}` is the answer when plugin code is
    asked for: the same request is to be made again, with `alone`, of another process.
    """
    opts = dict(context.opts)
    if request["alone"]:
        return render_files(request, opts)
    if has_own_code(opts):
        return {"alone": True}
    try:
        return render_files(request, opts, guard=Guarded)
    except NeedsProcess:
        return {"alone": True}


def render_files(
    request: Mapping[str, Any],
    opts: Mapping[str, Any],
    *,
    guard: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda functions: functions,
) -> dict[str, Any]:
    """The same, with the functions that the loader finds. A later file's reaction takes the place of its namesake's."""
    problems: list[Problem] = []
    high: dict[str, Any] = {}
    reading = _Reading(request, opts, guard)
    for named in request["files"]:
        files = reading.found(named)
        if not files:
            problems.append({"event": "reactor.missing", "sls": named, "tag": request["tag"]})
        for file in files:
            try:
                high.update(reading.rendered(file))
            except SlsError as exc:
                problems.append(_problem(exc, file, request["tag"]))
    chunks, errors = compile_reactions(high)
    if errors:
        files = list(request["files"])
        problems.append({"event": "reactor.malformed", "tag": request["tag"], "errors": errors, "files": files})
    return {"chunks": plain(chunks), "problems": problems}


def _problem(exc: SlsError, file: str, tag: str) -> Problem:
    # The reason without the excerpt: the lines around an error may hold a password.
    place = exc.path or file
    return {
        "event": "reactor.render_failed",
        "sls": file,
        "tag": tag,
        "place": f"{place}:{exc.line}" if exc.line else place,
        "reason": exc.reason,
    }


class _Reading:
    def __init__(
        self,
        request: Mapping[str, Any],
        opts: Mapping[str, Any],
        guard: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    ) -> None:
        # Templates may change what they are given: they get copies.
        own = {**copy.deepcopy(dict(opts)), "file_client": "local"}
        plugins = Plugins(own, grains=dict(own.get("grains") or {}), pillar={})
        self._client = FileClient(own)
        self._variables = {"tag": request["tag"], "data": request["data"]}
        self._rendering = Rendering.from_opts(
            own,
            saltenv="base",
            sources=Served(self._client).tree("base"),
            context={
                "salt": Functions(guard(plugins.loader("modules"))),
                "grains": plugins.grains,
                "pillar": plugins.pillar,
                "opts": own,
                "proxy": {},
            },
            plugins=guard(Named(plugins, "renderers", "render")),
            code=need_process if guard is Guarded else lambda: None,
        )

    def found(self, named: str) -> list[str]:
        """The files of this host that an entry means: a path, a glob, or one of the file server's."""
        if not named.startswith(urls.SCHEME):
            return sorted(glob.glob(named))
        try:
            url = urls.parse(named)
            cached = self._client.cache_file(named, url.saltenv or "base")
        except (CommandError, ValueError):
            return []
        return [cached] if cached and os.path.isfile(cached) else []

    def rendered(self, file: str) -> dict[str, Any]:
        """What one file says. Raises SlsError."""
        try:
            text = read_text(file)
        except OSError as exc:
            raise SlsError(exc.strerror or str(exc), path=file) from exc
        except UnicodeDecodeError as exc:
            raise SlsError(f"not UTF-8: {exc.reason} at byte {exc.start}", path=file) from exc
        context = {**sls_context(Sls(file, file, file), file), **self._rendering.context, **self._variables}
        try:
            said = render_text(self._rendering, text, context={**context, "saltenv": "base", "sls": file})
        except SlsError as exc:
            exc.path = exc.path or file
            raise
        if not said:
            return {}
        if not isinstance(said, dict):
            raise SlsError("it does not render to a map of reactions", path=file)
        for body in said.values():
            if isinstance(body, dict):
                body["__sls__"] = file
        return said
