"""Which colours a phrase asks for: "bright green background", "green and blue", "light gray solid"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .codes import parse_hex
from .regions import Region, around, between, modified
from .words import BRIGHT, DARK, LIGHT, NEUTRAL, WORDS

_JOINTS = {"and", "to", "with", "or"}
_PATTERN = re.compile(
    r"(gradient|split|check|brick|pinstripe|strip|two.?tone|multi.?colou?r|radial|pattern|flag|plaid|dots)"
)
_PLACE = re.compile(r"(background|backdrop)")
_DESCRIBING = {*WORDS, *LIGHT, *DARK, *BRIGHT, *NEUTRAL, *_JOINTS, "colored", "coloured", "color", "colour"}


@dataclass(frozen=True)
class Asked:
    """What a phrase asks for.

    Attributes:
        phrase: the words it was read from.
        regions: the regions of its colour words; a colour in any of them is right.
        several: whether it asks for two colours or more beside each other ("green and blue", "green blue
            checkered"), not for one between them ("blue grey").
    """

    phrase: str
    regions: tuple[Region, ...]
    several: bool

    def distance(self, rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the CIEDE2000 difference of colours (..., 3) to the nearest region."""
        return np.min([region.distance(rgb) for region in self.regions], axis=0)


def region_of(phrase: str) -> Asked | None:
    """Read the colours that a phrase asks for ("bright green", "light gray solid"); None when it names none.

    A phrase without a colour word but with one colour code asks for that code's neighbourhood. A word that
    says no certain colour ("rainbow") names none.
    """
    words = re.findall(r"[a-z]+", re.sub(r"#[0-9a-fA-F]+", " ", phrase.lower()))
    regions: list[Region] = []
    modifiers: set[str] = set()
    joints = 0
    for word in words:
        if word in WORDS:
            regions.append(modified(WORDS[word], modifiers))
        elif word in _JOINTS:
            joints += bool(regions)
            # "light and dark blue" is both, "dark green and blue" is not.
            modifiers = set() if regions else modifiers
        else:
            modifiers.add(word)
    # "brown dark background": a modifier may follow its colour when there is no other.
    if len(regions) == 1:
        regions = [modified(WORDS[next(w for w in words if w in WORDS)], modifiers)]
    several = len(regions) > 1 and (joints > 0 or _PATTERN.search(phrase.lower()) is not None)
    if len(regions) == 2 and not several:
        both = between(*regions)
        regions += [both] if both else []
    if not regions:
        codes = re.findall(r"#[0-9a-fA-F]{6}\b", phrase)
        if len(set(codes)) != 1:
            return None
        regions = [around(parse_hex(codes[0]), codes[0].lower())]
    return Asked(phrase.strip(), tuple(regions), several)


def background_asked(prompt: str) -> Asked | None:
    """Read the background's colour from a prompt; None when it names none.

    The words directly before "background" (or "backdrop") count as far back as they describe one; failing
    that, the words after it ("background of bright green").
    """
    for phrase in re.split(r"[,;.\n]", prompt):
        match = _PLACE.search(phrase.lower())
        if match is None:
            continue
        before = _describing(re.findall(r"#?\w+", phrase[: match.start()])[::-1])[::-1]
        after = re.sub(r"^(s|:|\s|is\b|of\b|in\b|an?\b|the\b)+", "", phrase[match.end() :].strip().lower())
        following = _describing(re.findall(r"#?\w+", after))
        asked = region_of(" ".join(before)) or region_of(" ".join(following))
        if asked is not None:
            return replace(asked, phrase=phrase.strip())
    return None


def _describing(words: list[str]) -> list[str]:
    """Return the leading words that can describe a background's colour."""
    taken: list[str] = []
    for word in words:
        lowered = word.lower()
        if lowered not in _DESCRIBING and not lowered.startswith("#") and not _PATTERN.search(lowered):
            break
        taken.append(word)
    while taken and taken[-1].lower() in _JOINTS:
        taken.pop()
    return taken
