"""A graph's progress as lines that a person can read."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from ..amounts import counted

_STEPS = 4  # lines a node when the output is a file: a quarter each


class ProgressPrinter:
    """Takes the events of `Client.wait` and prints which node runs and how far it is.

    Args:
        graph: the graph in API form, for the nodes' titles.
        out: where to print. On a terminal a line is overwritten in place; elsewhere new lines are few.
    """

    def __init__(self, graph: Mapping[str, Mapping[str, Any]], out: TextIO | None = None) -> None:
        self.titles = {node: str(_title(entry)) for node, entry in graph.items()}
        self.out = out or sys.stdout
        self.terminal = self.out.isatty()
        self.started = time.monotonic()
        self.node = ""
        self.cells = 0
        self.told = -1
        self.open_line = False

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Take one event."""
        kind, data = event["type"], event["data"]
        if kind == "execution_cached" and data.get("nodes"):
            self._line(f"{len(data['nodes'])} nodes need not run again")
        elif kind == "executing" and data.get("node") is not None:
            self._enter(str(data.get("display_node") or data["node"]))
        elif kind == "progress":
            self._enter(str(data.get("display_node_id") or data.get("node")))
            self._percent(float(data.get("value", 0)), float(data.get("max", 1)))
        elif kind == "progress_text" and self.terminal:
            self._overwrite(data["text"].strip().replace("\n", " "))
        elif kind == "executed" and "bespoke_cell" in (data.get("output") or {}):
            self.cells += 1
            self._cells()

    def close(self) -> None:
        """End an unfinished line."""
        if self.open_line:
            self.out.write("\n")
            self.open_line = False
        self.out.flush()

    def _enter(self, node: str) -> None:
        node = node.split(".", 1)[0]  # a sub-graph's node carries its parent's id in front
        if node == self.node:
            return
        self.node, self.told = node, 0
        self._line(self.titles.get(node, f"node {node}"))

    def _percent(self, value: float, most: float) -> None:
        if most <= 1 or self.cells:  # the sweep counts its pictures instead of one sampler's steps
            return
        quarter = int(value / most * _STEPS)
        if self.terminal:
            self._overwrite(f"{value / most:4.0%}")
        elif quarter > self.told:
            self.told = quarter
            self._line(f"  {quarter / _STEPS:4.0%}")

    def _cells(self) -> None:
        if self.terminal:
            self._overwrite(counted(self.cells, "picture"))
        elif self.cells % 10 == 0:
            self._line(f"  {counted(self.cells, 'picture')}")

    def _line(self, text: str) -> None:
        self.close()
        self.out.write(f"{time.monotonic() - self.started:6.1f} s  {text}\n")
        self.out.flush()

    def _overwrite(self, text: str) -> None:
        name = self.titles.get(self.node, "")
        shown = f"{time.monotonic() - self.started:6.1f} s    {name}: {text}"[:100]
        self.out.write("\r" + shown.ljust(100))
        self.out.flush()
        self.open_line = True


def _title(entry: Mapping[str, Any]) -> object:
    return (entry.get("_meta") or {}).get("title") or entry.get("class_type", "?")
