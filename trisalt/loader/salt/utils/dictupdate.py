"""Merging mappings."""

import copy
from collections.abc import Mapping


def update(dest, upd, recursive_update=True, merge_lists=False):
    """Put `upd` into `dest`, level by level; lists are joined with `merge_lists`. `dest` itself is changed."""
    if not isinstance(dest, Mapping) or not isinstance(upd, Mapping):
        raise TypeError("Cannot update using non-dict types in dictupdate.update()")
    for key, value in upd.items():
        old = dest.get(key)
        if recursive_update and isinstance(old, Mapping) and isinstance(value, Mapping):
            update(old, value, merge_lists=merge_lists)
        elif merge_lists and isinstance(old, list) and isinstance(value, list):
            dest[key] = old + [item for item in value if item not in old]
        else:
            dest[key] = value
    return dest


def merge_recurse(obj_a, obj_b, merge_lists=False):
    """A merged copy."""
    return update(copy.deepcopy(obj_a), copy.deepcopy(obj_b), merge_lists=merge_lists)


def merge_overwrite(obj_a, obj_b, merge_lists=False):
    """A copy in which the keys of the second stand as they are."""
    return {**copy.deepcopy(obj_a), **copy.deepcopy(obj_b)}


def merge_list(obj_a, obj_b):
    """A copy in which a key of both has a list of both values."""
    merged = dict(obj_a)
    for key, value in obj_b.items():
        merged[key] = [merged[key], value] if key in merged else value
    return merged


def merge(obj_a, obj_b, strategy="smart", renderer="yaml", merge_lists=False):
    """A merged copy by a strategy's name."""
    match strategy:
        case "list":
            return merge_list(obj_a, obj_b)
        case "overwrite":
            return merge_overwrite(obj_a, obj_b)
        case "none":
            return obj_a
    return merge_recurse(obj_a, obj_b, merge_lists)
