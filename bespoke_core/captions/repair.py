"""Putting a colour's plain name where a caption leaves a feature without one.

A code beside a feature is no proof of its colour: in captions that were made by machine a code belongs as
often to something else, also where it stands beside one phrase alone. So a name is written only where the
picture shows the feature: the background from the border; skin, hair and clothing in a portrait. Everything
else is left as it is, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .checks import Part, Reading
from .features import COLOURED_FEATURES, FEATURE_NOUNS, feature_of, names_colour, words_of

if TYPE_CHECKING:
    from ..sprites.figure import Area
    from .pixels import Look

_WORD = re.compile(r"[^\W\d_]+")
_LIGHTNESS = {"light", "dark", "pale", "deep", "medium", "bright", "fair"}
_SAYS_PLAIN = {"solid", "plain", "flat", "uniform"}
_COVERS_HAIR = {
    *("hat", "cap", "crown", "beanie", "headband", "bandana", "helmet", "hood", "hoodie", "turban", "halo"),
    *("headphones", "visor", "scarf", "hijab", "veil", "tiara", "beret", "mask", "wig", "durag", "bonnet"),
    *("headwrap", "wrap", "horns", "bucket", "fedora", "cowboy", "headset", "bow", "flower", "flowers"),
}
_DENIES = {"no", "without", "bald", "hidden", "invisible"}
_MOST_COLORS = 2
_LEAST_SHARE = 0.2  # of the border, for a colour to be named
_LEAST_KNOWN = 0.9
_MOST_OF_HAIR, _MOST_OF_CLOTHING = 0.6, 0.7  # of its cells, for one basic colour word to lead


@dataclass(frozen=True)
class Repair:
    """A name that was put in.

    Attributes:
        feature: which feature ("hair").
        phrase: the phrase as it was, codes left out.
        name: what was put in ("dark brown").
        source: "code", where a code of the phrase agrees with the picture; else "picture".
        code: that code, "#rrggbb"; None with "picture".
        reason: why the name can be trusted, as a sentence.
    """

    feature: str
    phrase: str
    name: str
    source: str
    code: str | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


@dataclass(frozen=True)
class Unrepaired:
    """A feature that stays without a colour word, and why.

    Attributes:
        feature: which feature.
        phrase: the phrase, codes left out.
        reason: why nothing was put in, as a sentence.
    """

    feature: str
    phrase: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


@dataclass(frozen=True)
class Repaired:
    """A caption's text with names put in, its codes still there.

    Attributes:
        text: the whole text; the same object when nothing was put in.
        repairs, unrepaired: one entry for each feature of the first line that has no colour word.
    """

    text: str
    repairs: tuple[Repair, ...]
    unrepaired: tuple[Unrepaired, ...]


@dataclass(frozen=True)
class _Seen:
    """What the picture says of a feature: names to write, the colours behind them; or why there are none."""

    names: tuple[str, ...] = ()
    colors: Any = None
    reason: str = ""


def repair_caption(reading: Reading, text: str, look: Look | None) -> Repaired:
    """Name the colours of the features that no phrase of a caption names a hue for.

    Args:
        reading: what `checks.read_caption` made of `text`.
        text: the caption file's whole text; only its first line is repaired.
        look: what `pixels.look_at` saw in the picture; None where there is no picture.

    Returns:
        the text with the names put in before the nouns ("wavy hair (#5a3220)" becomes "wavy dark brown hair
        (#5a3220)"), ready for cleaning. Every other character stays. Repairing the result changes nothing.
    """
    repairs: list[Repair] = []
    unrepaired: list[Unrepaired] = []
    insertions: list[tuple[int, str]] = []
    for feature, part in colourless_parts(reading).items():
        seen = _look_for(feature, reading, part, look)
        noun = _noun_at(text, part, feature)
        if not seen.names or noun is None:
            reason = seen.reason or "The noun is not found in the phrase as it is written."
            unrepaired.append(Unrepaired(feature, part.text, reason))
            continue
        place, written = _insertion(text, part, noun, seen.names)
        insertions.append((place, written))
        code = _agreeing_code(reading, part, seen)
        source = "picture" if code is None else "code"
        repairs.append(Repair(feature, part.text, written.strip(" _"), source, code, seen.reason))
    return Repaired(_with(text, insertions), tuple(repairs), tuple(unrepaired))


def colourless_parts(reading: Reading) -> dict[str, Part]:
    """Return the first phrase of each feature that no phrase of the caption names a hue for."""
    first: dict[str, Part] = {}
    coloured = set()
    for part in reading.parts:
        if part.feature in COLOURED_FEATURES:
            first.setdefault(part.feature, part)
            if names_colour(part.words):
                coloured.add(part.feature)
    return {feature: part for feature, part in first.items() if feature not in coloured}


def _look_for(feature: str, reading: Reading, part: Part, look: Look | None) -> _Seen:
    if look is None:
        return _Seen(reason="There is no picture to look at.")
    if look.cut_out:
        return _Seen(reason="The picture is cut out: most of its border is transparent.")
    if _DENIES & set(part.words):
        return _Seen(reason="The phrase says that there is none.")
    if feature == "background":
        return _background(part, look)
    if feature == "skin":
        return _skin(look)
    if feature == "hair":
        return _hair(reading, look)
    if feature == "clothing":
        return _clothing(reading, look)
    return _Seen(reason=f"The {feature} cannot be located in a picture with any certainty.")


def _background(part: Part, look: Look) -> _Seen:
    from ..color.names import name_of

    background, arranged = look.background, look.arrangement
    if arranged == "unknown" or background.known < _LEAST_KNOWN:
        return _Seen(reason="The picture's border has too many colours to name.")
    chosen = [
        c for c, share in zip(background.colors, background.shares, strict=True) if share >= _LEAST_SHARE
    ]
    names = tuple(dict.fromkeys(name_of(color) for color in chosen))
    listed = " and ".join(names)
    if arranged != "plain" and _SAYS_PLAIN & set(part.words):
        reason = (
            f"The phrase says plain, the picture's background is {arranged} ({listed}). Say which is right."
        )
        return _Seen(reason=reason)
    if len(names) > _MOST_COLORS or len(chosen) < len(background.colors):
        return _Seen(reason=f"The background is {arranged}, of more than two colours ({listed}, ...).")
    where = {"plain": "has this colour", "split": "is split into these colours"}
    reason = (
        f"What lies behind the figure at the picture's border {where.get(arranged, 'has these colours')}."
    )
    return _Seen(names, background.colors, reason)


def _skin(look: Look) -> _Seen:
    from ..color.skin import name_of_skin

    if look.skin is None:
        return _Seen(reason="No face with the colour of skin is found in the middle of the picture.")
    reason = "It is the commonest colour in the middle of the face."
    return _Seen((name_of_skin(look.skin.color),), look.skin.color[None], reason)


def _hair(reading: Reading, look: Look) -> _Seen:
    words = {word for part in reading.parts for word in part.words}
    covering = sorted(_COVERS_HAIR & words)
    if covering:
        return _Seen(reason=f'Hair cannot be told from what covers it: the caption names "{covering[0]}".')
    if look.hair is None:
        return _Seen(reason="The figure shows no hair above a face.")
    return _most(look.hair, _MOST_OF_HAIR, "around and above the face")


def _clothing(reading: Reading, look: Look) -> _Seen:
    if sum(part.feature == "clothing" for part in reading.parts) > 1:
        return _Seen(reason="The caption names several pieces of clothing.")
    if look.clothing is None:
        return _Seen(reason="Too little of the clothing can be located below the face.")
    return _most(look.clothing, _MOST_OF_CLOTHING, "in the lowest rows, hair and skin left out")


def _most(area: Area, least: float, where: str) -> _Seen:
    """Name the colour that most cells of an area have, if that are enough of them."""
    import numpy as np

    from ..color.names import name_of_colors, names_of

    name = name_of_colors(area.colors, np.ones(len(area.colors), dtype=np.int64))
    agree = np.array([other.split()[-1] == name.split()[-1] for other in names_of(area.colors)])
    if agree.mean() < least:
        return _Seen(reason=f"No one colour leads {where}.")
    return _Seen((name,), area.colors[agree], f"Most of what is seen {where} has this colour.")


def _agreeing_code(reading: Reading, part: Part, seen: _Seen) -> str | None:
    """Return the phrase's first code that is near to a colour that was found."""
    from .picture_checks import is_near

    for code in reading.caption.codes_of(reading.caption.phrases[part.index]):
        if is_near(code.hex, seen.colors).any():
            return code.hex
    return None


def _noun_at(text: str, part: Part, feature: str) -> tuple[int, int] | None:
    """Return the span of the noun that makes a phrase be about a feature: the last one, else the first."""
    found = []
    nouns = FEATURE_NOUNS[feature]
    for match in _WORD.finditer(text, *part.span):
        if match[0].casefold() in nouns:
            found.append(match.span())
    if not found:
        return None
    last = feature_of(words_of(text[found[-1][0] : found[-1][1]]))
    return found[-1] if part.words[-1] in nouns and last == feature else found[0]


def _insertion(text: str, part: Part, noun: tuple[int, int], names: Sequence[str]) -> tuple[int, str]:
    """Return where to write what; a phrase that says light or dark already keeps its own word."""
    before = _WORD.findall(text, part.span[0], noun[0])
    name = " and ".join(names)
    if before and before[-1].casefold() in _LIGHTNESS and len(names) == 1:
        name = name.split()[-1]
    blank = "_" if noun[0] > part.span[0] and text[noun[0] - 1] == "_" else " "
    return noun[0], name.replace(" ", blank) + blank


def _with(text: str, insertions: Sequence[tuple[int, str]]) -> str:
    for place, written in sorted(insertions, reverse=True):
        text = text[:place] + written + text[place:]
    return text
