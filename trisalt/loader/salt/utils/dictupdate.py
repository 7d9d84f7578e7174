"""Merging mappings."""

import copy
from collections import OrderedDict
from collections.abc import Mapping

from trisalt.errors import InvocationError

DEFAULT_TARGET_DELIM = ":"


def update(dest, upd, recursive_update=True, merge_lists=False, strict=False):
    """Put `upd` into `dest`, level by level; lists are joined with `merge_lists`. `dest` itself is changed."""
    if not isinstance(dest, Mapping) or not isinstance(upd, Mapping):
        raise TypeError("Cannot update using non-dict types in dictupdate.update()")
    for key, value in upd.items():
        old = dest.get(key)
        if recursive_update and isinstance(old, Mapping) and isinstance(value, Mapping):
            dest[key] = update(old, value, merge_lists=merge_lists, strict=strict)
        elif merge_lists and isinstance(old, list) and isinstance(value, list):
            dest[key] = old + [item for item in value if item not in old]
        elif strict and key in dest and old != value:
            raise ValueError(f"Dict key conflict: {key}")
        else:
            dest[key] = value
    return dest


def merge_recurse(obj_a, obj_b, merge_lists=False):
    """A merged copy."""
    return update(copy.deepcopy(obj_a), obj_b, merge_lists=merge_lists)


def merge_overwrite(obj_a, obj_b, merge_lists=False):
    """A copy in which the keys of the second stand as they are."""
    return {**obj_a, **obj_b}


def merge_list(obj_a, obj_b):
    """A copy in which a key of both has a list of both values."""
    merged = dict(obj_a)
    for key, value in obj_b.items():
        merged[key] = [merged[key], value] if key in merged else value
    return merged


def merge(obj_a, obj_b, strategy="smart", renderer="yaml", merge_lists=False):
    """A merged copy by a strategy's name."""
    if strategy == "smart":
        strategy = "aggregate" if renderer.split("|")[-1] in ("yamlex",) else "recurse"
    match strategy:
        case "list":
            return merge_list(obj_a, obj_b)
        case "overwrite":
            return merge_overwrite(obj_a, obj_b, merge_lists)
        case "none":
            return merge_recurse(obj_a, obj_b)
    return merge_recurse(obj_a, obj_b, merge_lists)


# -- at a path -----------------------------------------------------------------------------------------------------


def _inner(in_dict, keys, delimiter, ordered_dict):
    """The mapping in which the last key of a path stands, made where it is not there, and that key."""
    *way, last = keys.split(delimiter)
    inner = in_dict
    for key in way:
        found = inner.get(key)
        if not isinstance(found, Mapping):
            found = inner[key] = OrderedDict() if ordered_dict else {}
        inner = found
    return inner, last


def ensure_dict_key(in_dict, keys, delimiter=DEFAULT_TARGET_DELIM, ordered_dict=False):
    """Make the mappings on the way to a path, and one at its end."""
    inner, last = _inner(in_dict, keys, delimiter, ordered_dict)
    if not isinstance(inner.get(last), Mapping):
        inner[last] = OrderedDict() if ordered_dict else {}
    return in_dict


def set_dict_key_value(in_dict, keys, value, delimiter=DEFAULT_TARGET_DELIM, ordered_dict=False):
    """Put a value at a path. The mapping itself is changed."""
    inner, last = _inner(in_dict, keys, delimiter, ordered_dict)
    inner[last] = value
    return in_dict


def update_dict_key_value(in_dict, keys, value, delimiter=DEFAULT_TARGET_DELIM, ordered_dict=False):
    """Put a mapping's keys into the mapping at a path."""
    inner, last = _inner(in_dict, keys, delimiter, ordered_dict)
    if inner.get(last) is None:
        inner[last] = OrderedDict() if ordered_dict else {}
    try:
        inner[last].update(value)
    except AttributeError:
        raise InvocationError(f"The last key contains a {type(inner[last])}, which cannot update.") from None
    except (ValueError, TypeError):
        raise InvocationError(f"Cannot update {type(inner[last])} with a {type(value)}.") from None
    return in_dict


def append_dict_key_value(in_dict, keys, value, delimiter=DEFAULT_TARGET_DELIM, ordered_dict=False):
    """Append a value to the list at a path."""
    return _lengthen(in_dict, keys, delimiter, ordered_dict, "append", value)


def extend_dict_key_value(in_dict, keys, value, delimiter=DEFAULT_TARGET_DELIM, ordered_dict=False):
    """Append several values to the list at a path."""
    return _lengthen(in_dict, keys, delimiter, ordered_dict, "extend", value)


def _lengthen(in_dict, keys, delimiter, ordered_dict, how, value):
    inner, last = _inner(in_dict, keys, delimiter, ordered_dict)
    if inner.get(last) is None:
        inner[last] = []
    try:
        getattr(inner[last], how)(value)
    except AttributeError:
        raise InvocationError(f"The last key contains a {type(inner[last])}, which cannot {how}.") from None
    except TypeError:
        raise InvocationError(f"Cannot {how} {type(inner[last])} with a {type(value)}.") from None
    return in_dict
