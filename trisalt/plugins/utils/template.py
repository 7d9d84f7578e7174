"""Render templates that plugins fetch: files for `cp`, `file` and `cmd.script`, and the words of commands and paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError, TrisaltError
from trisalt.fileserver.client import FileClient

ENGINES = ("jinja", "py", "mako")


def render(
    text: str,
    engine: str = "jinja",
    *,
    saltenv: str | None = None,
    path: str = "",
    names: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
) -> str:
    """What a template renders to; `path` is where it is on this host, `names` what it sees beside Salt's own.

    What is in `context` are names too, over the others; a Python file sees it whole, by the name of `context`.

    What it imports comes from the file server. Raises CommandError for an unknown engine, TrisaltError for what is
    wrong in the template.
    """
    if engine not in ENGINES:
        raise CommandError(f"Specified template format {engine} is not supported")
    saltenv = saltenv or __opts__.get("saltenv") or "base"
    seen: dict[str, Any] = {
        "salt": __salt__,
        "grains": __grains__,
        "pillar": __pillar__,
        "opts": __opts__,
        "saltenv": saltenv,
        **(names or {}),
    }
    if engine == "py":
        return _run(text, seen if context is None else {**seen, "context": context}, path)
    if engine == "mako":
        return _mako(text, {**seen, **(context or {}), "tplpath": path}, saltenv)
    from trisalt.sls.functions import Functions
    from trisalt.sls.jinja import render_jinja  # few calls have templates, and it takes a while
    from trisalt.sls.settings import JinjaOptions

    options = JinjaOptions.from_opts(__opts__, sls=False)
    seen = {**seen, **(context or {})}
    if seen["salt"] is __salt__:
        seen["salt"] = Functions(__salt__)
    return render_jinja(text, seen, sources=_Imports(saltenv), options=options)


def _mako(text: str, seen: Mapping[str, Any], saltenv: str) -> str:
    try:
        from trisalt.sls.makos import render_mako  # its library is an extra
    except ImportError as exc:
        raise CommandError("Templates of the format mako need the library Mako, which is not here") from exc
    return render_mako(text, seen, sources=_Imports(saltenv))


def engines() -> tuple[str, ...]:
    """The engines there are."""
    return ENGINES


class _Imports:
    """What templates import, from the file server through the cache."""

    def __init__(self, saltenv: str) -> None:
        self._saltenv = saltenv

    def read(self, path: str) -> Any:
        from trisalt.sls.roots import Source, read_text

        file = FileClient(__opts__).cache_file(f"salt://{path}", self._saltenv)
        return Source(text=read_text(file), path=file) if file else None


def _run(text: str, names: Mapping[str, Any], path: str) -> str:
    """A Python file whose `run()` gives the text; it sees what a template sees, with and without underscores."""
    module = {
        **names,
        **{f"__{name}__": names[name] for name in ("salt", "grains", "pillar", "opts")},
        "__env__": names["saltenv"],
        "__file__": path,
        "__name__": "template",
    }
    try:
        exec(compile(text, path or "<template>", "exec"), module)
        return str(module["run"]())
    except TrisaltError:
        raise
    except Exception as exc:  # somebody else's code: it is the template's failure
        raise CommandError(f"{type(exc).__name__}: {exc}") from exc
