"""Styles of drawing: the plain one, which the base model knows, and one that it has never seen.

A style is a palette, the colour of the outline, and hats of its own. Words stay truthful: every colour of the
plain style goes to a colour of the palette that has the same name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import colors, stencils
from .stencils import Stencil

Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Style:
    """How portraits are drawn.

    Attributes:
        name: for file names and records.
        outline: the colour around every part.
        palette: the only colours that a picture may have, or None for any.
        hats: what can be worn, or None for the plain style's.
        hat_share: how many wear one, from 0 to 1.
        backgrounds: how often a background is solid, split, a gradient and checkered.
    """

    name: str
    outline: Rgb = colors.OUTLINE
    palette: tuple[Rgb, ...] | None = None
    hats: tuple[Stencil, ...] = stencils.HATS
    hat_share: float = 0.34
    backgrounds: tuple[int, int, int, int] = (10, 3, 3, 3)

    def recolored(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return pixels, uint8 (..., 3), with every colour taken to the nearest of the palette."""
        if self.palette is None:
            return pixels
        palette = np.array(self.palette, np.int32)
        # Weights of a usual cheap approximation of how the eye weighs the channels.
        apart = (pixels[..., None, :].astype(np.int32) - palette) ** 2 @ np.array([3, 5, 2])
        nearest: NDArray[np.uint8] = palette[apart.argmin(axis=-1)].astype(np.uint8)
        return nearest


PLAIN = Style("plain")
"""Dark outlines, shades and any colour: what the base model has learnt."""

_WIZARD_HAT = Stencil(
    "wizard hat",
    0,
    (
        ".............oo.........",
        "...........ooaao........",
        "..........oaabo.........",
        "..........oaaao.........",
        ".........oaataao........",
        ".........oatttao........",
        "........oaaataabo.......",
        "........oAAAAAAAo.......",
        ".....ooottttttttttooo...",
        "...ooaaaaaaaaaaaaabbaoo.",
        "....ooooooooooooooooo...",
    ),
)

DUSK = Style(
    "dusk",
    outline=(255, 240, 204),
    palette=(
        (255, 240, 204),  # cream: the outline and white things
        (38, 30, 62),  # black
        (146, 140, 160),  # grey
        (204, 64, 84),  # red
        (126, 36, 62),  # dark red
        (232, 132, 72),  # orange
        (244, 208, 104),  # yellow
        (90, 204, 108),  # bright green
        (36, 100, 84),  # dark green
        (48, 150, 156),  # teal
        (140, 196, 236),  # light blue
        (58, 84, 190),  # blue
        (126, 78, 176),  # purple
        (238, 148, 188),  # pink
        (130, 86, 70),  # brown
        (84, 50, 54),  # dark brown
        (250, 218, 196),  # pale skin
        (236, 188, 152),  # light skin
        (198, 138, 104),  # medium skin
        (166, 204, 156),  # pale green skin
    ),
    hats=(_WIZARD_HAT,),
    hat_share=0.7,
    backgrounds=(1, 0, 0, 0),
)
"""A light outline, 20 muted colours without shades, and wizard hats: none of it is in the plain style."""
