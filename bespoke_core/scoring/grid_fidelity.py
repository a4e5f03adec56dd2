"""How well a full-size picture lies on the pixel grid of its sprite."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..sprites.grid import find_grid


def grid_fidelity(image: NDArray[np.uint8], size: tuple[int, int]) -> float | None:
    """Return the edge energy on the grid's lines over the mean; about 4 to 7 for good pictures, 1 for none.

    Args:
        image: uint8 (H, W, 3).
        size: (width, height) of the sprite.

    Returns:
        None (not measured) for a picture whose cells are under 3 pixels wide, where every edge is on a line,
        and for a picture of a single colour.
    """
    height, width = image.shape[:2]
    if width < 3 * size[0] or height < 3 * size[1] or bool((image == image[0, 0]).all()):
        return None
    return find_grid(image, size).fidelity


def variance_between(image: NDArray[np.uint8], size: tuple[int, int]) -> float | None:
    """Return the share of the picture's variance that lies between cells, 0..1: 1 when every cell is flat.

    None (not measured) where the cells are single pixels or the picture has a single colour.
    """
    height, width = image.shape[:2]
    if width < 2 * size[0] or height < 2 * size[1]:
        return None
    grid = find_grid(image, size)
    levels = image.astype(np.float32)
    total = float(levels.var(axis=(0, 1), dtype=np.float64).sum())
    if total == 0:
        return None
    rows = np.unique(np.clip(grid.rows, 0, height))
    columns = np.unique(np.clip(grid.columns, 0, width))
    # Whole picture, also where the grid's shift leaves a strip before its first line.
    rows, columns = np.union1d(rows, [0])[:-1], np.union1d(columns, [0])[:-1]
    if rows[-1] >= height or columns[-1] >= width:
        rows, columns = rows[rows < height], columns[columns < width]
    sums = np.add.reduceat(np.add.reduceat(levels, rows, axis=0), columns, axis=1)
    counts = np.diff(rows, append=height)[:, None] * np.diff(columns, append=width)[None]
    means = sums / counts[..., None]
    centre = levels.mean(axis=(0, 1), dtype=np.float64)
    between = float((counts[..., None] * (means - centre) ** 2).sum() / (height * width))
    return min(1.0, between / total)
