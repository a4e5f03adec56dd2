"""The parts into which a sweep is divided among servers: who draws which, and what comes back of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ..errors import BespokeError
from ..evaluation.cells import Cells
from ..evaluation.checkpoints import Checkpoint

PART = 8
"""Cells that a worker draws at a time: what is lost with it at most."""


@dataclass(frozen=True)
class Drawn:
    """What a server gives back of a part.

    Attributes:
        pictures: their file names to their bytes.
        scores: key of each cell to what was measured on it.
        floor: what the VAE makes of the training set; None where that was not measured.
        problems: keys of the cells that gave no picture, with the reason.
    """

    pictures: Mapping[str, bytes]
    scores: Mapping[str, Mapping[str, Any]]
    floor: Mapping[str, Any] | None
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """Why a server gives nothing back of a part.

    Attributes:
        reason: one line.
        at_node: a node failed, which may be the plan's own fault.
    """

    reason: str
    at_node: bool = False


@dataclass(frozen=True)
class Running:
    """A part that a server draws at the moment.

    Attributes:
        server: its address.
        cells: of the part.
        job: id of the job there.
    """

    server: str
    cells: Cells
    job: str


@dataclass
class Dealer:
    """Which cells are still to be drawn, and by whom.

    Attributes:
        waiting: parts that nobody draws at the moment.
        lost: servers that get no more parts, with the reason.
        failed: key of each part's first cell to the node's failure that it met with.
    """

    waiting: deque[Cells]
    lost: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @classmethod
    def deal(cls, cells: Cells, size: int = PART) -> Dealer:
        """Divide cells, in their order, into parts that share one LoRA each."""
        begins: list[int] = []
        drawn_with: Checkpoint | None = None
        for place, cell in enumerate(cells):
            if not begins or place - begins[-1] >= size or drawn_with != cell.checkpoint:
                begins.append(place)
                drawn_with = cell.checkpoint
        return cls(deque(cells[begin:end] for begin, end in pairwise([*begins, len(cells)])))

    def lose(self, server: str, part: Cells, failure: Failed) -> None:
        """Give a lost server's part to the others.

        Raises:
            BespokeError: a node failed at this part on another server, too: it is the plan's own fault.
        """
        self.lost[server] = failure.reason
        if failure.at_node:
            if part[0].key in self.failed:
                raise BespokeError(f"two servers fail at the same pictures: {failure.reason}")
            self.failed[part[0].key] = failure.reason
        self.waiting.appendleft(part)
