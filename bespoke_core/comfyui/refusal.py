"""What a server says against a graph that it refuses, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Graph = Mapping[str, Mapping[str, Any]]


def describe_refusal(reply: Mapping[str, Any], graph: Graph) -> str:
    """Say in one line per fault what a ``/prompt`` reply complains about."""
    lines = []
    for node, fault in (reply.get("node_errors") or {}).items():
        name = fault.get("class_type") or graph.get(node, {}).get("class_type", "?")
        told = [_in_words(one) for one in fault.get("errors", [])]
        lines += [f"node {node} ({name}): {text}" for text in dict.fromkeys(told)]
    error = reply.get("error")
    if not lines and isinstance(error, Mapping):
        details = f" ({error['details']})" if error.get("details") else ""
        lines.append(f"{error.get('message', 'it is not valid')}{details}")
    elif not lines:
        lines.append(str(error or reply))
    return "; ".join(lines)


def _in_words(fault: Mapping[str, Any]) -> str:
    """Return what is wrong with an input; what a node says by itself comes once for each of its inputs."""
    message, details = str(fault.get("message", "is not valid")), str(fault.get("details") or "")
    if fault.get("type") == "custom_validation_failed" and " - " in details:
        return details.partition(" - ")[2].rstrip(".")
    return f"{message} ({details})" if details else message
