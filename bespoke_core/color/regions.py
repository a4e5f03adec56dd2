"""Regions of colours, and how far a colour lies outside one: a CIEDE2000 difference, 0 inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .codes import Color
from .difference import ciede2000
from .spaces import chroma_and_hue, srgb_to_lab
from .words import BRIGHT, DARK, LIGHT, MUTED, SHADES, Box, ColorWord

YES_WITHIN = 3.0
NO_BEYOND = 12.0

_DULL = 58  # CIELAB lightness; see `modified`
_DEEP = {"blue", "purple", "red", "pink"}


@dataclass(frozen=True)
class Region:
    """What a colour word stands for.

    Attributes:
        word: what it is called.
        boxes: its colours; a colour in any of them belongs to it.
    """

    word: str
    boxes: tuple[Box, ...]

    def distance(self, rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the CIEDE2000 difference of colours, uint8 (..., 3), to the nearest box; 0 inside."""
        lab = srgb_to_lab(rgb).astype(np.float64)
        return np.min([_distance(box, lab) for box in self.boxes], axis=0)


def modified(word: ColorWord, modifiers: set[str]) -> Region:
    """Return the region of a word after words such as "light", "dark" and "bright"; others change nothing."""
    if word.kind not in SHADES:  # black and white have no shades
        return Region(word.word, word.boxes)
    boxes = word.boxes
    if _says_bright(modifiers):
        # An olive green is green, but no bright green.
        boxes = boxes[:1] + tuple(box for box in boxes[1:] if box.lightness[1] > _DULL)
    return Region(word.word, tuple(_cut(box, word, modifiers) for box in boxes))


def between(one: Region, other: Region) -> Region | None:
    """Return what lies between two words in hue ("blue green", "brownish green"), None where nothing does.

    Only hues at most 60 degrees apart have colours between them that people call by both words.
    """
    first, second = one.boxes[0], other.boxes[0]
    if first.hue is None or second.hue is None:
        return None
    gaps = ((first.hue[1], second.hue[0]), (second.hue[1], first.hue[0]))
    hue = min(gaps, key=lambda gap: (gap[1] - gap[0]) % 360)
    if (hue[1] - hue[0]) % 360 > 60:
        return None
    lightness = (min(first.lightness[0], second.lightness[0]), max(first.lightness[1], second.lightness[1]))
    chroma = (min(first.chroma[0], second.chroma[0]), max(first.chroma[1], second.chroma[1]))
    return Region(f"{one.word} {other.word}", (Box(lightness, chroma, hue),))


def around(color: Color, word: str) -> Region:
    """Return the neighbourhood of one colour, for a phrase that gives a code and no word."""
    lab = srgb_to_lab(np.array(color, dtype=np.uint8))
    chroma, hue = (float(v) for v in chroma_and_hue(lab))
    hues = None if chroma < 8 else ((hue - 18) % 360, (hue + 18) % 360)
    light = float(lab[0])
    return Region(word, (Box((light - 10, light + 10), (max(0.0, chroma - 12), chroma + 12), hues),))


def judge(distance: float) -> str:
    """Turn a distance to a region into ``yes``, ``unclear`` or ``no``."""
    return "yes" if distance <= YES_WITHIN else "no" if distance > NO_BEYOND else "unclear"


def _distance(box: Box, lab: NDArray[np.float64]) -> NDArray[np.float64]:
    chroma, hue = chroma_and_hue(lab)
    near_hue = hue
    if box.hue is not None:
        start, width = box.hue[0], (box.hue[1] - box.hue[0]) % 360
        beyond = (hue - start) % 360
        to_end, to_start = beyond - width, 360 - beyond
        near_hue = np.where(beyond <= width, hue, np.where(to_end < to_start, start + width, start))
    near_chroma = np.clip(chroma, *box.chroma)
    angle = np.radians(near_hue)
    near_lightness = np.clip(lab[..., 0], *box.lightness)
    nearest = [near_lightness, near_chroma * np.cos(angle), near_chroma * np.sin(angle)]
    return np.asarray(ciede2000(lab, np.stack(nearest, axis=-1)), dtype=np.float64)


def _says_bright(modifiers: set[str]) -> bool:
    return bool(modifiers & BRIGHT) and not modifiers & (LIGHT | DARK)


def _cut(box: Box, word: ColorWord, modifiers: set[str]) -> Box:
    (dark, light), (dull, vivid) = box.lightness, box.chroma
    shades = SHADES[word.kind]
    own = word.word != word.kind  # "navy" is dark and "mint" light by itself: its shades are its own range's
    middle = (dark + light) / 2
    if modifiers & LIGHT and not modifiers & DARK:
        # "pale" is as often used of a muted colour as of a light one.
        floor = 40.0 if modifiers & MUTED else min(68, shades.light - 8)
        ceiling = max(light, 96.0)
        if own and light < 70:
            floor, ceiling = min(floor, middle), light + 30
        dark, light, dull = max(dark, floor), ceiling, dull * 0.45
    if modifiers & DARK and not modifiers & LIGHT:
        ceiling = max(46.0, shades.dark + 8)
        if own or shades.dark == 0:
            ceiling = max(ceiling, middle)
        dark, light, dull = min(dark, 4.0), min(light, ceiling), dull * 0.7
    if _says_bright(modifiers) and box.hue is not None:
        # No screen shows a light and vivid blue: bright blues, purples and reds are darker than greens.
        dark, light, dull = max(dark, 38.0 if word.kind in _DEEP else 55.0), max(light, 72.0), max(dull, 32.0)
    return box._replace(lightness=(min(dark, light), light), chroma=(dull, vivid))
