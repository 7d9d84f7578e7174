"""What a publication has to be to become a job, and which functions may share a process. Pure; `jobs` asks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Functions that are short and touch nothing: they may share a warm process.
WARM_MODULES = frozenset({"sys", "match"})
WARM = frozenset(
    {
        "config.get",
        "config.items",
        "config.option",
        "grains.equals",
        "grains.fetch",
        "grains.get",
        "grains.has_value",
        "grains.item",
        "grains.items",
        "grains.ls",
        "network.hw_addr",
        "network.interfaces",
        "network.ip_addrs",
        "network.ip_addrs6",
        "network.ipaddrs",
        "network.ipaddrs6",
        "network.subnets",
        "pillar.fetch",
        "pillar.get",
        "pillar.item",
        "pillar.keys",
        "pillar.ls",
        "pillar.raw",
        "test.arg",
        "test.arg_clean",
        "test.arg_repr",
        "test.arg_type",
        "test.echo",
        "test.false",
        "test.kwarg",
        "test.ping",
        "test.true",
        "test.version",
    }
)

# Functions that may do anything, but begin by compiling what they do, and mostly find it done: they have a process for
# themselves while they run, which the next of them is given if nothing of theirs is left in it.
STRICT = frozenset(
    f"state.{name}"
    for name in (
        *("apply", "highstate", "sls", "sls_id", "sls_exists", "id_exists", "top", "test", "single", "high", "low"),
        *("template", "template_str", "show_highstate", "show_lowstate", "show_low_sls", "show_sls", "show_states"),
        *("show_state_usage", "show_top", "graph", "graph_highstate"),
    )
)

_NEEDED = frozenset({"tgt", "jid", "fun", "arg"})

# A jid names files; a caller may have made up their own.
_SAFE_JID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def is_warm(fun: object) -> bool:
    """Whether a function is short and harmless enough to share a process."""
    return isinstance(fun, str) and (fun in WARM or fun.partition(".")[0] in WARM_MODULES)


def is_strict(fun: object) -> bool:
    """Whether a function is given the process of the one before it, if that left nothing behind."""
    return isinstance(fun, str) and fun in STRICT


def well_formed(load: Mapping[str, Any]) -> bool:
    """Whether a job map says what is to be run, and under a jid that may name files."""
    if not load.keys() >= _NEEDED:
        return False
    jid, fun, arg = load["jid"], load["fun"], load["arg"]
    if not isinstance(jid, str) or not _SAFE_JID.fullmatch(jid) or not isinstance(arg, list):
        return False
    if isinstance(fun, list):
        return (
            bool(fun)
            and all(isinstance(name, str) for name in fun)
            and len(arg) == len(fun)
            and all(isinstance(one, list) for one in arg)
        )
    return isinstance(fun, str) and bool(fun)
