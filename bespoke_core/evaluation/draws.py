"""The draws of a sweep: pictures of one prompt and one seed come from one noise, whatever their settings.

A sweep over several guidance scales draws each noise several times. Its pictures resemble each other, and so
do the differences between two checkpoints on them: they count once, by their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .grid import Grid
from .intervals import Interval, mean_interval
from .statistics import Floats


@dataclass(frozen=True)
class Draws:
    """Which cells of a grid were drawn from the same noise.

    Attributes:
        of_cell: number of each cell's draw.
        prompts: name of each draw's prompt.
        blocks: what each draw has besides its seed, as one name; see `Grid.blocks`.
        seeds: of each draw.
    """

    of_cell: npt.NDArray[np.intp]
    prompts: tuple[str, ...]
    blocks: tuple[str, ...]
    seeds: tuple[int, ...]

    @property
    def several(self) -> bool:
        """Whether some noise was drawn with several settings."""
        return len(self.seeds) < len(self.of_cell)

    def averaged(self, values: Floats) -> Floats:
        """Return the mean of each draw's measured cells, NaN where there is none.

        Args:
            values: shape (..., cells), NaN where missing.
        """
        if not self.several:
            return values
        lines = values.reshape(-1, values.shape[-1])
        found = np.full((len(lines), len(self.seeds)), np.nan)
        for line, means in zip(lines, found, strict=True):
            known = np.isfinite(line)
            counts = np.bincount(self.of_cell[known], minlength=len(self.seeds))
            sums = np.bincount(self.of_cell[known], line[known], minlength=len(self.seeds))
            means[counts > 0] = sums[counts > 0] / counts[counts > 0]
        return found.reshape(*values.shape[:-1], len(self.seeds))


def draws_of(grid: Grid) -> Draws:
    """Return which cells of a grid were drawn from the same noise."""
    numbers: dict[tuple[str, int], int] = {}
    pairs = list(zip(grid.prompts, grid.seeds, strict=True))
    of_cell = np.array([numbers.setdefault(pair, len(numbers)) for pair in pairs], dtype=np.intp)
    if len(numbers) == len(pairs):
        return Draws(of_cell, grid.prompts, grid.blocks, grid.seeds)
    prompts = tuple(prompt for prompt, _ in numbers)
    return Draws(of_cell, prompts, prompts, tuple(seed for _, seed in numbers))


def interval_of(grid: Grid, line: Floats, draws: Draws, *, seed: int) -> Interval:
    """Return the mean of a checkpoint's cells with its 95 % interval; see `mean_interval`.

    Args:
        grid: of the sweep.
        line: scores, shape (cells,), NaN where missing.
        draws: of the grid.
        seed: of the random generator.

    Where a noise was drawn with several settings, what the settings do to the mean is taken away before the
    draws are compared, so that a draw without one of its pictures is not taken for a better or worse one.
    """
    if not draws.several:
        return mean_interval(line, grid.blocks, grid.seeds, seed=seed)
    known = np.isfinite(line)
    levelled = line - _means(line, known, grid.blocks) + _means(line, known, grid.prompts)
    found = mean_interval(draws.averaged(levelled), draws.blocks, draws.seeds, seed=seed)
    if found.n < 2:
        return mean_interval(line, grid.blocks, grid.seeds, seed=seed)
    mean = float(line[known].mean())
    low, high = mean + found.low - found.mean, mean + found.high - found.mean
    return Interval(mean, low, high, int(known.sum()), found.these_prompts)


def _means(line: Floats, known: npt.NDArray[np.bool_], names: Sequence[str]) -> Floats:
    """Return for each cell the mean of the measured cells of its name."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    codes = np.array([numbers[name] for name in names])
    counts = np.bincount(codes[known], minlength=len(numbers))
    sums = np.bincount(codes[known], line[known], minlength=len(numbers))
    means: Floats = (sums / np.maximum(counts, 1))[codes]
    return means
