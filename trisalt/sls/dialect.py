"""Salt's dialect of YAML: safe YAML 1.1 with Salt's own rules for numbers, keys and dates, read and written.

With PyYAML, which takes a command long to import: `yaml` asks here when there is something to read.
Source: stock Salt 3008.3.
"""

from __future__ import annotations

import base64
import binascii
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.scanner import ScannerError

from trisalt.sls.failure import SlsError

# libyaml where it is there: ten times as fast, and its wording of errors is the one operators know.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_WORDS = {"found character '\\t' that cannot start any token": "Illegal tab character"}

_TAG = "tag:yaml.org,2002:"


def read(text: str) -> Any:
    """What a text says. Raises SlsError."""
    try:
        return yaml.load(text, Loader=SaltLoader)  # it is a safe one
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise error_of(exc) from exc


def error_of(exc: Exception) -> SlsError:
    """An error of the YAML library in the words that operators know."""
    if isinstance(exc, ScannerError):
        return SlsError(_WORDS.get(exc.problem, exc.problem), line=_line(exc))
    if isinstance(exc, yaml.YAMLError):
        return SlsError(str(exc), line=_line(exc))
    # A number that is none after all, or a text nested so deeply that nobody wrote it.
    return SlsError(f"{type(exc).__name__}: {exc}")


def dump(value: Any, *, flow_style: bool | None = None, **options: Any) -> str:
    """A value as YAML text. `flow_style` None writes leaves in flow style and all above as blocks."""
    options.setdefault("allow_unicode", True)
    return yaml.dump(value, Dumper=SaltDumper, default_flow_style=flow_style, **options)


def quoted(text: str, sign: str) -> str:
    """A text as YAML between quotes of one kind, never folded: with `"` in ASCII on one line, with `'` as it stands."""
    written = StringIO()
    emitter = yaml.emitter.Emitter(written, width=sys.maxsize)
    write = emitter.write_single_quoted if sign == "'" else emitter.write_double_quoted
    write(text)
    emitter.flush_stream()
    return written.getvalue().strip()


class _NotPlain(Exception):
    """There is something in a document that the straight way does not know."""


class SaltLoader(_Loader):
    """Salt's dialect. Maps keep their order; a key that stands twice is an error.

    Most documents are maps, lists and plain scalars: these are built straight from their nodes, in a third of the time.
    Whatever else is in one, errors among it, has it built in the library's way, node by node through constructors.
    """

    def construct_document(self, node: Node) -> Any:
        try:
            return self._straight(node, {})
        except (_NotPlain, TypeError, ValueError, RecursionError):
            return super().construct_document(node)

    def _straight(self, node: Node, made: dict[int, Any]) -> Any:
        """What a node says. `made` are the maps and lists so far, for aliases. No node is changed on the way."""
        tag, value = node.tag, node.value
        if tag == _TEXT:
            if type(value) is not str:
                raise _NotPlain
            return value
        known = made.get(id(node))
        if known is not None:
            return known
        if tag == _MAP and type(node) is MappingNode:
            mapping: dict[Any, Any] = {}
            made[id(node)] = mapping
            for key_node, value_node in value:
                key = key_node.value if key_node.tag == _TEXT else self._straight_key(key_node, made)
                count = len(mapping)
                mapping[key] = self._straight(value_node, made)
                if len(mapping) == count:
                    raise _NotPlain
            return mapping
        if tag == _LIST and type(node) is SequenceNode:
            items: list[Any] = []
            made[id(node)] = items
            straight = self._straight
            items.extend([straight(item, made) for item in value])
            return items
        read = _SCALARS.get(tag)
        if read is None or type(node) is not ScalarNode:
            raise _NotPlain
        return read(value)

    def _straight_key(self, node: Node, made: dict[int, Any]) -> Any:
        if node.tag in _NOT_A_KEY:
            raise _NotPlain
        return self._straight(node, made)

    def resolve(self, kind: type[Node], value: str | None, implicit: tuple[bool, bool]) -> str:
        """The tag of a node that has none of its own, by what it looks like."""
        if kind is ScalarNode:
            if implicit[0] and value is not None:
                for tag, pattern in self.yaml_implicit_resolvers.get(value[:1], ()):
                    if pattern.match(value):
                        return tag
            return _TEXT
        return _LIST if kind is SequenceNode else _MAP

    def construct_mapping(self, node: Node, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, MappingNode):
            raise ConstructorError(None, None, f"expected a mapping node, but found {node.id}", node.start_mark)
        self.flatten_mapping(node)
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=deep)
            try:
                twice = key in mapping
            except TypeError:
                raise _in_mapping(node, f"found unacceptable key {key_node.value}", key_node) from None
            value = self.construct_object(value_node, deep=deep)
            if twice or key in mapping:
                raise _in_mapping(node, f"found conflicting ID '{key}'", key_node)
            mapping[key] = value
        return mapping

    def flatten_mapping(self, node: MappingNode) -> None:
        """Put what `<<` names before the map's own entries, which override it silently."""
        own, merged = [], []
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                merged.extend(self._merged(node, value_node))
                continue
            if key_node.tag == f"{_TAG}value":
                key_node.tag = f"{_TAG}str"
            own.append((key_node, value_node))
        names = [key_node.value for key_node, _ in own]
        node.value = [entry for entry in merged if entry[0].value not in names] + own

    def _merged(self, node: MappingNode, value_node: Node) -> list[tuple[Node, Node]]:
        if isinstance(value_node, MappingNode):
            self.flatten_mapping(value_node)
            return list(value_node.value)
        if not isinstance(value_node, SequenceNode):
            raise _in_mapping(
                node, f"expected a mapping or list of mappings for merging, but found {value_node.id}", value_node
            )
        entries: list[tuple[Node, Node]] = []
        for each in reversed(value_node.value):
            if not isinstance(each, MappingNode):
                raise _in_mapping(node, f"expected a mapping for merging, but found {each.id}", each)
            self.flatten_mapping(each)
            entries.extend(each.value)
        return entries

    def construct_map(self, node: Node) -> Iterator[dict[Any, Any]]:
        """A map, also for `!!omap`. It is handed out before it is filled: an alias may point into itself."""
        mapping: dict[Any, Any] = {}
        yield mapping
        mapping.update(self.construct_mapping(node))

    def construct_int(self, node: ScalarNode) -> int:
        """Leading zeros do not make a number octal: file modes are written so."""
        value = node.value
        if value.startswith("0") and not value.startswith(("0b", "0x")):
            node.value = value.lstrip("0") or "0"
        return self.construct_yaml_int(node)

    def construct_text(self, node: ScalarNode) -> Any:
        """Dates stay the text they are."""
        return self.construct_scalar(node)

    def construct_binary(self, node: ScalarNode) -> bytes:
        """Base64, with its padding or without."""
        try:
            encoded = self.construct_scalar(node).encode("ascii")
            return base64.decodebytes(encoded + b"=" * (-len(encoded) % 4))
        except UnicodeEncodeError as exc:
            problem = f"failed to convert base64 data into ascii: {exc}"
        except binascii.Error as exc:
            problem = f"failed to decode base64 data: {exc}"
        raise ConstructorError(None, None, problem, node.start_mark)


for _name, _constructor in (
    ("map", SaltLoader.construct_map),
    ("omap", SaltLoader.construct_map),
    ("int", SaltLoader.construct_int),
    ("timestamp", SaltLoader.construct_text),
    ("python/unicode", SaltLoader.construct_text),
    ("binary", SaltLoader.construct_binary),
):
    SaltLoader.add_constructor(_TAG + _name, _constructor)


def _whole_number(text: str) -> int:
    if not text.isdecimal():
        raise _NotPlain
    return int(text)


_TEXT, _MAP, _LIST = f"{_TAG}str", f"{_TAG}map", f"{_TAG}seq"
_NOT_A_KEY = {f"{_TAG}merge", f"{_TAG}value", _MAP, _LIST}
_SCALARS: dict[str, Callable[[str], Any]] = {
    f"{_TAG}int": _whole_number,
    f"{_TAG}bool": lambda text: SaltLoader.bool_values[text.lower()],
    f"{_TAG}null": lambda _text: None,
    f"{_TAG}timestamp": str,
}


class SaltDumper(_Dumper):
    """Maps by their keys, but for those that are ordered on purpose; what has no place in YAML becomes NULL."""

    def represent_undefined(self, data: Any) -> Any:
        if isinstance(data, dict):
            return self.represent_dict(list(data.items()))
        if isinstance(data, str):
            return self.represent_str(str(data))
        if isinstance(data, list | tuple):
            return self.represent_list(list(data))
        return self.represent_scalar(f"{_TAG}null", "NULL")


SaltDumper.add_representer(None, SaltDumper.represent_undefined)


def _in_mapping(node: Node, problem: str, where: Node) -> ConstructorError:
    return ConstructorError("while constructing a mapping", node.start_mark, problem, where.start_mark)


def _line(exc: yaml.YAMLError) -> int | None:
    mark = getattr(exc, "problem_mark", None) or getattr(exc, "context_mark", None)
    return None if mark is None else mark.line + 1
