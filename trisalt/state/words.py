"""The words of state files: requisites, their `_in` forms, and what the engine keeps for itself of a state's arguments.

Source: stock Salt 3008.3.
"""

from __future__ import annotations

REQUISITES = (
    "onfail",
    "onfail_any",
    "onfail_all",
    "require",
    "require_any",
    "onchanges",
    "onchanges_any",
    "watch",
    "watch_any",
    "prereq",
    "prerequired",
    "listen",
)
"""From the lightest to the heaviest: the heaviest that a state has towards others says how it is ordered."""

WEIGHT = {name: weight for weight, name in enumerate(REQUISITES)}

RESOLVED = (
    "require",
    "require_any",
    "watch",
    "watch_any",
    "prereq",
    "onfail",
    "onfail_any",
    "onfail_all",
    "onchanges",
    "onchanges_any",
)
"""Those that become edges between chunks, in the order they are read. `listen` is looked at when all has run."""

STATE_REQUISITE_KEYWORDS = frozenset({*REQUISITES, "onfail_stop"})
STATE_REQUISITE_IN_KEYWORDS = frozenset(
    {"onchanges_in", "onfail_in", "prereq_in", "watch_in", "require_in", "listen_in"}
)

PUBLISHED = frozenset(
    f"__pub_{name}" for name in ("user", "arg", "jid", "fun", "tgt", "ret", "pid", "tgt_type")
)  # fmt: skip
"""What a job's publication lays over the arguments of a function that takes any."""

STATE_RUNTIME_KEYWORDS = PUBLISHED | {
    "fun", "state", "check_cmd", "cmd_opts_exclude", "failhard", "onlyif", "unless", "creates", "retry", "order",
    "parallel", "prereq", "prereq_in", "reload_modules", "reload_grains", "reload_pillar", "runas", "runas_password",
    "no_log", "fire_event", "saltenv", "umask", "use", "use_in", "__env__", "__sls__", "__id__",
    "__sls_included_from__", "__orchestration_jid__", "__prereq__", "__prerequiring__", "__umask__",
}  # fmt: skip

STATE_INTERNAL_KEYWORDS = STATE_REQUISITE_KEYWORDS | STATE_REQUISITE_IN_KEYWORDS | STATE_RUNTIME_KEYWORDS


def tag(chunk: dict[str, object]) -> str:
    """What a chunk is called in a return: `mod_|-id_|-name_|-fun`."""
    return f"{chunk['state']}_|-{chunk['__id__']}_|-{chunk['name']}_|-{chunk['fun']}"


def is_glob(text: str) -> bool:
    """Whether a requisite's value is a pattern."""
    return any(character in text for character in "*?[]")
