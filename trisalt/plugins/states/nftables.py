"""Tables, chains, rules and policies of the packet filter, by nftables.

ssh:
  nftables.append:
    - table: filter
    - chain: input
    - proto: tcp
    - dport: 22
    - jump: accept
    - save: True
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned

_FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")


def __virtual__() -> Any:
    if "nftables.version" in __salt__:
        return True
    return False, "nftables module could not be loaded"


def table_present(name: str, family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    A table is there.
    """

    def state() -> dict[str, Any]:
        if __salt__["nftables.check_table"](name, family=family)["result"]:
            return returned(name, True, f"nftables table {name} already exists in family {family}")
        changes = {"locale": name}
        if __opts__["test"]:
            return returned(name, None, f"nftables table {name} would be created in family {family}", changes)
        made = __salt__["nftables.new_table"](name, family=family)
        if made["result"]:
            return returned(name, True, f"nftables table {name} successfully created in family {family}", changes)
        return returned(name, False, f"Failed to create table {name} for family {family}")

    return _guarded(name, state)


def table_absent(name: str, family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    A table is not there, nor anything that was in it.
    """

    def state() -> dict[str, Any]:
        if not __salt__["nftables.check_table"](name, family=family)["result"]:
            return returned(name, True, f"nftables table {name} is already absent from family {family}")
        changes = {"locale": name}
        if __opts__["test"]:
            return returned(name, None, f"nftables table {name} would be deleted from family {family}", changes)
        gone = __salt__["nftables.delete_table"](name, family=family)
        if gone["result"]:
            return returned(name, True, f"nftables table {name} successfully deleted from family {family}", changes)
        return returned(name, False, f"Failed to delete table {name} from family {family}")

    return _guarded(name, state)


def chain_present(
    name: str, table: str = "filter", table_type: str | None = None, hook: str | None = None, priority: Any = None,
    family: str = "ipv4",
) -> dict[str, Any]:  # fmt: skip
    """
    A chain is there. With a `table_type`, a `hook` and a `priority` the kernel sends packets to it.
    """

    def state() -> dict[str, Any]:
        if __salt__["nftables.check_chain"](table, name, family=family)["result"]:
            return returned(name, True, f"nftables {name} chain is already exist in {table} table for {family}")
        changes = {"locale": name}
        if __opts__["test"]:
            comment = f"nftables chain {name} would be created in table {table} for family {family}"
            return returned(name, None, comment, changes)
        made = __salt__["nftables.new_chain"](
            table, name, table_type=table_type, hook=hook, priority=priority, family=family
        )
        if made["result"]:
            return returned(name, True, f"nftables {name} chain in {table} table create success for {family}", changes)
        comment = f"Failed to create {name} chain in {table} table: {made['comment']} for {family}"
        return returned(name, False, comment)

    return _guarded(name, state)


def chain_absent(name: str, table: str = "filter", family: str = "ipv4") -> dict[str, Any]:
    """
    A chain is not there, and none of its rules.
    """

    def state() -> dict[str, Any]:
        if not __salt__["nftables.check_chain"](table, name, family=family)["result"]:
            return returned(name, True, f"nftables {name} chain is already absent in {table} table for {family}")
        changes = {"locale": name}
        if __opts__["test"]:
            comment = f"nftables chain {name} would be removed from table {table} for family {family}"
            return returned(name, None, comment, changes)
        for step, word in (("flush", "flush"), ("delete_chain", "delete")):
            done = __salt__[f"nftables.{step}"](table, name, family=family)
            if not done["result"]:
                comment = f"Failed to {word} {name} chain in {table} table: {done['comment']} for {family}"
                return returned(name, False, comment)
        return returned(name, True, f"nftables {name} chain in {table} table delete success for {family}", changes)

    return _guarded(name, state)


def append(name: str, family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    A chain has a rule, added at its end if it is missing: `table`, `chain`, and the options of
    `nftables.build_rule`. `save` keeps all rules in a file that is read at the start, or in the one that it names.
    """

    def state() -> dict[str, Any]:
        table, chain, rule = _asked(family, kwargs)
        if _is_there(table, chain, rule, family):
            return _kept(name, kwargs, f"nftables rule for {name} already set ({rule}) for {family}")
        changes = {"locale": name}
        if __opts__["test"]:
            return returned(name, None, f"nftables rule for {name} needs to be set ({rule}) for {family}", changes)
        added = __salt__["nftables.append"](table, chain, rule, family=family)
        if added["result"]:
            return _set(name, f"nftables rule for {name} to: {rule} for {family}", kwargs)
        comment = f"Failed to set nftables rule for {name}.\nAttempted rule was {rule} for {family}."
        return returned(name, False, f"{comment}\n{added['comment']}")

    return _guarded(name, state)


def insert(name: str, family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    A chain has a rule, added at its beginning, or before the rule whose handle is `position`, if it is missing;
    otherwise as `append`.
    """

    def state() -> dict[str, Any]:
        table, chain, rule = _asked(family, kwargs)
        if _is_there(table, chain, rule, family):
            return _kept(name, kwargs, f"nftables rule for {name} already set for {family} ({rule})")
        changes = {"locale": name}
        if __opts__["test"]:
            return returned(name, None, f"nftables rule for {name} needs to be set for {family} ({rule})", changes)
        added = __salt__["nftables.insert"](table, chain, kwargs.get("position"), rule, family=family)
        if added["result"]:
            return _set(name, f"nftables rule for {name} to: {rule} for {family}", kwargs)
        return returned(name, False, f"Failed to set nftables rule for {name}.\nAttempted rule was {rule}")

    return _guarded(name, state)


def delete(name: str, family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    A chain does not have a rule: the one that the options make, or the one whose handle is `position`.
    """

    def state() -> dict[str, Any]:
        position = kwargs.get("position")
        table, chain, rule = _asked(family, kwargs, rule_needed=not position)
        if position:
            numbers = {str(handle) for handle in _handles(table, chain, family)}
            there, rule = str(position) in numbers, rule or f"handle {position}"
        else:
            there = _is_there(table, chain, rule, family)
        if not there:
            return returned(name, True, f"nftables rule for {name} already absent for {family} ({rule})")
        changes = {"locale": name}
        if __opts__["test"]:
            return returned(name, None, f"nftables rule for {name} needs to be deleted for {family} ({rule})", changes)
        given = {"position": position} if position else {"rule": rule}
        if not __salt__["nftables.delete"](table, chain, family=family, **given)["result"]:
            return returned(name, False, f"Failed to delete nftables rule for {name}.\nAttempted rule was {rule}")
        if not kwargs.get("save"):
            return returned(name, True, f"Delete nftables rule for {name} {rule}", changes)
        _save(kwargs)
        return returned(name, True, f"Deleted and saved nftables rule for {name} for {family}\n{rule}", changes)

    return _guarded(name, state)


def flush(name: str, family: str = "ipv4", ignore_absence: bool = False, **kwargs: Any) -> dict[str, Any]:
    """
    A chain, or every chain of a table, has no rules. With `ignore_absence` it need not be there.
    """

    def state() -> dict[str, Any]:
        table, chain = kwargs.get("table") or "filter", kwargs.get("chain") or ""
        done = f"Flush nftables rules in {table} table {chain} chain {family} family"
        absent = ""
        if not __salt__["nftables.check_table"](table, family=family)["result"]:
            absent = f"Failed to flush table {table} in family {family}, table does not exist."
        elif chain and not __salt__["nftables.check_chain"](table, chain, family=family)["result"]:
            absent = f"Failed to flush chain {chain} in table {table} in family {family}, chain does not exist."
        if absent:
            return returned(name, ignore_absence, done if ignore_absence else absent)
        if not _handles(table, chain, family):
            return returned(name, True, done)
        changes = {"locale": name}
        if __opts__["test"]:
            return returned(name, None, "nftables flush not performed in test mode.", changes)
        if __salt__["nftables.flush"](table, chain, family)["result"]:
            return returned(name, True, done, changes)
        return returned(name, False, "Failed to flush nftables rules")

    return _guarded(name, state)


def set_policy(name: str, table: str = "filter", family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    A chain has a policy: `chain`, `policy`, and `save` as for `append`.
    """

    def state() -> dict[str, Any]:
        chain, policy = kwargs.get("chain"), kwargs.get("policy")
        if not chain or not policy:
            return returned(name, False, "A chain and its policy need to be specified")
        where = f"nftables default policy for chain {chain} on table {table} for {family}"
        if __salt__["nftables.get_policy"](table, chain, family) == policy:
            return returned(name, True, f"{where} already set to {policy}")
        changes = {"locale": name}
        if __opts__["test"]:
            return returned(name, None, f"{where} needs to be set to {policy}", changes)
        if __salt__["nftables.set_policy"](table, chain, policy, family=family) is not True:
            return returned(name, False, "Failed to set nftables default policy")
        word = "Set"
        if kwargs.get("save"):
            _save(kwargs)
            word = "Set and saved"
        return returned(name, True, f"{word} default policy for {chain} to {policy} family {family}", changes)

    return _guarded(name, state)


# -- inside ------------------------------------------------------------------------------------------------------------


def _guarded(name: str, state: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return state()
    except (TrisaltError, _Incomplete) as exc:
        return returned(name, False, str(exc))


class _Incomplete(Exception):
    """What a rule is, or where it is to be, was not said."""


def _asked(family: str, kwargs: dict[str, Any], *, rule_needed: bool = True) -> tuple[str, str, str]:
    """The table, the chain and the rule that the arguments mean."""
    options = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    chain = options.get("chain")
    built = __salt__["nftables.build_rule"](family=family, **options)
    if not built["result"]:
        raise _Incomplete(built["comment"])
    if not chain or (rule_needed and not built["rule"]):
        raise _Incomplete("A chain, and what the rule is, need to be specified")
    return str(options.get("table") or "filter"), str(chain), built["rule"]


def _is_there(table: str, chain: str, rule: str, family: str) -> bool:
    return bool(__salt__["nftables.check"](table, chain, rule, family=family)["result"])


def _handles(table: str, chain: str, family: str) -> list[int]:
    """The handles of the rules of a chain, or of all chains of a table."""
    rules = [each["rule"] for each in __salt__["nftables.get_rules_json"](family=family) if "rule" in each]
    return [rule["handle"] for rule in rules if rule["table"] == table and chain in ("", rule["chain"])]


def _save(kwargs: dict[str, Any]) -> None:
    __salt__["nftables.save"](_file(kwargs))


def _file(kwargs: dict[str, Any]) -> str | None:
    return kwargs["save"] if isinstance(kwargs["save"], str) else None


def _set(name: str, what: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    word = "Set"
    if kwargs.get("save"):
        _save(kwargs)
        word = "Set and Saved"
    return returned(name, True, f"{word} {what}", {"locale": name})


def _kept(name: str, kwargs: dict[str, Any], comment: str) -> dict[str, Any]:
    """A rule that is there: with `save` it is to be in the file as well."""
    if not kwargs.get("save"):
        return returned(name, True, comment)
    try:
        saved = __salt__["nftables.get_saved_rules"](_file(kwargs))
    except TrisaltError:
        saved = []
    texts = [text for family in _FAMILIES for text in __salt__["nftables.get_rules"](family)]
    if _bare(saved) == _bare(texts):
        return returned(name, True, comment)
    changes = {"locale": name}
    if __opts__["test"]:
        return returned(name, None, comment, changes)
    _save(kwargs)
    return returned(name, True, f"{comment}\nSaved nftables rules", changes)


def _bare(texts: list[str]) -> list[str]:
    """The lines of rules in an order of ours, without what is counted."""
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return sorted(re.sub(r" (packets \d+ bytes \d+|expires \S+)", "", line) for line in lines if line)
