"""Nested data."""

import copy
import fnmatch
import hashlib
import random
import re
from collections.abc import Mapping, MutableMapping

from salt.exceptions import SaltException
from salt.utils.dictupdate import update
from salt.utils.stringutils import to_bytes
from salt.utils.stringutils import to_str as _to_str

DEFAULT_TARGET_DELIM = ":"
ALGORITHMS_ATTR_NAME = "algorithms_guaranteed"

_MISSING = object()


class CaseInsensitiveDict(MutableMapping):
    """A mapping whose keys are found in any letters, and shown as they were set."""

    def __init__(self, init=None, **kwargs):
        self._data = {}
        self.update({} if init is None else init, **kwargs)

    def __len__(self):
        return len(self._data)

    def __setitem__(self, key, value):
        self._data[_folded(key)] = (key, value)

    def __delitem__(self, key):
        del self._data[_folded(key)]

    def __getitem__(self, key):
        return self._data[_folded(key)][1]

    def __iter__(self):
        return (key for key, _value in self._data.values())

    def __eq__(self, other):
        if not isinstance(other, Mapping):
            return NotImplemented
        return dict(self.items_lower()) == dict(CaseInsensitiveDict(other).items_lower())

    __hash__ = None

    def __repr__(self):
        return repr(dict(self.items()))

    def items_lower(self):
        """Pairs with their keys in small letters."""
        return ((key, value) for key, (_shown, value) in self._data.items())

    def copy(self):
        """A copy."""
        return CaseInsensitiveDict(self.items())


def _folded(key):
    return key.lower() if isinstance(key, str) else key


# -- finding -------------------------------------------------------------------------------------------------------


def traverse_dict(data, key, default=None, delimiter=DEFAULT_TARGET_DELIM):
    """The value at `a:b:c` of nested mappings."""
    for part in str(key).split(delimiter):
        if not isinstance(data, Mapping) or part not in data:
            return default
        data = data[part]
    return data


def traverse_dict_and_list(data, key, default=None, delimiter=DEFAULT_TARGET_DELIM):
    """The same through lists too: by index, or by the first mapping in the list that has the key."""
    for part in key.split(delimiter) if isinstance(key, str) else [key]:
        if isinstance(data, list):
            found = next((item[part] for item in data if isinstance(item, Mapping) and part in item), _MISSING)
            if found is _MISSING:
                try:
                    found = data[int(part)]
                except (ValueError, IndexError, TypeError):
                    return default
            data = found
            continue
        if not isinstance(data, Mapping):
            return default
        key_there = next((each for each in (part, _number(part)) if each in data), _MISSING)
        if key_there is _MISSING:
            return default
        data = data[key_there]
    return data


def _number(text):
    try:
        return int(text)
    except (ValueError, TypeError):
        return _MISSING


def subdict_match(data, expr, delimiter=DEFAULT_TARGET_DELIM, regex_match=False, exact_match=False):
    """Whether `a:b:pattern` is true of nested data: a glob, unless one of the other kinds is asked for."""

    def fits(value, pattern):
        value, pattern = str(value).lower(), pattern.lower()
        if regex_match:
            try:
                return re.match(pattern, value) is not None
            except re.error:
                return False
        return value == pattern if exact_match else fnmatch.fnmatch(value, pattern)

    def one(value, pattern):
        if isinstance(value, Mapping):
            return pattern == "*" or any(fits(key, pattern) for key in value)
        if isinstance(value, list | tuple):
            return any(one(item, pattern) for item in value)
        return fits(value, pattern)

    parts = expr.split(delimiter)
    for index in range(1, len(parts)):
        key, pattern = delimiter.join(parts[:index]), delimiter.join(parts[index:])
        if key == "*":
            if any(subdict_match({"x": value}, f"x{delimiter}{pattern}") for value in dict(data).values()):
                return True
            continue
        found = traverse_dict_and_list(data, key, _MISSING, delimiter)
        if found is not _MISSING and (pattern == "*" or one(found, pattern)):
            return True
    return False


def filter_by(lookup_dict, lookup, traverse, merge=None, default="default", base=None):
    """What stands under the first key of `lookup_dict` that the value at `lookup` of `traverse` matches as a glob."""
    value = traverse_dict_and_list(traverse, lookup, None)
    values = value if isinstance(value, list) else [value]
    matching = (lookup_dict[key] for each in values for key in lookup_dict if fnmatch.fnmatchcase(str(each), str(key)))
    chosen = next((item for item in matching if item is not None), None)
    if chosen is None:
        chosen = lookup_dict.get(default)
    if base and base in lookup_dict:
        below = copy.deepcopy(lookup_dict[base])
        chosen = below if chosen is None else update(below, chosen) if isinstance(chosen, Mapping) else chosen
    if merge:
        if not isinstance(merge, Mapping):
            from trisalt.errors import CommandError

            raise CommandError("filter_by merge argument must be a dictionary.")
        chosen = copy.deepcopy(merge) if chosen is None else update(copy.deepcopy(chosen), copy.deepcopy(merge))
    return chosen


# -- asking --------------------------------------------------------------------------------------------------------


def is_true(value=None):
    """Whether a value means yes: a number above 0, or the word `true`."""
    try:
        value = int(value)
    except (ValueError, TypeError):
        pass
    try:
        value = float(value)
    except (ValueError, TypeError):
        pass
    if isinstance(value, int | float):
        return value > 0
    return str(value).lower() == "true" if isinstance(value, str) else bool(value)


def is_dictlist(data):
    """Whether it is a list of mappings with one key each."""
    return isinstance(data, list) and all(isinstance(item, Mapping) and len(item) == 1 for item in data)


def is_list(value):
    """Whether it is a list."""
    return isinstance(value, list)


def is_iter(thing, ignore=(str,)):
    """Whether it can be iterated over, and is none of the classes that are not asked for."""
    if ignore and isinstance(thing, ignore):
        return False
    return hasattr(thing, "__iter__")


def exactly_n(iterable, amount=1):
    """Whether so many items, and no more, are true."""
    return sum(1 for item in iterable if item) == amount


def exactly_one(iterable):
    """Whether one item is true."""
    return exactly_n(iterable)


def substr_in_list(string_to_search_for, list_to_search):
    """Whether a text is part of one of the texts."""
    return any(string_to_search_for in text for text in list_to_search)


# -- comparing -----------------------------------------------------------------------------------------------------


def compare_dicts(old=None, new=None):
    """`{key: {"old", "new"}}` of what differs; "" where a key is not there."""
    old, new = old or {}, new or {}
    return {
        key: {"old": old.get(key, ""), "new": new.get(key, "")}
        for key in {**new, **old}
        if key not in old or key not in new or old[key] != new[key]
    }


def compare_lists(old=None, new=None):
    """`{"new", "old"}`: the items that one of two lists has alone."""
    old, new = old or [], new or []
    changes = {"new": [item for item in new if item not in old], "old": [item for item in old if item not in new]}
    return {key: items for key, items in changes.items() if items}


def recursive_diff(old, new, ignore_keys=None, ignore_order=False, ignore_missing_keys=False):
    """`{"old", "new"}` of what differs at every depth of mappings and lists; `{}` for two that are equal."""
    ignored = ignore_keys or []
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return _mapping_diff(old, new, ignored, ignore_order, ignore_missing_keys)
    if isinstance(old, set) and isinstance(new, set):
        return {"old": old - new, "new": new - old} if old != new else {}
    if is_iter(old) and is_iter(new):
        return _list_diff(list(old), list(new), ignored, ignore_order, ignore_missing_keys)
    return {} if old == new else {"old": old, "new": new}


def _mapping_diff(old, new, ignored, ignore_order, ignore_missing_keys):
    before, after = type(old)(), type(new)()
    for key in {**new, **old}:
        if key in ignored or (ignore_missing_keys and key not in new):
            continue
        if key not in old:
            after[key] = new[key]
        elif key not in new:
            before[key] = old[key]
        elif inner := recursive_diff(old[key], new[key], ignored, ignore_order, ignore_missing_keys):
            before[key], after[key] = inner.get("old"), inner.get("new")
    return {"old": before, "new": after} if before or after else {}


def _list_diff(old, new, ignored, ignore_order, ignore_missing_keys):
    def same(one, other):
        return not recursive_diff(one, other, ignored, ignore_order, ignore_missing_keys)

    if ignore_order:
        before = [item for item in old if not any(same(item, each) for each in new)]
        after = [item for item in new if not any(same(each, item) for each in old)]
        return {"old": before, "new": after} if before or after else {}
    if len(old) != len(new):
        return {"old": old, "new": new}
    before, after = [], []
    for one, other in zip(old, new, strict=True):
        if inner := recursive_diff(one, other, ignored, ignore_order, ignore_missing_keys):
            before.append(inner.get("old"))
            after.append(inner.get("new"))
    return {"old": before, "new": after} if before or after else {}


# -- changing ------------------------------------------------------------------------------------------------------


def repack_dictlist(data, strict=False, recurse=False, key_cb=None, val_cb=None):
    """A list of one-key mappings and texts as one mapping; `{}` for anything else."""
    if isinstance(data, str):
        try:
            import yaml

            data = yaml.safe_load(data)
        except yaml.YAMLError:
            return {}
    key_of = key_cb or (lambda key: key)
    value_of = val_cb or (lambda _key, value: value)
    for item in data:
        plain = isinstance(item, str | int | float)
        if not plain and not (isinstance(item, Mapping) and (len(item) == 1 or not strict) and item):
            return {}
    packed = {}
    for item in data:
        if not isinstance(item, Mapping):
            packed[key_of(item)] = None
            continue
        key, value = next(iter(item.items()))
        if recurse and is_dictlist(value):
            value = repack_dictlist(value, recurse=recurse)
        packed[key_of(key)] = value_of(key, value)
    return packed


def decode(
    data,
    encoding=None,
    errors="strict",
    keep=False,
    normalize=False,
    preserve_dict_class=False,
    preserve_tuples=False,
    to_str=False,
):
    """Bytes in nested data as text. What cannot be decoded is an error, unless `keep`."""
    options = (encoding, errors, keep, normalize, preserve_dict_class, preserve_tuples)
    if isinstance(data, Mapping):
        made = {decode(key, *options): decode(value, *options) for key, value in data.items()}
        return type(data)(made) if preserve_dict_class else made
    if isinstance(data, tuple):
        made = [decode(item, *options) for item in data]
        return tuple(made) if preserve_tuples else made
    if isinstance(data, list):
        return [decode(item, *options) for item in data]
    if not isinstance(data, str | bytes | bytearray):
        return data
    try:
        return _to_str(data, encoding, errors, normalize)
    except UnicodeDecodeError:
        if not keep:
            raise
        return data


decode_dict = decode_list = decode_tuple = decode


def encode(data, encoding=None, errors="strict", keep=False, preserve_dict_class=False, preserve_tuples=False):
    """Text in nested data as bytes. What cannot be encoded is an error, unless `keep`."""
    options = (encoding, errors, keep, preserve_dict_class, preserve_tuples)
    if isinstance(data, Mapping):
        made = {encode(key, *options): encode(value, *options) for key, value in data.items()}
        return type(data)(made) if preserve_dict_class else made
    if isinstance(data, tuple):
        made = [encode(item, *options) for item in data]
        return tuple(made) if preserve_tuples else made
    if isinstance(data, list):
        return [encode(item, *options) for item in data]
    if not isinstance(data, str | bytes | bytearray):
        return data
    try:
        return to_bytes(data, encoding, errors)
    except UnicodeEncodeError:
        if not keep:
            raise
        return data


encode_dict = encode_list = encode_tuple = encode


def to_lowercase(data, preserve_dict_class=False):
    """All texts in nested data in small letters."""
    return _lettered(data, str.lower, preserve_dict_class)


def to_uppercase(data, preserve_dict_class=False):
    """All texts in nested data in capitals."""
    return _lettered(data, str.upper, preserve_dict_class)


def _lettered(data, change, preserve):
    if isinstance(data, Mapping):
        made = {_lettered(key, change, preserve): _lettered(value, change, preserve) for key, value in data.items()}
        return type(data)(made) if preserve else made
    if isinstance(data, list | tuple):
        return type(data)(_lettered(item, change, preserve) for item in data)
    return change(data) if isinstance(data, str) else data


def stringify(data):
    """A list's items as texts."""
    return [str(item) for item in data]


def simple_types_filter(data):
    """Nested data in which all that is neither mapping, list nor number is text."""
    if data is None or isinstance(data, bool | int | float | str):
        return data
    if isinstance(data, Mapping):
        kinds = (str, int, float, bool)
        return {
            (key if isinstance(key, kinds) else repr(key)): simple_types_filter(value)
            for key, value in sorted(data.items(), key=lambda pair: repr(pair[0]))
        }
    if isinstance(data, list | tuple | set):
        return [simple_types_filter(item) for item in data]
    return repr(data)


def filter_falsey(data, recurse_depth=None, ignore_types=()):
    """A mapping or list without what is empty or false; numbers and the like stay if their class is ignored."""
    depth = None if recurse_depth is None else recurse_depth - 1

    def kept(value):
        if depth != -1 and recurse_depth and isinstance(value, Mapping | list):
            value = filter_falsey(value, depth, ignore_types)
        return value, type(value) in ignore_types or bool(value)

    if isinstance(data, Mapping):
        pairs = ((key, kept(value)) for key, value in data.items())
        return type(data)((key, value) for key, (value, stays) in pairs if stays)
    if is_iter(data):
        return type(data)(value for value, stays in map(kept, data) if stays)
    return data


def flatten(data, levels=None, preserve_nulls=False, _ids=None):
    """A list without lists in it."""
    seen = _ids or frozenset()
    if id(data) in seen:
        raise RecursionError("Reference cycle detected. Check input list.")
    flat = []
    for item in data:
        if not preserve_nulls and item in (None, "None", "null"):
            continue
        if is_list(item) and (levels is None or levels >= 1):
            flat += flatten(item, None if levels is None else levels - 1, preserve_nulls, seen | {id(data)})
        else:
            flat.append(item)
    return flat


def sorted_ignorecase(to_sort):
    """Sorted without regard to case."""
    return sorted(to_sort, key=str.lower)


def hash(value, algorithm="sha512"):
    """The hex digest of a text."""
    if algorithm not in hashlib.algorithms_guaranteed:
        raise SaltException(f"You must specify valid hash algorithm: {algorithm}")
    return hashlib.new(algorithm, to_bytes(value)).hexdigest()


def sample(value, size, seed=None):
    """So many random items, always the same for one seed."""
    return random.Random(None if seed is None else hash(seed)).sample(value, size)


def shuffle(value, seed=None):
    """All items in a random order, always the same for one seed."""
    return sample(value, len(value), seed)


def to_entries(data):
    """A mapping or list as `[{"key", "value"}, …]`."""
    pairs = data.items() if isinstance(data, Mapping) else enumerate(data)
    return [{"key": key, "value": value} for key, value in pairs]


def from_entries(entries):
    """What `to_entries` made, as a mapping."""
    made = {}
    for entry in entries:
        entry = CaseInsensitiveDict(entry)
        key = next((entry[name] for name in ("key", "name") if entry.get(name) is not None), None)
        made[key] = entry.get("value")
    return made


def mysql_to_dict(data, key):
    """The table that `mysql` prints, as a mapping by the values of one column."""
    rows, headers = {}, []
    for line in data:
        if not line or line.startswith("+"):
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not headers:
            headers = cells
            continue
        row = {name: to_num_or_text(cell) for name, cell in zip(headers, cells, strict=False)}
        rows[row[key]] = row
    return rows


def to_num_or_text(text):
    """A text of digits as a number."""
    return int(text) if text.isdigit() else text


def json_query(data, expr):
    """What a JMESPath expression finds. Raises RuntimeError without that library."""
    try:
        import jmespath
    except ImportError:
        raise RuntimeError("json_query requires jmespath module installed") from None
    return jmespath.search(expr, data)
