"""The packet filter of the kernel, by iptables and ip6tables: rules, chains, policies, and keeping them in a file."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from typing import Any

from trisalt.errors import CommandError
from trisalt.plugins.utils import iptablesrules

_FILES = {"ipv4": "rules.v4", "ipv6": "rules.v6"}
_PROGRAMS = {"ipv4": "iptables", "ipv6": "ip6tables"}
_NO_CHAIN = "Error: Chain needs to be specified"
_NO_RULE = "Error: Rule needs to be specified"


def __virtual__() -> Any:
    if shutil.which("iptables"):
        return True
    return False, "The iptables execution module cannot be loaded: iptables not installed."


def version(family: str = "ipv4") -> str:
    """
    The version of the program.

    CLI Example:

        salt '*' iptables.version
    """
    return __utils__["tool.checked"]([_program(family), "--version"], "Unable to read the version").split()[1]


def build_rule(
    table: str = "filter", chain: str | None = None, command: str | None = None, position: Any = "", full: Any = None,
    family: str = "ipv4", **kwargs: Any,
) -> str:  # fmt: skip
    """
    A rule as a text, from options by their long names: `proto`, `dport`, `source`, `match`, `connstate`, `jump` and
    all others; `!` before a value means all others. With `full` it is the whole command.

    CLI Example:

        salt '*' iptables.build_rule match=state connstate=RELATED,ESTABLISHED jump=ACCEPT
    """
    rule = iptablesrules.written(kwargs)
    if full in (True, "True"):
        if not chain:
            return _NO_CHAIN
        if not command:
            return "Error: Command needs to be specified"
        start = f"{_path(family)} --wait -t {table} -{command.lstrip('-')} {chain} {position}"
        return f"{start} {rule}".rstrip()
    return rule


def get_saved_rules(conf_file: str | None = None, family: str = "ipv4") -> dict[str, Any]:
    """
    The rules in the file that is read at the start.

    CLI Example:

        salt '*' iptables.get_saved_rules
    """
    path = conf_file or _file(family)
    try:
        with open(path, encoding="utf-8") as file:
            return iptablesrules.parsed(file.read())
    except (OSError, ValueError) as exc:
        raise CommandError(str(exc)) from exc


def get_rules(family: str = "ipv4") -> dict[str, Any]:
    """
    The rules of now: `{table: {chain: {policy, rules, …}}}`.

    CLI Example:

        salt '*' iptables.get_rules
    """
    return iptablesrules.parsed(_saved(family))


def get_saved_policy(
    table: str = "filter", chain: str | None = None, conf_file: str | None = None, family: str = "ipv4"
) -> str | None:
    """
    The policy of a chain in the file that is read at the start.

    CLI Example:

        salt '*' iptables.get_saved_policy filter INPUT
    """
    if not chain:
        return _NO_CHAIN
    return _policy(get_saved_rules(conf_file, family), table, chain)


def get_policy(table: str = "filter", chain: str | None = None, family: str = "ipv4") -> str | None:
    """
    The policy of a chain; None where there is none.

    CLI Example:

        salt '*' iptables.get_policy filter INPUT
    """
    if not chain:
        return _NO_CHAIN
    return _policy(get_rules(family), table, chain)


def set_policy(table: str = "filter", chain: str | None = None, policy: str | None = None, family: str = "ipv4") -> str:
    """
    Set the policy of a chain; what the program says against it.

    CLI Example:

        salt '*' iptables.set_policy filter INPUT ACCEPT
    """
    if not chain:
        return _NO_CHAIN
    if not policy:
        return "Error: Policy needs to be specified"
    return _said(family, table, "-P", chain, policy)


def save(filename: str | None = None, family: str = "ipv4") -> str:
    """
    Keep the rules of now in a file; without one in that which is read at the start.

    CLI Example:

        salt '*' iptables.save /etc/iptables/rules.v4
    """
    path = filename or _file(family)
    filters = __salt__["config.option"]("iptables.save_filters") or []
    lines = _saved(family).splitlines()
    if filters:
        lines = [line for line in lines if not any(re.search(each, line) for each in filters)]
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    __utils__["rewrite.replace"](path, "".join(f"{line}\n" for line in lines))
    return f'Wrote 1 lines to "{path}"'


def check(table: str = "filter", chain: str | None = None, rule: str | None = None, family: str = "ipv4") -> bool | str:
    """
    Whether a chain has a rule.

    CLI Example:

        salt '*' iptables.check filter INPUT rule='-m state --state RELATED,ESTABLISHED -j ACCEPT'
    """
    if not chain:
        return _NO_CHAIN
    if not rule:
        return _NO_RULE
    found = _ran(family, table, "-C", chain, *_words(rule))
    if found["retcode"]:
        __context__["retcode"] = found["retcode"]
    return bool(found["retcode"] == 0)


def check_chain(table: str = "filter", chain: str | None = None, family: str = "ipv4") -> bool | str:
    """
    Whether there is a chain.

    CLI Example:

        salt '*' iptables.check_chain filter INPUT
    """
    if not chain:
        return _NO_CHAIN
    return bool(_ran(family, table, "-S", chain)["retcode"] == 0)


def new_chain(table: str = "filter", chain: str | None = None, family: str = "ipv4") -> bool | str:
    """
    Make a chain: true, or what the program says against it.

    CLI Example:

        salt '*' iptables.new_chain filter CUSTOM_CHAIN
    """
    if not chain:
        return _NO_CHAIN
    return _said(family, table, "-N", chain) or True


def delete_chain(table: str = "filter", chain: str | None = None, family: str = "ipv4") -> bool | str:
    """
    Remove a chain that is empty: true, or what the program says against it.

    CLI Example:

        salt '*' iptables.delete_chain filter CUSTOM_CHAIN
    """
    if not chain:
        return _NO_CHAIN
    return _said(family, table, "-X", chain) or True


def append(
    table: str = "filter", chain: str | None = None, rule: str | None = None, family: str = "ipv4"
) -> bool | str:
    """
    Add a rule at the end of a chain; false when it is there, or the program does not take it.

    CLI Example:

        salt '*' iptables.append filter INPUT rule='-m state --state RELATED,ESTABLISHED -j ACCEPT'
    """
    if not chain:
        return _NO_CHAIN
    if not rule:
        return _NO_RULE
    if _ran(family, table, "-C", chain, *_words(rule))["retcode"] == 0:
        return False
    return not _said(family, table, "-A", chain, *_words(rule))


def insert(
    table: str = "filter", chain: str | None = None, position: Any = None, rule: str | None = None, family: str = "ipv4"
) -> Any:
    """
    Add a rule at a place of a chain: the first is 1. False when it is there, else what the program says against it.

    CLI Example:

        salt '*' iptables.insert filter INPUT position=3 rule='-m state --state RELATED,ESTABLISHED -j ACCEPT'
    """
    if not chain:
        return _NO_CHAIN
    if not position:
        return "Error: Position needs to be specified or use append (-A)"
    if not rule:
        return _NO_RULE
    place = _number(position)
    if _ran(family, table, "-C", chain, *_words(rule))["retcode"] == 0:
        return False
    return _said(family, table, "-I", chain, place, *_words(rule))


def delete(
    table: str, chain: str | None = None, position: Any = None, rule: str | None = None, family: str = "ipv4"
) -> str:
    """
    Remove a rule, named by its place or by itself; what the program says against it.

    CLI Example:

        salt '*' iptables.delete filter INPUT position=3
    """
    if position and rule:
        return "Error: Only specify a position or a rule, not both"
    if not chain:
        return _NO_CHAIN
    if not position and not rule:
        return _NO_RULE
    return _said(family, table, "-D", chain, *([_number(position)] if position else _words(str(rule))))


def flush(table: str = "filter", chain: str = "", family: str = "ipv4") -> str:
    """
    Remove all rules of a chain, or of all chains of a table; what the program says against it.

    CLI Example:

        salt '*' iptables.flush filter INPUT
    """
    return _said(family, table, "-F", *([chain] if chain else []))


# -- inside ------------------------------------------------------------------------------------------------------------


def _program(family: str) -> str:
    if family not in _PROGRAMS:
        raise CommandError(f"family is ipv4 or ipv6, not {family}")
    return _PROGRAMS[family]


def _path(family: str) -> str:
    return shutil.which(_program(family)) or _program(family)


def _ran(family: str, table: str, command: str, *words: str) -> dict[str, Any]:
    for word in (table, *words[:1]):
        if str(word).startswith("-"):
            raise CommandError(f"{word!r} is not the name of a table or a chain")
    argv = [_program(family), "--wait", "-t", table, command, *words]
    found: dict[str, Any] = __utils__["tool.run"](argv, ignore_retcode=True)
    return found


def _said(family: str, table: str, command: str, *words: str) -> str:
    """What the program says against a change; empty when it is made."""
    found = _ran(family, table, command, *words)
    if found["retcode"] == 0:
        return ""
    __context__["retcode"] = found["retcode"]
    return str(found["stderr"] or found["stdout"] or f"retcode {found['retcode']}")


def _saved(family: str) -> str:
    return __utils__["tool.checked"]([f"{_program(family)}-save"], "Unable to read the rules")


def _words(rule: str) -> list[str]:
    try:
        return shlex.split(rule)
    except ValueError as exc:
        raise CommandError(f"This is no rule: {rule} ({exc})") from exc


def _number(position: Any) -> str:
    if not re.fullmatch(r"-?\d+", str(position)):
        raise CommandError(f"A position is a number, not {position!r}")
    return str(position)


def _policy(rules: dict[str, Any], table: str, chain: str) -> str | None:
    found: str | None = rules.get(table, {}).get(chain, {}).get("policy")
    return found


def _file(family: str) -> str:
    """The file that is read at the start: as netfilter-persistent has it, or the kin of Red Hat."""
    _program(family)
    if __grains__.get("os_family") == "RedHat":
        return f"/etc/sysconfig/{_PROGRAMS[family]}"
    if __grains__.get("os_family") == "Arch":
        return f"/etc/iptables/{_PROGRAMS[family]}.rules"
    return f"/etc/iptables/{_FILES[family]}"
