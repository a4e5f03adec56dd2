"""What lies behind the figure: found from the border, with its colours and how they are arranged.

The background is what is connected to the picture's left, top and right border and has one of the border's
commoner colours; the figure usually leaves through the bottom, and a hat or high hair through the middle of
the top. It may be a gradient, too: colours that follow from the place. It is looked for cell by cell in a
small picture, so that an autoencoder's noise does not count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..color.cluster import grow_tree
from ..color.difference import oklab_distance
from ..color.spaces import pack, srgb_to_oklab
from .gradient import LOCAL_STEP, find_gradient

SAME_COLOR = 8.0
"""Cells closer than this (hundredths of OKLab) are one colour of the background."""
LEAST_BORDER_SHARE = 0.12

KNOWN = 0.9
"""Share of the border's cells that have to have common colours for them to be the background's."""
_FARTHER = 1.15  # times as far as these colours reach, a gradient has to reach
_FEW_STEPS = 4  # small ones that lead out of it, fewer than that the figure has by chance
_CORNER = 0.125  # of the width

ARRANGEMENTS = ("plain", "split", "gradient", "patterned", "unknown")
_PURE = 0.94
_NEAR_STEP = 22.0  # neighbouring bands closer than this (hundredths of OKLab) run into each other
_LEAST_KNOWN = 0.5


@dataclass(frozen=True)
class Background:
    """What lies behind the figure.

    Attributes:
        region: which cells of the sprite belong to it, bool (h, w).
        colors: its colours, uint8 (k, 3), the commonest first, from end to end where it is smooth; empty
            where it has none in common.
        shares: share of the background's border cells that have each colour, (k,); they sum to 1.
        known: share of all border cells that have one of these colours, 0..1; low for noise.
        which: index of each cell's nearest background colour, int (h, w); -1 outside the region.
        smooth: it is a gradient whose colours run into each other.
    """

    region: NDArray[np.bool_]
    colors: NDArray[np.uint8]
    shares: NDArray[np.float64]
    known: float
    which: NDArray[np.int64]
    smooth: bool = False


def find_background(cells: NDArray[np.uint8]) -> Background:
    """Find the background of a sprite, or of the medians of a picture's cells, uint8 (h, w, 3)."""
    border = _border(*cells.shape[:2])
    found = _of_common_colors(cells, border)
    smooth = find_gradient(cells, border) if _may_go_on(cells, found) else None
    if smooth is None or (found.known >= KNOWN and smooth[0].sum() < _FARTHER * found.region.sum()):
        return found
    region, which, colors = smooth
    shares = np.bincount(which[border & region], minlength=len(colors)).astype(np.float64)
    return Background(region, colors, shares / shares.sum(), float(region[border].mean()), which, smooth=True)


def _may_go_on(cells: NDArray[np.uint8], found: Background) -> bool:
    """Return whether there may be more to the background than its common colours; a cheap look first."""
    if found.known < KNOWN:
        return True
    lab, region = 100 * srgb_to_oklab(cells), found.region
    steps = 0
    for one, other in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        leaves = region[one] != region[other]
        steps += int((np.linalg.norm(lab[one][leaves] - lab[other][leaves], axis=-1) <= LOCAL_STEP).sum())
    return steps >= _FEW_STEPS


def _border(height: int, width: int) -> NDArray[np.bool_]:
    border = np.zeros((height, width), dtype=bool)
    border[0, :] = border[:, 0] = border[:, -1] = True
    # The lower half of the sides is where shoulders and long hair leave the picture.
    border[max(1, height // 2) :, :] = False
    return border


def _of_common_colors(cells: NDArray[np.uint8], border: NDArray[np.bool_]) -> Background:
    from scipy.ndimage import label

    around = cells[border]
    tree = grow_tree(around)
    group = tree.cut(SAME_COLOR)[np.searchsorted(pack(tree.colors), pack(around))]
    sizes = np.bincount(group)
    common = np.flatnonzero(sizes >= max(2, LEAST_BORDER_SHARE * len(around)))
    common = common[np.argsort(-sizes[common], kind="stable")]
    common = np.array([index for index in common if not _is_figure(group == index, border)], dtype=np.int64)
    if len(common) == 0:
        nowhere = np.zeros(border.shape, dtype=bool)
        none = np.full(border.shape, -1, dtype=np.int64)
        return Background(nowhere, np.zeros((0, 3), np.uint8), np.zeros(0), 0.0, none)
    colors = np.stack([np.median(around[group == index], axis=0) for index in common]).astype(np.uint8)
    shares = sizes[common] / sizes[common].sum()
    distance = oklab_distance(srgb_to_oklab(cells)[:, :, None], srgb_to_oklab(colors))
    alike = distance.min(axis=-1) <= SAME_COLOR
    pieces, _ = label(alike)
    touching = np.unique(pieces[border & alike])
    region = np.isin(pieces, touching[touching > 0])
    which = np.where(region, distance.argmin(axis=-1), -1)
    return Background(region, colors, shares, float(sizes[common].sum() / len(around)), which)


def _is_figure(members: NDArray[np.bool_], border: NDArray[np.bool_]) -> bool:
    """Return whether a colour of the border belongs to a hat or to hair: one run in the middle of the top.

    The corners and the sides show background; a pattern shows there, too, or in several runs.
    """
    rows, columns = np.nonzero(border)
    rows, columns = rows[members], columns[members]
    width = border.shape[1]
    inner = (rows == 0) & (columns >= width * _CORNER) & (columns < width * (1 - _CORNER))
    run = np.sort(columns)
    return bool(inner.all() and (np.diff(run) == 1).all())


def arrangement(background: Background) -> str:
    """Say how a background's colours are arranged: one of `ARRANGEMENTS`.

    - ``plain``: one colour.
    - ``split``: areas beside each other, above each other, or one around the other.
    - ``gradient``: three such areas or more whose neighbours are near shades. Two above each other do,
      because the lower half, where the figure leaves the picture, is not looked at.
    - ``patterned``: colours that alternate, as in checks, bricks and stripes.
    - ``unknown``: half the border's cells or more have no colour in common.
    """
    if background.known < _LEAST_KNOWN or len(background.colors) == 0:
        return "unknown"
    if background.smooth:
        return "gradient"
    if len(background.colors) == 1:
        return "plain"
    direction, order = _bands(background)
    if not len(order):
        return "patterned"
    lab = srgb_to_oklab(background.colors[order])
    near = bool((oklab_distance(lab[1:], lab[:-1]) <= _NEAR_STEP).all())
    return "gradient" if near and (len(order) > 2 or direction == "down") else "split"


def _bands(background: Background) -> tuple[str, list[int]]:
    """Return a direction in which each colour fills one band, and their order; none where there is none."""
    height, width = background.which.shape
    y, x = np.nonzero(background.region)
    which = background.which[y, x]
    present = np.unique(which)
    away = np.hypot((x - (width - 1) / 2) / width, (y - (height - 1) / 2) / height) * max(height, width)
    directions = {"across": x, "down": y, "slanted": x + y, "slanted back": x - y, "outwards": away}
    for direction, position in directions.items():
        places = np.round(position - position.min()).astype(np.int64)
        counts = np.zeros((int(places.max()) + 1, len(background.colors)), dtype=np.int64)
        np.add.at(counts, (places, which), 1)
        counts = counts[counts.sum(axis=1) > 0]
        leading = counts.argmax(axis=1)
        runs = leading[np.concatenate([[True], leading[1:] != leading[:-1]])]
        pure = counts.max(axis=1).sum() / counts.sum()
        if pure >= _PURE and len(runs) == len(present) > 1:
            return direction, runs.tolist()
    return "", []
