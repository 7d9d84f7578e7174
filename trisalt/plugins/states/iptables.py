"""Rules, chains and policies of the packet filter, by iptables.

ssh:
  iptables.append:
    - chain: INPUT
    - proto: tcp
    - dport: 22
    - jump: ACCEPT
    - save: True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "iptables.version" in __salt__:
        return True
    return False, "iptables module could not be loaded"


def chain_present(name: str, table: str = "filter", family: str = "ipv4") -> dict[str, Any]:
    """
    A chain is there.
    """

    def state() -> dict[str, Any]:
        if __salt__["iptables.check_chain"](table, name, family) is True:
            return returned(name, True, f"iptables {name} chain is already exist in {table} table for {family}")
        changes = {"locale": name}
        if __opts__["test"]:
            comment = f"iptables {name} chain in {table} table needs to be set for {family}"
            return returned(name, None, comment, changes)
        made = __salt__["iptables.new_chain"](table, name, family)
        if made is True:
            return returned(name, True, f"iptables {name} chain in {table} table create success for {family}", changes)
        return returned(name, False, f"Failed to create {name} chain in {table} table: {made} for {family}")

    return _guarded(name, state)


def chain_absent(name: str, table: str = "filter", family: str = "ipv4") -> dict[str, Any]:
    """
    A chain is not there, and none of its rules.
    """

    def state() -> dict[str, Any]:
        if __salt__["iptables.check_chain"](table, name, family) is not True:
            return returned(name, True, f"iptables {name} chain is already absent in {table} table for {family}")
        changes = {"locale": name}
        if __opts__["test"]:
            return returned(name, None, f"iptables {name} chain in {table} table needs to be removed {family}", changes)
        wrong = __salt__["iptables.flush"](table, name, family)
        if wrong:
            return returned(name, False, f"Failed to flush {name} chain in {table} table: {wrong} for {family}")
        gone = __salt__["iptables.delete_chain"](table, name, family)
        if gone is True:
            return returned(name, True, f"iptables {name} chain in {table} table delete success for {family}", changes)
        return returned(name, False, f"Failed to delete {name} chain in {table} table: {gone} for {family}")

    return _guarded(name, state)


def append(name: str, table: str = "filter", family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    A chain has a rule, added at its end if it is missing: `chain`, and the options of `iptables.build_rule`. `save`
    keeps all rules in the file that is read at the start, or in the one that it names.
    """

    def state() -> dict[str, Any]:
        rule, command = _rule(table, family, "A", kwargs)
        if not kwargs.get("chain") or not rule:
            return returned(name, False, "A chain, and what the rule is, need to be specified")
        if _is_there(table, family, kwargs["chain"], rule):
            comment = f"iptables rule for {name} already set ({command}) for {family}"
            return _kept(name, family, kwargs, comment, command)
        if __opts__["test"]:
            comment = f"iptables rule for {name} needs to be set ({command}) for {family}"
            return returned(name, None, comment, {"locale": name})
        if __salt__["iptables.append"](table, kwargs["chain"], rule, family) is True:
            return _set(name, family, kwargs, command)
        comment = f"Failed to set iptables rule for {name}.\nAttempted rule was {command} for {family}"
        return returned(name, False, comment)

    return _guarded(name, state)


def insert(name: str, table: str = "filter", family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    A chain has a rule, added at `position` if it is missing; otherwise as `append`.
    """

    def state() -> dict[str, Any]:
        rule, command = _rule(table, family, "I", kwargs)
        if not kwargs.get("chain") or not rule:
            return returned(name, False, "A chain, and what the rule is, need to be specified")
        if not kwargs.get("position"):
            return returned(name, False, "Error: Position needs to be specified or use append (-A)")
        if _is_there(table, family, kwargs["chain"], rule):
            comment = f"iptables rule for {name} already set for {family} ({command})"
            return _kept(name, family, kwargs, comment, command)
        if __opts__["test"]:
            comment = f"iptables rule for {name} needs to be set for {family} ({command})"
            return returned(name, None, comment, {"locale": name})
        if not __salt__["iptables.insert"](table, kwargs["chain"], kwargs["position"], rule, family):
            return _set(name, family, kwargs, command)
        return returned(name, False, f"Failed to set iptables rule for {name}.\nAttempted rule was {command}")

    return _guarded(name, state)


def delete(name: str, table: str = "filter", family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    A chain does not have a rule; or the one at `position` is removed, each time.
    """

    def state() -> dict[str, Any]:
        rule, command = _rule(table, family, "D", kwargs)
        chain, position = kwargs.get("chain"), kwargs.get("position")
        if not chain or not (rule or position):
            return returned(name, False, "A chain, and which rule it is, need to be specified")
        if not position and not _is_there(table, family, chain, rule):
            return returned(name, True, f"iptables rule for {name} already absent for {family} ({command})")
        changes = {"locale": name}
        if __opts__["test"]:
            comment = f"iptables rule for {name} needs to be deleted for {family} ({command})"
            return returned(name, None, comment, changes)
        given = {"position": position} if position else {"rule": rule}
        if __salt__["iptables.delete"](table, chain, family=family, **given):
            return returned(name, False, f"Failed to delete iptables rule for {name}.\nAttempted rule was {command}")
        if not kwargs.get("save"):
            return returned(name, True, f"Delete iptables rule for {name} {command}", changes)
        saved = _save(family, kwargs)
        comment = f"Deleted and saved iptables rule {name} for {family}\n{command}\n{saved}"
        return returned(name, True, comment, changes)

    return _guarded(name, state)


def set_policy(name: str, table: str = "filter", family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    A chain has a policy: `chain`, `policy`, and `save` as for `append`.
    """

    def state() -> dict[str, Any]:
        chain, policy = kwargs.get("chain"), kwargs.get("policy")
        if not chain or not policy:
            return returned(name, False, "A chain and its policy need to be specified")
        where = f"iptables default policy for chain {chain} on table {table} for {family}"
        if __salt__["iptables.get_policy"](table, chain, family) == policy:
            return returned(name, True, f"{where} already set to {policy}")
        changes = {"locale": name}
        if __opts__["test"]:
            return returned(name, None, f"{where} needs to be set to {policy}", changes)
        if __salt__["iptables.set_policy"](table, chain, policy, family):
            return returned(name, False, "Failed to set iptables default policy")
        word = "Set"
        if kwargs.get("save"):
            _save(family, kwargs)
            word = "Set and saved"
        return returned(name, True, f"{word} default policy for {chain} to {policy} family {family}", changes)

    return _guarded(name, state)


def flush(name: str, table: str = "filter", family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    A chain, or every chain of a table, has no rules.
    """

    def state() -> dict[str, Any]:
        chain = kwargs.get("chain") or ""
        chains = __salt__["iptables.get_rules"](family).get(table, {})
        if chain and __salt__["iptables.check_chain"](table, chain, family) is not True:
            return returned(name, False, "Failed to flush iptables rules")
        if not any(found["rules"] for each, found in chains.items() if chain in ("", each)):
            return returned(name, True, f"iptables {table} table {chain} chain {family} family has no rules")
        changes = {"locale": name}
        if __opts__["test"]:
            comment = f"iptables rules in {name} table {table} chain {family} family needs to be flushed"
            return returned(name, None, comment, changes)
        if __salt__["iptables.flush"](table, chain, family):
            return returned(name, False, "Failed to flush iptables rules")
        return returned(name, True, f"Flush iptables rules in {table} table {chain} chain {family} family", changes)

    return _guarded(name, state)


# -- inside ------------------------------------------------------------------------------------------------------------


def _guarded(name: str, state: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return state()
    except TrisaltError as exc:
        return returned(name, False, str(exc))


def _rule(table: str, family: str, command: str, kwargs: dict[str, Any]) -> tuple[str, str]:
    """The rule, and the whole command as it is told."""
    options = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    rule = __salt__["iptables.build_rule"](family=family, **options)
    return rule, __salt__["iptables.build_rule"](full=True, table=table, family=family, command=command, **options)


def _is_there(table: str, family: str, chain: str, rule: str) -> bool:
    found = __salt__["iptables.check"](table, chain, rule, family)
    __context__.pop("retcode", None)
    return found is True


def _save(family: str, kwargs: dict[str, Any]) -> str:
    path = kwargs["save"] if isinstance(kwargs["save"], str) else None
    return str(__salt__["iptables.save"](path, family=family))


def _set(name: str, family: str, kwargs: dict[str, Any], command: str) -> dict[str, Any]:
    changes = {"locale": name}
    if not kwargs.get("save"):
        return returned(name, True, f"Set iptables rule for {name} to: {command} for {family}", changes)
    saved = _save(family, kwargs)
    return returned(name, True, f"Set and saved iptables rule {name} for {family}\n{command}\n{saved}", changes)


def _kept(name: str, family: str, kwargs: dict[str, Any], comment: str, command: str) -> dict[str, Any]:
    """A rule that is there: with `save` it is to be in the file as well."""
    if not kwargs.get("save"):
        return returned(name, True, comment)
    path = kwargs["save"] if isinstance(kwargs["save"], str) else None
    try:
        saved = _bare(__salt__["iptables.get_saved_rules"](path, family))
    except TrisaltError:
        saved = None
    if saved == _bare(__salt__["iptables.get_rules"](family)):
        return returned(name, True, comment)
    if __opts__["test"]:
        return returned(name, None, comment, {"locale": name})
    comment += f"\nSaved iptables rule {name} for {family}\n{command}\n{_save(family, kwargs)}"
    return returned(name, True, comment, {"locale": name})


def _bare(rules: dict[str, Any]) -> dict[str, Any]:
    """Rules and policies without counters."""
    return {
        table: {chain: (found["policy"], found["rules"]) for chain, found in chains.items()}
        for table, chains in rules.items()
    }
