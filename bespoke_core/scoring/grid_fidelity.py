"""How well full-size pictures lie on the pixel grid of their sprites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..sprites.grid import Grid, find_grid

LEAST_CELL = 3
_SAMPLED = 1024  # rows (columns) that suffice to know the edges of a very large picture
_PIXELS_A_BAND = 1 << 20


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


class GridScoresArrays(NamedTuple):
    """`GridScores` of many pictures, float64 (N,); NaN means not measured."""

    fidelity: NDArray[np.float64]
    variance_between: NDArray[np.float64]


def grid_scores(image: NDArray[np.uint8], size: tuple[int, int]) -> GridScores:
    """Measure how well a picture, uint8 (H, W, 3), lies on the grid of a sprite of `size` (width, height).

    Nothing is measured where cells are under 3 pixels wide, because every edge then lies on a line, nor on a
    picture of a single colour.
    """
    height, width = image.shape[:2]
    if width < LEAST_CELL * size[0] or height < LEAST_CELL * size[1] or _is_flat(image):
        return GridScores(None, None)
    grid = find_grid(image, size, stride=max(1, min(height, width) // _SAMPLED))
    return GridScores(grid.fidelity, _variance_between(image, grid))


def grid_scores_of(images: Sequence[NDArray[np.uint8]], size: tuple[int, int]) -> GridScoresArrays:
    """Measure many pictures, uint8 (N, H, W, 3) or a list of any sizes, each as `grid_scores` does."""
    both = np.full((2, len(images)), np.nan)
    for index, image in enumerate(images):
        found = grid_scores(image, size)
        both[:, index] = [
            np.nan if value is None else value for value in (found.fidelity, found.variance_between)
        ]
    return GridScoresArrays(both[0], both[1])


def _is_flat(image: NDArray[np.uint8]) -> bool:
    # Most pictures show another colour in the first row that is not the first pixel's.
    return all(bool((row == image[0, 0]).all()) for row in image)


def _variance_between(image: NDArray[np.uint8], grid: Grid) -> float:
    """Return the share; all sums are of whole numbers, so that nothing is lost on a nearly flat picture."""
    height, width = image.shape[:2]
    rows, columns = _starts(grid.rows, height), _starts(grid.columns, width)
    exact: type = np.int32 if width * 3 * 255**2 < 2**31 else np.int64
    sums = np.zeros((len(rows), len(columns), 3), dtype=np.int64)
    squares = 0
    for row, (start, stop) in enumerate(zip(rows, [*rows[1:], height], strict=True)):
        for at in range(start, stop, max(1, _PIXELS_A_BAND // width)):
            band = image[at : min(stop, at + max(1, _PIXELS_A_BAND // width))].reshape(-1, width * 3)
            levels: NDArray = band.astype(exact)
            squares += int(np.einsum("ij,ij->i", levels, levels).sum(dtype=np.int64))
            lines = levels.sum(axis=0, dtype=np.int64).reshape(width, 3)
            sums[row] += np.add.reduceat(lines, columns, axis=0)
    counts = np.diff(rows, append=height)[:, None] * np.diff(columns, append=width)[None]
    about_zero = float((sums.sum(axis=(0, 1)).astype(np.float64) ** 2).sum()) / (height * width)
    between = float((sums.astype(np.float64) ** 2 / counts[..., None]).sum()) - about_zero
    return min(1.0, max(0.0, between / (squares - about_zero)))


def _starts(lines: NDArray[np.int64], pixels: int) -> NDArray[np.int64]:
    """Return where each cell begins, the strips before the first line and after the last included."""
    return np.union1d(lines[(lines > 0) & (lines < pixels)], [0])
