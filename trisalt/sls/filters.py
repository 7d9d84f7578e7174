"""Salt's Jinja filters, tests and globals: plain functions of their arguments, and three tables at the end.

Source: stock Salt 3008.3. What looks at the host is in `hostfilters`.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import itertools
import os
import random
import re
import secrets
import shlex
import uuid
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any

import jinja2
from jinja2 import pass_context, pass_environment

from trisalt.sls.hostfilters import HOST_FILTERS
from trisalt.sls.networks import NETWORK_FILTERS
from trisalt.sls.serial import SERIAL_FILTERS, strict
from trisalt.target.data import traverse as traverse_data

SALT_UUID = uuid.UUID("91633EBF-1C86-5E33-935A-28061F4B480E")

Filter = Callable[..., Any]


# -- text ----------------------------------------------------------------------------------------------------------


def _flags(ignorecase: bool, multiline: bool) -> int:
    return (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)


def regex_search(text: str, rgx: str, ignorecase: bool = False, multiline: bool = False) -> tuple[str, ...] | None:
    return _groups(re.search(rgx, text, _flags(ignorecase, multiline)))


def regex_match(text: str, rgx: str, ignorecase: bool = False, multiline: bool = False) -> tuple[str, ...] | None:
    return _groups(re.match(rgx, text, _flags(ignorecase, multiline)))


def _groups(found: re.Match[str] | None) -> tuple[str, ...] | None:
    if found is None:
        return None
    return found.groups() or (found.group(),)


def regex_replace(text: str, rgx: str, val: str, ignorecase: bool = False, multiline: bool = False) -> str:
    return re.sub(rgx, val, text, flags=_flags(ignorecase, multiline))


def to_bool(value: Any) -> bool:
    if isinstance(value, str):
        return value.lower() in ("yes", "1", "true")
    if isinstance(value, int):
        return value > 0
    return not isinstance(value, Hashable) and len(value) > 0


def to_num(text: Any) -> Any:
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def to_bytes(text: Any, encoding: str | None = None, errors: str = "strict") -> bytes:
    if not isinstance(text, str | bytes | bytearray):
        raise TypeError(f"expected str, bytes, or bytearray not {type(text)}")
    return text.encode(encoding or "utf-8", errors) if isinstance(text, str) else bytes(text)


def to_snake_case(text: str) -> str:
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", text)).lower()


def to_camelcase(text: str, uppercamel: bool = False) -> str:
    first, *words = text.split("_")
    return (first.capitalize() if uppercamel else first) + "".join(word.capitalize() for word in words)


def is_hex(text: Any) -> bool:
    try:
        int(text, 16)
    except (TypeError, ValueError):
        return False
    return True


def human_to_bytes(size: Any, default_unit: str = "B", handle_metric: bool = False) -> int:
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+|[0-9]+\.)\s*([a-zA-Z]*)\s*", str(size))
    if found is None:
        return 0
    unit = (found[2] or default_unit).upper()
    power = "BKMGTPEZY".find(unit[:1])
    if power < 0 or unit[1:] not in ("", "B", "IB"):
        return 0
    base = 1000 if handle_metric and unit.endswith("B") and not unit.endswith("IB") and power else 1024
    return int(float(found[1]) * base**power)


def strftime(value: Any = None, format: str = "%Y-%m-%d") -> str:
    """A time, seconds since the epoch or a text that says when, in the given format."""
    if value is None or value == "":
        moment = datetime.now()
    elif isinstance(value, datetime):
        moment = value
    elif isinstance(value, int | float):
        moment = datetime.fromtimestamp(value)
    elif str(value).isdigit() and len(str(value)) > 8:
        moment = datetime.fromtimestamp(int(value))
    else:
        moment = _when(str(value))
    return moment.strftime(format)


def _when(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        from dateutil.parser import parse
    except ImportError:
        raise ValueError(f"Unable to parse {text}") from None
    try:
        return parse(text)
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"Unable to parse {text}") from exc


def check_lists(value: Any, whitelist: Any = None, blacklist: Any = None) -> bool:
    """Whether a whitelist has a value, and a blacklist has it not: names, globs and regular expressions."""

    def listed(items: Any) -> bool:
        return any(matches_expression(value, item) for item in ([items] if isinstance(items, str) else items))

    return not (blacklist and listed(blacklist)) and (not whitelist or listed(whitelist))


def matches_expression(text: Any, expression: Any) -> bool:
    """Whether a glob matches a text, or a regular expression all of it."""
    if not isinstance(text, str) or not isinstance(expression, str):
        return False
    if fnmatch.fnmatchcase(text, expression):
        return True
    try:
        return re.fullmatch(expression, text) is not None
    except re.error:
        return False


def substring_in_list(text: str, items: Sequence[str]) -> bool:
    return any(text in item for item in items)


# -- lists and maps ----------------------------------------------------------------------------------------------------


def unique(values: Any) -> Any:
    if isinstance(values, Hashable):
        return set(values)  # type: ignore[call-overload]
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def union(one: Any, other: Any) -> Any:
    return set(one) | set(other) if _hashable(one, other) else unique(one + other)


def intersect(one: Any, other: Any) -> Any:
    return set(one) & set(other) if _hashable(one, other) else unique([each for each in one if each in other])


def difference(one: Any, other: Any) -> Any:
    return set(one) - set(other) if _hashable(one, other) else unique([each for each in one if each not in other])


def symmetric_difference(one: Any, other: Any) -> Any:
    if _hashable(one, other):
        return set(one) ^ set(other)
    both = intersect(one, other)
    return unique([each for each in union(one, other) if each not in both])


def _hashable(*values: Any) -> bool:
    return all(isinstance(value, Hashable) for value in values)


def average(values: Any) -> float:
    return float(values) if isinstance(values, Hashable) else float(sum(values) / len(values))  # type: ignore[arg-type]


def sequence(value: Any) -> Any:
    return value if isinstance(value, list | tuple | set | dict) else [value]


def is_iter(value: Any, ignore: Any = None) -> bool:
    if isinstance(value, str | bytes) or (ignore and isinstance(value, tuple(sequence(ignore)))):
        return False
    try:
        iter(value)
    except TypeError:
        return False
    return True


def is_list(value: Any) -> bool:
    return isinstance(value, list)


def flatten(
    values: Any, levels: int | None = None, preserve_nulls: bool = False, _ids: frozenset[int] = frozenset()
) -> list[Any]:
    if id(values) in _ids:
        raise RecursionError("Reference cycle detected. Check input list.")
    flat: list[Any] = []
    for value in values:
        if not preserve_nulls and value in (None, "None", "null"):
            continue
        if is_iter(value) and (levels is None or levels >= 1):
            deeper = None if levels is None else levels - 1
            flat.extend(flatten(value, deeper, preserve_nulls, _ids | {id(values)}))
        else:
            flat.append(value)
    return flat


def compare_lists(old: Any = None, new: Any = None) -> dict[str, list[Any]]:
    found = {"new": [each for each in new if each not in old], "old": [each for each in old if each not in new]}
    return {key: each for key, each in found.items() if each}


def compare_dicts(old: Any = None, new: Any = None) -> dict[str, Any]:
    changed = {}
    for key in {**(new or {}), **(old or {})}:
        if key not in old:
            changed[key] = {"old": "", "new": new[key]}
        elif key not in new:
            changed[key] = {"new": "", "old": old[key]}
        elif new[key] != old[key]:
            changed[key] = {"old": old[key], "new": new[key]}
    return changed


def sorted_ignorecase(values: Any) -> list[Any]:
    return sorted(values, key=lambda value: value.lower())


def exactly_n_true(values: Any, amount: int = 1) -> bool:
    return sum(1 for value in values if value) == amount


def random_sample(values: Any, size: int, seed: Any = None) -> list[Any]:
    """So many of a list; with a seed, a text, always the same ones."""
    # What is chosen for a seed is the same in a whole fleet: the generator starts from the digest of the text.
    source = random.Random(None if seed is None else hashlib.sha512(to_bytes(seed)).hexdigest())  # noqa: S311
    return source.sample(values, size)


def random_shuffle(values: Any, seed: Any = None) -> list[Any]:
    return random_sample(values, len(values), seed)


def to_entries(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, Mapping | list):
        raise TypeError("Input data must be a dict or list")
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    return [{"key": key, "value": each} for key, each in pairs]


def from_entries(entries: Any) -> dict[Any, Any]:
    def first(entry: Mapping[str, Any], *names: str) -> Any:
        return next((entry[name] for name in names if entry.get(name) is not None), None)

    named = [(first(each, "key", "Key", "name", "Name"), each) for each in entries]
    return {name: first(each, "value", "Value") for name, each in named if name is not None}


def _at(data: Any, keys: str, delimiter: str, ordered_dict: bool, last: Callable[[Any], Any]) -> Any:
    """Change what stands at a path of `data`, with maps made on the way; `data` itself is changed and returned."""
    *way, final = keys.split(delimiter)
    inner = data
    for key in way:
        if not isinstance(inner.get(key), dict):
            inner[key] = OrderedDict() if ordered_dict else {}
        inner = inner[key]
    inner[final] = last(inner.get(final))
    return data


def set_key(data: Any, keys: str, value: Any, delimiter: str = ":", ordered_dict: bool = False) -> Any:
    return _at(data, keys, delimiter, ordered_dict, lambda _there: value)


def update_key(data: Any, keys: str, value: Any, delimiter: str = ":", ordered_dict: bool = False) -> Any:
    return _at(data, keys, delimiter, ordered_dict, lambda there: {**(there or {}), **value})


def append_key(data: Any, keys: str, value: Any, delimiter: str = ":", ordered_dict: bool = False) -> Any:
    return _at(data, keys, delimiter, ordered_dict, lambda there: [*(there or []), value])


def extend_key(data: Any, keys: str, value: Any, delimiter: str = ":", ordered_dict: bool = False) -> Any:
    return _at(data, keys, delimiter, ordered_dict, lambda there: [*(there or []), *value])


def traverse(data: Any, key: str, default: Any = None, delimiter: str = ":") -> Any:
    if isinstance(data, jinja2.Undefined):
        data._fail_with_undefined_error()
    return traverse_data(data, key, default, delimiter)


@pass_environment
def method_call(environment: jinja2.Environment, obj: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """Call a method by its name, if a template may."""
    method = environment.getattr(obj, name)
    if isinstance(method, jinja2.Undefined):
        return method if isinstance(obj, jinja2.Undefined) or name.startswith("_") else None
    return method(*args, **kwargs)


# -- digests and files -------------------------------------------------------------------------------------------------


def _digest(name: str) -> Filter:
    def digest(value: Any) -> str:
        return hashlib.new(name, to_bytes(value)).hexdigest()

    return digest


def base64_decode(value: Any) -> Any:
    return _decoded(base64.b64decode(to_bytes(value)))


def base64_encode(value: Any) -> str:
    return base64.b64encode(to_bytes(value)).decode()


def _decoded(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def hmac_matches(text: Any, shared_secret: Any, challenge_hmac: Any) -> bool:
    made = hmac.new(to_bytes(shared_secret), to_bytes(text), hashlib.sha256).digest()
    try:
        return hmac.compare_digest(made, base64.b64decode(to_bytes(challenge_hmac)))
    except binascii.Error:
        return False


def hmac_compute(text: Any, shared_secret: Any) -> str:
    return hmac.new(to_bytes(shared_secret), to_bytes(text), hashlib.sha256).hexdigest()


def random_hash(size: int = 9999999999, hash_type: str | None = None) -> str:
    return hashlib.new(hash_type or "md5", str(secrets.randbelow(size)).encode()).hexdigest()


def random_text(size: int = 32) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode()[:size]


def path_join(*parts: Any) -> str:
    """Join path parts; a part that is absolute does not start anew, but the first decides."""
    first, *rest = [to_bytes(part).decode() for part in parts]
    return os.path.normpath(os.path.join(first, *(part.lstrip("/") for part in rest)))


# -- tests and globals ---------------------------------------------------------------------------------------------


def matches(text: str, rgx: str, ignorecase: bool = False, multiline: bool = False) -> bool:
    return re.match(rgx, text, _flags(ignorecase, multiline)) is not None


def raise_error(message: str) -> None:
    raise jinja2.TemplateError(message)


@pass_context
def show_full_context(context: jinja2.runtime.Context) -> dict[str, Any]:
    """What a template sees, as far as it is plain data."""
    return {key: value for key, value in context.get_all().items() if _plain(value)}


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_plain(each) for each in value.values())
    if isinstance(value, list | tuple):
        return all(_plain(each) for each in value)
    return isinstance(value, str | int | float | bool | type(None))


FILTERS: dict[str, Filter] = {
    "append_dict_key_value": append_key,
    "avg": average,
    "base64_decode": base64_decode,
    "base64_encode": base64_encode,
    "check_whitelist_blacklist": check_lists,
    "combinations": strict(itertools.combinations),
    "combinations_with_replacement": strict(itertools.combinations_with_replacement),
    "compare_dicts": compare_dicts,
    "compare_lists": compare_lists,
    "compress": strict(itertools.compress),
    "contains_whitespace": lambda text: any(sign.isspace() for sign in text),
    "date_format": strftime,
    "difference": difference,
    "exactly_n_true": exactly_n_true,
    "exactly_one_true": exactly_n_true,
    "extend_dict_key_value": extend_key,
    "flatten": flatten,
    "from_entries": from_entries,
    "hmac": hmac_matches,
    "hmac_compute": hmac_compute,
    "human_to_bytes": human_to_bytes,
    "intersect": intersect,
    "is_hex": is_hex,
    "is_iter": is_iter,
    "is_list": is_list,
    "max": max,
    "md5": _digest("md5"),
    "method_call": method_call,
    "min": min,
    "path_join": path_join,
    "permutations": strict(itertools.permutations),
    "product": strict(itertools.product),
    "quote": shlex.quote,
    "rand_str": random_hash,
    "random_hash": random_hash,
    "random_sample": random_sample,
    "random_shuffle": random_shuffle,
    "random_str": random_text,
    "regex_escape": re.escape,
    "regex_match": regex_match,
    "regex_replace": regex_replace,
    "regex_search": regex_search,
    "sequence": sequence,
    "set_dict_key_value": set_key,
    "sha1": _digest("sha1"),
    "sha256": _digest("sha256"),
    "sha512": _digest("sha512"),
    "skip": lambda _value: "",
    "sorted_ignorecase": sorted_ignorecase,
    "str_to_num": to_num,
    "strftime": strftime,
    "substring_in_list": substring_in_list,
    "symmetric_difference": symmetric_difference,
    "to_bool": to_bool,
    "to_bytes": to_bytes,
    "to_camelcase": to_camelcase,
    "to_entries": to_entries,
    "to_num": to_num,
    "to_snake_case": to_snake_case,
    "traverse": traverse,
    "union": union,
    "unique": unique,
    "update_dict_key_value": update_key,
    "uuid": lambda value: str(uuid.uuid5(SALT_UUID, str(value))),
    "zip": strict(zip),
    "zip_longest": strict(itertools.zip_longest),
    **HOST_FILTERS,
    **NETWORK_FILTERS,
    **SERIAL_FILTERS,
}

TESTS: dict[str, Callable[..., bool]] = {
    "equalto": lambda value, other: value == other,
    "list": is_list,
    "match": matches,
}

GLOBALS: dict[str, Any] = {"odict": OrderedDict, "raise": raise_error, "show_full_context": show_full_context}
