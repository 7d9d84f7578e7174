"""Whether targets name this minion; and choosing by targets, for templates.

A target that cannot be read names nobody: why stands in the log.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError, InvocationError, TargetError
from trisalt.target import match as targets

log = logging.getLogger(__name__)

__func_alias__ = {"list_": "list"}

_KINDS = ("compound", "glob", "pcre")


def compound(tgt: Any, minion_id: str | None = None) -> bool:
    """
    Whether a compound target names this minion.

    CLI Example:

        salt '*' match.compound 'G@os:Debian and not web*'
    """
    return _matches(tgt, "compound", minion_id)


def ipcidr(tgt: str) -> bool:
    """
    Whether this minion has an address, or one of a network.

    CLI Example:

        salt '*' match.ipcidr 10.0.0.0/24
    """
    return _matches(tgt, "ipcidr")


def glob(tgt: str, minion_id: str | None = None) -> bool:
    """
    Whether a glob fits this minion's id.

    CLI Example:

        salt '*' match.glob 'web*'
    """
    return _matches(tgt, "glob", minion_id)


def pcre(tgt: str, minion_id: str | None = None) -> bool:
    """
    Whether a regular expression fits this minion's id from its beginning.

    CLI Example:

        salt '*' match.pcre 'web[0-9]+'
    """
    return _matches(tgt, "pcre", minion_id)


def list_(tgt: Any, minion_id: str | None = None) -> bool:
    """
    Whether this minion's id is one of a list.

    CLI Example:

        salt '*' match.list 'web1,web2'
    """
    return _matches(tgt, "list", minion_id)


def grain(tgt: str, delimiter: str = ":") -> bool:
    """
    Whether a grain of this minion fits a glob.

    CLI Example:

        salt '*' match.grain 'os:Deb*'
    """
    return _matches(tgt, "grain", delimiter=delimiter)


def grain_pcre(tgt: str, delimiter: str = ":") -> bool:
    """
    Whether a grain of this minion fits a regular expression.

    CLI Example:

        salt '*' match.grain_pcre 'os:(Debian|Ubuntu)'
    """
    return _matches(tgt, "grain_pcre", delimiter=delimiter)


def pillar(tgt: str, delimiter: str = ":") -> bool:
    """
    Whether this minion's pillar fits a glob.

    CLI Example:

        salt '*' match.pillar 'role:web'
    """
    return _matches(tgt, "pillar", delimiter=delimiter)


def pillar_pcre(tgt: str, delimiter: str = ":") -> bool:
    """
    Whether this minion's pillar fits a regular expression.

    CLI Example:

        salt '*' match.pillar_pcre 'role:web|db'
    """
    return _matches(tgt, "pillar_pcre", delimiter=delimiter)


def data(tgt: str) -> bool:
    """
    Whether what the module `data` keeps fits a glob.

    CLI Example:

        salt '*' match.data 'colour:bl*'
    """
    return _read(lambda: targets.matches(tgt, "grain", id=__opts__["id"], grains=__salt__["data.load"](), pillar={}))


def filter_by(
    lookup: Mapping[str, Any],
    tgt_type: str = "compound",
    minion_id: str | None = None,
    merge: Mapping[str, Any] | None = None,
    merge_lists: bool = False,
    default: str = "default",
) -> Any:
    """
    What stands in a map under the first target that names this minion, else under `default`. A map found by a target
    is merged with `merge`; with `merge_lists` lists in both are joined.

    CLI Example:

        salt '*' match.filter_by '{web*: {port: 80}, default: {port: 22}}'
    """
    _check(lookup, "the look-up")
    return _chosen(lookup.items(), lookup.get(default), tgt_type, minion_id, merge, merge_lists)


def search_by(lookup: Mapping[str, Any], tgt_type: str = "compound", minion_id: str | None = None) -> list[str] | None:
    """
    The keys of a map in whose lists a target names this minion; None when there is none.

    CLI Example:

        salt '*' match.search_by '{web: [web*], db: [G@role:db]}'
    """
    _check(lookup, "the look-up")
    _kind(tgt_type)
    found = [
        key
        for key, listed in lookup.items()
        if isinstance(listed, list | tuple) and any(_matches(tgt, tgt_type, minion_id) for tgt in listed)
    ]
    return found or None


def ifelse(
    *args: Any,
    tgt_type: str = "compound",
    minion_id: str | None = None,
    merge: Mapping[str, Any] | None = None,
    merge_lists: bool = False,
) -> Any:
    """
    Of pairs of a target and a value, the value of the first target that names this minion; the last argument is for
    when none does.

    CLI Example:

        salt '*' match.ifelse 'web*' 80 'db*' 5432 22
    """
    if len(args) % 2 == 0:
        raise CommandError("The ifelse function must have an odd number of arguments!")
    pairs = list(zip(args[:-1:2], args[1::2], strict=True))
    return _chosen(pairs, args[-1], tgt_type, minion_id, merge, merge_lists)


def _chosen(pairs: Any, default: Any, tgt_type: str, minion_id: Any, merge: Any, merge_lists: bool) -> Any:
    _kind(tgt_type)
    if merge is not None:
        _check(merge, "filter_by merge argument", what="must be a dictionary.")
    for tgt, value in pairs:
        if not _matches(tgt, tgt_type, minion_id):
            continue
        if not merge:
            return value
        if not isinstance(value, Mapping):
            raise CommandError("Only a dictionary can be merged with another")
        return _merged(copy.deepcopy(dict(value)), merge, merge_lists)
    return default


def _merged(below: dict[str, Any], above: Mapping[str, Any], merge_lists: bool) -> dict[str, Any]:
    for key, value in above.items():
        there = below.get(key)
        if isinstance(there, dict) and isinstance(value, Mapping):
            below[key] = _merged(there, value, merge_lists)
        elif merge_lists and isinstance(there, list) and isinstance(value, list):
            below[key] = there + [item for item in value if item not in there]
        else:
            below[key] = value
    return below


def _check(value: Any, name: str, *, what: str = "is a dictionary") -> None:
    if not isinstance(value, Mapping):
        raise CommandError(f"{name} {what}")


def _kind(tgt_type: str) -> None:
    if tgt_type not in _KINDS:
        raise InvocationError(f"Minions are chosen by {', '.join(_KINDS)}, not by {tgt_type!r}")


def _matches(tgt: Any, tgt_type: str, minion_id: str | None = None, *, delimiter: str = ":") -> bool:
    return _read(
        lambda: targets.matches(
            tgt,
            tgt_type,
            id=minion_id or __opts__["id"],
            grains=__grains__,
            pillar=__pillar__,
            delimiter=delimiter,
            nodegroups=__opts__.get("nodegroups"),
        )
    )


def _read(test: Any) -> bool:
    try:
        return bool(test())
    except TargetError as exc:
        log.error("%s", exc)
        return False
