"""Does the background have the colour that the prompt asks for?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..color.phrases import Asked
from ..color.regions import NO_BEYOND, YES_WITHIN
from ..sprites.background import Background

NOT_ASKED = "not asked"
NOT_MEASURED = "not measured"

CERTAIN_SHARE = 0.7
LEAST_KNOWN_SHARE = 0.5


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
    if background.smooth and asked.several:
        return _match_ends(background, asked)
    if right >= CERTAIN_SHARE and not _one_of_several(background, asked):
        return Match("yes", mean)
    if wrong >= CERTAIN_SHARE:
        return Match("no", mean)
    return Match("unclear", mean)


def _match_ends(background: Background, asked: Asked) -> Match:
    """Judge a gradient from one colour to another by its ends: what lies between has a colour of neither."""
    ends = background.colors[[0, -1]]
    apart = np.array([region.distance(ends) for region in dict.fromkeys(asked.regions)])
    first, last = (apart[:, end].argsort(kind="stable")[:2] for end in (0, 1))
    # Each end its own region, the cheaper way round where both are nearest to the same.
    pairs = [(i, j) for i in first for j in last if i != j]
    mean = min(float(apart[i, 0] + apart[j, 1]) / 2 for i, j in pairs)
    worst = min(max(float(apart[i, 0]), float(apart[j, 1])) for i, j in pairs)
    if worst <= YES_WITHIN:
        return Match("yes", mean)
    return Match("no" if float(apart.min(axis=0).min()) > NO_BEYOND else "unclear", mean)


def _one_of_several(background: Background, asked: Asked) -> bool:
    """Whether two colours were asked for side by side and only one is there."""
    if not asked.several:
        return False
    found = {region for region in asked.regions if (region.distance(background.colors) <= YES_WITHIN).any()}
    return len(found) < min(2, len(set(asked.regions)))
