"""Merging the shades that a decoder made of one colour, and bringing sprites to few or given colours.

How far the shades of one colour lie apart is different for every model: half a hundredth of OKLab after
JPEG, four after a small autoencoder. It is measured in the sprite itself: most cells have a neighbour of the
same colour, so the step to the most similar neighbour is noise.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..color.cluster import Tree, grow_tree, recolor
from ..color.difference import oklab_distance
from ..color.spaces import levels_to_oklab, pack, srgb_to_oklab
from .cells import Cores

Sprite = NDArray[np.uint8]

# Fitted to generated portraits and two fifths of a set of 202 drawn ones after eleven ways of harm; what
# tests and benchmarks measure are others. Hundredths of OKLab.
LEAST_CUT, MOST_CUT, HALF_NOISE, POWER = 0.45, 5.0, 0.2, 0.75
_HEIGHTS_TO_NOISE = 2.0
_FLARE = 0.002  # without it the noise of black parts would count as colours
_NEAR_LIMIT = 2  # levels from black or full, where noise is cut off and a mean is not the colour


def merge_shades(cores: Cores, shown: NDArray[np.bool_] | None = None) -> Sprite:
    """Return the sprite (h, w, 3) of cells' cores with the shades of one colour merged.

    Average linkage in OKLab joins the cells' medians up to a distance that grows with their noise, at most
    to `MOST_CUT`. A merged colour is the mean of its cells, which is finer than any cell's levels; next to
    black and full, and where mean and median disagree, it is the median. `shown` says which cells count
    (default all); the others keep their median.
    """
    sprite = cores.median[..., :3].copy()
    shown = np.ones(sprite.shape[:2], dtype=bool) if shown is None else shown
    if not shown.any():
        return sprite
    colors, means = sprite[shown], cores.inner[..., :3][shown]
    tree = grow_tree(colors, flare=_FLARE)
    labels = tree.cut(merging_distance(noise(cores.mean[..., :3], shown), tree, len(colors)))
    sprite[shown] = _blend(colors, means, labels[np.searchsorted(pack(tree.colors), pack(colors))])
    return sprite


def noise(levels: NDArray[np.float32], shown: NDArray[np.bool_]) -> float:
    """Return how much cells of one colour differ, in hundredths of OKLab.

    It is the median, over the cells of levels (h, w, 3) that are shown, of the step to the most similar of
    the four neighbours; 0 for a sprite of one cell.
    """
    lab = levels_to_oklab(levels, flare=_FLARE)
    least = np.full(shown.shape, np.inf)
    for one, other in (
        (np.s_[:, 1:], np.s_[:, :-1]),
        (np.s_[1:], np.s_[:-1]),
    ):
        step = np.where(shown[one] & shown[other], oklab_distance(lab[one], lab[other]), np.inf)
        least[one] = np.minimum(least[one], step)
        least[other] = np.minimum(least[other], step)
    known = least[shown & np.isfinite(least)]
    return float(np.median(known)) if len(known) else 0.0


def merging_distance(noise: float, tree: Tree, cells: int) -> float:
    """Return the distance under which shades are one colour, in hundredths of OKLab.

    It grows with the noise of the cells, ever slower: shades of the art itself lie between. Noise of single
    pixels, JPEG's too, leaves most cells of a colour the same median, and then shades are kept that a
    decoder, after which hardly two medians are equal, would have made. In art without two equal neighbours
    the step between neighbours is no noise; the distances at which equal colours join bound it then.
    """
    if len(tree.heights):
        noise = min(noise, _HEIGHTS_TO_NOISE * float(np.median(tree.heights)))
    if noise <= 0:
        return LEAST_CUT
    distance = MOST_CUT / (1 + (HALF_NOISE / noise) ** POWER)
    return max(LEAST_CUT, distance * min(1.0, 0.2 + len(tree.colors) / cells / 0.75))


def _blend(colors: Sprite, means: NDArray[np.float32], labels: NDArray[np.intp]) -> Sprite:
    """Give each of the colours (n, 3) its group's one colour."""
    result = np.empty_like(colors)
    order = np.argsort(labels, kind="stable")
    for start, stop in pairwise(np.flatnonzero(np.diff(labels[order], prepend=-1, append=-1))):
        members = order[start:stop]
        middle = np.sort(colors[members], axis=0)[(stop - start - 1) // 2]
        mean = means[members].mean(axis=0, dtype=np.float64).round()
        apart = np.abs(mean - middle) > 1
        near = (middle <= _NEAR_LIMIT) | (middle >= 255 - _NEAR_LIMIT)
        result[members] = np.where(apart | near, middle, mean)
    return result


def limit_colors(sprite: Sprite, colors: int) -> Sprite:
    """Merge the closest colours of a sprite (h, w, 3) until at most `colors` are left."""
    tree = grow_tree(sprite)
    return sprite if len(tree.colors) <= colors else recolor(sprite, tree, tree.into(colors))


def snap_to_palette(sprite: Sprite, palette: Sprite) -> Sprite:
    """Give each pixel of a sprite (..., 3) the nearest of a palette (k, 3) in OKLab, the first of equals."""
    packed, where = np.unique(pack(sprite), return_inverse=True)
    colors = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=-1).astype(np.uint8)
    goal = srgb_to_oklab(palette)
    nearest = [int(oklab_distance(lab, goal).argmin()) for lab in srgb_to_oklab(colors)]
    return palette[np.array(nearest)[where].reshape(sprite.shape[:-1])]
