"""Turning enlarged or generated pixel art into true sprites, one pixel a cell.

``nearest`` is the experiment's way and equals Pillow's pixel for pixel. ``grid``, the default, looks for the
shift of the grid, takes the median of each cell's core, and merges the shades that an autoencoder made of
one colour; art that is clean already comes back untouched. `benchmarks/downscale.py` compares the methods.

All computing is in NumPy and scipy, a picture at a time: see `tensors` for why, and for tensors.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from . import cells
from .alpha import Rgb, blank, composite
from .grid import find_grid
from .search import LEAST_CONFIDENCE, crop_to_grid, search_grid
from .shades import limit_colors, merge_shades, snap_to_palette

Pictures = NDArray[np.uint8]
Size = tuple[int, int]

WHITE: Rgb = (255, 255, 255)
FLAT_SHARE = 0.95
"""A picture with as many cells of a single exact colour is clean: nothing is merged."""
_SAMPLED = 128  # rows (columns) that suffice to find a shift


def downscale(
    images: Pictures,
    size: Size | None = (24, 24),
    method: str = "grid",
    colors: int | None = None,
    *,
    palette: Pictures | None = None,
    background: Rgb | None = WHITE,
) -> Pictures:
    """Shrink pictures to sprites.

    Args:
        images: uint8 RGB or RGBA (N, H, W, 3 or 4).
        size: (width, height) of the sprite in pixels; cells need not be square or of whole pixels. None: it
            is found in each picture, see `search.search_grid`.
        method: one of `METHODS`.
        colors: at most this many colours a sprite (1..256): the closest are merged until they fit. None
            leaves what the method gives.
        palette: the only colours that a sprite may have, uint8 (k, 3); each pixel gets the nearest in OKLab.
        background: the colour on which RGBA is composited first, so that RGB comes back; None keeps the
            alpha, shrunk as the colours are, and black under what is wholly transparent.

    Returns:
        uint8 (N, height, width, 3), or 4 with alpha kept; each picture's sprite is the same alone and in a
        batch.

    Raises:
        InputError: the array is of another shape or type, the size is not positive or larger than the
            pictures, the method is unknown, `colors` is out of range or given together with `palette`; or
            with `size` None a picture shows no grid that can be trusted, or pictures show different sizes.
    """
    _check(images, method, colors, palette)
    keep = images.shape[-1] == 4 and background is None
    pictures = [_with_alpha(image, background) for image in images]
    if size is None:
        size, pictures = _find_size(pictures)
    else:
        _check_size(images, size)
    shrink = _SHRINKERS[method]
    sprites = np.empty((len(images), size[1], size[0], 4 if keep else 3), dtype=np.uint8)
    for index, image in enumerate(pictures):
        sprites[index] = _recolor(shrink(image, size), colors, palette)
    return sprites


def _with_alpha(image: Pictures, background: Rgb | None) -> Pictures:
    if image.shape[-1] == 3:
        return image
    return blank(image) if background is None else composite(image, background)


def _recolor(sprite: Pictures, colors: int | None, palette: Pictures | None) -> Pictures:
    """Bring the visible colours of a sprite to few or to given ones."""
    if sprite.shape[-1] == 4:
        sprite = blank(sprite)
    shown = sprite[..., 3] > 0 if sprite.shape[-1] == 4 else np.ones(sprite.shape[:2], dtype=bool)
    if (colors is None and palette is None) or not shown.any():
        return sprite
    sprite = sprite.copy()
    visible = np.ascontiguousarray(sprite[shown][:, :3])
    fitting = snap_to_palette(visible, palette) if palette is not None else limit_colors(visible, colors or 1)
    sprite[shown, :3] = fitting
    return sprite


def _check(images: Pictures, method: str, colors: int | None, palette: Pictures | None) -> None:
    if images.ndim != 4 or images.shape[-1] not in (3, 4) or images.dtype != np.uint8:
        raise InputError(
            f"pictures must be uint8 of shape (N, H, W, 3 or 4), not {images.dtype} {images.shape}",
            field="images",
            remedy="Convert them to 8-bit RGB or RGBA.",
        )
    if 0 in images.shape[1:]:
        raise InputError(f"have no pixels: {images.shape}", field="images", remedy="Give real pictures.")
    if method not in _SHRINKERS:
        raise InputError(
            "is not a way to downscale", field="method", value=method, remedy=f"Use {', '.join(METHODS)}."
        )
    if colors is not None and not 1 <= colors <= 256:
        raise InputError("must be 1 to 256", field="colors", value=colors, remedy="Use 24, or leave it out.")
    if palette is None:
        return
    if colors is not None:
        raise InputError(
            "cannot be given together with colors", field="palette", remedy="Leave one of them out."
        )
    if palette.ndim != 2 or palette.shape[1] != 3 or len(palette) == 0 or palette.dtype != np.uint8:
        raise InputError(
            f"must be uint8 of shape (k, 3) with at least one colour, not {palette.dtype} {palette.shape}",
            field="palette",
            remedy="Give a list of RGB colours.",
        )


def _check_size(images: Pictures, size: Size) -> None:
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


def _find_size(images: list[Pictures]) -> tuple[Size, list[Pictures]]:
    """Return the size that all pictures show, and the pictures cut to whole cells."""
    cut: list[Pictures] = []
    sizes: dict[Size, int] = {}
    for number, image in enumerate(images, 1):
        found = search_grid(image)
        if found is None or found.confidence < LEAST_CONFIDENCE:
            sure = "none at all" if found is None else f"confidence {found.confidence:.2f}"
            raise InputError(
                f"picture {number} of {len(images)} shows no pixel grid that can be trusted ({sure}; "
                f"{LEAST_CONFIDENCE:.2f} is needed)",
                field="size",
                remedy="Give the sprite's width and height.",
            )
        sizes.setdefault(found.size, number)
        cut.append(crop_to_grid(image, found))
    if len(sizes) != 1:
        shown = ", ".join(f"{w} x {h} (picture {number})" for (w, h), number in sizes.items())
        raise InputError(
            f"the pictures show sprites of different sizes: {shown}" if sizes else "there is no picture",
            field="size",
            remedy="Give the sprite's width and height, or shrink the pictures one by one.",
        )
    return next(iter(sizes)), cut


def _grid(image: Pictures, size: Size) -> Pictures:
    stride = max(1, min(image.shape[:2]) // _SAMPLED)
    cores = cells.read_cores(image, find_grid(image, size, stride=stride))
    if cores.flat.mean() >= FLAT_SHARE:
        return cores.median
    if image.shape[2] == 3:
        return merge_shades(cores)
    alpha = cores.median[..., 3:]
    return np.concatenate([merge_shades(cores, alpha[..., 0] > 0), alpha], axis=-1)


_SHRINKERS: dict[str, Callable[[Pictures, Size], Pictures]] = {
    "grid": _grid,
    "nearest": cells.nearest,
    "box": cells.pillow("BOX"),
    "lanczos": cells.pillow("LANCZOS"),
    "median": cells.median,
    "mode": cells.mode,
    "k-centroid": cells.k_centroid,
}
METHODS = tuple(_SHRINKERS)
