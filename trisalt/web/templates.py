"""Commands that the configuration has ready for consoles, in the shape of SaltGUI's templates; and its message. Pure.

saltgui_templates:            # or console_templates, which go before those of the same name
  ping:
    description: Are they there?
    target: 'web*'
    targettype: glob
    command: test.ping        # runners.jobs.active, wheel.key.list_all
    category: simple          # or categories: [...]
    key: p
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from trisalt.loader.words import parse_words

BLOCKS = ("console_templates", "saltgui_templates")
# How a command may say that it is none for minions.
_PREFIXES = {"runner": "runner", "runners": "runner", "wheel": "wheel", "wheels": "wheel"}
_CLIENTS = {"local": "local_async", "runner": "runner_async", "wheel": "wheel_async"}


def templates(opts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All that can be read, by name; one that is no map, or has no command that can be read, is not there."""
    found: dict[str, dict[str, Any]] = {}
    for block in BLOCKS:
        rows = opts.get(block)
        for name, row in rows.items() if isinstance(rows, Mapping) else ():
            template = _template(str(name), row) if isinstance(row, Mapping) else None
            if template is not None:
                found.setdefault(str(name), template)
    return [found[name] for name in sorted(found)]


def _template(name: str, row: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        fun, *words = shlex.split(str(row.get("command") or ""))
    except ValueError:
        return None
    prefix, dot, rest = fun.partition(".")
    kind = _PREFIXES.get(prefix, "local") if dot and "." in rest else "local"
    args, kwargs = parse_words(words)
    template: dict[str, Any] = {
        "name": name,
        "description": str(row.get("description") or name),
        "client": _CLIENTS[kind],
        "fun": fun if kind == "local" else rest,
        "arg": args,
        "kwarg": kwargs,
        "categories": _categories(row),
    }
    if kind == "local":
        template |= {"tgt": row.get("target", ""), "tgt_type": str(row.get("targettype") or "glob")}
    if isinstance(key := row.get("key"), str):
        template["key"] = key
    if isinstance(parameters := row.get("parameters"), list):
        template["parameters"] = parameters
    return template


def _categories(row: Mapping[str, Any]) -> list[str]:
    named = row.get("categories") or row.get("category") or []
    return [str(each) for each in (named if isinstance(named, list) else [named])]


def motd(opts: Mapping[str, Any]) -> str:
    """The message of the day, as text: what is written as HTML is shown as it is written."""
    for name in ("console_motd", "saltgui_motd_txt", "saltgui_motd_html"):
        if isinstance(text := opts.get(name), str) and text:
            return text
    return ""
