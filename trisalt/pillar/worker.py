"""A pillar's compilation as a worker runs it: with the plugins of the master. `master/pillar` has it run there.

A process that has run plugin code serves nobody else: what a module keeps in its globals would be there for the next
minion. Most pillars call none, apart from reading pillar and grains; they may share a process, which then knows their
templates already. So a compilation is tried in a shared process first, and stops before the first plugin it asks for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from trisalt.loader.dunders import Plugins
from trisalt.pillar.compile import PillarPlugins, compile_pillar, compile_top, pillarenv_of
from trisalt.pillar.merge import merge
from trisalt.sls.marks import plain

HARMLESS = frozenset({"pillar.get", "grains.get", "grains.filter_by"})
"""Functions of our own shelf that only read what they are given."""


class NeedsProcess(BaseException):
    """A template asks for plugin code: that runs in a process of its own. No template may catch it."""


def compile_in_worker(request: dict[str, Any], context: Any) -> dict[str, Any]:
    """`compile_pillar` of a request without `opts`: those of the worker's `context` are taken.

    With `alone`, this process serves nobody after. Without it, `{"alone": True}` is the answer when plugin code is
    asked for: the same request is to be made again, with `alone`, of another process.
    """
    request = {**request, "opts": dict(context.opts)}
    if request.pop("alone"):
        return compile_with_plugins(request)
    if has_own_code(request["opts"]):
        return {"alone": True}
    try:
        return compile_with_plugins(request, guard=Guarded)
    except NeedsProcess:
        return {"alone": True}


def compile_with_plugins(
    request: Mapping[str, Any],
    *,
    guard: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda functions: functions,
) -> dict[str, Any]:
    """`compile_pillar`, with the execution modules, external pillars and renderers that the loader finds."""
    return compile_pillar(request, _plugins(request, guard))


def top_with_plugins(request: Mapping[str, Any]) -> dict[str, Any]:
    """`compile_top`, with the same."""
    return compile_top(request, _plugins(request, lambda functions: functions))


def _plugins(request: Mapping[str, Any], guard: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> PillarPlugins:
    opts = {
        **request["opts"],
        "id": request["id"],
        "minion_id": request["id"],
        "saltenv": request.get("saltenv") or request["opts"].get("saltenv"),
        "pillarenv": pillarenv_of(request),
    }
    plugins = Plugins(opts, grains=request["grains"], pillar=dict(request.get("pillar") or {}))
    return PillarPlugins(
        salt=guard(plugins.loader("modules")),
        ext_pillars=guard(Named(plugins, "pillar", "ext_pillar")),
        renderers=guard(Named(plugins, "renderers", "render")),
        see=lambda pillar: plugins.renew(pillar=pillar),
        code=need_process if guard is Guarded else lambda: None,
    )


def has_own_code(opts: Mapping[str, Any]) -> bool:
    """Whether the operator's code may take part wherever a function is looked for."""
    modules = os.path.join(str(opts.get("extension_modules") or ""), "modules")
    return bool(opts.get("module_dirs") or opts.get("ext_pillar") or (os.path.isdir(modules) and os.listdir(modules)))


def need_process() -> NoReturn:
    """Not in a process that others share."""
    raise NeedsProcess


class Guarded(Mapping[str, Any]):
    """Functions of which only the harmless ones are given out."""

    def __init__(self, functions: Mapping[str, Any]) -> None:
        self._functions = functions

    def __getitem__(self, name: str) -> Any:
        if name not in HARMLESS:
            need_process()
        return self._functions[name]

    def __iter__(self) -> Iterator[str]:
        need_process()

    def __len__(self) -> int:
        raise NeedsProcess


def master_tops_in_worker(request: dict[str, Any], context: Any) -> dict[str, Any]:
    """What the master tops assign to a minion: `{"tops": {env: [sls]}, "problems": …}`.

    `request`: `id` and `opts`, the minion's own, grains inside.
    """
    opts = dict(context.opts)
    theirs = {**request["opts"], "id": request["id"]}
    grains = theirs.get("grains") if isinstance(theirs.get("grains"), Mapping) else {}
    tops = Named(Plugins(opts, grains=grains), "tops", "top")
    merged: dict[str, Any] = {}
    problems = []
    for name in opts.get("master_tops") or {}:
        try:
            merged = merge(merged, tops[name](opts=theirs, grains=grains), "recurse", merge_lists=True)
        except Exception as exc:
            # Plugin code may raise anything; the others are asked all the same.
            problems.append({"event": "master_tops.failed", "name": name, "reason": f"{type(exc).__name__}: {exc}"})
    return {"tops": plain(merged), "problems": problems}


class Named(Mapping[str, Any]):
    """The one function that each module of a kind offers, by the module's name."""

    def __init__(self, plugins: Plugins, kind: str, function: str) -> None:
        self._loader = plugins.loader(kind)
        self._function = function

    def __getitem__(self, name: str) -> Any:
        return self._loader[f"{name}.{self._function}"]

    def __iter__(self) -> Any:
        return iter(self._loader.modules())

    def __len__(self) -> int:
        return len(self._loader.modules())
