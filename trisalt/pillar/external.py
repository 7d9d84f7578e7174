"""External pillars: plugins that are asked in the configured order, each given what there is so far.

Source: stock Salt 3008.3.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

Merge = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]

MALFORMED = 'The "ext_pillar" option is malformed'


def with_demanded(opts: Mapping[str, Any], ext: Mapping[str, Any]) -> Any:
    """The configured external pillars, and then those of `ext` that `on_demand_ext_pillar` lets minions ask for."""
    configured = opts.get("ext_pillar") or []
    allowed = opts.get("on_demand_ext_pillar") or []
    wanted = [{name: config} for name, config in ext.items() if name in allowed]
    return [*configured, *wanted] if isinstance(configured, list) else configured


def call_external(
    pillar: Mapping[str, Any],
    opts: Mapping[str, Any],
    plugins: Mapping[str, Callable[..., Any]],
    *,
    id: str,
    override: Mapping[str, Any],
    extra_minion_data: Mapping[str, Any],
    merge: Merge,
) -> tuple[dict[str, Any], list[str], list[dict[str, Any]]]:
    """The pillar with what the plugins add, the errors that the minion is told, and the problems for the log."""
    configured = opts.get("ext_pillar") or []
    if not isinstance(configured, list):
        return dict(pillar), [MALFORMED], [{"event": "pillar.error", "reason": MALFORMED}]
    made = merge(pillar, override) if configured and override else dict(pillar)
    errors: list[str] = []
    problems: list[dict[str, Any]] = []
    for item in configured:
        if not isinstance(item, Mapping) or not item:
            errors.append(MALFORMED)
            problems.append({"event": "pillar.error", "reason": MALFORMED})
            return {}, errors, problems
        if next(iter(item)) in (opts.get("exclude_ext_pillar") or []):
            continue
        for name, config in item.items():
            if name not in plugins:
                problems.append({"event": "pillar.ext_pillar_missing", "name": name})
                continue
            try:
                data = _call(plugins[name], id, made, config, extra_minion_data)
                if data:
                    if not isinstance(data, Mapping):
                        raise TypeError(f"what it gives is no map but {type(data).__name__}")
                    # What it could not compile is told as all else is.
                    errors += data.get("_errors", ())
                    made = merge(made, {key: value for key, value in data.items() if key != "_errors"})
            except Exception as exc:
                # Plugin code may raise anything; the others are asked all the same.
                text = f"Failed to load ext_pillar {name}: {exc}"
                errors.append(text)
                problems.append({"event": "pillar.error", "reason": text, "kind": type(exc).__name__})
    return made, errors, problems


def _call(
    plugin: Callable[..., Any], id: str, pillar: dict[str, Any], config: Any, extra_minion_data: Mapping[str, Any]
) -> Any:
    more: dict[str, Any] = {}
    if extra_minion_data and "extra_minion_data" in inspect.signature(plugin).parameters:
        more["extra_minion_data"] = dict(extra_minion_data)
    if isinstance(config, Mapping):
        return plugin(id, pillar, **config, **more)
    if isinstance(config, list):
        return plugin(id, pillar, *config, **more)
    return plugin(id, pillar, config, **more)
