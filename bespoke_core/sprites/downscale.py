"""Turning enlarged or generated pixel art into true sprites, one pixel a cell.

``nearest`` is the experiment's way and equals Pillow's pixel for pixel. ``grid``, the default, looks for the
shift of the grid, takes the median of each cell's core, and merges the shades that an autoencoder made of
one colour; art that is clean already comes back untouched.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..color.cluster import grow_tree, largest_gap, recolor
from ..color.spaces import pack, unpack
from ..errors import InputError
from .grid import find_grid, regular_lines

Pictures = NDArray[np.uint8]
Lines = NDArray[np.int64]

# Chosen on art other than what the tests measure: the core is the part of a cell that a decoder's blur does
# not reach; shades closer than the low end are one colour, farther than the high end are two.
CORE_SHARE = 0.7
MERGE_LOW, MERGE_HIGH, MERGE_FALLBACK = 0.6, 2.5, 1.75
FLAT_SHARE = 0.95


def downscale(
    images: Pictures,
    size: tuple[int, int] = (24, 24),
    method: str = "grid",
    colors: int | None = None,
) -> Pictures:
    """Shrink pictures to sprites.

    Args:
        images: uint8 RGB (N, H, W, 3).
        size: (width, height) of the sprite in pixels; cells need not be square or of whole pixels.
        method: one of `METHODS`.
        colors: at most this many colours a sprite (1..256): the closest are merged until they fit. None
            leaves what the method gives.

    Returns:
        uint8 RGB (N, height, width, 3); each picture's sprite is the same alone and in a batch.

    Raises:
        InputError: the array is of another shape or type, the size is not positive or larger than the
            pictures, the method is unknown, or `colors` is out of range.
    """
    _check(images, size, method, colors)
    shrink = _SHRINKERS[method]
    sprites = np.empty((len(images), size[1], size[0], 3), dtype=np.uint8)
    for index, image in enumerate(images):
        sprite = shrink(image, size)
        sprites[index] = sprite if colors is None else limit_colors(sprite, colors)
    return sprites


def limit_colors(sprite: NDArray[np.uint8], colors: int) -> NDArray[np.uint8]:
    """Merge the closest colours of a sprite (h, w, 3) until at most `colors` are left."""
    tree = grow_tree(sprite)
    return sprite if len(tree.colors) <= colors else recolor(sprite, tree, tree.into(colors))


def merge_shades(sprite: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Merge the shades of a sprite (h, w, 3) that are one colour, cutting where the distances leave a gap."""
    tree = grow_tree(sprite)
    cut = largest_gap(tree.heights, MERGE_LOW, MERGE_HIGH, MERGE_FALLBACK)
    return recolor(sprite, tree, tree.cut(cut))


def _check(images: Pictures, size: tuple[int, int], method: str, colors: int | None) -> None:
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise InputError(
            f"pictures must be uint8 of shape (N, H, W, 3), not {images.dtype} {images.shape}",
            field="images",
            remedy="Convert them to 8-bit RGB.",
        )
    if method not in _SHRINKERS:
        raise InputError(
            "is not a way to downscale", field="method", value=method, remedy=f"Use {', '.join(METHODS)}."
        )
    width, height = size
    if width < 1 or height < 1:
        raise InputError("must be at least 1 x 1", field="size", value=size, remedy="Use 24 x 24.")
    if images.shape[2] < width or images.shape[1] < height:
        raise InputError(
            f"is larger than the picture, which has {images.shape[2]} x {images.shape[1]} pixels",
            field="size",
            value=f"{width} x {height}",
            remedy="Ask for a smaller sprite or give a larger picture.",
        )
    if colors is not None and not 1 <= colors <= 256:
        raise InputError("must be 1 to 256", field="colors", value=colors, remedy="Use 24, or leave it out.")


def _nearest(image: Pictures, size: tuple[int, int]) -> Pictures:
    rows, columns = _nearest_index(image.shape[0], size[1]), _nearest_index(image.shape[1], size[0])
    return image[rows[:, None], columns]


def _nearest_index(pixels: int, cells: int) -> NDArray[np.int32]:
    """Ask Pillow itself which pixel it takes: it sums floats, which no formula repeats at every size."""
    from PIL import Image

    ruler = Image.fromarray(np.arange(pixels, dtype=np.int32)[None])
    return np.asarray(ruler.resize((cells, 1), Image.Resampling.NEAREST))[0]


def _pillow(filter_name: str) -> Callable[[Pictures, tuple[int, int]], Pictures]:
    def shrink(image: Pictures, size: tuple[int, int]) -> Pictures:
        from PIL import Image

        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling[filter_name]))

    return shrink


def _cell_pixels(
    values: NDArray[np.int32], columns: Lines, rows: Lines, sentinel: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Gather the pixels of each cell, sorted, from values (H, W): (h, w, most), and how many each cell has.

    Cells differ by a pixel in width; what a cell lacks is filled with `sentinel`, which sorts last.
    """
    x, x_valid = _cell_index(columns)
    y, y_valid = _cell_index(rows)
    gathered = values[y[:, None, :, None], x[None, :, None, :]]
    valid = y_valid[:, None, :, None] & x_valid[None, :, None, :]
    filled = np.where(valid, gathered, np.int32(sentinel))
    counts = np.diff(rows)[:, None] * np.diff(columns)[None]
    return np.sort(filled.reshape(*counts.shape, -1), axis=-1), counts


def _cell_index(lines: Lines) -> tuple[Lines, NDArray[np.bool_]]:
    widths = np.diff(lines)
    steps = np.arange(widths.max())
    valid = steps < widths[:, None]
    return np.where(valid, lines[:-1, None] + steps, lines[:-1, None]), valid


def _median(image: Pictures, size: tuple[int, int]) -> Pictures:
    columns, rows = regular_lines(image.shape[1], size[0]), regular_lines(image.shape[0], size[1])
    channels = []
    for channel in range(3):
        ordered, counts = _cell_pixels(image[..., channel].astype(np.int32), columns, rows, 256)
        middle = ((counts - 1) // 2)[..., None]
        channels.append(np.take_along_axis(ordered, middle, axis=-1)[..., 0])
    return np.stack(channels, axis=-1).astype(np.uint8)


def _mode(image: Pictures, size: tuple[int, int]) -> Pictures:
    """The commonest exact colour of each cell; the smaller 0xRRGGBB of two that are as common."""
    columns, rows = regular_lines(image.shape[1], size[0]), regular_lines(image.shape[0], size[1])
    ordered, counts = _cell_pixels(pack(image).astype(np.int32), columns, rows, 1 << 24)
    flat = ordered.reshape(-1, ordered.shape[-1])
    picked = np.empty(len(flat), dtype=np.uint32)
    for index, (cell, count) in enumerate(zip(flat, counts.reshape(-1), strict=True)):
        starts = np.flatnonzero(np.diff(cell[:count], prepend=-1))
        runs = np.diff(starts, append=count)
        picked[index] = cell[starts[np.argmax(runs)]]
    return unpack(picked).reshape(size[1], size[0], 3)


def _k_centroid(image: Pictures, size: tuple[int, int]) -> Pictures:
    """Split each cell's colours into two by k-means and take the centre that more pixels belong to."""
    from PIL import Image

    columns, rows = regular_lines(image.shape[1], size[0]), regular_lines(image.shape[0], size[1])
    whole = Image.fromarray(image)
    sprite = np.empty((size[1], size[0], 3), dtype=np.uint8)
    for y in range(size[1]):
        for x in range(size[0]):
            cell = whole.crop((int(columns[x]), int(rows[y]), int(columns[x + 1]), int(rows[y + 1])))
            reduced = cell.quantize(colors=2, method=Image.Quantize.MAXCOVERAGE, kmeans=2)
            counts = reduced.getcolors() or [(1, 0)]
            index = int(max(counts, key=lambda c: c[0])[1])
            sprite[y, x] = (reduced.getpalette() or [0] * 6)[3 * index : 3 * index + 3]
    return sprite


def _grid(image: Pictures, size: tuple[int, int]) -> Pictures:
    found = find_grid(image, size)
    x = _core_index(found.columns, image.shape[1])
    y = _core_index(found.rows, image.shape[0])
    cores = image[y[:, None, :, None], x[None, :, None, :]].reshape(size[1], size[0], -1, 3)
    flat = (cores == cores[:, :, :1]).all(axis=(2, 3))
    middle = (cores.shape[2] - 1) // 2
    # Contiguous channels make the partition several times faster.
    planes = np.ascontiguousarray(np.moveaxis(cores, -1, 0))
    sprite = np.moveaxis(np.partition(planes, middle, axis=-1)[..., middle], 0, -1)
    return sprite if flat.mean() >= FLAT_SHARE else merge_shades(np.ascontiguousarray(sprite))


def _core_index(lines: Lines, pixels: int) -> Lines:
    """Return the pixels of each cell's core along one axis, (cells, core), kept inside the picture."""
    pitch = (lines[-1] - lines[0]) / (len(lines) - 1)
    core = max(1, round(CORE_SHARE * pitch))
    starts = (lines[:-1] + lines[1:] - core) // 2
    return np.clip(starts[:, None] + np.arange(core), 0, pixels - 1)


_SHRINKERS: dict[str, Callable[[Pictures, tuple[int, int]], Pictures]] = {
    "grid": _grid,
    "nearest": _nearest,
    "box": _pillow("BOX"),
    "lanczos": _pillow("LANCZOS"),
    "median": _median,
    "mode": _mode,
    "k-centroid": _k_centroid,
}
METHODS = tuple(_SHRINKERS)
