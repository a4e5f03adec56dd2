"""Reading pictures and bringing them to their training size without blurring pixel art."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..errors import InputError
from .buckets import Fit, Size


def picture_size(path: Path) -> Size:
    """Return a picture's (width, height) after reading all of it, so that a cut-off file is found early.

    Raises:
        InputError: the file is not a picture or is damaged.
    """
    return read_picture(path, "#ffffff").size


def read_picture(path: Path, background: str) -> Image.Image:
    """Read a picture as RGB; transparent parts show `background` ("#rrggbb").

    Raises:
        InputError: the file is not a picture or is damaged.
    """
    try:
        with Image.open(path) as opened:
            opened.load()
            if opened.mode == "RGB" and "transparency" not in opened.info:
                return opened.copy()
            picture = opened.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"is not a readable picture ({error})",
            file=path,
            remedy="Save it again as PNG, or take it out of the folder.",
        ) from None
    behind = Image.new("RGBA", picture.size, background)
    return Image.alpha_composite(behind, picture).convert("RGB")


def fit(picture: Image.Image, how: Fit) -> NDArray[np.uint8]:
    """Resize and crop a picture as `how` says; returns uint8 (H, W, 3).

    Enlarging never blends colours. Shrinking averages areas, unless the picture is itself enlarged pixel art
    whose cells outlast the shrinking: then pixels are picked, so that no new colours appear.
    """
    width, height = how.resized
    if picture.size != how.resized:
        shrinks = picture.width > width or picture.height > height
        scale = max(picture.width / width, picture.height / height)
        blends = shrinks and not is_enlarged(np.asarray(picture), scale)
        picture = picture.resize(how.resized, Image.Resampling.BOX if blends else Image.Resampling.NEAREST)
    left, top = (width - how.bucket[0]) // 2, (height - how.bucket[1]) // 2
    return np.asarray(picture)[top : top + how.bucket[1], left : left + how.bucket[0]].copy()


def is_enlarged(pixels: NDArray[np.uint8], factor: float = 2) -> bool:
    """Return whether every row and column of (H, W, 3) `pixels` comes in runs of at least `factor`.

    True for pixel art enlarged by nearest neighbour, and for a picture of one colour.
    """
    for axis in (0, 1):
        changes = np.any(np.diff(pixels, axis=axis) != 0, axis=(1 - axis, 2))
        edges = np.concatenate([[0], np.flatnonzero(changes) + 1, [pixels.shape[axis]]])
        if np.diff(edges).min() < factor:
            return False
    return True
