"""What the audit and the repair see of a picture: its colours, its small form and its background."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..color.spaces import pack
from ..errors import InputError
from ..picture_formats import DAMAGED, FORMATS
from ..sprites.background import Background, arrangement, find_background
from ..sprites.figure import Area, find_clothing, find_hair, find_skin
from ..sprites.pictures import read_picture
from ..sprites.true_size import small_form

_REMEDY = "Replace the picture or remove it with its caption."
_SEE_THROUGH = 0.5


@dataclass(frozen=True)
class Look:
    """One picture, looked at once.

    Attributes:
        size: (width, height) in pixels.
        colors: its distinct visible colours, uint8 (n, 3).
        counts: how many pixels have each, int64 (n,).
        cells: the picture in small, uint8 (h, w, 3): the art itself where the picture is an exact
            enlargement; see `sprites.true_size.small_form`.
        cut_out: most of the border is transparent, so that there is no background to speak of.
    """

    size: tuple[int, int]
    colors: NDArray[np.uint8]
    counts: NDArray[np.int64]
    cells: NDArray[np.uint8]
    cut_out: bool

    @cached_property
    def background(self) -> Background:
        """What lies behind the figure."""
        return find_background(self.cells)

    @cached_property
    def arrangement(self) -> str:
        """How the background's colours are arranged, see `sprites.background.arrangement`."""
        return "unknown" if self.cut_out else arrangement(self.background)

    @cached_property
    def skin(self) -> Area | None:
        """The skin of a portrait, where it can be located."""
        return None if self.cut_out else find_skin(self.cells, self.background)

    @cached_property
    def hair(self) -> Area | None:
        """What stands around and above a portrait's face: hair, or what covers it."""
        return None if self.skin is None else find_hair(self.cells, self.background, self.skin)

    @cached_property
    def clothing(self) -> Area | None:
        """What a portrait wears, where enough of it can be located."""
        return None if self.skin is None else find_clothing(self.cells, self.background, self.skin, self.hair)


def look_at(path: Path) -> Look:
    """Decode a picture's first frame and look at it.

    Pixels that are wholly transparent have no colour; the rest of a transparent picture is put on white.

    Raises:
        InputError: the picture cannot be decoded; the message names the file.
    """
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as picture:
            deep = picture.mode.startswith("I") or picture.mode == "F"
            # Pillow clips 16 bits to 8 instead of scaling them.
            rgba = Image.fromarray(read_picture(path)).convert("RGBA") if deep else picture.convert("RGBA")
    except (*DAMAGED, Image.DecompressionBombError) as error:
        raise InputError(f"the picture cannot be decoded ({error})", file=path, remedy=_REMEDY) from None
    levels = np.asarray(rgba)
    packed = np.ascontiguousarray(levels).view(np.uint32)[..., 0]
    few = rgba.getcolors(1 << 12)  # pixel art has few; counting them so is many times faster
    if few is None:
        values, counts = np.unique(packed, return_counts=True)
        colors = values.view(np.uint8).reshape(-1, 4)
    else:
        colors = np.array([color for _, color in few], dtype=np.uint8)
        counts = np.array([count for count, _ in few], dtype=np.int64)
    seen = colors[:, 3] > 0
    visible, weights = _merged(colors[seen, :3], counts[seen])
    if bool((colors[:, 3] == 255).all()):
        cells = small_form(levels[..., :3], levels=packed)
        return Look(rgba.size, visible, weights, cells, cut_out=False)
    cut_out = bool((_border(levels[..., 3]) < 128).mean() > _SEE_THROUGH)
    return Look(rgba.size, visible, weights, small_form(_on_white(levels)), cut_out)


def _merged(
    colors: NDArray[np.uint8], counts: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Add up the colours that differ only in how transparent they are."""
    _, first, which = np.unique(pack(colors), return_index=True, return_inverse=True)
    totals = np.bincount(which, weights=counts, minlength=len(first)).astype(np.int64)
    return np.ascontiguousarray(colors[first]), totals


def _on_white(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = levels[..., 3:].astype(np.uint16)
    return ((levels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _border(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate([values[0], values[-1], values[1:-1, 0], values[1:-1, -1]])
