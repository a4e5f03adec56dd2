"""A picture's pixels, cell by cell: every way to turn each cell of a known grid into one pixel.

Pictures are uint8 (H, W, 3) or (H, W, 4). Colours under transparent pixels must have been blanked (see
`alpha.blank`); the fourth channel is then a channel like the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .grid import Grid, regular_lines

Picture = NDArray[np.uint8]
Lines = NDArray[np.int64]
Size = tuple[int, int]

# The part of a cell that a decoder's blur does not reach, as shares of its side: the median bears a few
# blurred pixels, a colour's mean none.
CORE_SHARE, INNER_SHARE = 0.7, 0.5
_MOST_CORE = 16  # pixels a side that are looked at; more of the same cell tell nothing new


class Cores(NamedTuple):
    """What the cores of a picture's cells show.

    Attributes:
        median: of each channel, uint8 (h, w, C).
        mean: of each channel, float32 (h, w, C); finer than a level, which shows how much cells differ.
        inner: the same of the core's inner part, which no neighbour's colour reaches.
        flat: whether all pixels of a core are equal, bool (h, w).
    """

    median: Picture
    mean: NDArray[np.float32]
    inner: NDArray[np.float32]
    flat: NDArray[np.bool_]


def read_cores(picture: Picture, grid: Grid) -> Cores:
    """Look at the core of each cell of a grid; where cells leave the picture, its border counts again."""
    x = _core_index(grid.columns, picture.shape[1])
    y = _core_index(grid.rows, picture.shape[0])
    taken = picture.take(y.ravel(), axis=0).take(x.ravel(), axis=1)
    boxes = taken.reshape(*y.shape, *x.shape, picture.shape[2])
    # Channels in front, a cell's pixels side by side: several times faster to look through.
    cores = np.ascontiguousarray(boxes.transpose(4, 0, 2, 1, 3))
    planes = cores.reshape(*cores.shape[:3], -1)
    middle = (planes.shape[-1] - 1) // 2
    median = np.partition(planes, middle, axis=-1)[..., middle]
    flat = (planes.max(axis=-1) == planes.min(axis=-1)).all(axis=0)
    inner = cores[..., _inner(y.shape[1]), _inner(x.shape[1])]
    return Cores(np.ascontiguousarray(np.moveaxis(median, 0, -1)), _mean(cores), _mean(inner), flat)


def _mean(cores: Picture) -> NDArray[np.float32]:
    mean = cores.sum(axis=(-2, -1), dtype=np.uint32) / np.float32(cores.shape[-2] * cores.shape[-1])
    return np.ascontiguousarray(np.moveaxis(mean, 0, -1), dtype=np.float32)


def _core_index(lines: Lines, pixels: int) -> Lines:
    """Return the pixels of each cell's core along one axis, (cells, core), kept inside the picture."""
    pitch = (lines[-1] - lines[0]) / (len(lines) - 1)
    core = max(1, round(CORE_SHARE * pitch))
    starts = (lines[:-1] + lines[1:] - core) // 2
    looked_at = min(core, _MOST_CORE)
    steps = (np.arange(looked_at) * core + core // 2) // looked_at
    return np.clip(starts[:, None] + steps, 0, pixels - 1)


def _inner(core: int) -> slice:
    spare = core - round(core * INNER_SHARE / CORE_SHARE)
    margin = min((spare + 1) // 2, (core - 1) // 2)
    return slice(margin, core - margin)


def nearest(picture: Picture, size: Size) -> Picture:
    """Take the pixel that Pillow's nearest neighbour takes."""
    rows, columns = _nearest_index(picture.shape[0], size[1]), _nearest_index(picture.shape[1], size[0])
    return picture[rows[:, None], columns]


def _nearest_index(pixels: int, cells: int) -> NDArray[np.int32]:
    """Ask Pillow itself which pixel it takes: it sums floats, which no formula repeats at every size."""
    from PIL import Image

    ruler = Image.fromarray(np.arange(pixels, dtype=np.int32)[None])
    return np.asarray(ruler.resize((cells, 1), Image.Resampling.NEAREST))[0]


def pillow(filter_name: str) -> Callable[[Picture, Size], Picture]:
    """Return Pillow's own resize with a filter of that name; it weighs colours by their alpha."""

    def shrink(picture: Picture, size: Size) -> Picture:
        from PIL import Image

        return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling[filter_name]))

    return shrink


def median(picture: Picture, size: Size) -> Picture:
    """Take the lower median of all pixels of each cell, channel by channel."""
    sprite = np.empty((size[1], size[0], picture.shape[2]), dtype=np.uint8)
    for row, values, counts in _sorted_rows(np.moveaxis(picture, -1, 0).astype(np.int16), size, 256):
        middle = np.broadcast_to(((counts - 1) // 2)[:, None], (*values.shape[:2], 1))
        sprite[row] = np.take_along_axis(values, middle, axis=-1)[..., 0].T
    return sprite


def mode(picture: Picture, size: Size) -> Picture:
    """Take the commonest exact colour of each cell; of two that are as common the smaller 0xRRGGBB(AA)."""
    channels = picture.shape[2]
    packed = np.zeros(picture.shape[:2], dtype=np.int64)
    for channel in range(channels):
        packed = packed << 8 | picture[..., channel]
    sprite = np.empty((size[1], size[0], channels), dtype=np.uint8)
    for row, values, counts in _sorted_rows(packed[None], size, 1 << 40):
        for column, (cell, count) in enumerate(zip(values[0], counts, strict=True)):
            starts = np.flatnonzero(np.diff(cell[:count], prepend=-1))
            common = int(cell[starts[np.argmax(np.diff(starts, append=count))]])
            sprite[row, column] = list(common.to_bytes(channels, "big"))
    return sprite


def k_centroid(picture: Picture, size: Size) -> Picture:
    """Split each cell's colours into two by k-means and take the centre that more pixels belong to."""
    from PIL import Image

    columns, rows = regular_lines(picture.shape[1], size[0]), regular_lines(picture.shape[0], size[1])
    whole = Image.fromarray(np.ascontiguousarray(picture[..., :3]))
    sprite = np.empty((size[1], size[0], 3), dtype=np.uint8)
    for y in range(size[1]):
        for x in range(size[0]):
            cell = whole.crop((int(columns[x]), int(rows[y]), int(columns[x + 1]), int(rows[y + 1])))
            reduced = cell.quantize(colors=2, method=Image.Quantize.MAXCOVERAGE, kmeans=2)
            counts = reduced.getcolors() or [(1, 0)]
            index = int(max(counts, key=lambda c: c[0])[1])
            sprite[y, x] = (reduced.getpalette() or [0] * 6)[3 * index : 3 * index + 3]
    if picture.shape[2] == 3:
        return sprite
    return np.concatenate([sprite, median(picture[..., 3:], size)], axis=-1)


def _sorted_rows(
    planes: NDArray[np.integer], size: Size, sentinel: int
) -> Iterator[tuple[int, NDArray[np.integer], Lines]]:
    """Yield each row of cells: its number, the pixels of each cell, sorted, and how many each cell has.

    The pixels are (planes, w, most); cells differ by a pixel in width, and what a cell lacks is filled with
    `sentinel`, which sorts last. One row at a time, because a whole picture of 8k so would not fit.
    """
    columns, rows = regular_lines(planes.shape[2], size[0]), regular_lines(planes.shape[1], size[1])
    widths = np.diff(columns)
    steps = np.arange(widths.max())
    valid = steps < widths[:, None]
    x = np.where(valid, columns[:-1, None] + steps, columns[:-1, None])
    for row, (top, bottom) in enumerate(pairwise(rows)):
        gathered = np.where(valid, planes[:, top:bottom, x], planes.dtype.type(sentinel))
        values = np.moveaxis(gathered, 1, 2).reshape(len(planes), size[0], -1)
        yield row, np.sort(values, axis=-1), widths * (bottom - top)
