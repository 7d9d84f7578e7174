"""Values as text, and text as values, in templates: YAML, JSON, Python. Source: stock Salt 3008.3.

`printable` is what `{{ value }}` prints: Salt's templates print maps that YAML reads back.
"""

from __future__ import annotations

import itertools
import json
import pprint
from collections.abc import Callable, Mapping
from datetime import date
from functools import wraps
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.environment import TemplateModule
from jinja2.exceptions import TemplateRuntimeError
from markupsafe import Markup

from trisalt.errors import CommandError
from trisalt.sls import yaml
from trisalt.sls.failure import SlsError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Filter = Callable[..., Any]


def strict(function: Filter) -> Filter:
    """Undefined variables inside the value make the result undefined, rather than the text that stands for one."""

    @wraps(function)
    def checked(value: Any, *args: Any, **kwargs: Any) -> Any:
        undefined = list(dict.fromkeys(_undefined(value, set())))
        if undefined:
            return jinja2.StrictUndefined("\n".join(undefined))
        return function(value, *args, **kwargs)

    return checked


def _undefined(value: Any, seen: set[int]) -> list[str]:
    if isinstance(value, jinja2.StrictUndefined):
        return [value._undefined_message]
    if not isinstance(value, Mapping | list | tuple) or id(value) in seen:
        return []
    seen.add(id(value))
    inner = itertools.chain(value.keys(), value.values()) if isinstance(value, Mapping) else value
    return [message for each in inner for message in _undefined(each, seen)]


def to_yaml(value: Any, flow_style: bool | None = True) -> Markup:
    return Markup(yaml.dump(value, flow_style=flow_style).strip().removesuffix("\n..."))


def to_json(value: Any, sort_keys: bool = True, indent: int | None = None) -> Markup:
    return Markup(json.dumps(value, sort_keys=sort_keys, indent=indent, ensure_ascii=False).strip())


def to_html_json(value: Any, indent: int | None = None, **options: Any) -> str:
    options.setdefault("ensure_ascii", True)
    text = json.dumps(value, indent=indent, **options)
    for sign in "<>&'":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def to_python(value: Any) -> Markup:
    return Markup(pprint.pformat(value).strip())


def to_sls_params(value: Mapping[str, Any], flow_style: bool = False) -> Markup:
    return to_yaml([{key: each} for key, each in value.items()], flow_style)


def load_yaml(value: Any) -> Any:
    text = value.decode() if isinstance(value, bytes) else _text(value)
    if not isinstance(text, str):
        raise TypeError("a string or stream input is required")
    try:
        return _decoded(yaml.load(text))
    except SlsError as exc:
        # The library's own words: they say where in the text, which is not the template's.
        raise TemplateRuntimeError(f"Encountered error loading yaml: {exc.__cause__ or exc}") from exc


def _decoded(value: Any) -> Any:
    """Data in which what was binary is text, and what an alias named is a copy."""
    match value:
        case bytes():
            return value.decode()
        case dict():
            return {_decoded(key): _decoded(item) for key, item in value.items()}
        case list():
            return [_decoded(item) for item in value]
    return value


def load_json(value: Any) -> Any:
    try:
        return json.loads(_text(value))
    except (ValueError, TypeError) as exc:
        raise TemplateRuntimeError(f"Unable to load json from {value}") from exc


def load_text(value: Any) -> Any:
    return _text(value)


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, TemplateModule) else value


def to_xml(value: Any) -> Markup:
    """A map as an XML document: what is simple in it becomes attributes, maps and lists elements."""
    # With the first template that makes XML: few do.
    from xml.dom import minidom
    from xml.etree import ElementTree

    root = None
    for tag, inner in value.items() if isinstance(value, Mapping) else _pairs(value):
        root = _element(tag, inner, None)
    if root is None:
        raise TemplateRuntimeError("Value has no element. Cannot render as XML")
    return Markup(minidom.parseString(ElementTree.tostring(root)).toprettyxml(indent=" "))  # noqa: S318


def _pairs(value: Any) -> list[tuple[str, Any]]:
    match value:
        case Mapping():
            return [(tag, inner) for tag, inner in value.items() if isinstance(inner, dict | list)]
        case list() | tuple():
            return []
    raise TemplateRuntimeError("Value is not a dict or list. Cannot render as XML")


def _element(tag: str, inner: Any, parent: Element | None) -> Element | None:
    from xml.etree import ElementTree

    if isinstance(inner, list):
        made = [_element(tag, each, parent) for each in inner]
        return made[-1] if made else None
    element = ElementTree.Element(tag) if parent is None else ElementTree.SubElement(parent, tag)
    if isinstance(inner, str | int | float):
        element.text = str(inner)
        return element
    pairs = _pairs(inner)
    if isinstance(inner, Mapping):
        element.attrib = {key: str(each) for key, each in inner.items() if not isinstance(each, dict | list)}
    for key, each in pairs:
        _element(key, each, element)
    return element


def from_mysql(lines: Any, key: str) -> dict[Any, dict[str, Any]]:
    """The table that the program `mysql` prints, by the values of one column."""
    rows: dict[Any, dict[str, Any]] = {}
    heads: list[str] = []
    for line in lines:
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if not cells:
            continue
        if not heads:
            heads = cells
            continue
        row = {head: int(cell) if cell.isdigit() else cell for head, cell in zip(heads, cells, strict=False)}
        rows[row[key]] = row
    return rows


def to_utf8(value: Any) -> Any:
    """All the texts in a value as bytes."""
    match value:
        case str():
            return value.encode()
        case Mapping():
            return {to_utf8(key): to_utf8(each) for key, each in value.items()}
        case list() | tuple():
            return [to_utf8(each) for each in value]
    return value


def json_query(data: Any, expression: str) -> Any:
    """What a JMESPath expression finds."""
    try:
        import jmespath
    except ImportError:
        raise CommandError("json_query requires jmespath module installed") from None
    return jmespath.search(expression, data)


class PrintableDict(dict[Any, Any]):
    """A map that prints as YAML reads it back: lines and tabs in texts are escaped as in YAML."""

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key!r}: {_yaml_repr(value, repr)}" for key, value in self.items()) + "}"

    def __str__(self) -> str:
        return "{" + ", ".join(f"{key!r}: {_yaml_repr(value, str)}" for key, value in self.items()) + "}"


def printable(value: Any) -> Any:
    """What `{{ value }}` prints."""
    if isinstance(value, dict):
        return PrintableDict((key, printable(each)) for key, each in value.items())
    if type(value) in (list, tuple, set):
        return type(value)(printable(each) for each in value)
    return value


def _yaml_repr(value: Any, other: Callable[[Any], str]) -> str:
    if isinstance(value, str):
        if any(sign in value for sign in "\n\r\t"):
            return yaml.dump(value, flow_style=True, default_style='"', width=2**31 - 1).rstrip("\n")
        return repr(value)
    return other(value)


def yaml_dquote(text: str) -> str:
    return yaml.quoted(str(text), '"')


def yaml_squote(text: str) -> str:
    return yaml.quoted(str(text), "'")


def yaml_encode(value: Any) -> str:
    if not isinstance(value, str | int | float | bool | bytes | type(None) | date):
        raise TypeError(f"yaml_encode() only works with YAML scalar data; failed for {type(value)}")
    return yaml_dquote(value) if isinstance(value, str) else yaml.dump(value).removesuffix("\n").removesuffix("\n...")


SERIAL_FILTERS: dict[str, Filter] = {
    "dict_to_sls_yaml_params": strict(to_sls_params),
    "json": strict(to_json),
    "json_decode_dict": to_utf8,
    "json_decode_list": to_utf8,
    "json_encode_dict": to_utf8,
    "json_encode_list": to_utf8,
    "json_query": json_query,
    "load_json": strict(load_json),
    "load_text": strict(load_text),
    "load_yaml": strict(load_yaml),
    "mysql_to_dict": from_mysql,
    "python": strict(to_python),
    "tojson": strict(to_html_json),
    "xml": strict(to_xml),
    "yaml": strict(to_yaml),
    "yaml_dquote": yaml_dquote,
    "yaml_encode": yaml_encode,
    "yaml_squote": yaml_squote,
}
