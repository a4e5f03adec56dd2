"""Places and prompts: who comes first, as far as means tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .draws import draws_of, interval_of
from .following import Following, following
from .grid import Grid
from .intervals import Interval
from .statistics import Floats
from .table import SCORE_RANGES, labels

_TURNS = 200
LEAST_SHARE_OF_CELLS = 0.5
"""A checkpoint with fewer of the cells than this share of the fullest one's cannot win."""


@dataclass(frozen=True)
class Ranked:
    """One checkpoint's place.

    Attributes:
        checkpoint: its name.
        epoch: None where not known, and for the base model.
        interval: mean score, its 95 % interval as far as the score can reach, number of pictures.
        following: how its pictures follow their prompts.
        label: what people call it: its epoch, or its name where two checkpoints share an epoch.
        adjusted: what its mean would be if no cell were missing, by the other checkpoints' scores of these
            cells; the mean itself where none is missing. Places are ordered by it.
    """

    checkpoint: str
    epoch: int | None
    interval: Interval
    following: Following
    label: str
    adjusted: float = math.nan

    def to_dict(self) -> dict[str, Any]:
        """Return the place as JSON-able data; what was not measured is None."""
        return {
            "checkpoint": self.checkpoint,
            "epoch": self.epoch,
            "label": self.label,
            "mean": finite(self.interval.mean),
            "adjusted_mean": finite(self.adjusted),
            "low": finite(self.interval.low),
            "high": finite(self.interval.high),
            "n": self.interval.n,
            "follows_prompts": self.following.follows,
            "follow_share": finite(self.following.share),
            "follows_sure": self.following.sure,
            "color_bleed": self.following.bleeding,
            "answers": {
                "yes": self.following.yes,
                "no": self.following.no,
                "unclear": self.following.unclear,
            },
        }


def rank(grid: Grid, sign: float, seed: int, by: str = "") -> list[Ranked]:
    """Return the measured checkpoints, those that follow their prompts first, then by mean.

    Args:
        grid: of the trained checkpoints, or of the base model alone.
        sign: 1 where a lower score is better, -1 where a higher one is.
        seed: of the bootstrap.
        by: the score; no interval reaches beyond what it can be.

    Equal means go to fewer epochs, then to the name. Where cells are missing, the means are adjusted for
    them: who lacks the hard prompts must not win by it.
    """
    draws = draws_of(grid)
    ends = SCORE_RANGES.get(by, (-math.inf, math.inf))
    intervals = [interval_of(grid, line, draws, seed=seed).within(*ends) for line in grid.scores]
    adjusted = adjusted_means(grid.scores)
    places = [
        Ranked(name, grid.epochs[name], interval, following(grid.rows[name]), _label(grid, name), float(mean))
        for name, interval, mean in zip(grid.names, intervals, adjusted, strict=True)
        if interval.n
    ]

    def order(place: Ranked) -> tuple[bool, float, float, str]:
        # Sums of whole numbers in another order may differ in the last bit; equal means must stay equal.
        mean = round(sign * place.adjusted, 9)
        epoch = math.inf if place.epoch is None else place.epoch
        return (place.following.follows is False, mean, epoch, place.checkpoint)

    return sorted(places, key=order)


def _label(grid: Grid, name: str) -> str:
    is_base = name == grid.rows[name][0].checkpoint and grid.rows[name][0].is_base
    return "the base model" if is_base else labels(grid.epochs)[name]


def candidates(places: Sequence[Ranked]) -> list[Ranked]:
    """Return those of a ranking that may win, in order: followers with enough pictures, else all such."""
    fullest = max((place.interval.n for place in places), default=0)
    full = [place for place in places if place.interval.n >= fullest * LEAST_SHARE_OF_CELLS]
    return [place for place in full if place.following.follows is not False] or full


def adjusted_means(scores: Floats) -> Floats:
    """Return each line's mean as it would be without gaps, shape (lines,); NaN where nothing was measured.

    Args:
        scores: shape (lines, cells), NaN where missing.

    Least squares of a line's effect plus a cell's effect, by turns (the usual additive two-way layout). A
    line that shares no cell with any other keeps its own mean.
    """
    present = np.isfinite(scores)
    if present.all():
        return scores.mean(axis=1) if scores.shape[1] else np.full(len(scores), np.nan)
    known = np.where(present, scores, 0.0)
    per_line, per_cell = present.sum(axis=1), present.sum(axis=0)
    total = max(1, int(present.sum()))
    grand = known.sum() / total
    line = np.zeros(len(scores))
    for _ in range(_TURNS):
        cell = (known - (grand + line[:, None]) * present).sum(axis=0) / np.maximum(per_cell, 1)
        cell[per_cell < 2] = 0.0  # what one line alone has measured says nothing of the cell
        former = line
        line = (known - (grand + cell) * present).sum(axis=1) / np.maximum(per_line, 1)
        if np.abs(line - former).max(initial=0.0) <= 1e-12 * max(1.0, abs(grand)):
            break
    weight = cell[per_cell > 0].mean() if (per_cell > 0).any() else 0.0
    return np.where(per_line > 0, grand + line + weight, np.nan)


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
