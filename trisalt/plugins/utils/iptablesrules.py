"""Rules of iptables: from the words of a state to those of the program, and from what it saves to data. Pure.

Used by the shelf `iptables`. Source of the order and the shapes: stock Salt 3008.3, and iptables-extensions(8).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

# What the engine, or the module itself, means.
_NOT_OPTIONS = frozenset(
    {
        *("name", "state", "fun", "save", "order", "table", "chain", "command", "position", "full", "family", "rules"),
        *("require", "watch", "onchanges", "onfail", "prereq", "use", "listen", "onlyif", "unless", "failhard"),
        *("aggregate", "reload_modules", "saltenv", "sfun"),
    }
)
# Options of targets: they stand behind the target.
_TARGET_WORDS = (
    "add-set and-mark checksum-fill clamp-mss-to-pmtu clustermac connlabel-set ctevents del-set ecn-tcp-remove exist"
    " expevents gateway hash-init hashmode helper hl-dec hl-inc hl-set label led-always-blink led-delay"
    " led-trigger-id local-node log-ip-options log-level log-macdecode log-prefix log-tcp-options log-tcp-sequence"
    " log-uid map-set mask new nflog-group nflog-prefix nflog-range nflog-size nflog-threshold nfmask nodst"
    " notrack on-ip on-port or-mark persistent queue-balance queue-bypass queue-cpu-fanout queue-num random"
    " random-fully rateest-ewmalog rateest-interval rateest-name reject-with restore restore-mark save save-mark"
    " selctx set-class set-dscp set-dscp-class set-mark set-mss set-tos set-xmark strip-options timeout to"
    " to-destination to-ports to-source total-nodes tproxy-mark ttl-dec ttl-inc ttl-set type ulog-cprange"
    " ulog-nlgroup ulog-prefix ulog-qthreshold xor-mark zone"
)
_OF_TARGETS = frozenset(_TARGET_WORDS.split())
_QUOTED = ("log-prefix", "nflog-prefix", "ulog-prefix", "comment")
_SHORT = {
    "-p": "protocol", "-s": "source", "-d": "destination", "-j": "jump", "-g": "goto", "-i": "in-interface",
    "-o": "out-interface", "-m": "match", "-f": "fragment", "--dport": "destination_port", "--sport": "source_port",
    "--dports": "destination-ports", "--sports": "source-ports",
}  # fmt: skip


def written(given: Mapping[str, Any]) -> str:
    """A rule as a text, from options by their long names; a `!` before a value means all others."""
    options = {
        str(key): value
        for key, value in given.items()
        if key not in _NOT_OPTIONS and not key.startswith("__") and not key.startswith("_")
    }
    if "target" in options:
        options.setdefault("jump", options.pop("target"))
    words: list[str] = []
    for key, flag in (("if", "-i"), ("of", "-o"), ("proto", "-p"), ("protocol", "-p")):
        if key in options:
            words.append(_option(flag, options.pop(key)))
    matches = options.pop("match", [])
    listed = matches.split(",") if isinstance(matches, str) else [str(each) for each in matches]
    words += [f"-m {match}" for match in listed]
    sets = options.pop("match-set", [])
    for each in [sets] if isinstance(sets, str) else sets:
        words += ["-m set", _option("--match-set", each)]
    plural = [(key, options.pop(key)) for key in ("dports", "sports") if key in options]
    if plural and "multiport" not in [match.strip() for match in listed]:
        words.append("-m multiport")
    for key, value in plural:
        ports = ",".join(map(str, value)) if isinstance(value, list | tuple) else value
        words.append(_option(f"--{key}", ports))
    if "connstate" in options:
        words.append(_option("--state", options.pop("connstate")))
    words += [_option(f"--{key}", options.pop(key)) for key in ("dport", "sport") if key in options]
    if "comment" in options and "comment" not in [match.strip() for match in listed]:
        words.append("-m comment")
    jump = [_option("--jump", options.pop("jump"))] if options.get("jump") else []
    options.pop("jump", None)
    behind = sorted(key for key in options if key in _OF_TARGETS)
    words += [_option(f"--{key}", value, quoted=key in _QUOTED) for key, value in options.items() if key not in behind]
    words += jump
    words += [_option(f"--{key}", options[key], quoted=key in _QUOTED) for key in behind]
    return " ".join(words)


def _option(flag: str, value: Any, *, quoted: bool = False) -> str:
    if isinstance(value, list | tuple):
        return " ".join(_option(flag, each, quoted=quoted) for each in value)
    text = str(value)
    but = ""
    if text.startswith("!"):
        but, text = "! ", text[1:].strip()
    if quoted:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        text = f'"{escaped}"'
    return f"{but}{flag} {text}".rstrip()


def parsed(saved: str) -> dict[str, Any]:
    """What `iptables-save` printed: the tables, their chains with policy and counters, and their rules."""
    found: dict[str, Any] = {}
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
            found[table] = {}
        elif line.startswith(":") and (match := re.fullmatch(r":(\S+) (\S+) \[(\d+):(\d+)\]", line.strip())):
            found[table][match[1]] = {
                "policy": match[2],
                "packet count": match[3],
                "byte count": match[4],
                "rules": [],
                "rules_comment": {},
            }
        elif line.startswith("-A "):
            _chain, name, *rest = shlex.split(line)
            rule = _rule(rest)
            chain = found[table].setdefault(
                name, {"policy": "-", "packet count": "0", "byte count": "0", "rules": [], "rules_comment": {}}
            )
            if "comment" in rule:
                chain["rules_comment"][rule["comment"][0]] = rule
            chain["rules"].append(rule)
    return found


def _rule(words: list[str]) -> dict[str, list[str]]:
    rule: dict[str, list[str]] = {}
    key, but = "", False
    for word in words:
        if word == "!":
            but = True
        elif word.startswith("-") and len(word) > 1 and not word[1].isdigit():
            key = _SHORT.get(word, word.lstrip("-"))
            rule.setdefault(key, [])
            if but:
                rule[key].append("!")
                but = False
        elif key:
            rule[key].append(word)
    return {key: [" ".join(values)] if values[:1] == ["!"] else values for key, values in rule.items()}
