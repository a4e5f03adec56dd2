"""Small pictures of a data set's pictures, as sharp as pixel art has to be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..picture_formats import DAMAGED, FORMATS

if TYPE_CHECKING:
    from PIL.Image import Image

PAPER = "#ffffff"


def thumbnail(path: Path, edge: int) -> Image:
    """Return a picture that fits into a square of `edge` pixels, RGB, on white where it is transparent.

    The art behind an exact enlargement, and any picture that is small enough, is enlarged by the largest
    whole factor that fits, without blending; other pictures are shrunk smoothly.

    Raises:
        InputError: the picture cannot be decoded.
    """
    import numpy as np
    from PIL import Image as Images

    from ..color.spaces import pack
    from ..sprites.true_size import true_size

    try:
        with Images.open(path, formats=FORMATS) as opened:
            rgba = opened.convert("RGBA")
    except (*DAMAGED, Images.DecompressionBombError) as error:
        raise InputError(
            f"cannot be decoded ({error})", file=path, remedy="Replace the picture or remove it."
        ) from None
    picture = Images.alpha_composite(Images.new("RGBA", rgba.size, PAPER), rgba).convert("RGB")
    size = true_size(pack(np.asarray(picture)))
    if size is not None and max(size) < max(picture.size):
        picture = picture.resize(size, Images.Resampling.NEAREST)
    longest = max(picture.size)
    if longest <= edge:
        factor = edge // longest
        return picture.resize((picture.width * factor, picture.height * factor), Images.Resampling.NEAREST)
    shrunk = tuple(max(1, round(side * edge / longest)) for side in picture.size)
    return picture.resize((shrunk[0], shrunk[1]), Images.Resampling.LANCZOS)
