"""Do hair, skin and clothing have the colours that the prompt asks for, and did one run into another?

Only what can be located in a portrait is judged (`sprites.figure`): hair where nothing covers it, skin, and
clothing where enough of it is seen. Eyes, lips, hats and the rest are ``not measured``: two pixels are no
evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..captions.checks import read_caption
from ..captions.features import COVERS_HAIR, descriptions_of
from ..color.codes import format_hex
from ..color.difference import ciede2000
from ..color.phrases import Asked, background_asked, region_of
from ..color.regions import NO_BEYOND, YES_WITHIN
from ..color.spaces import srgb_to_lab
from ..sprites.background import Background
from ..sprites.figure import Area, find_clothing, find_hair, find_skin
from .background import NOT_ASKED, NOT_MEASURED

MOSTLY = 0.6
"""Share of a feature's cells that has to agree for a ``yes`` or a ``no``."""
SAME = 5.0
"""CIEDE2000; two features closer than this have one colour."""


@dataclass(frozen=True)
class FeatureMatch:
    """The answer for one feature that the prompt gives a colour.

    Attributes:
        feature: "hair", "skin", "clothing", or another that the prompt names.
        asked: the words that it was read from.
        verdict: ``yes``, ``no``, ``unclear``, or ``not measured`` where it cannot be located.
        distance: median CIEDE2000 difference of its cells to what is asked, 0 inside; None if not measured.
        color: the median of its cells, ``#rrggbb``; None if not measured.
    """

    feature: str
    asked: str
    verdict: str
    distance: float | None
    color: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, numbers rounded to four digits after the point."""
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items()}


@dataclass(frozen=True)
class Features:
    """What was found of the features that a prompt gives colours.

    Attributes:
        matches: one answer for each of them, the background left out, in the prompt's order.
        bleeds: pairs of features to which the prompt gives different colours and the picture one and the
            same, sorted; None where no two of them could be located.
        areas: where each feature that was looked for and found lies, the background among them.
    """

    matches: tuple[FeatureMatch, ...]
    bleeds: tuple[tuple[str, str], ...] | None
    areas: dict[str, Area] = field(default_factory=dict, compare=False, repr=False)

    @property
    def verdict(self) -> str:
        """All answers in one: ``no`` if any is, else ``unclear`` if any is, else ``yes`` if any is."""
        answers = [match.verdict for match in self.matches]
        for answer in ("no", "unclear", "yes", NOT_MEASURED):
            if answer in answers:
                return answer
        return NOT_ASKED


def features_asked(prompt: str) -> dict[str, Asked]:
    """Return the features of a figure that a prompt gives a colour, in its order; the background left out.

    "lady with red hair, wearing a blue shirt" asks for red hair and blue clothing. A feature that is named
    twice is asked for as it is named first.
    """
    asked: dict[str, Asked] = {}
    for part in read_caption("", prompt).parts:
        for feature, words in descriptions_of(part.text):
            colors = None if feature == "background" else region_of(" ".join(words))
            if colors is not None:
                asked.setdefault(feature, replace(colors, phrase=part.text))
    return asked


def match_features(cells: NDArray[np.uint8], background: Background, prompt: str) -> Features:
    """Judge the features of a sprite, or of the medians of a picture's cells, uint8 (h, w, 3).

    Args:
        cells: the picture in small.
        background: what `sprites.background.find_background` found in it.
        prompt: what was asked for.
    """
    asked = features_asked(prompt)
    areas = _locate(cells, background, prompt) if asked else {}
    matches = tuple(_match(feature, want, areas.get(feature)) for feature, want in asked.items())
    behind = background_asked(prompt)
    if behind is not None and background.region.any():
        areas["background"] = Area(background.region, cells[background.region])
        asked["background"] = behind
    return Features(matches, _bleeds(asked, areas), areas)


def _locate(cells: NDArray[np.uint8], background: Background, prompt: str) -> dict[str, Area]:
    skin = find_skin(cells, background)
    if skin is None:
        return {}
    hair = find_hair(cells, background, skin)
    found = {"skin": skin, "clothing": find_clothing(cells, background, skin, hair)}
    words = {word for part in read_caption("", prompt).parts for word in part.words}
    if not COVERS_HAIR & words:
        found["hair"] = hair
    return {feature: area for feature, area in found.items() if area is not None}


def _match(feature: str, asked: Asked, area: Area | None) -> FeatureMatch:
    if area is None:
        return FeatureMatch(feature, asked.phrase, NOT_MEASURED, None, None)
    distances = asked.distance(area.colors)
    verdict = "unclear"
    if (distances <= YES_WITHIN).mean() >= MOSTLY:
        verdict = "yes"
    elif (distances > NO_BEYOND).mean() >= MOSTLY:
        verdict = "no"
    return FeatureMatch(feature, asked.phrase, verdict, float(np.median(distances)), format_hex(area.color))


def _bleeds(asked: dict[str, Asked], areas: dict[str, Area]) -> tuple[tuple[str, str], ...] | None:
    located = sorted(feature for feature in asked if feature in areas)
    if len(located) < 2:
        return None
    pairs = combinations(located, 2)
    return tuple(pair for pair in pairs if _differ(asked, pair) and _alike([areas[one] for one in pair]))


def _differ(asked: dict[str, Asked], pair: tuple[str, str]) -> bool:
    """Return whether two features are asked for in different colours: no colour word is common to both."""
    one, other = ({region.word for region in asked[feature].regions} for feature in pair)
    return not one & other


def _alike(areas: Sequence[Area]) -> bool:
    one, other = (srgb_to_lab(area.color) for area in areas)
    return float(ciede2000(one, other)) < SAME
