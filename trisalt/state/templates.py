"""SLS files and other templates of a minion, rendered: what they see, and where their imports come from.

What they see is of one job: functions, grains, pillar and options as plugins have them now.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from trisalt.loader.dunders import Plugins
from trisalt.sls.functions import Functions
from trisalt.sls.render import Rendering, render_sls, render_text
from trisalt.sls.roots import Sls, read_text
from trisalt.sls.served import Client, Served
from trisalt.state.low import copied

# What a template that is no SLS file is told of one: that it is none.
_NAMED = ("sls", "slspath", "slsdotpath", "slscolonpath", "sls_path")


class Templates:
    """Renders for one job. `files` are the environments of the file server."""

    def __init__(self, plugins: Plugins, client: Client, *, apart: bool = False) -> None:
        """`apart`: templates have pillar and grains of their own, for as long as this lives. What one does to them the
        next one sees, but functions do not; nor do templates see what is done to what functions gave them.
        """
        self.files = Served(client)
        self._plugins = plugins
        self._apart = apart
        self._own: dict[str, Any] = {}
        self._renderings: dict[str, Rendering] = {}
        self._told: dict[str, dict[str, Any]] = {}

    def rendering(self, env: str) -> Rendering:
        """How the files of an environment are rendered."""
        if env not in self._renderings:
            plugins = self._plugins
            self._renderings[env] = Rendering.from_opts(
                plugins.opts,
                saltenv=env,
                sources=self.files.tree(env),
                context={
                    "salt": Functions(plugins.loader("modules")),
                    **self._seen(),
                    "proxy": {},
                },
                plugins=_Renderers(plugins),
                kept=os.path.join(cachedir, "templates") if (cachedir := plugins.opts.get("cachedir")) else "",
                states=plugins.loader("states").names,
                told=self._told,
            )
        return self._renderings[env]

    def _seen(self) -> dict[str, Any]:
        """Grains, pillar and options as templates have them."""
        plugins = self._plugins
        if not self._apart:
            return {"grains": plugins.grains, "pillar": plugins.pillar, "opts": plugins.opts}
        if not self._own:
            self._own = {"grains": copied(dict(plugins.grains)), "pillar": copied(dict(plugins.pillar))}
            self._own["opts"] = {**plugins.opts, **self._own}
        return self._own

    def sls(self, sls: Sls, env: str, *, name: str | None = None) -> Any:
        """What an SLS file says; `name` as in `sls/render`. Raises SlsError."""
        return render_sls(self.rendering(env), sls, name=name)

    def text(self, text: str, *, path: str, name: str, env: str = "base") -> Any:
        """What a text says that is no SLS file. Raises SlsError."""
        context = {**self.rendering(env).context, "saltenv": env, "sls": name, "tplpath": path}
        return render_text(self.rendering(env), text, context=context)

    def any(self, text: str | None, *, path: str, env: str, renderer: str, variables: Mapping[str, Any]) -> Any:
        """What a text, or else the file at `path`, gives through a pipe of renderers: data, or text.

        Raises SlsError, OSError and UnicodeDecodeError.
        """
        rendering = attrs.evolve(self.rendering(env), renderer=renderer)
        text = read_text(path) if text is None else text
        place = {"tplpath": path, "tplfile": os.path.basename(path), "tpldir": ".", "tpldot": ""}
        context = {**rendering.context, "saltenv": env, **dict.fromkeys(_NAMED, ""), **place, **variables}
        return render_text(rendering, text, context=context)


class _Renderers(Mapping[str, Callable[..., Any]]):
    """The renderers that plugins offer, by name."""

    def __init__(self, plugins: Plugins) -> None:
        self._loader = plugins.loader("renderers")

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._loader[f"{name}.render"]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loader.modules())

    def __len__(self) -> int:
        return len(self._loader.modules())
