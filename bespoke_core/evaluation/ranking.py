"""Places, rivals and prompts: the parts of a verdict that are counted from rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .following import Following, following
from .statistics import ALPHA, Floats, Interval, bootstrap_means, holm, paired_test, pairs_to_separate
from .table import Row, labels

LEAST_SHARE_OF_CELLS = 0.5
"""A checkpoint with fewer of the cells than this share of the fullest one's cannot win."""


@dataclass(frozen=True)
class Ranked:
    """One checkpoint's place.

    Attributes:
        checkpoint: its name.
        epoch: None where not known, and for the base model.
        interval: mean score, its 95 % interval, number of pictures.
        following: how its pictures follow their prompts.
        label: what people call it: its epoch, or its name where two checkpoints share an epoch.
    """

    checkpoint: str
    epoch: int | None
    interval: Interval
    following: Following
    label: str

    def to_dict(self) -> dict[str, Any]:
        """Return the place as JSON-able data; what was not measured is None."""
        return {
            "checkpoint": self.checkpoint,
            "epoch": self.epoch,
            "mean": finite(self.interval.mean),
            "low": finite(self.interval.low),
            "high": finite(self.interval.high),
            "n": self.interval.n,
            "follows_prompts": self.following.follows,
            "follow_share": finite(self.following.share),
            "answers": {
                "yes": self.following.yes,
                "no": self.following.no,
                "unclear": self.following.unclear,
            },
        }


@dataclass(frozen=True)
class Comparison:
    """The best checkpoint against a rival, over the pictures that both have.

    Attributes:
        checkpoint: the rival's name.
        difference: mean of rival - best in the score's units; None without common pictures.
        pairs: common pictures.
        p: of the paired sign-flip test.
        p_holm: corrected for the number of rivals.
        more_seeds: seeds to add for each prompt to tell the two apart, roughly; None where it cannot be said.
    """

    checkpoint: str
    difference: float | None
    pairs: int
    p: float
    p_holm: float
    more_seeds: int | None

    @property
    def tied(self) -> bool:
        """Whether chance explains the difference at 5 %."""
        return self.p_holm > ALPHA


@dataclass(frozen=True)
class Grid:
    """The scores of a sweep as a table.

    Attributes:
        names: of the checkpoints, in the order of the rows.
        epochs: of each name.
        scores: float64, shape (checkpoints, cells), NaN where missing.
        prompts: of each cell.
        rows: of each name.
    """

    names: tuple[str, ...]
    epochs: Mapping[str, int | None]
    scores: Floats
    prompts: tuple[str, ...]
    rows: Mapping[str, Sequence[Row]]

    def line(self, name: str) -> Floats:
        """Return one checkpoint's scores, shape (cells,)."""
        return self.scores[self.names.index(name)]

    @property
    def missing(self) -> int:
        """Cells without a score."""
        return int(np.count_nonzero(~np.isfinite(self.scores)))


def grid_of(rows: Sequence[Row], by: str) -> Grid:
    """Arrange rows by checkpoint and cell (prompt, seed and further settings)."""
    of_name: dict[str, list[Row]] = {}
    cells: dict[Any, int] = {}
    for row in rows:
        of_name.setdefault(row.checkpoint, []).append(row)
        cells.setdefault(row.cell, len(cells))
    names = tuple(of_name)
    scores = np.full((len(names), len(cells)), np.nan)
    for line, name in zip(scores, names, strict=True):
        for row in of_name[name]:
            value = row.number(by)
            line[cells[row.cell]] = math.nan if value is None else value
    epochs = {name: of_name[name][0].epoch for name in names}
    return Grid(names, epochs, scores, tuple(cell[0] for cell in cells), of_name)


def rank(grid: Grid, sign: float, seed: int) -> list[Ranked]:
    """Return the measured checkpoints, those that follow their prompts first, then by mean.

    Args:
        grid: of the trained checkpoints, or of the base model alone.
        sign: 1 where a lower score is better, -1 where a higher one is.
        seed: of the bootstrap.

    Equal means go to fewer epochs, then to the name.
    """
    intervals = bootstrap_means(grid.scores, seed=seed)
    places = [
        Ranked(name, grid.epochs[name], interval, following(grid.rows[name]), _label(grid, name))
        for name, interval in zip(grid.names, intervals, strict=True)
        if interval.n
    ]

    def order(place: Ranked) -> tuple[bool, float, float, str]:
        # Sums of whole numbers in another order may differ in the last bit; equal means must stay equal.
        mean = round(sign * place.interval.mean, 9)
        epoch = math.inf if place.epoch is None else place.epoch
        return (place.following.follows is False, mean, epoch, place.checkpoint)

    return sorted(places, key=order)


def _label(grid: Grid, name: str) -> str:
    return "the base model" if grid.rows[name][0].is_base else labels(grid.epochs)[name]


def candidates(places: Sequence[Ranked]) -> list[Ranked]:
    """Return those of a ranking that may win, in order: followers with enough pictures, else all such."""
    fullest = max((place.interval.n for place in places), default=0)
    full = [place for place in places if place.interval.n >= fullest * LEAST_SHARE_OF_CELLS]
    return [place for place in full if place.following.follows is not False] or full


def compare(grid: Grid, runners: Sequence[Ranked], seed: int) -> tuple[Comparison, ...]:
    """Compare the first of the runners with every other one over their common cells, Holm-corrected."""
    if len(runners) < 2:
        return ()
    best = grid.line(runners[0].checkpoint)
    tests = [paired_test(grid.line(rival.checkpoint), best, seed=seed) for rival in runners[1:]]
    per_seed = max(1, len(set(grid.prompts)))
    comparisons = []
    for rival, test, p_holm in zip(runners[1:], tests, holm([test.p for test in tests]), strict=True):
        needed = pairs_to_separate(test, len(tests))
        more = None if needed is None else max(1, math.ceil((needed - test.pairs) / per_seed))
        comparisons.append(
            Comparison(rival.checkpoint, finite(test.difference), test.pairs, test.p, p_holm, more)
        )
    return tuple(comparisons)


def best_per_prompt(grid: Grid, sign: float) -> dict[str, str | None]:
    """Return the checkpoint with the best mean on each prompt, None where none follows that prompt.

    Where it was measured, only checkpoints whose pictures of this prompt follow it are considered.
    """
    best: dict[str, str | None] = {}
    for prompt in dict.fromkeys(grid.prompts):
        columns = [index for index, name in enumerate(grid.prompts) if name == prompt]
        found: list[tuple[float, float, str]] = []
        for name, line in zip(grid.names, grid.scores, strict=True):
            values = line[columns]
            values = values[np.isfinite(values)]
            follows = following(row for row in grid.rows[name] if row.prompt == prompt).follows
            if values.size and follows is not False:
                epoch = grid.epochs[name]
                mean = round(sign * float(values.mean()), 9)
                found.append((mean, math.inf if epoch is None else epoch, name))
        best[prompt] = min(found)[2] if found else None
    return best


def finite(value: float | None) -> float | None:
    """Return the value, or None where it is not a finite number."""
    return value if value is not None and math.isfinite(value) else None
