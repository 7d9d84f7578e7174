"""Nested data."""

from collections.abc import Mapping

from salt.utils.stringutils import to_unicode


def traverse_dict(data, key, default=None, delimiter=":"):
    """The value at `a:b:c` of nested mappings."""
    for part in str(key).split(delimiter):
        if not isinstance(data, Mapping) or part not in data:
            return default
        data = data[part]
    return data


def traverse_dict_and_list(data, key, default=None, delimiter=":"):
    """The same through lists too: by index, or by the first mapping in the list that has the key."""
    for part in key.split(delimiter) if isinstance(key, str) else [key]:
        if isinstance(data, list):
            found = next((item[part] for item in data if isinstance(item, Mapping) and part in item), default)
            if found is default:
                try:
                    found = data[int(part)]
                except (ValueError, IndexError):
                    return default
            data = found
        elif isinstance(data, Mapping) and part in data:
            data = data[part]
        else:
            return default
    return data


def is_true(value=None):
    """Whether a value means yes: a number that is not 0, or the word `true`."""
    try:
        value = int(value)
    except (ValueError, TypeError):
        pass
    if isinstance(value, int | float):
        return value > 0
    return str(value).lower() == "true" if isinstance(value, str) else bool(value)


def is_dictlist(data):
    """Whether it is a list of mappings with one key each."""
    return isinstance(data, list) and bool(data) and all(isinstance(item, Mapping) and len(item) == 1 for item in data)


def repack_dictlist(data, strict=False, recurse=False, key_cb=None, val_cb=None):
    """A list of one-key mappings and texts as one mapping; `{}` for anything else."""
    packed = {}
    for item in data if isinstance(data, list) else [data]:
        if isinstance(item, str | int | float):
            item = {item: None}
        if not isinstance(item, Mapping) or (strict and len(item) != 1):
            return {}
        for key, value in item.items():
            if recurse and is_dictlist(value):
                value = repack_dictlist(value, strict, recurse)
            packed[key_cb(key) if key_cb else key] = val_cb(key, value) if val_cb else value
    return packed


def compare_dicts(old=None, new=None):
    """`{key: {"old", "new"}}` of what differs; "" where a key is not there."""
    old, new = old or {}, new or {}
    return {
        key: {"old": old.get(key, ""), "new": new.get(key, "")}
        for key in {*old, *new}
        if key not in old or key not in new or old[key] != new[key]
    }


def compare_lists(old=None, new=None):
    """`{"new", "old"}`: the items that one of two lists has alone."""
    old, new = old or [], new or []
    changes = {"new": [item for item in new if item not in old], "old": [item for item in old if item not in new]}
    return {key: items for key, items in changes.items() if items}


def decode(data, *args, **kwargs):
    """Bytes in nested data as text."""
    if isinstance(data, Mapping):
        return {decode(key): decode(value) for key, value in data.items()}
    if isinstance(data, list):
        return [decode(item) for item in data]
    return to_unicode(data) if isinstance(data, bytes) else data


def stringify(data):
    """A list's items as texts."""
    return [item if isinstance(item, str) else str(to_unicode(item)) for item in data]


def is_iter(thing, ignore=(str,)):
    """Whether it can be iterated over, and is no text."""
    return hasattr(thing, "__iter__") and not isinstance(thing, tuple(ignore))


def sorted_ignorecase(to_sort):
    """Sorted without regard to case."""
    return sorted(to_sort, key=str.lower)
