"""Does the background have the colour that the prompt asks for?

The background is what is connected to the picture's left, top and right border and has one of the border's
commoner colours; the figure usually leaves through the bottom. It is measured cell by cell, on medians, so
that an autoencoder's noise does not count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..color.cluster import grow_tree
from ..color.difference import oklab_distance
from ..color.names import NO_BEYOND, YES_WITHIN, Asked
from ..color.spaces import pack, srgb_to_oklab

NOT_ASKED = "not asked"
NOT_MEASURED = "not measured"

SAME_COLOR = 8.0
"""Cells closer than this (hundredths of OKLab) are one colour of the background."""
LEAST_BORDER_SHARE = 0.12
CERTAIN_SHARE = 0.7
LEAST_KNOWN_SHARE = 0.5


@dataclass(frozen=True)
class Background:
    """What lies behind the figure.

    Attributes:
        region: which cells of the sprite belong to it, bool (h, w).
        colors: its colours, the commonest first, uint8 (k, 3); empty where it has none in common.
        shares: share of the background's border cells that have each colour, (k,); they sum to 1.
        known: share of all border cells that have one of these colours, 0..1; low for noise.
    """

    region: NDArray[np.bool_]
    colors: NDArray[np.uint8]
    shares: NDArray[np.float64]
    known: float


@dataclass(frozen=True)
class Match:
    """The answer for one picture.

    Attributes:
        verdict: ``yes``, ``no``, ``unclear``, ``not asked`` or ``not measured``.
        distance: mean CIEDE2000 difference of the background's colours to what is asked, 0 inside; None where
            nothing was asked or found.
    """

    verdict: str
    distance: float | None


def find_background(cells: NDArray[np.uint8]) -> Background:
    """Find the background of a sprite of cell medians, uint8 (h, w, 3)."""
    from scipy.ndimage import label

    height, width = cells.shape[:2]
    border = np.zeros((height, width), dtype=bool)
    border[0, :] = border[:, 0] = border[:, -1] = True
    # The lower half of the sides is where shoulders and long hair leave the picture.
    border[max(1, height // 2) :, :] = False
    around = cells[border]
    tree = grow_tree(around)
    group = tree.cut(SAME_COLOR)[np.searchsorted(pack(tree.colors), pack(around))]
    sizes = np.bincount(group)
    common = np.flatnonzero(sizes >= max(2, LEAST_BORDER_SHARE * len(around)))
    common = common[np.argsort(-sizes[common], kind="stable")]
    if len(common) == 0:
        none = np.zeros((height, width), dtype=bool)
        return Background(none, np.zeros((0, 3), np.uint8), np.zeros(0), 0.0)
    colors = np.stack([np.median(around[group == index], axis=0) for index in common]).astype(np.uint8)
    shares = sizes[common] / sizes[common].sum()
    distance = oklab_distance(srgb_to_oklab(cells)[:, :, None], srgb_to_oklab(colors))
    alike = distance.min(axis=-1) <= SAME_COLOR
    pieces, _ = label(alike)
    touching = np.unique(pieces[border & alike])
    region = np.isin(pieces, touching[touching > 0])
    return Background(region, colors, shares, float(sizes[common].sum() / len(around)))


def match_background(background: Background, asked: Asked | None) -> Match:
    """Judge a background against what the prompt asks for.

    ``yes`` or ``no`` needs seven tenths of the background to agree, because a hat may reach the border; a
    split or patterned background of which a part is right, a border with hardly two cells alike, and a colour
    between are ``unclear``.
    """
    if asked is None:
        return Match(NOT_ASKED, None)
    if len(background.colors) == 0:
        return Match("unclear", None)
    distances = asked.distance(background.colors)
    mean = float((distances * background.shares).sum())
    right = float(background.shares[distances <= YES_WITHIN].sum())
    wrong = float(background.shares[distances > NO_BEYOND].sum())
    if background.known < LEAST_KNOWN_SHARE:
        return Match("unclear", mean)
    if right >= CERTAIN_SHARE and not _one_of_several(background, asked):
        return Match("yes", mean)
    if wrong >= CERTAIN_SHARE:
        return Match("no", mean)
    return Match("unclear", mean)


def _one_of_several(background: Background, asked: Asked) -> bool:
    """Whether two colours were asked for side by side and only one is there."""
    if not asked.several:
        return False
    found = {region for region in asked.regions if (region.distance(background.colors) <= YES_WITHIN).any()}
    return len(found) < min(2, len(set(asked.regions)))
