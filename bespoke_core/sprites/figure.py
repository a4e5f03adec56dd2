"""Where a portrait shows skin, hair and clothing, as far as that can be said without guessing.

A portrait in this sense is a head with shoulders that leave the picture at the bottom. Skin is the commonest
colour of human skin in the middle of the picture; hair is what the figure shows around and above the top of
that skin; clothing is what it shows in the lowest rows, skin, its shadows and long hair left out. What is not
found, or does not look like that, is None: better no answer than a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..color.cluster import grow_tree
from ..color.difference import oklab_distance
from ..color.spaces import chroma_and_hue, pack, srgb_to_oklab
from .background import Background

Cells = NDArray[np.uint8]
Mask = NDArray[np.bool_]

SAME_SHADE = 6.0
"""Cells closer than this (hundredths of OKLab) belong to one shade of a feature."""

# Where a face is, as shares of the height and the width.
_FACE_ROWS, _FACE_COLUMNS = (0.38, 0.78), (0.30, 0.72)
_LEAST_SHOULDERS = 0.2  # of the bottom row; some portraits end at the neck
_LEAST_FACE = 0.25
_LEAST_HAIR = 0.02
_FRINGE = 0.125  # how far below the top of the skin a fringe reaches, as a share of the height
# Clothing: the lowest rows; fewer cells, or more of the hair's colours among them, tell nothing.
_LOWEST_ROWS, _LEAST_CLOTHING, _MOST_HAIR, _MOST_SHADOW = 0.125, 0.024, 0.5, 0.3
_SAME_HUE, _SHADOW, _LEAST_CHROMA = 18.0, 0.55, 0.02  # degrees, share of the skin's lightness, OKLab
_HAIRS_OWN = 4.0
# Human skin in OKLab: hue in degrees, lightness, chroma.
_SKIN_HUE, _SKIN_LIGHTNESS, _SKIN_CHROMA = (15.0, 95.0), (0.25, 1.0), (0.012, 0.16)
_MOST_SATURATED = 0.2  # chroma over lightness; above are dark reds and oranges


@dataclass(frozen=True)
class Area:
    """A feature of the figure that was found.

    Attributes:
        mask: its cells, bool (h, w).
        colors: their colours, uint8 (n, 3), one a cell.
    """

    mask: Mask
    colors: Cells

    @property
    def color(self) -> NDArray[np.uint8]:
        """The median of its colours, uint8 (3,)."""
        return np.asarray(np.median(self.colors, axis=0), dtype=np.uint8)


def is_portrait(background: Background) -> bool:
    """Return whether a figure leaves the picture at the bottom, wide as shoulders, and is not all of it."""
    figure = ~background.region
    bottom = figure[-1]
    return bool(background.region.any() and bottom.mean() >= _LEAST_SHOULDERS and 0.2 <= figure.mean() <= 0.9)


def find_skin(cells: Cells, background: Background) -> Area | None:
    """Find the skin of a portrait, uint8 (h, w, 3); None for a robot, a mask, or no portrait at all."""
    if not is_portrait(background):
        return None
    height, width = cells.shape[:2]
    face = np.zeros((height, width), dtype=bool)
    rows = slice(int(height * _FACE_ROWS[0]), int(height * _FACE_ROWS[1]))
    face[rows, int(width * _FACE_COLUMNS[0]) : int(width * _FACE_COLUMNS[1])] = True
    face &= ~background.region
    if not face.any():
        return None
    shades = _shades(cells)
    sizes = np.bincount(shades[face])
    for shade in np.argsort(-sizes, kind="stable"):
        if sizes[shade] < _LEAST_FACE * face.sum():
            return None
        color = np.median(cells[face & (shades == shade)], axis=0).astype(np.uint8)
        if _is_skin(color):
            mask = (shades == shade) & ~background.region
            return Area(mask, cells[mask])
    return None


def find_hair(cells: Cells, background: Background, skin: Area) -> Area | None:
    """Find what stands around and above a portrait's face, whose skin was found; None where nothing does.

    That is hair, or what covers it: a hat cannot be told from hair, so ask only where none is mentioned. It
    may have several colours.
    """
    height = cells.shape[0]
    rows = np.nonzero(skin.mask[: int(height * _FACE_ROWS[1])])[0]
    if not len(rows):
        return None
    lowest = int(np.percentile(rows, 5)) + round(height * _FRINGE)
    mask = ~background.region & ~skin.mask
    mask[lowest:] = False
    if mask.sum() < _LEAST_HAIR * mask.size:
        return None
    return Area(mask, cells[mask])


def find_clothing(cells: Cells, background: Background, skin: Area, hair: Area | None) -> Area | None:
    """Find what a portrait wears; None where the lowest rows show too little of it, or mostly hair."""
    lab = srgb_to_oklab(cells)
    mask = ~background.region & ~skin.mask
    mask[: cells.shape[0] - max(1, round(cells.shape[0] * _LOWEST_ROWS))] = False
    shadow = _skins_shadow(lab, srgb_to_oklab(skin.color))
    if mask.any() and shadow[mask].mean() > _MOST_SHADOW:
        return None  # brown clothes, as like as not
    mask &= ~shadow
    if hair is not None and mask.any():
        colors = srgb_to_oklab(np.unique(hair.colors, axis=0))
        of_hair = oklab_distance(lab[mask][:, None], colors).min(axis=1) < _HAIRS_OWN
        if of_hair.mean() > _MOST_HAIR:
            return None
        mask[mask] = ~of_hair
    return Area(mask, cells[mask]) if mask.sum() >= _LEAST_CLOTHING * mask.size else None


def _skins_shadow(lab: NDArray[np.float32], skin: NDArray[np.float32]) -> Mask:
    """Return which cells, OKLab (h, w, 3), have the hue of a skin's colour and are not much darker."""
    chroma, hue = chroma_and_hue(lab)
    _, skins = chroma_and_hue(skin)
    turn = np.abs((hue - skins + 180) % 360 - 180)
    return np.asarray((turn < _SAME_HUE) & (lab[..., 0] > _SHADOW * skin[0]) & (chroma > _LEAST_CHROMA))


def _shades(cells: Cells) -> NDArray[np.int64]:
    tree = grow_tree(cells)
    return np.asarray(tree.cut(SAME_SHADE)[np.searchsorted(pack(tree.colors), pack(cells))])


def _is_skin(color: NDArray[np.uint8]) -> bool:
    lab = srgb_to_oklab(color)
    chroma, hue = (float(value) for value in chroma_and_hue(lab))
    return (
        _SKIN_HUE[0] <= hue <= _SKIN_HUE[1]
        and _SKIN_LIGHTNESS[0] <= float(lab[0]) <= _SKIN_LIGHTNESS[1]
        and _SKIN_CHROMA[0] <= chroma <= min(_SKIN_CHROMA[1], _MOST_SATURATED * float(lab[0]))
    )
