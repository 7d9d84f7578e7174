"""Sets of addresses, nets and ports for the packet filter, and what is in them.

blocked:
  ipset.set_present:
    - set_type: hash:net
    - comment: True

test nets:
  ipset.present:
    - set_name: blocked
    - entry: [192.0.2.0/24, 198.51.100.0/24]
    - comment: not for use
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned

_NO_ENTRY = "ipset entry must be specified"


def __virtual__() -> Any:
    if "ipset.version" in __salt__:
        return True
    return False, "ipset module could not be loaded"


def set_present(name: str, set_type: str, family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    There is a set of this type. Its options (`comment`, `timeout`, `range`, …) are those of one that is made.
    """

    def state() -> dict[str, Any]:
        there = [each["Type"] for each in __salt__["ipset.list_sets"]() if each["Name"] == name]
        if there and there[0] != set_type:
            return returned(name, False, f"ipset set {name} is of another type: {there[0]}")
        if there:
            return returned(name, True, f"ipset set {name} already exists for {family}")
        changes = {"locale": name}
        if __opts__["test"]:
            return returned(name, None, f"ipset set {name} would be added for {family}", changes)
        said = __salt__["ipset.new_set"](name, set_type, family, **_options(kwargs))
        if said is True:
            return returned(name, True, f"ipset set {name} created successfully for {family}", changes)
        return returned(name, False, f"Failed to create set {name} for {family}: {said}")

    return _guarded(name, state)


def set_absent(name: str, family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    There is no set of this name.
    """

    def state() -> dict[str, Any]:
        if not __salt__["ipset.check_set"](name, family):
            return returned(name, True, f"ipset set {name} for {family} is already absent")
        changes = {"locale": name}
        if __opts__["test"]:
            return returned(name, None, f"ipset set {name} for {family} would be removed", changes)
        said = __salt__["ipset.delete_set"](name, family)
        if said is True:
            return returned(name, True, f"ipset set {name} deleted successfully for family {family}", changes)
        return returned(name, False, f"Failed to delete set {name} for {family}: {said}")

    return _guarded(name, state)


def present(name: str, entry: Any = None, family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    A set (`set_name`) has an entry, or each of several, with this `comment` where one is given.
    """

    def each(where: str, there: bool, one: str) -> tuple[bool | None, str]:
        options = _options(kwargs)
        told = f"{one} comment {options['comment']}" if options.get("comment") else one
        if there and __salt__["ipset.check"](where, told, family) is True:
            return True, f"entry for {told} already in set {where} for {family}\n"
        if __opts__["test"]:
            return None, f"entry {one} would be added to set {where} for family {family}\n"
        said = __salt__["ipset.add"](where, one, family, **options)
        if said.startswith("Error"):
            return False, f"Failed to add to entry {told} to set {where} for family {family}.\n{said}"
        return None, f"entry {told} added to set {where} for family {family}\n"

    return _each(name, kwargs.get("set_name"), entry, each)


def absent(name: str, entry: Any = None, entries: Any = None, family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    A set (`set_name`) does not have an entry, or none of several.
    """

    def each(where: str, there: bool, one: str) -> tuple[bool | None, str]:
        if not (there and __salt__["ipset.check"](where, one, family, part=True) is True):
            return True, f"ipset entry for {one} not present in set {where} for {family}\n"
        if __opts__["test"]:
            return None, f"ipset entry {one} would be removed from set {where} for {family}\n"
        said = __salt__["ipset.delete"](where, one, family)
        if said.startswith("Error"):
            text = f"Failed to delete ipset entry from set {where} for {family}. Attempted entry was {one}.\n{said}\n"
            return False, text
        return None, f"ipset entry {one} removed from set {where} for {family}\n"

    return _each(name, kwargs.get("set_name"), entry or entries, each)


def flush(name: str, family: str = "ipv4", **kwargs: Any) -> dict[str, Any]:
    """
    A set has no entries.
    """

    def state() -> dict[str, Any]:
        there = [each for each in __salt__["ipset.list_sets"]() if each["Name"] == name]
        if not there:
            return returned(name, False, f"ipset set {name} does not exist for {family}")
        if there[0].get("Number of entries") == "0":
            return returned(name, True, f"ipset set {name} for {family} has no entries")
        changes = {"locale": name}
        if __opts__["test"]:
            return returned(name, None, f"ipset entries in set {name} for {family} would be flushed", changes)
        if __salt__["ipset.flush"](name, family):
            return returned(name, True, f"Flushed ipset entries from set {name} for {family}", changes)
        return returned(name, False, f"Failed to flush ipset entries from set {name} for {family}")

    return _guarded(name, state)


# -- inside ------------------------------------------------------------------------------------------------------------


def _each(
    name: str, where: Any, entries: Any, each: Callable[[str, bool, str], tuple[bool | None, str]]
) -> dict[str, Any]:
    """Each of the entries in its turn; those that fail do not keep the others back."""

    def state() -> dict[str, Any]:
        if not where:
            return returned(name, False, "ipset set_name must be specified")
        if not entries:
            return returned(name, False, _NO_ENTRY)
        there = __salt__["ipset.check_set"](where)
        found = [each(str(where), there, str(one)) for one in (entries if isinstance(entries, list) else [entries])]
        changed = any(done is None for done, _ in found)
        failed = any(done is False for done, _ in found)
        result = False if failed else None if changed and __opts__["test"] else True
        text = "".join(line if line.endswith("\n") else f"{line}\n" for _, line in found[:-1]) + found[-1][1]
        return returned(name, result, text, {"locale": name} if changed else {})

    return _guarded(name, state)


def _options(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in kwargs.items() if key != "set_name" and not key.startswith("__")}


def _guarded(name: str, state: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return state()
    except TrisaltError as exc:
        return returned(name, False, str(exc))
