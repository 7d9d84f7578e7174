"""The packet filter of the kernel, by nft: tables, chains, rules, policies, and keeping them in a file."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import Any

from trisalt.errors import CommandError
from trisalt.plugins.utils import nftrules

_FILE = "/etc/nftables/salt-all-in-one.nft"
_NO_TABLE = "Table needs to be specified"
_NO_CHAIN = "Chain needs to be specified"
_NO_RULE = "Rule needs to be specified"

Answer = dict[str, Any]


def __virtual__() -> Any:
    if shutil.which("nft"):
        return True
    return False, "The nftables execution module failed to load: nftables is not installed."


def version() -> str:
    """
    The version of the program.

    CLI Example:

        salt '*' nftables.version
    """
    return __utils__["tool.checked"](["nft", "--version"], "Unable to read the version").split()[1]


def build_rule(
    table: str | None = None, chain: str | None = None, command: str | None = None, position: Any = "",
    full: Any = None, family: str = "ipv4", **kwargs: Any,
) -> Answer:  # fmt: skip
    """
    A rule as a text, from options by their names: `proto`, `dport`, `dports`, `sport`, `sports`, `source`,
    `destination`, `if`, `of`, `connstate`, `icmp-type`, `counter`, `comment`, `jump` and those of targets; `!` before
    a value means all others. With `full` it is the whole command.

    CLI Example:

        salt '*' nftables.build_rule connstate=related,established jump=accept
    """
    _family(family)
    try:
        rule = nftrules.written(kwargs, family)
    except nftrules.BadRule as exc:
        return _said(False, str(exc), rule="")
    if full in (True, "True"):
        for value, missing in ((table, _NO_TABLE), (chain, _NO_CHAIN), (command, "Command needs to be specified")):
            if not value:
                return _said(False, missing, rule=rule)
        place = f"position {position} " if position and command == "insert" else ""
        rule = f"nft {command} rule {_family(family)} {table} {chain} {place}{rule}"
    return _said(True, "Successfully built rule" if rule else "", rule=rule)


def get_saved_rules(conf_file: str | None = None) -> list[str]:
    """
    The lines of the file in which rules are kept.

    CLI Example:

        salt '*' nftables.get_saved_rules
    """
    path = conf_file or _FILE
    text = __utils__["rewrite.read"](path)
    if text is None:
        raise CommandError(f"[Errno 2] No such file or directory: '{path}'")
    return [line for line in text.splitlines(keepends=True) if line.strip() and not line.startswith("#")]


def list_tables(family: str = "ipv4") -> list[Answer]:
    """
    The tables of a family: their names and handles.

    CLI Example:

        salt '*' nftables.list_tables
    """
    return [each["table"] for each in _json("list", "tables", _family(family)) if "table" in each]


def get_rules(family: str = "ipv4") -> list[str]:
    """
    The rules of now, as nft prints them: a text for each table.

    CLI Example:

        salt '*' nftables.get_rules
    """
    return [_listing("list", "table", _family(family), table["name"]) for table in list_tables(family)]


def get_rules_json(family: str = "ipv4") -> list[Answer]:
    """
    The rules of now as data, as nft has them.

    CLI Example:

        salt '*' nftables.get_rules_json
    """
    return _json("list", "ruleset", _family(family))


def save(filename: str | None = None, family: str = "ipv4") -> str:
    """
    Keep the rules of now, those of every family, in a file; without one in `/etc/nftables/salt-all-in-one.nft`, for
    `/etc/nftables.conf` to include. The text that was written.

    CLI Example:

        salt '*' nftables.save /etc/nftables/salt-all-in-one.nft
    """
    _family(family)
    path = filename or _FILE
    text = f"#! nft -f\n\n{_listing('list', 'ruleset')}\n"
    folder = os.path.dirname(path)
    if filename is None:
        os.makedirs(folder, exist_ok=True)
    elif not os.path.isdir(folder or "."):
        raise CommandError(f"Problem writing to configuration file: [Errno 2] No such file or directory: '{path}'")
    __utils__["rewrite.replace"](path, text)
    return text


def get_rule_handle(
    table: str = "filter", chain: str | None = None, rule: str | None = None, family: str = "ipv4"
) -> Answer:
    """
    The handle of a rule: the number by which nft knows it.

    CLI Example:

        salt '*' nftables.get_rule_handle filter input rule='tcp dport 22 counter accept'
    """
    wrong = _missing(table, chain, rule, family)
    if wrong:
        return wrong
    found = _found(family, table, str(chain), str(rule))
    if found is None:
        return _said(False, f"Rule {rule} in {_where(table, chain, family)} does not exist")
    return {"result": True, "handle": found.handle}


def check(table: str = "filter", chain: str | None = None, rule: str | None = None, family: str = "ipv4") -> Answer:
    """
    Whether a chain has a rule, however it is spelled.

    CLI Example:

        salt '*' nftables.check filter input rule='tcp dport 22 counter accept'
    """
    wrong = _missing(table, chain, rule, family)
    if wrong:
        return wrong
    if _found(family, table, str(chain), str(rule)) is None:
        return _said(False, f"Rule {rule} in {_where(table, chain, family)} does not exist")
    return _said(True, f"Rule {rule} in {_where(table, chain, family)} exists")


def check_chain(table: str = "filter", chain: str | None = None, family: str = "ipv4") -> Answer:
    """
    Whether there is a chain.

    CLI Example:

        salt '*' nftables.check_chain filter input
    """
    if not chain:
        return _said(False, _NO_CHAIN)
    if _ran("list", "chain", _family(family), _name(table), _name(chain))["retcode"] == 0:
        return _told(True, table, chain, family, "exists")
    return _told(False, table, chain, family, "does not exist")


def check_table(table: str | None = None, family: str = "ipv4") -> Answer:
    """
    Whether there is a table.

    CLI Example:

        salt '*' nftables.check_table filter
    """
    if not table:
        return _said(False, _NO_TABLE)
    if _ran("list", "table", _family(family), _name(table))["retcode"] == 0:
        return _said(True, f"Table {table} in family {family} exists")
    return _said(False, f"Table {table} in family {family} does not exist")


def new_table(table: str, family: str = "ipv4") -> Answer:
    """
    Make a table.

    CLI Example:

        salt '*' nftables.new_table filter
    """
    there = check_table(table, family)
    if there["result"] or not table:
        return there
    if _changed("add", "table", _family(family), table):
        return _said(True, f"Table {table} in family {family} created")
    return _said(False, f"Table {table} in family {family} could not be created")


def delete_table(table: str, family: str = "ipv4") -> Answer:
    """
    Remove a table with all that is in it.

    CLI Example:

        salt '*' nftables.delete_table filter
    """
    there = check_table(table, family)
    if not there["result"]:
        return there
    if _changed("delete", "table", _family(family), table):
        return _said(True, f"Table {table} in family {family} deleted")
    return _said(False, f"Table {table} in family {family} could not be deleted")


def new_chain(
    table: str = "filter", chain: str | None = None, table_type: str | None = None, hook: str | None = None,
    priority: Any = None, family: str = "ipv4",
) -> Answer:  # fmt: skip
    """
    Make a chain. With a `table_type`, a `hook` and a `priority` the kernel sends packets to it.

    CLI Example:

        salt '*' nftables.new_chain filter input table_type=filter hook=input priority=0
    """
    if not chain:
        return _said(False, _NO_CHAIN)
    there = check_table(table, family)
    if not there["result"]:
        return there
    there = check_chain(table, chain, family)
    if there["result"]:
        return _told(False, table, chain, family, "already exists")
    words = []
    if table_type or hook or priority is not None:
        if not table_type or not hook or priority is None:
            return _said(False, "Table_type, hook, and priority required.")
        for value in (table_type, hook, priority):
            if not re.fullmatch(r"-?\w+( [+-] \w+)?", str(value)):
                raise CommandError(f"{value!r} is not the type, the hook or the priority of a chain")
        words = ["{", "type", table_type, "hook", hook, "priority", priority, ";", "}"]
    if _changed("add", "chain", _family(family), table, chain, *words):
        return _told(True, table, chain, family, "created")
    return _told(False, table, chain, family, "could not be created")


def delete_chain(table: str = "filter", chain: str | None = None, family: str = "ipv4") -> Answer:
    """
    Remove a chain.

    CLI Example:

        salt '*' nftables.delete_chain filter input
    """
    wrong = _missing(table, chain, "any", family)
    if wrong:
        return wrong
    if _changed("delete", "chain", _family(family), table, chain):
        return _told(True, table, chain, family, "deleted")
    return _told(False, table, chain, family, "could not be deleted")


def append(table: str = "filter", chain: str | None = None, rule: str | None = None, family: str = "ipv4") -> Answer:
    """
    Add a rule at the end of a chain that has it not yet.

    CLI Example:

        salt '*' nftables.append filter input rule='tcp dport 22 counter accept'
    """
    return _added("add", table, chain, rule, family)


def insert(
    table: str = "filter", chain: str | None = None, position: Any = None, rule: str | None = None, family: str = "ipv4"
) -> Answer:
    """
    Add a rule at the beginning of a chain that has it not yet, or before the rule whose handle is `position`.

    CLI Example:

        salt '*' nftables.insert filter input rule='tcp dport 22 counter accept' position=3
    """
    return _added("insert", table, chain, rule, family, position)


def delete(
    table: str, chain: str | None = None, position: Any = None, rule: str | None = None, family: str = "ipv4"
) -> Answer:
    """
    Remove a rule, named by itself or by its handle, which is `position`.

    CLI Example:

        salt '*' nftables.delete filter input rule='tcp dport 22 counter accept'
    """
    if position and rule:
        return _said(False, "Only specify a position or a rule, not both")
    wrong = _missing(table, chain, rule or position, family)
    if wrong:
        return wrong
    if position:
        handle, what = _number(position), f"with handle {position}"
    else:
        found = _found(family, table, str(chain), str(rule))
        if found is None:
            return _said(False, f"Rule {rule} {_where(table, chain, family)} does not exist")
        handle, what = found.handle, f'"{rule}"'
    if _changed("delete", "rule", _family(family), table, chain, "handle", handle):
        return _said(True, f"Deleted rule {what} in {_where(table, chain, family)}.")
    return _said(False, f"Failed to delete rule {what} in chain {chain}  table {table} in family {family}")


def flush(table: str = "filter", chain: str = "", family: str = "ipv4") -> Answer:
    """
    Remove all rules of a chain, or of all chains of a table.

    CLI Example:

        salt '*' nftables.flush filter input
    """
    wrong = _missing(table, chain or None, "any", family, chain_needed=False)
    if wrong:
        return wrong
    words = ["chain", _family(family), table, chain] if chain else ["table", _family(family), table]
    what = f"rules from {f'chain {chain} in ' if chain else ''}table {table} in family {family}."
    if _changed("flush", *words):
        return _said(True, f"Flushed {what}")
    return _said(False, f"Failed to flush {what}")


def get_policy(table: str = "filter", chain: str | None = None, family: str = "ipv4") -> str | None:
    """
    The policy of a chain; None where it has none, or is not there.

    CLI Example:

        salt '*' nftables.get_policy filter input
    """
    if not chain:
        return f"Error: {_NO_CHAIN}"
    for each in _json("list", "ruleset", _family(family)):
        found = each.get("chain")
        if found and (found["table"], found["name"]) == (table, chain):
            return found.get("policy")
    return None


def set_policy(
    table: str = "filter", chain: str | None = None, policy: str | None = None, family: str = "ipv4"
) -> bool | str:
    """
    Set the policy of a chain: `accept` or `drop`.

    CLI Example:

        salt '*' nftables.set_policy filter input accept
    """
    if not chain:
        return f"Error: {_NO_CHAIN}"
    if not policy:
        return "Error: Policy needs to be specified"
    if get_policy(table, chain, family) is None:
        return False
    return _changed("chain", _family(family), _name(table), _name(chain), "{", "policy", _name(policy), ";", "}")


# -- inside ------------------------------------------------------------------------------------------------------------


def _said(result: bool, comment: str, **more: Any) -> Answer:
    return {"result": result, "comment": comment, **more}


def _where(table: str, chain: str | None, family: str, *, word: str = "chain") -> str:
    return f"{word} {chain} in table {table} in family {family}"


def _told(result: bool, table: str, chain: str | None, family: str, end: str) -> Answer:
    return _said(result, f"{_where(table, chain, family, word='Chain')} {end}")


def _family(family: str) -> str:
    if family not in nftrules.FAMILIES:
        raise CommandError(f"This is no family: {family}")
    return nftrules.FAMILIES[family]


def _name(name: Any) -> str:
    """nft reads its arguments as one line, so that what is no name could be a command of its own."""
    if not re.fullmatch(r"[A-Za-z_][\w./-]*", str(name)):
        raise CommandError(f"This is no name that nft takes: {name}")
    return str(name)


def _number(position: Any) -> str:
    if not re.fullmatch(r"\d+", str(position)):
        raise CommandError(f"A position is a number, not {position!r}")
    return str(position)


def _rule(rule: str) -> str:
    if re.search(r"[;\n]", re.sub(r'"[^"]*"', "", rule)):
        raise CommandError(f"This is no rule: {rule}")
    return rule


def _ran(*words: Any) -> Answer:
    found: Answer = __utils__["tool.run"](["nft", *words], ignore_retcode=True)
    return found


def _changed(*words: Any) -> bool:
    return bool(__utils__["tool.succeeds"](["nft", *words]))


def _listing(*words: str) -> str:
    return __utils__["tool.checked"](["nft", "--numeric", *words], "Unable to read the rules")


def _json(*words: str) -> list[Answer]:
    text = __utils__["tool.checked"](["nft", "--numeric", "--json", *words], "Unable to read the rules")
    try:
        found: list[Answer] = json.loads(text)["nftables"]
    except (ValueError, KeyError, TypeError) as exc:
        raise CommandError(f"nft did not answer in JSON: {text[:200]}") from exc
    return found


def _missing(
    table: str, chain: str | None, rule: Any, family: str, *, chain_needed: bool = True
) -> Answer | None:  # fmt: skip
    """What is not given, or not there; None when all is."""
    if chain_needed and not chain:
        return _said(False, _NO_CHAIN)
    if not rule:
        return _said(False, _NO_RULE)
    # A chain that is there has a table: mostly one question is enough.
    there = check_chain(table, chain, family) if chain else check_table(table, family)
    if there["result"]:
        return None
    other = check_table(table, family)
    return there if other["result"] else other


def _found(family: str, table: str, chain: str, rule: str) -> nftrules.Rule | None:
    """The rule of a chain that does what `rule` would do. None also where nft does not take it."""
    wanted = ["nft", "--check", "--debug=netlink", "add", "rule", _family(family), table, chain, _rule(rule)]
    asked = __utils__["tool.run"](wanted, ignore_retcode=True)
    if asked["retcode"]:
        return None
    programs = nftrules.parsed(asked["stdout"])
    if len(programs) != 1 or not programs[0].program:
        raise CommandError("This nft does not tell what a rule is to the kernel, and rules cannot be compared")
    there = _ran("--debug=netlink", "list", "chain", _family(family), table, chain)
    for each in nftrules.parsed(there["stdout"]):
        if nftrules.same(each, programs[0]):
            return each
    return None


def _added(command: str, table: str, chain: str | None, rule: str | None, family: str, position: Any = None) -> Answer:
    wrong = _missing(table, chain, rule, family)
    if wrong:
        return wrong
    place = ["position", _number(position)] if position else []
    if _found(family, table, str(chain), str(rule)) is not None:
        return _said(False, f"Rule {rule} {_where(table, chain, family)} already exists")
    if _changed(command, "rule", _family(family), table, chain, *place, _rule(str(rule))):
        return _said(True, f'Added rule "{rule}" {_where(table, chain, family)}.')
    return _said(False, f'Failed to add rule "{rule}" {_where(table, chain, family)}.')
