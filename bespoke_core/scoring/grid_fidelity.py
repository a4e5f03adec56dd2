"""How well a full-size picture lies on the pixel grid of its sprite."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..sprites.grid import Grid, find_grid

LEAST_CELL = 3


@dataclass(frozen=True)
class GridScores:
    """How well a picture lies on its grid; None means not measured.

    Attributes:
        fidelity: edge energy on the grid's lines over the mean; about 4 to 7 for good pictures, 1 for none.
        variance_between: share of the picture's variance that lies between cells, 0..1: 1 when every cell
            is flat.
    """

    fidelity: float | None
    variance_between: float | None


def grid_scores(image: NDArray[np.uint8], size: tuple[int, int]) -> GridScores:
    """Measure how well a picture, uint8 (H, W, 3), lies on the grid of a sprite of `size` (width, height).

    Nothing is measured where cells are under 3 pixels wide, because every edge then lies on a line, nor on a
    picture of a single colour.
    """
    height, width = image.shape[:2]
    small = width < LEAST_CELL * size[0] or height < LEAST_CELL * size[1]
    if small or bool((image == image[0, 0]).all()):
        return GridScores(None, None)
    grid = find_grid(image, size)
    return GridScores(grid.fidelity, _variance_between(image, grid))


def _variance_between(image: NDArray[np.uint8], grid: Grid) -> float:
    height, width = image.shape[:2]
    # Levels about their mean: float32 then keeps seven digits of the variance, not of the brightness.
    levels = image.astype(np.float32)
    levels -= levels.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    total = float(np.einsum("ijk,ijk->i", levels, levels).sum(dtype=np.float64))
    rows, columns = _starts(grid.rows, height), _starts(grid.columns, width)
    sums = np.add.reduceat(np.add.reduceat(levels, rows, axis=0), columns, axis=1).astype(np.float64)
    counts = np.diff(rows, append=height)[:, None] * np.diff(columns, append=width)[None]
    between = float((sums**2 / counts[..., None]).sum())
    return min(1.0, between / total)


def _starts(lines: NDArray[np.int64], pixels: int) -> NDArray[np.int64]:
    """Return where each cell begins, the strips before the first line and after the last included."""
    return np.union1d(lines[(lines > 0) & (lines < pixels)], [0])
