"""Pillar: grains in, pillar out. Runs in a worker; pure but for the files it reads."""

from __future__ import annotations

from typing import Any


def compile_pillar(request: dict[str, Any], salt: Any = None) -> dict[str, Any]:
    """The pillar of one minion.

    `request`: `opts` (pillar_roots, renderer, nodegroups, pillar_source_merging_strategy …), `id`, `grains`, and
    optionally `saltenv`, `pillarenv`, `pillar_override`, `ext_pillar_data`, `extra_minion_data`, `pillar` (what is in
    memory already). `salt` is the mapping of functions that templates may call.
    Errors never end it: they are texts in `_errors`.
    """
    raise NotImplementedError
