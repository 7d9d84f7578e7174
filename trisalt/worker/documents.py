"""What all functions of this host say of themselves, for consoles: text and parameters. Runs in a child.

Loading everything takes seconds; whoever asks keeps the answer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from trisalt.loader import signature
from trisalt.loader.dunders import Plugins
from trisalt.loader.grains import gather

KINDS = (("modules", ""), ("runners", "runner."), ("wheel", "wheel."))
_PLAIN = (str, int, float, bool, type(None))
_PARAMETER_KINDS: dict[object, str] = {
    inspect.Parameter.VAR_POSITIONAL: "varargs",
    inspect.Parameter.VAR_KEYWORD: "kwargs",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
}


def documents_in_worker(context: Any) -> dict[str, dict[str, Any]]:
    """`{fun: {"doc", "parameters"}}` of execution modules, runners and wheel functions, these with their kind."""
    opts = dict(context.opts)
    plugins = Plugins(opts, grains=context.grains or gather(opts))
    found: dict[str, dict[str, Any]] = {}
    for kind, prefix in KINDS:
        functions = plugins.loader(kind)
        for name in sorted(functions):
            found[prefix + name] = _document(functions[name])
    return found


def _document(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        # What is not written in Python need not tell.
        parameters = []
    return {"doc": signature.doc(function) or "", "parameters": [_told(each) for each in parameters]}


def _told(parameter: inspect.Parameter) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": parameter.name,
        "kind": _PARAMETER_KINDS.get(parameter.kind, "positional"),
        "required": False,
    }
    if parameter.default is not inspect.Parameter.empty:
        told["default"] = _plain(parameter.default)
    elif told["kind"] in ("positional", "keyword"):
        told["required"] = True
    return told


def _plain(value: Any) -> Any:
    match value:
        case list() | tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return {str(name): _plain(item) for name, item in value.items()}
    return value if isinstance(value, _PLAIN) else repr(value)
