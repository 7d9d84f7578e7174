"""The top file of states: which SLS files a minion is given, of all environments' top files. Pure.

Rendering and matching are the caller's. Source: stock Salt 3008.3.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from trisalt.errors import RenderError

log = logging.getLogger(__name__)

Top = dict[str, dict[Any, Any]]
Tops = Mapping[str, Sequence[Any]]

DEFAULT_TYPE = "compound"


def merge_tops(tops: Tops, strategy: str = "merge", *, default_top: str = "") -> Top:
    """One top of the top files of all environments, `{environment: [each file's data]}`, by a merging strategy.

    Raises RenderError for an environment whose targets are none.
    """
    match strategy:
        case "same":
            return _same(tops, default_top)
        case "merge_all":
            return _merge_all(tops)
        case "merge":
            return _merge(tops)
    log.warning("Invalid top_file_merging_strategy '%s', falling back to 'merge'", strategy)
    return _merge(tops)


def _merge(tops: Tops) -> Top:
    """What base's top says of an environment holds; the others speak for themselves, where base says nothing."""
    top: Top = {}
    for data in tops.get("base", ()):
        for env, targets in _sections(data):
            top.setdefault(env, {}).update(_targets(targets))
    for own, files in tops.items():
        if own == "base":
            continue
        for data in files:
            for env, targets in _sections(data):
                if env == own and env not in top:
                    top.setdefault(env, {}).update(_targets(targets))
    return top


def _same(tops: Tops, default_top: str) -> Top:
    """Every environment's own top; the default's for those that have none."""
    top: Top = {}
    for own, files in tops.items():
        if all(data == {} for data in files):
            files = tops.get(default_top, ())
            if all(data == {} for data in files):
                log.error(
                    "The '%s' saltenv has no top file, and the fallback saltenv specified by default_top (%s) "
                    "also has no top file",
                    own,
                    default_top,
                )
                continue
        for data in files:
            for env, targets in _sections(data):
                if env == own:
                    top.setdefault(env, {}).update(_targets(targets))
    return top


def _merge_all(tops: Tops) -> Top:
    """All that any of them says; of a target that is there twice, all SLS files, each once."""
    top: Top = {}
    for files in tops.values():
        for data in files:
            for env, targets in _sections(data):
                section = top.setdefault(env, {})
                for target, items in _targets(targets).items():
                    section[target] = _joined(section[target], items) if target in section else items
    return top


def _joined(old: Any, new: Any) -> list[Any]:
    kinds = [item for items in (old, new) for item in items if isinstance(item, dict)]
    joined: list[Any] = kinds[-1:]
    for items in (old, new):
        joined.extend(item for item in items if isinstance(item, str) and item not in joined)
    return joined


def _sections(data: Any) -> list[tuple[Any, Any]]:
    return [(env, targets) for env, targets in data.items() if env != "include"] if isinstance(data, Mapping) else []


def _targets(targets: Any) -> dict[Any, Any]:
    if not isinstance(targets, Mapping):
        raise RenderError("Unable to render top file. No targets found.")
    return dict(targets)


def verify_top(top: Any) -> list[str]:
    """What is wrong with a merged top."""
    if not isinstance(top, Mapping):
        return ["Top data was not formed as a dict"]
    errors = []
    for env, targets in top.items():
        if not isinstance(env, str):
            errors.append(f"Environment {env} in top file is not formed as a string")
        if env == "":
            errors.append("Empty saltenv statement in top file")
        if not isinstance(targets, Mapping):
            errors.append(f"The top file matches for saltenv {env} are not formatted as a dict")
            continue
        for target, items in targets.items():
            if not isinstance(items, list):
                errors.append(
                    f"Malformed topfile: state declarations for matcher {target!r} in saltenv {env!r} are not formed "
                    f"as a list (got {type(items).__name__})"
                )
                continue
            for item in items:
                if isinstance(item, Mapping):
                    errors += [
                        f"Improperly formatted top file matcher in saltenv {item}: {value} file"
                        for value in item.values()
                        if not value
                    ]
                elif item == "":
                    errors.append(f"Environment {env} contains an empty sls index")
    return errors


def assigned(
    top: Top, matches: Callable[[Any, str], bool], environments: Collection[str], *, only: str | None = None
) -> dict[str, list[str]]:
    """The SLS names by environment of the targets that `matches(target, type)` says are meant."""
    found: dict[str, list[str]] = {}

    def read(env: str, target: Any, items: Any) -> None:
        items = [items] if isinstance(items, str) else items
        if not isinstance(items, list) or not matches(target, _type(items)):
            return
        names = found.setdefault(env, [])
        for item in items:
            if isinstance(item, Mapping):
                for inner, further in (item.get("subfilter") or {}).items():
                    read(env, inner, further)
                other, name = list(item.items())[-1] if item else ("", "")
                if other in environments:
                    found.setdefault(other, []).append(name)
            elif isinstance(item, str):
                names.append(item)

    for env, targets in top.items():
        if not only or env == only:
            for target, items in targets.items():
                read(env, target, items)
    return found


def _type(items: list[Any]) -> str:
    kinds = [str(item["match"]) for item in items if isinstance(item, Mapping) and "match" in item]
    return kinds[-1] if kinds else DEFAULT_TYPE


def with_master_tops(
    matches: Mapping[str, list[str]], further: Mapping[str, Sequence[str]], *, first: bool = False
) -> dict[str, list[str]]:
    """With what the master's tops assign: after what the top file does, or before it."""
    found = {env: list(names) for env, names in matches.items()}
    for env, names in further.items():
        own = found.get(env, [])
        before, after = (list(names), own) if first else (own, list(names))
        order = before + [name for name in after if name not in before]
        found[env] = order
    return found
