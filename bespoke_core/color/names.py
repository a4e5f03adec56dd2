"""Colour words: hex codes, the plain name of a colour, and what region of colours a phrase asks for.

A colour word stands for a box in CIELAB's cylinder (lightness 0..100, chroma, hue in degrees, D65). Words
such as "light" or "bright" cut the box. How far a colour lies outside is the CIEDE2000 difference to the
nearest point of the box, so that "no" means a difference that everyone sees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .difference import ciede2000
from .spaces import chroma_and_hue, srgb_to_lab

Color = tuple[int, int, int]

YES_WITHIN = 3.0
NO_BEYOND = 12.0
_HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")


@dataclass(frozen=True)
class Region:
    """A box of colours.

    Attributes:
        word: what it is called.
        lightness, chroma: lowest and highest CIELAB values.
        hue: from, to in degrees, upwards and across 360 where needed; None for greys, any hue.
    """

    word: str
    lightness: tuple[float, float]
    chroma: tuple[float, float]
    hue: tuple[float, float] | None

    def distance(self, rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the CIEDE2000 difference of colours, uint8 (..., 3), to the box; 0 inside."""
        lab = srgb_to_lab(rgb).astype(np.float64)
        chroma, hue = chroma_and_hue(lab)
        near_hue = hue
        if self.hue is not None:
            start, width = self.hue[0], (self.hue[1] - self.hue[0]) % 360
            beyond = (hue - start) % 360
            to_end, to_start = beyond - width, 360 - beyond
            near_hue = np.where(beyond <= width, hue, np.where(to_end < to_start, start + width, start))
        near_chroma = np.clip(chroma, *self.chroma)
        angle = np.radians(near_hue)
        nearest = np.stack(
            [
                np.clip(lab[..., 0], *self.lightness),
                near_chroma * np.cos(angle),
                near_chroma * np.sin(angle),
            ],
            axis=-1,
        )
        return np.asarray(ciede2000(lab, nearest), dtype=np.float64)


_ANY = (0.0, 200.0)
_GREY = Region("gray", (22, 88), (0, 9), None)
_TEAL = Region("teal", (20, 97), (9, 200), (165, 228))
_RED = Region("red", (18, 62), (30, 200), (5, 44))
_PURPLE = Region("purple", (4, 85), (16, 200), (298, 340))
_PINK = Region("pink", (45, 95), (12, 200), (325, 24))
_BLUE = Region("blue", (8, 92), (18, 200), (212, 301))
_GREEN = Region("green", (12, 96), (24, 200), (130, 172))
_ORANGE = Region("orange", (52, 88), (38, 200), (44, 80))
_YELLOW = Region("yellow", (62, 100), (28, 200), (78, 113))
_BROWN = Region("brown", (10, 55), (8, 50), (15, 88))
_TAN = Region("tan", (45, 90), (8, 45), (55, 105))
_CREAM = Region("cream", (80, 98), (3, 32), (60, 110))

REGIONS: dict[str, Region] = {
    "white": Region("white", (92, 100), (0, 8), None),
    "black": Region("black", (0, 16), (0, 14), None),
    **dict.fromkeys(("gray", "grey", "greyish", "grayish"), _GREY),
    "silver": replace(_GREY, word="silver", lightness=(62, 92)),
    "charcoal": replace(_GREY, word="charcoal", lightness=(12, 45)),
    **dict.fromkeys(("red", "crimson", "scarlet", "ruby"), _RED),
    **dict.fromkeys(
        ("maroon", "burgundy"), replace(_RED, word="maroon", lightness=(10, 36), chroma=(20, 200))
    ),
    **dict.fromkeys(("orange", "tangerine"), _ORANGE),
    **dict.fromkeys(("brown", "chocolate", "chestnut", "auburn"), _BROWN),
    **dict.fromkeys(("tan", "beige", "khaki", "sand"), _TAN),
    **dict.fromkeys(("cream", "creme", "ivory", "eggshell"), _CREAM),
    **dict.fromkeys(("peach", "salmon", "coral"), Region("salmon", (60, 92), (15, 75), (22, 68))),
    **dict.fromkeys(("yellow", "lemon"), _YELLOW),
    **dict.fromkeys(("gold", "golden", "blonde", "blond"), Region("gold", (50, 92), (30, 200), (68, 100))),
    "olive": Region("olive", (15, 66), (12, 75), (88, 128)),
    "lime": Region("lime", (65, 98), (45, 200), (104, 140)),
    **dict.fromkeys(("green", "emerald", "greenish"), _GREEN),
    "mint": replace(_GREEN, word="mint", lightness=(65, 98), hue=(130, 185)),
    **dict.fromkeys(("teal", "aqua", "turquoise", "cyan", "seafoam", "tiffany"), _TEAL),
    **dict.fromkeys(("blue", "azure", "bluish"), _BLUE),
    "navy": replace(_BLUE, word="navy", lightness=(3, 32), hue=(255, 310)),
    **dict.fromkeys(("indigo", "periwinkle"), replace(_BLUE, word="indigo", hue=(275, 318))),
    **dict.fromkeys(("purple", "violet", "plum"), _PURPLE),
    **dict.fromkeys(
        ("lavender", "lilac"), replace(_PURPLE, word="lavender", lightness=(55, 95), chroma=(8, 200))
    ),
    **dict.fromkeys(("magenta", "fuchsia"), Region("magenta", (30, 75), (45, 200), (318, 358))),
    **dict.fromkeys(("pink", "rose", "raspberry"), _PINK),
}
_LIGHT = {"light", "pale", "pastel", "lighter", "soft"}
_MUTED = {"pale", "pastel", "soft"}
_DARK = {"dark", "deep", "darker", "burnt"}
_BRIGHT = {"bright", "vivid", "neon", "hot", "electric", "vibrant"}
_OTHERS = {
    "medium",
    "solid",
    "plain",
    "flat",
    "almost",
    "slightly",
    "royal",
    "sky",
    "forest",
    "hunter",
    "icy",
}
_DEEP = {"blue", "purple", "red", "magenta", "pink", "indigo"}
_JOINTS = {"and", "to", "with", "or"}
_PATTERN = re.compile(
    r"(gradient|split|check|brick|pinstripe|strip|two.?tone|multi.?colou?r|radial|pattern|flag|plaid|dots)"
)
_PLACE = re.compile(r"(background|backdrop)")


@dataclass(frozen=True)
class Asked:
    """What a phrase asks for.

    Attributes:
        phrase: the words it was read from.
        regions: the boxes of its colour words; a colour in any of them is right.
        several: whether it asks for two colours or more beside each other ("green and blue", "green blue
            checkered"), not for one between them ("blue grey").
    """

    phrase: str
    regions: tuple[Region, ...]
    several: bool

    def distance(self, rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the CIEDE2000 difference of colours (..., 3) to the nearest region."""
        return np.min([region.distance(rgb) for region in self.regions], axis=0)


def parse_hex(code: str) -> Color:
    """Turn ``#03dc73``, ``03dc73`` or ``#0d7`` into (red, green, blue), 0..255 each.

    Raises:
        InputError: it is not such a code.
    """
    match = _HEX.fullmatch(code.strip())
    if match is None:
        raise InputError("is not a colour code", field="color", value=code, remedy="Write it as #03dc73.")
    digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def format_hex(rgb: Color | NDArray[np.uint8]) -> str:
    """Turn (red, green, blue) into ``#rrggbb`` in lower case."""
    return "#" + "".join(f"{int(level):02x}" for level in rgb)


def region_of(phrase: str) -> Asked | None:
    """Read the colours that a phrase asks for ("bright green", "light gray solid"); None when it names none.

    A phrase without a colour word but with one colour code asks for that code's neighbourhood.
    """
    words = re.findall(r"[a-z]+", re.sub(r"#[0-9a-fA-F]+", " ", phrase.lower()))
    regions: list[Region] = []
    modifiers: set[str] = set()
    joints = 0
    for word in words:
        if word in REGIONS:
            regions.append(_modified(REGIONS[word], modifiers))
        elif word in _JOINTS:
            joints += bool(regions)
            # "light and dark blue" is both, "dark green and blue" is not.
            modifiers = set() if regions else modifiers
        else:
            modifiers.add(word)
    # "brown dark background": a modifier may follow its colour when there is no other.
    if len(regions) == 1:
        regions = [_modified(REGIONS[next(w for w in words if w in REGIONS)], modifiers)]
    several = len(regions) > 1 and (joints > 0 or _PATTERN.search(phrase.lower()) is not None)
    if not regions:
        codes = re.findall(r"#[0-9a-fA-F]{6}\b", phrase)
        if len(set(codes)) != 1:
            return None
        regions = [_around(parse_hex(codes[0]), codes[0].lower())]
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


def judge(distance: float) -> str:
    """Turn a distance to a region into ``yes``, ``unclear`` or ``no``."""
    return "yes" if distance <= YES_WITHIN else "no" if distance > NO_BEYOND else "unclear"


def name_of(rgb: Color | NDArray[np.uint8]) -> str:
    """Return the plain English name of a colour: ``dark brown``, ``light blue``, ``gray``."""
    color = np.array(rgb, dtype=np.uint8)
    lab = srgb_to_lab(color)
    lightness = float(lab[0])
    basic = ("white", "black", "gray", "red", "orange", "brown", "yellow", "green", "teal", "blue", "purple")
    names = (*basic, "pink", "tan", "olive", "magenta", "lime")
    distances = [float(REGIONS[name].distance(color)) for name in names]
    name = names[int(np.argmin(distances))]
    if name in ("white", "black"):
        return name
    if lightness < 35:
        return f"dark {name}"
    # Yellow and lime are light by nature.
    return f"light {name}" if lightness > 78 and name not in ("yellow", "lime") else name


def _describing(words: list[str]) -> list[str]:
    """Return the leading words that can describe a background's colour."""
    known = {
        *REGIONS,
        *_LIGHT,
        *_DARK,
        *_BRIGHT,
        *_OTHERS,
        *_JOINTS,
        "colored",
        "coloured",
        "color",
        "colour",
    }
    taken: list[str] = []
    for word in words:
        lowered = word.lower()
        if lowered not in known and not lowered.startswith("#") and not _PATTERN.search(lowered):
            break
        taken.append(word)
    while taken and taken[-1].lower() in _JOINTS:
        taken.pop()
    return taken


def _modified(region: Region, modifiers: set[str]) -> Region:
    (dark, light), (dull, vivid) = region.lightness, region.chroma
    grey = region.hue is None
    if modifiers & _LIGHT and not modifiers & _DARK and region.word not in ("white", "black"):
        # "pale" is as often used of a muted colour as of a light one.
        floor = 40 if modifiers & _MUTED else 58 if grey else 68
        dark, light, dull = max(dark, floor), max(light, 94), dull * 0.45
    if modifiers & _DARK and not modifiers & _LIGHT and region.word not in ("white", "black"):
        dark, light, dull = min(dark, 4), min(light, 46), dull * 0.7
    if modifiers & _BRIGHT and not modifiers & (_LIGHT | _DARK) and not grey:
        # No screen shows a light and vivid blue: bright blues, purples and reds are darker than greens.
        floor = 38 if region.word in _DEEP else 55
        dark, light, dull = max(dark, floor), max(light, 72), max(dull, 32)
    return replace(region, lightness=(min(dark, light), light), chroma=(dull, vivid))


def _around(color: Color, word: str) -> Region:
    lab = srgb_to_lab(np.array(color, dtype=np.uint8))
    chroma, hue = (float(v) for v in chroma_and_hue(lab))
    spread = 360.0 if chroma < 8 else 18.0
    hues = None if spread == 360 else ((hue - spread) % 360, (hue + spread) % 360)
    light = float(lab[0])
    return Region(word, (light - 10, light + 10), (max(0.0, chroma - 12), chroma + 12), hues)
