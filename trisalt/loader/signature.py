"""From words of a command line to arguments, and what a function says of itself.

Thin: only `re`, `inspect`, and YAML when a word needs it; the commands import it, and `worker/child` binds with it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from trisalt.errors import InvocationError

KEYWORD = re.compile(r"^([^\d\W][\w.-]*)=(?!=)(.*)$")
JID = re.compile(r"\d{20}")

# Words that mean what they say: no YAML is needed to see it.
_PLAIN = re.compile(r"[A-Za-z_/][\w./@+-]*", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_NULLS = frozenset({"null", "Null", "NULL", "~", "None"})
_SPECIAL = {word: None for word in _NULLS} | {
    spelling: value
    for word, value in (("true", True), ("yes", True), ("on", True), ("false", False), ("no", False), ("off", False))
    for spelling in (word, word.capitalize(), word.upper())
}


# -- words ---------------------------------------------------------------------------------------------------------


def parse_words(words: Iterable[str], *, no_parse: Sequence[str] = ()) -> tuple[list[Any], dict[str, Any]]:
    """Words after the function name as (args, kwargs): `name=value` is a keyword, and values pass through YAML.

    Keywords in `no_parse` keep their text. Source: spec/cli.md section 3, row by row.
    """
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for word in words:
        if keyword := KEYWORD.match(word):
            name, value = keyword.groups()
            kwargs[name] = value if name in no_parse else parse_value(value)
        else:
            value = parse_value(word)
            # A job id stays text: a number of 20 digits is one that nobody calculates with.
            args.append(word if type(value) is int and JID.fullmatch(word) else value)
    return args, kwargs


def parse_value(text: str) -> Any:
    """One word's value through YAML, with stock's guards: what YAML would swallow or does not know stays text."""
    if _PLAIN.fullmatch(text):
        return _SPECIAL.get(text, text)
    if _NUMBER.fullmatch(text):
        return int(text)
    stripped = text.strip()
    if stripped in ("", "---", "...") or any(char in text for char in "\t\r\n"):
        return text
    if "_" in text and all(char in "0123456789_" for char in stripped):
        return text
    try:
        value = _yaml(text)
    except Exception:  # YAML does not know it: then it is text
        return text
    match value:
        case None:
            return None if stripped in _NULLS else text
        case str():
            return text if "#" in text or (value == "" and stripped not in ("''", '""')) else value
        case dict():
            return value if text.startswith("{") else text
        case list():
            return value if text.startswith("[") else text
        case bool() | int() | float():
            return value
    return text


def _yaml(text: str) -> Any:
    import yaml  # not before a word needs it: a command has none, mostly

    return yaml.load(text, Loader=_loader())


@cache
def _loader() -> Any:
    """YAML as stock reads words: a leading zero is no octal, dates are text, a key twice is an error."""
    import yaml

    class WordLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    def integer(loader: Any, node: Any) -> Any:
        if node.value.startswith("0") and not node.value.startswith(("0b", "0x")):
            node.value = node.value.lstrip("0") or "0"
        return yaml.SafeLoader.construct_yaml_int(loader, node)

    def mapping(loader: Any, node: Any) -> Any:
        loader.flatten_mapping(node)
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            if key in found:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} twice", key_node.start_mark)
            found[key] = loader.construct_object(value_node, deep=True)
        return found

    WordLoader.add_constructor("tag:yaml.org,2002:int", integer)
    WordLoader.add_constructor("tag:yaml.org,2002:map", mapping)
    WordLoader.add_constructor("tag:yaml.org,2002:timestamp", yaml.SafeLoader.construct_yaml_str)
    return WordLoader


def condition_args(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """`arg` as it travels: positional values, then the keywords as one map marked `__kwarg__`. Job ids are text."""
    arg = [str(value) if type(value) is int and JID.fullmatch(str(value)) else value for value in args]
    if kwargs:
        arg.append({"__kwarg__": True, **kwargs})
    return arg


# -- functions -----------------------------------------------------------------------------------------------------


def bind(
    function: Callable[..., Any],
    arg: Sequence[Any],
    kwarg: Mapping[str, Any] | None = None,
    pub: Mapping[str, Any] | None = None,
) -> tuple[list[Any], dict[str, Any]]:
    """`arg` as it came with a publication as (args, kwargs) for `function`.

    Text of the form `name=value` is a keyword here too, since an API may send words. Functions with `**kwargs` are
    given `pub` as `__pub_<key>`. Raises InvocationError for keywords the function does not take, and TypeError in
    Python's own words, before anything runs, for arguments that do not fit.
    """
    signature = inspect.signature(function)
    kinds = {name: parameter.kind for name, parameter in signature.parameters.items()}
    takes_any = inspect.Parameter.VAR_KEYWORD in kinds.values()
    names = {
        name
        for name, kind in kinds.items()
        if kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    }
    args: list[Any] = []
    given: dict[str, Any] = {}
    for value in arg:
        if isinstance(value, Mapping) and value.get("__kwarg__") is True:
            given |= {key: item for key, item in value.items() if key != "__kwarg__"}
        elif isinstance(value, str) and (keyword := KEYWORD.match(value)):
            given[keyword[1]] = parse_value(keyword[2])
        else:
            args.append(value)
    given |= dict(kwarg or {})
    invalid = [f"{key}={value}" for key, value in given.items() if not takes_any and key not in names]
    if invalid:
        raise InvocationError(f"The following keyword arguments are not valid: {', '.join(invalid)}")
    kwargs = {str(key): value for key, value in given.items()}
    if takes_any:
        kwargs |= {f"__pub_{key}": value for key, value in (pub or {}).items()}
    try:
        signature.bind(*args, **kwargs)
    except TypeError as exc:
        raise TypeError(_complaint(function, args, kwargs) or str(exc)) from None
    return args, kwargs


def _complaint(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
    """Python's own words for arguments that do not fit.

    The call is made, and fails before the body: only plain functions are asked, of which that is known.
    """
    inner = inspect.unwrap(function)
    if not inspect.isfunction(inner) or hasattr(inner, "__signature__"):
        return None
    try:
        inspect.signature(inner).bind(*args, **kwargs)
    except TypeError:
        pass
    else:
        return None
    try:
        inner(*args, **kwargs)
    except TypeError as exc:
        return str(exc)
    return None


def doc(function: Callable[..., Any]) -> str:
    """The docstring as `sys.doc` tells it: as it is written, without the line that only a manual needs."""
    text = inspect.unwrap(function).__doc__ or ""
    return re.sub(r"^ *\.\. (code-block|versionadded|versionchanged|deprecated)::.*\n\n?", "", text, flags=re.MULTILINE)


def argspec(function: Callable[..., Any]) -> dict[str, Any]:
    """`{"args", "defaults", "varargs", "kwargs"}` as `sys.argspec` tells it: None where there are none."""
    spec: dict[str, Any] = {"args": None, "defaults": None, "varargs": None, "kwargs": None}
    args, defaults = [], []
    for name, parameter in inspect.signature(function).parameters.items():
        match parameter.kind:
            case inspect.Parameter.VAR_POSITIONAL:
                spec["varargs"] = True
            case inspect.Parameter.VAR_KEYWORD:
                spec["kwargs"] = True
            case _:
                args.append(name)
                if parameter.default is not inspect.Parameter.empty:
                    defaults.append(parameter.default)
    spec["args"], spec["defaults"] = args or None, defaults or None
    return spec
