"""What an audit keeps of the findings that go by: counts, the first ones, and the worst files."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .findings import Finding

WORST = 20
"""Files that an audit names as the worst."""
_WEIGHTS = {"error": 100, "warning": 1, "info": 0}
_SHOWN = 200  # findings kept of one file: a megabyte of brackets has as many findings as characters


@dataclass(frozen=True)
class WorstFile:
    """One of the files with the weightiest findings.

    An error weighs a hundred warnings; what is only worth knowing weighs nothing.

    Attributes:
        file: the caption's relative name, or the picture's where there is no caption.
        image_path: the picture, if there is one.
        caption: the caption's first line.
        findings: of the caption and its picture, the first 200 of them.
        total: how many there are.
    """

    file: str
    image_path: Path | None
    caption: str
    findings: tuple[Finding, ...]
    total: int

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: the findings only by number, because the audit lists them."""
        return {"file": self.file, "findings": self.total}


class Tally:
    """Counts findings file by file.

    Args:
        keep: how many findings are kept; None for all.
        on_finding: called with each finding, kept or not.

    Attributes:
        places: findings by kind.
        files: files with at least one by kind.
        findings: the first `keep` findings.
    """

    def __init__(self, keep: int | None, on_finding: Callable[[Finding], None] | None) -> None:
        self.places: Counter[str] = Counter()
        self.files: Counter[str] = Counter()
        self.findings: list[Finding] = []
        self._keep = keep
        self._on_finding = on_finding
        self._heap: list[tuple[int, int, WorstFile]] = []
        self._order = 0

    def add(self, found: Sequence[Finding], file: str, image_path: Path | None, caption: str) -> None:
        """Count all findings of one caption and its picture."""
        self._order -= 1  # of two files that weigh the same, the earlier one is the worse
        if not found:
            return
        self._pass_on(found)
        self.files.update({one.finding for one in found})
        weight = sum(_WEIGHTS[one.severity] for one in found)
        if weight and (len(self._heap) < WORST or weight > self._heap[0][0]):
            worst = WorstFile(file, image_path, caption, tuple(found[:_SHOWN]), len(found))
            push = heapq.heappush if len(self._heap) < WORST else heapq.heapreplace
            push(self._heap, (weight, self._order, worst))

    def add_of_all(self, found: Sequence[Finding], kind: str, files: int) -> None:
        """Count findings that are about the data set as a whole, and the files that they concern."""
        self._pass_on(found)
        if files:
            self.files[kind] = files

    def _pass_on(self, found: Iterable[Finding]) -> None:
        for one in found:
            self.places[one.finding] += 1
            if self._keep is None or len(self.findings) < self._keep:
                self.findings.append(one)
            if self._on_finding is not None:
                self._on_finding(one)

    @property
    def worst(self) -> tuple[WorstFile, ...]:
        """The worst files, worst first."""
        return tuple(worst for *_, worst in sorted(self._heap, reverse=True))
