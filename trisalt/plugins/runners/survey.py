"""Who answers the same: minions asked one question, in pools by their answer."""

import difflib
import json

from trisalt.errors import CommandError
from trisalt.worker import upcall

__func_alias__ = {"hash_": "hash"}


def hash_(*args, **kwargs):
    """
    Ask minions, and return the pools of those that answer the same: ``[{"pool": [id], "result": text}]``.

    tgt, fun, …
        The target, the function, and its arguments.

    survey_sort : down
        The largest pool first; ``up`` is the smallest first.

    CLI Example:

    .. code-block:: bash

        salt-run survey.hash '*' file.get_hash /etc/salt/minion survey_sort=up
    """
    return _pools(args, kwargs)


def diff(*args, **kwargs):
    """
    The same, with the difference of each pool's answer to that of the largest pool printed as it is found.

    CLI Example:

    .. code-block:: bash

        salt-run survey.diff survey_sort=up '*' cp.get_file_str file:///etc/hosts
    """
    pools = _pools(args, kwargs)
    if not pools:
        return pools
    first = max(pools, key=lambda pool: len(pool["pool"]))
    for pool in pools:
        title = f"minion pool :\n------------\n{pool['pool']}\npool size :\n----------\n    {len(pool['pool'])}\n"
        if pool is first:
            text = "pool result :\n------------\n" + _indented(pool["result"].splitlines())
        else:
            lines = difflib.unified_diff(first["result"].splitlines(), pool["result"].splitlines(), n=1, lineterm="")
            text = "pool differences :\n-----------------\n" + _indented(lines)
        print(title + text)
    return pools


def _pools(args, kwargs):
    order = kwargs.pop("survey_sort", "down")
    if order not in ("up", "down"):
        raise CommandError(f"survey_sort is up or down, not {order!r}")
    tgt_type = kwargs.pop("tgt_type", "glob")
    options = {key: kwargs.pop(key) for key in ("timeout",) if key in kwargs}
    words = list(args)
    tgt = kwargs.pop("tgt", None) or (words.pop(0) if words else None)
    fun = kwargs.pop("fun", None) or (words.pop(0) if words else None)
    if not tgt or not fun:
        raise CommandError("A survey has a target and a function")
    kwarg = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    returns = upcall.publish(tgt, fun, words, tgt_type=tgt_type, kwarg=kwarg, **options).get("returns", {})
    pools = {}
    for id, answer in sorted(returns.items()):
        pools.setdefault(_text(answer.get("return")), []).append(id)
    found = [{"pool": ids, "result": text} for text, ids in pools.items()]
    return sorted(found, key=lambda pool: len(pool["pool"]), reverse=order == "down")


def _text(value):
    return value if isinstance(value, str) else str(value) if not isinstance(value, dict) else _ordered(value)


def _ordered(value):
    """Equal maps are one text, in whatever order they came."""
    try:
        return json.dumps(value, sort_keys=True, default=repr)
    except TypeError:
        return str(value)


def _indented(lines):
    return "".join(f"    {line}\n" for line in lines)
