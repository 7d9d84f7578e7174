"""Which environments the top files of states give this minion: what `saltutil.sync_*` looks in when it is told none."""

from __future__ import annotations

from typing import Any

from trisalt.errors import CommandError, RenderError, TargetError
from trisalt.fileserver.client import FileClient
from trisalt.target.match import matches

# Once a job: there are many kinds to sync.
_KNOWN = "saltutil._top_file_envs"


def from_top() -> list[str]:
    """The environments in whose part of the top files something matches this minion; `base` where none does.

    Raises CommandError for a top file that cannot be read.
    """
    if pinned := __opts__.get("saltenv"):
        return [str(pinned)]
    if _KNOWN not in __context__:
        __context__[_KNOWN] = _assigned() or ["base"]
    return list(__context__[_KNOWN])


def _assigned() -> list[str]:
    client = FileClient(__opts__)
    name = str(__opts__.get("state_top") or "top.sls").removeprefix("salt://").lstrip("/")
    files = [(env, client.cache_file(f"salt://{name}", env)) for env in _in_order(client.envs())]
    if not any(file for _env, file in files):
        return []
    from trisalt.sls.top import merge_tops  # rendering takes a while to come in, and few sites have a top file here

    try:
        tops = [_rendered(file, env, client) for env, file in files if file]
        merged = merge_tops(top for top in tops if top)
    except RenderError as exc:
        raise CommandError(f"Unable to render top file(s): {exc}") from exc
    return [env for env, assignments in merged.items() if any(_is_mine(one.tgt, one.tgt_type) for one in assignments)]


def _in_order(envs: list[str]) -> list[str]:
    return sorted(envs, key=lambda env: (env != "base", env))


def _rendered(file: str, env: str, client: FileClient) -> Any:
    from trisalt.sls.render import Rendering, render_text
    from trisalt.sls.roots import Source, read_text

    class Imports:
        def read(self, path: str) -> Source | None:
            found = client.cache_file(f"salt://{path}", env)
            return Source(text=read_text(found), path=found) if found else None

    names = {"salt": __salt__, "grains": __grains__, "pillar": __pillar__, "opts": __opts__}
    rendering = Rendering.from_opts(__opts__, saltenv=env, sources=Imports(), context=names)
    return render_text(rendering, read_text(file), context={**names, "saltenv": env, "sls": "top"})


def _is_mine(tgt: str, tgt_type: str) -> bool:
    try:
        return matches(
            tgt,
            tgt_type,
            id=__opts__["id"],
            grains=__grains__,
            pillar=__pillar__,
            nodegroups=__opts__.get("nodegroups"),
        )
    except TargetError:
        return False
