"""A pillar's compilation as a worker runs it: with the plugins of the master. `master/pillar` has it run there.

Each compilation that may call plugin code needs a process of its own: what a module keeps in its globals would
otherwise be there for the next minion.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trisalt.loader.dunders import Plugins
from trisalt.pillar.compile import PillarPlugins, compile_pillar
from trisalt.pillar.merge import merge
from trisalt.sls.yamlex import plain


def compile_in_worker(request: dict[str, Any], context: Any) -> dict[str, Any]:
    """`compile_pillar` of a request without `opts`: those of the worker's `context` are taken."""
    return compile_with_plugins({**request, "opts": dict(context.opts)})


def compile_with_plugins(request: Mapping[str, Any]) -> dict[str, Any]:
    """`compile_pillar`, with the execution modules, external pillars and renderers that the loader finds."""
    opts = {**request["opts"], "id": request["id"], "minion_id": request["id"]}
    plugins = Plugins(opts, grains=request["grains"], pillar=dict(request.get("pillar") or {}))
    return compile_pillar(
        request,
        PillarPlugins(
            salt=plugins.loader("modules"),
            ext_pillars=_Named(plugins, "pillar", "ext_pillar"),
            renderers=_Named(plugins, "renderers", "render"),
            see=lambda pillar: plugins.renew(pillar=pillar),
        ),
    )


def master_tops_in_worker(request: dict[str, Any], context: Any) -> dict[str, Any]:
    """What the master tops assign to a minion: `{"tops": {env: [sls]}, "problems": …}`.

    `request`: `id` and `opts`, the minion's own, grains inside.
    """
    opts = dict(context.opts)
    theirs = {**request["opts"], "id": request["id"]}
    grains = theirs.get("grains") if isinstance(theirs.get("grains"), Mapping) else {}
    tops = _Named(Plugins(opts, grains=grains), "tops", "top")
    merged: dict[str, Any] = {}
    problems = []
    for name in opts.get("master_tops") or {}:
        try:
            merged = merge(merged, tops[name](opts=theirs, grains=grains), "recurse", merge_lists=True)
        except Exception as exc:
            # Plugin code may raise anything; the others are asked all the same.
            problems.append({"event": "master_tops.failed", "name": name, "reason": f"{type(exc).__name__}: {exc}"})
    return {"tops": plain(merged), "problems": problems}


class _Named(Mapping[str, Any]):
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
