"""From words of a command line to arguments, as they travel.

Thin: the commands import it. `re` comes in here, and YAML when a word needs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

KEYWORD = re.compile(r"^([^\d\W][\w.-]*)=(?!=)(.*)$")
JID = re.compile(r"\d{20}")
# A text of YAML may name parts of itself so often: they make it 18 times as long, at most.
MOST_ALIASES = 8

# Words that mean what they say: no YAML is needed to see it.
_PLAIN = re.compile(r"[A-Za-z_/][\w./@+-]*", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_NULLS = frozenset({"null", "Null", "NULL", "~", "None"})
_SPECIAL = {word: None for word in _NULLS} | {
    spelling: value
    for word, value in (("true", True), ("yes", True), ("on", True), ("false", False), ("no", False), ("off", False))
    for spelling in (word, word.capitalize(), word.upper())
}


def parse_words(words: Iterable[str], *, no_parse: Sequence[str] = ()) -> tuple[list[Any], dict[str, Any]]:
    """Words after the function name as (args, kwargs): `name=value` is a keyword, and values pass through YAML.

    Keywords in `no_parse` keep their text. Source: stock Salt 3008.3.
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


def tame(text: str) -> bool:
    """Whether YAML says little more than there is of it: parts that are named over and over double each time."""
    if text.count("*") <= MOST_ALIASES:
        return True
    import yaml

    events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return sum(isinstance(event, yaml.AliasEvent) for event in events) <= MOST_ALIASES


def _yaml(text: str) -> Any:
    import yaml  # not before a word needs it: a command has none, mostly

    if not tame(text):
        raise ValueError("too many aliases")
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
