"""What an API graph says about how some inputs come to be: tells one base model from another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..files import key_of


@dataclass(frozen=True)
class Lineage:
    """How some inputs of a graph come to be.

    Attributes:
        key: content key of everything upstream; node ids do not enter it.
        constants: every text constant upstream, file names among them.
    """

    key: str
    constants: frozenset[str]


def lineage(prompt: Mapping[str, Any], links: Sequence[Any]) -> Lineage:
    """Return what an API graph says about how some inputs come to be.

    Args:
        prompt: the graph in ComfyUI's API form, node id to ``{"class_type", "inputs"}``.
        links: the inputs in question, each ``[node id, output index]`` or a constant.

    Used to tell two base models apart, whatever loaders and patches stand before the sweep. Each node is
    visited once.
    """
    keys: dict[str, str] = {}
    texts: set[str] = set()

    def describe_value(value: Any) -> Any:
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and value[0] in prompt:
            return [describe_node(value[0]), value[1]]
        if isinstance(value, str):
            texts.add(value)
        return value

    def describe_node(node_id: str) -> str:
        if node_id not in keys:
            node = prompt[node_id]
            inputs = {name: describe_value(value) for name, value in sorted(node["inputs"].items())}
            keys[node_id] = key_of([node["class_type"], inputs])
        return keys[node_id]

    return Lineage(key_of([describe_value(link) for link in links]), frozenset(texts))
