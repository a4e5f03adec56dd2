"""The plain name of a skin's colour.

"Tan skin" is not skin of the colour tan: for skin, people use words along a scale from light to dark. That
scale is the individual typology angle, the angle of a skin's colour around L* = 50 in the plane of L* and b*
(Chardon, Cretois and Hourseau 1991, "Skin colour typology and suntanning pathways"): above 41 degrees light,
to 28 intermediate, to 10 tan, to -30 brown, below dark.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .codes import Color
from .names import name_of
from .spaces import chroma_and_hue, srgb_to_lab

LIGHT, INTERMEDIATE, TAN, BROWN = 41.0, 28.0, 10.0, -30.0
"""Lowest typology angles of their classes, in degrees."""

_GRAYISH = 8.0  # CIELAB chroma under which there is no colour of skin
_PINKISH, _YELLOWISH = 42.0, 70.0  # CIELAB hues in degrees between which light skin is peach
_VERY_LIGHT, _DUSKY, _DARKER = 83.0, 72.0, 60.0  # CIELAB lightness; gray skin has a high angle

SKIN_NAMES = (
    *("light pink", "pink", "light peach", "peach", "light beige", "beige"),
    *("tan", "light brown", "brown", "dark brown"),
)
"""The names that `name_of_skin` gives to human skin."""


def typology_angle(color: Color | NDArray[np.uint8]) -> float:
    """Return the individual typology angle of an sRGB colour, in degrees: 90 is white, -90 black."""
    lab = srgb_to_lab(np.array(color, dtype=np.uint8))
    return float(np.degrees(np.arctan2(lab[0] - 50, lab[2])))


def name_of_skin(color: Color | NDArray[np.uint8]) -> str:
    """Return what people call skin of an sRGB colour: one of `SKIN_NAMES`; the plain name of grayish skin."""
    levels = np.array(color, dtype=np.uint8)
    lab = srgb_to_lab(levels)
    chroma, hue = (float(value) for value in chroma_and_hue(lab))
    if chroma < _GRAYISH:
        return name_of(levels)
    angle, lightness = typology_angle(levels), float(lab[0])
    if angle >= LIGHT and lightness >= _DUSKY:
        word = "pink" if hue <= _PINKISH or hue > 180 else "peach" if hue < _YELLOWISH else "beige"
        return f"light {word}" if lightness >= _VERY_LIGHT else word
    if angle >= INTERMEDIATE and lightness >= _DARKER:
        return "tan"
    if angle >= TAN:
        return "light brown"
    return "brown" if angle >= BROWN else "dark brown"
