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

from .checks import Part, Reading, colourless_features
from .features import FEATURE_NOUNS, feature_of, names_colour, words_of
from .seen import Seen, see_feature

if TYPE_CHECKING:
    from .pixels import Look

_NETWORK = re.compile(r"<[^<>]*>")  # "<lora:skin:1>", which the WebUI reads as a command
_WORD = re.compile(r"[^\W\d_]+")
_LIGHTNESS = {"light", "dark", "pale", "deep", "medium", "bright", "fair"}
# A colour stands before these: "brown brick background", but "solid brown background".
_PATTERNS = {
    *("checkered", "checker", "checked", "check", "brick", "bricks", "gradient", "radial", "tile", "tiled"),
    *("striped", "stripe", "stripes", "pinstripe", "pinstripes", "plaid", "dotted", "pattern", "patterned"),
}


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
    for feature, part in colourless_features(reading).items():
        seen = see_feature(feature, reading, part, look)
        noun = _noun_at(text, part, feature)
        if not seen.names or noun is None:
            reason = seen.reason or "The noun is not found in the phrase as it is written."
            unrepaired.append(Unrepaired(feature, part.text, reason))
            continue
        place, written = _insertion(text, part, noun, seen.names)
        before = words_of(text[part.span[0] : place])
        if before and names_colour(before[-1:]):  # "the bow is brown skin": the bow's, as sentences are read
            reason = "A colour that may be another feature's stands before the noun already."
            unrepaired.append(Unrepaired(feature, part.text, reason))
            continue
        insertions.append((place, written))
        code = _agreeing_code(reading, part, seen)
        source = "picture" if code is None else "code"
        repairs.append(Repair(feature, part.text, written.strip(" _"), source, code, seen.reason))
    return Repaired(_with(text, insertions), tuple(repairs), tuple(unrepaired))


def _agreeing_code(reading: Reading, part: Part, seen: Seen) -> str | None:
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
    start, end = part.span
    networks = [tag.span() for tag in _NETWORK.finditer(text, start, end)]
    for match in _WORD.finditer(text, start, end):
        inside = any(first <= match.start() < last for first, last in networks)
        if match[0].casefold() in nouns and not inside:
            found.append(match.span())
    if not found:
        return None
    last = feature_of(words_of(text[found[-1][0] : found[-1][1]]))
    return found[-1] if part.words[-1] in nouns and last == feature else found[0]


def _insertion(text: str, part: Part, noun: tuple[int, int], names: Sequence[str]) -> tuple[int, str]:
    """Return where to write what; a phrase that says light or dark already keeps its own word."""
    before = list(_WORD.finditer(text, part.span[0], noun[0]))
    place = noun[0]
    while before and before[-1][0].casefold() in _PATTERNS:
        place = before.pop().start()
    name = " and ".join(names)
    if before and before[-1][0].casefold() in _LIGHTNESS and len(names) == 1:
        name = name.split()[-1]
    blank = "_" if noun[0] > part.span[0] and text[noun[0] - 1] == "_" else " "
    return place, name.replace(" ", blank) + blank


def _with(text: str, insertions: Sequence[tuple[int, str]]) -> str:
    for place, written in sorted(insertions, reverse=True):
        text = text[:place] + written + text[place:]
    return text
