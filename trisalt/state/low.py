"""High data to chunks: one map for each state that is to be called, by the name of its function. Pure.

Source: stock Salt 3008.3.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Chunk = dict[str, Any]

_LEAVES = frozenset({str, int, float, bool, bytes, type(None)})


def to_chunks(high: dict[str, Any], *, orchestration_jid: Any = None) -> list[Chunk]:
    """The chunks of high data that is well formed, in the order they are written."""
    return [
        chunk
        for id, body in high.items()
        if not id.startswith("__")
        for module, arguments in body.items()
        if not module.startswith("__")
        for chunk in _chunks(id, module, arguments, body, orchestration_jid)
    ]


def _chunks(
    id: str, module: str, arguments: list[Any], body: dict[str, Any], orchestration_jid: Any
) -> Iterator[Chunk]:
    chunk: Chunk = {"state": module, "name": id}
    if orchestration_jid is not None:
        chunk["__orchestration_jid__"] = orchestration_jid
    for key in ("__sls__", "__env__", "__sls_included_from__"):
        if key in body:
            chunk[key] = body[key]
    chunk["__id__"] = id
    names: list[Any] = []
    function = None
    for argument in arguments:
        if isinstance(argument, str):
            function = argument
        elif isinstance(argument, dict):
            for key, value in argument.items():
                if key == "names":
                    names.extend(name for name in value if name not in names)
                elif key == "name" and not isinstance(value, str):
                    chunk[key] = id
                elif key != "state":
                    chunk[key] = value
    if function is None:
        return
    for number, entry in enumerate(names, 1):
        live = _copied(chunk)
        if isinstance(entry, dict):
            live["name"], overrides = next(iter(entry.items()))
            for override in overrides or ():
                live.update(override)
        else:
            live["name"] = entry
        live["name_order"] = number
        live["fun"] = function
        yield live
    if not names:
        live = _copied(chunk)
        live["fun"] = function
        yield live


def _copied(chunk: Chunk) -> Chunk:
    """A copy that shares no map and no list with the chunk. What an SLS file says is hardly ever anything else."""
    try:
        return {key: value if type(value) in _LEAVES else copied(value) for key, value in chunk.items()}
    except RecursionError:  # an alias in YAML that leads into itself
        return copy.deepcopy(chunk)


def copied(value: Any) -> Any:
    """A copy that shares no map and no list: of plain data, at a tenth of what `copy.deepcopy` costs."""
    kind = type(value)
    if kind in _LEAVES:
        return value
    if kind is list:
        return [item if type(item) in _LEAVES else copied(item) for item in value]
    if kind is dict:
        return {key: item if type(item) in _LEAVES else copied(item) for key, item in value.items()}
    return copy.deepcopy(value)
