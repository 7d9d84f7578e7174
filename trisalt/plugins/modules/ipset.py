"""Sets of addresses, nets and ports for the packet filter, by ipset."""

from __future__ import annotations

import shutil
from typing import Any

from trisalt.errors import CommandError
from trisalt.plugins.utils import ipsets

__func_alias__ = {"has": "test"}

_NO_SET = "Error: Set needs to be specified"
_NO_ENTRY = "Error: Entry needs to be specified"


def __virtual__() -> Any:
    if shutil.which("ipset"):
        return True
    return False, "The ipset execution modules cannot be loaded: ipset binary not in path."


def version() -> str:
    """
    The version of the program.

    CLI Example:

        salt '*' ipset.version
    """
    return __utils__["tool.checked"](["ipset", "--version"], "Unable to read the version").split()[1].rstrip(",")


def new_set(
    name: str | None = None, set_type: str | None = None, family: str = "ipv4", comment: bool = False, **kwargs: Any
) -> bool | str:
    """
    Make a set, with the options of ipset(8): `range`, `timeout`, `hashsize`, `maxelem`, `netmask`, `counters`, ….

    CLI Example:

        salt '*' ipset.new_set blocked hash:net comment=True timeout=3600
    """
    if not name:
        return _wrong("Error: Set Name needs to be specified")
    if not set_type:
        return _wrong("Error: Set Type needs to be specified")
    if set_type not in ipsets.TYPES:
        return _wrong("Error: Set Type is invalid")
    if set_type.startswith("bitmap:") and not kwargs.get("range"):
        return _wrong("Error: range is a required argument")
    words = ["create", _name(name), set_type]
    if set_type.startswith("hash:") and set_type != "hash:mac":
        words += ["family", _family(family)]
    options = {"comment": comment, **kwargs}
    return _done([*words, *ipsets.words(options, ipsets.SET_FLAGS, ipsets.SET_VALUES)])


def delete_set(name: str | None = None, family: str = "ipv4") -> bool | str:
    """
    Remove a set.

    CLI Example:

        salt '*' ipset.delete_set blocked
    """
    return _done(["destroy", _name(name)]) if name else _wrong(_NO_SET)


def rename_set(name: str | None = None, new_set: str | None = None, family: str = "ipv4") -> bool | str:
    """
    Give a set another name.

    CLI Example:

        salt '*' ipset.rename_set blocked refused
    """
    if not name:
        return _wrong(_NO_SET)
    if not new_set:
        return _wrong("Error: New name for set needs to be specified")
    if _header(name) is None:
        return _wrong("Error: Set does not exist")
    if _header(new_set) is not None:
        return _wrong("Error: New Set already exists")
    return _done(["rename", _name(name), _name(new_set)])


def list_sets(family: str = "ipv4") -> list[dict[str, str]]:
    """
    The sets that there are, of every family, without what is in them.

    CLI Example:

        salt '*' ipset.list_sets
    """
    return ipsets.sets(__utils__["tool.checked"](["ipset", "list", "-t"], "Unable to list sets"))


def check_set(name: str | None = None, family: str = "ipv4") -> bool | str:
    """
    Whether there is a set of this name.

    CLI Example:

        salt '*' ipset.check_set blocked
    """
    return _header(name) is not None if name else _wrong(_NO_SET)


def add(name: str | None = None, entry: str | None = None, family: str = "ipv4", **kwargs: Any) -> str:
    """
    Put an entry into a set, with the options of ipset(8): `comment`, `timeout`, `nomatch`, `packets`, ….

    CLI Example:

        salt '*' ipset.add blocked 192.0.2.0/24 comment='the test net'
    """
    if not name:
        return _wrong(_NO_SET)
    if not entry:
        return _wrong(_NO_ENTRY)
    header = _header(name)
    if header is None:
        return _wrong(f"Error: Set {name} does not exist")
    known = (*ipsets.ENTRY_FLAGS, *ipsets.ENTRY_VALUES)
    options = {key: value for key, value in kwargs.items() if key in known and value is not None}
    for key, support in ipsets.SUPPORT.items():
        if key in options and support not in header["Header"].split():
            return _wrong(f"Error: Set {name} not created with {support} support")
    words = _entry(entry)
    told = f"{entry} comment {options['comment']}" if "comment" in options else entry
    # What else is said of an entry, as when it goes, is said anew.
    if options.keys() <= {"comment"} and check(name, told) is True:
        return f"Warn: Entry {entry} already exists in set {name}"
    more = ipsets.words(options, ipsets.ENTRY_FLAGS, ipsets.ENTRY_VALUES)
    said = _done(["-exist", "add", _name(name), *words, *more])
    return "Success" if said is True else f"Error: {said}"


def delete(name: str | None = None, entry: str | None = None, family: str = "ipv4", **kwargs: Any) -> str:
    """
    Take an entry out of a set.

    CLI Example:

        salt '*' ipset.delete blocked 192.0.2.0/24
    """
    if not name:
        return _wrong(_NO_SET)
    if not entry:
        return _wrong(_NO_ENTRY)
    if _header(name) is None:
        return _wrong(f"Error: Set {name} does not exist")
    words = _entry(entry)
    # Of many those go that are there.
    some = ["-exist"] if ipsets.many(words[0]) and check(name, words[0], part=True) is True else []
    said = _done([*some, "del", _name(name), *words])
    return "Success" if said is True else f"Error: {said}"


def check(name: str | None = None, entry: str | None = None, family: str = "ipv4", part: bool = False) -> bool | str:
    """
    Whether an entry, all of it or with `part` any of it, is in a set; with `comment …` behind it, whether that is its
    comment.

    CLI Example:

        salt '*' ipset.check blocked '192.0.2.0/24 comment the test net'
    """
    if not name:
        return _wrong(_NO_SET)
    if not entry:
        return _wrong(_NO_ENTRY)
    header = _header(name)
    if header is None:
        return _wrong(f"Error: Set {name} does not exist")
    head, told, comment = str(entry).partition(" comment ")
    head = _entry(head)[0]
    if not told and not ipsets.many(head):
        return _asked(["test", _name(name), head])["retcode"] == 0
    found = ipsets.members(__utils__["tool.checked"](["ipset", "list", _name(name)], "Unable to list a set"))
    if told:
        rest = found.get(head, found.get(ipsets.spelled(head)))
        return rest is not None and ipsets.comment(rest) == comment
    have = [each for each, rest in found.items() if "nomatch" not in rest.split()]
    # A net within another one is an entry of its own, where nets are what a set has.
    return ipsets.covers(have, head, whole="net" in header["Type"], part=part)


def has(name: str | None = None, entry: str | None = None, family: str = "ipv4", **kwargs: Any) -> bool | str:
    """
    What the kernel says when it is asked for one entry of a set.

    CLI Example:

        salt '*' ipset.test blocked 192.0.2.1
    """
    if not name:
        return _wrong(_NO_SET)
    if not entry:
        return _wrong(_NO_ENTRY)
    if _header(name) is None:
        return _wrong(f"Error: Set {name} does not exist")
    return _asked(["test", _name(name), *_entry(entry)])["retcode"] == 0


def flush(name: str | None = None, family: str = "ipv4") -> bool:
    """
    Take every entry out of a set; without a name, out of all sets.

    CLI Example:

        salt '*' ipset.flush blocked
    """
    return __utils__["tool.succeeds"](["ipset", "flush", *([_name(name)] if name else [])])


# -- inside ------------------------------------------------------------------------------------------------------------


def _header(name: str) -> dict[str, str] | None:
    found = _asked(["list", "-t", _name(name)])
    if found["retcode"] == 0:
        return ipsets.sets(found["stdout"])[0]
    if "does not exist" in found["stderr"]:
        return None
    raise CommandError(found["stderr"] or f"ipset failed with retcode {found['retcode']}")


def _asked(words: list[str]) -> dict[str, Any]:
    return __utils__["tool.run"](["ipset", *words], ignore_retcode=True)


def _done(words: list[str]) -> bool | str:
    found = _asked(words)
    if found["retcode"] == 0:
        return True
    return _wrong(found["stderr"] or f"ipset failed with retcode {found['retcode']}", found["retcode"])


def _wrong(text: str, retcode: int = 1) -> str:
    __context__["retcode"] = retcode
    return text


def _name(name: Any) -> str:
    text = str(name)
    if text.startswith("-") or not text.isprintable() or " " in text:
        raise CommandError(f"This is no name of a set: {name!r}")
    return text


def _entry(entry: Any) -> list[str]:
    words = str(entry).split()
    if not words or any(word.startswith("-") for word in words):
        raise CommandError(f"This is no entry of a set: {entry!r}")
    return words


def _family(family: str) -> str:
    try:
        return {"ipv4": "inet", "ipv6": "inet6", "inet": "inet", "inet6": "inet6"}[family]
    except (KeyError, TypeError):
        raise CommandError(f"This is no family: {family}") from None
