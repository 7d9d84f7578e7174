"""YAML with `!aggregate` and `!reset`: values that are merged with their namesakes instead of replacing them.

The marks survive in the type of the value (`marks`), until `pillar/merge` has used them.
Source: stock Salt 3008.3, `yamlex`.
"""

from __future__ import annotations

import copy
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from trisalt.sls.dialect import SaltLoader, error_of
from trisalt.sls.marks import AggregateList, AggregateMap, aggregate

_TAG = "tag:yaml.org,2002:"


def load(text: str) -> Any:
    """What a text says, marks and all. Raises SlsError."""
    try:
        return yaml.load(text, Loader=YamlexLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise error_of(exc) from exc


class YamlexLoader(SaltLoader):
    """Salt's dialect with marks. A key may stand twice: values that are marked are merged, of others the later is."""

    def construct_mapping(self, node: Node, deep: bool = False) -> dict[Any, Any]:
        return self._repeating_map(node) if isinstance(node, MappingNode) else super().construct_mapping(node, deep)

    def construct_aggregate(self, node: Node) -> Any:
        value = self.construct_reset(node)
        if value is None:
            return AggregateList()
        if isinstance(node, MappingNode):
            return AggregateMap(value)
        return AggregateList(value if isinstance(node, SequenceNode) else [value])

    def construct_reset(self, node: Node) -> Any:
        """The value without its mark."""
        if isinstance(node, MappingNode):
            return self._repeating_map(node)
        plain = copy.copy(node)
        plain.tag = self.resolve(ScalarNode, node.value, (True, True)) if isinstance(node, ScalarNode) else f"{_TAG}seq"
        return self.construct_object(plain, deep=True)

    def _repeating_map(self, node: MappingNode) -> dict[Any, Any]:
        self.flatten_mapping(node)
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            resets = key_node.tag == "!reset"
            key = self.construct_object(key_node, deep=True)
            value = self.construct_object(value_node, deep=True)
            try:
                there = key in mapping and not resets
            except TypeError:
                problem = f"found unacceptable key {key_node.value}"
                raise ConstructorError(
                    "while constructing a mapping", node.start_mark, problem, key_node.start_mark
                ) from None
            mapping[key] = aggregate(mapping[key], value) if there else value
        return mapping


YamlexLoader.add_constructor("!aggregate", YamlexLoader.construct_aggregate)
YamlexLoader.add_constructor("!reset", YamlexLoader.construct_reset)
