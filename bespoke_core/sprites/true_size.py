"""The art behind an enlarged picture, where the enlargement was exact."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..color.spaces import pack
from .downscale import downscale
from .grid import regular_lines

Picture = NDArray[np.uint8]

LEAST, MOST = 8, 128
"""Sides of the art that are looked for, in pixels."""
_FEW = 512  # distinct colours; a drawn picture has fewer, one with a decoder's or JPEG's noise many more


def true_size(levels: NDArray[np.uint32]) -> tuple[int, int] | None:
    """Return (width, height) of the art that a picture is a nearest-neighbour enlargement of.

    Args:
        levels: one integer a pixel, (H, W), equal where the colours are; `color.spaces.pack` makes them.

    Returns:
        the smallest size, each side `LEAST` to `MOST`, whose cells are all of one colour and as square as
        whole pixels allow; None where there is none, and for a picture of one colour.
    """
    height, width = levels.shape
    across = frozenset((np.flatnonzero((levels[:, 1:] != levels[:, :-1]).any(axis=0)) + 1).tolist())
    down = frozenset((np.flatnonzero((levels[1:] != levels[:-1]).any(axis=1)) + 1).tolist())
    if not across and not down:
        return None
    for cells in range(LEAST, min(MOST, width) + 1):
        rows = round(cells * height / width)
        if not LEAST <= rows <= min(MOST, height):
            continue
        if across <= _lines(width, cells) and down <= _lines(height, rows):
            return cells, rows
    return None


@lru_cache(maxsize=1024)
def _lines(pixels: int, cells: int) -> frozenset[int]:
    """The first pixels of all cells; where a line falls between two pixels, programs differ: both count."""
    from PIL import Image

    ruler = Image.fromarray(np.arange(cells, dtype=np.int32)[None])
    taken = np.asarray(ruler.resize((pixels, 1), Image.Resampling.NEAREST))[0]
    pillows = np.flatnonzero(taken[1:] != taken[:-1]) + 1
    return frozenset(regular_lines(pixels, cells).tolist()) | frozenset(pillows.tolist())


def small_form(picture: Picture, *, side: int = 64, levels: NDArray[np.uint32] | None = None) -> Picture:
    """Return a picture small enough to look at cell by cell: its art where that is known, else a reduction.

    Args:
        picture: uint8 (H, W, 3).
        levels: its colours as `true_size` takes them, where the caller has them already.
        side: the longer side of a reduction, in cells.

    Returns:
        uint8 (h, w, 3): the picture itself when it is small; the art when the picture is an exact
        enlargement; a nearest-neighbour sample of other pictures of few colours, so that no colour is mixed;
        the median of each cell for the rest, so that noise does not count.
    """
    height, width = picture.shape[:2]
    if max(height, width) <= side:
        return picture
    if levels is None:
        levels = pack(picture)
    size = true_size(levels)
    if size is None:
        scale = side / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        if len(np.unique(levels[::2, ::2])) > _FEW:
            return downscale(picture[None], size, "median")[0]
    return downscale(picture[None], size, "nearest")[0]
