"""The colour words that captions use: which colours each stands for, and which words change it.

One list for both directions: `color.phrases` reads phrases with it, `color.names` names colours so that the
name's colours hold them, and `captions` asks it whether a word says a colour. Plain data, nothing imported.

A word's colours are boxes in CIELAB's cylinder (D65): lightness 0..100, chroma, hue in degrees. The boxes are
those of captions and their pictures, widened where the answers of XKCD's colour survey lie outside.
"""

from __future__ import annotations

from typing import NamedTuple

Range = tuple[float, float]


class Box(NamedTuple):
    """Colours between two lightnesses, chromas and hues; `hue` runs upwards, None means any (grays)."""

    lightness: Range
    chroma: Range
    hue: Range | None


class Shades(NamedTuple):
    """What "dark", "light" and "bright" mean for one word.

    Attributes:
        dark: CIELAB lightness under which a colour is called dark.
        light: lightness from which it is called light.
        vivid: chroma and lightness from which it is called bright; None where people do not say so.
        pale: chroma from which it is no longer called light, however light it is.
    """

    dark: float
    light: float
    vivid: Range | None = None
    pale: float = 999.0


class ColorWord(NamedTuple):
    """A colour word: its boxes, and the word whose shades it has ("navy" those of "blue")."""

    word: str
    boxes: tuple[Box, ...]
    kind: str


# Halfway between the survey's "dark green", "green" and "light green", and so on for every word, moved where
# people named real pictures otherwise.
SHADES = {
    "gray": Shades(42, 74),
    "red": Shades(37, 56, (99, 45)),
    "orange": Shades(56, 70, (85, 55)),
    "yellow": Shades(70, 80, (90, 85), 66),
    "green": Shades(40, 80, (73, 74), 73),
    "teal": Shades(42, 70, (48, 75)),
    "blue": Shades(25, 62, (85, 38)),
    "purple": Shades(25, 55, (95, 40)),
    "pink": Shades(52, 83, (70, 45)),
    "brown": Shades(28, 59),
    "tan": Shades(0, 85),
    "beige": Shades(0, 101),
    "peach": Shades(0, 84),
    "olive": Shades(0, 101),
}

_GRAY = (Box((22, 88), (0, 12), None), Box((26, 84), (0, 18), (95, 200)))
_TEAL = (Box((20, 97), (9, 200), (165, 228)),)
_RED = (Box((18, 62), (30, 200), (5, 44)),)
# From here to pink, the dark colours are called purple and the light ones pink.
_PURPLE = (Box((4, 85), (16, 200), (298, 340)), Box((10, 52), (12, 80), (338, 358)))
_PINK = (Box((45, 95), (12, 200), (325, 24)), Box((60, 95), (12, 60), (20, 38)))
# CIELAB bends blue: the screen's pure blue lies at 306 degrees, where light colours are purple.
_BLUE = (
    Box((8, 92), (18, 200), (212, 301)),
    Box((4, 28), (40, 200), (298, 312)),
    Box((28, 60), (90, 200), (298, 312)),
    Box((70, 97), (7, 50), (196, 215)),
)
_GREEN = (
    Box((12, 96), (24, 200), (130, 172)),
    Box((70, 98), (30, 200), (110, 132)),
    Box((35, 58), (25, 75), (115, 132)),
)
_ORANGE = (Box((52, 88), (38, 200), (44, 80)),)
_YELLOW = (Box((62, 100), (28, 200), (78, 113)),)
_BROWN = (Box((10, 55), (8, 50), (15, 88)), Box((25, 62), (12, 66), (38, 98)))
_TAN = (Box((45, 90), (8, 45), (48, 105)),)
_OLIVE = (Box((15, 66), (12, 75), (88, 128)),)


def _table() -> dict[str, ColorWord]:
    table: dict[str, ColorWord] = {}

    def add(words: str, boxes: tuple[Box, ...], kind: str) -> None:
        first = words.split()[0]
        table.update(dict.fromkeys(words.split(), ColorWord(first, boxes, kind)))

    def cut(boxes: tuple[Box, ...], **limits: Range) -> tuple[Box, ...]:
        return (boxes[0]._replace(**limits),)

    add("white whitish", (Box((92, 100), (0, 10), None),), "white")
    add("platinum", (Box((78, 98), (0, 22), None),), "white")
    add("black ebony onyx raven", (Box((0, 16), (0, 14), None),), "black")
    add("gray grey grayish greyish", _GRAY, "gray")
    add("silver silvery", cut(_GRAY, lightness=(62, 92)), "gray")
    add("charcoal", cut(_GRAY, lightness=(12, 45)), "gray")
    add("taupe", (Box((38, 75), (4, 26), (20, 95)),), "brown")
    add("red reddish crimson scarlet ruby carmine vermilion tomato blood rouge", _RED, "red")
    add("maroon burgundy wine", cut(_RED, lightness=(10, 36), chroma=(20, 200)), "red")
    add("orange orangish tangerine", _ORANGE, "orange")
    add("amber honey", (Box((50, 88), (38, 200), (52, 88)),), "orange")
    add("ginger copper rust rusty terracotta", (Box((32, 70), (28, 200), (34, 72)),), "orange")
    add("apricot", (Box((60, 92), (15, 75), (22, 75)),), "orange")
    add("strawberry", (Box((60, 92), (15, 75), (22, 75)), *_RED), "red")
    add(
        "brown brownish browny chocolate chestnut auburn brunette mahogany mocha sepia walnut umber",
        _BROWN,
        "brown",
    )
    add("caramel cinnamon sienna bronze", (Box((25, 68), (20, 70), (35, 85)),), "brown")
    add("hazel", (Box((18, 65), (10, 60), (45, 125)),), "brown")
    add("tan khaki sand sandy", _TAN, "tan")
    add("beige", (Box((60, 97), (5, 45), (48, 112)),), "beige")
    add("cream creme ivory eggshell", (Box((80, 98), (3, 32), (60, 110)),), "tan")
    add("salmon coral", (Box((60, 92), (15, 75), (22, 68)),), "orange")
    add("peach", (Box((60, 92), (12, 75), (22, 76)),), "peach")
    add("yellow yellowish lemon", _YELLOW, "yellow")
    add("gold golden blonde blond blonder", (Box((50, 92), (30, 200), (68, 100)),), "yellow")
    add("mustard ochre", (Box((45, 80), (35, 200), (68, 102)),), "yellow")
    add("olive", _OLIVE, "olive")
    add("lime chartreuse", (Box((65, 98), (45, 200), (104, 140)),), "green")
    add("green greenish greeny emerald jade", _GREEN, "green")
    add("mint", cut(_GREEN, lightness=(65, 98), hue=(130, 185)), "green")
    add("teal aqua aquamarine turquoise cyan tiffany", _TEAL, "teal")
    add("seafoam", (*_TEAL, Box((58, 96), (15, 70), (143, 170))), "teal")
    add("blue bluish bluey azure cerulean cobalt denim sapphire", _BLUE, "blue")
    add("sky", cut(_BLUE, lightness=(52, 94)), "blue")
    add("navy", cut(_BLUE, lightness=(3, 32), hue=(255, 310)), "blue")
    add("indigo periwinkle", cut(_BLUE, hue=(275, 318)), "blue")
    add("purple purplish violet plum", _PURPLE, "purple")
    add("mauve", (Box((40, 82), (8, 48), (308, 24)),), "purple")
    add("lavender lilac", cut(_PURPLE, lightness=(55, 95), chroma=(8, 200)), "purple")
    add("magenta fuchsia", (Box((30, 75), (45, 200), (318, 358)),), "pink")
    add("pink pinkish rose", _PINK, "pink")
    add("raspberry", (*_PINK, Box((25, 60), (35, 200), (345, 25))), "pink")
    return table


WORDS = _table()

#: Words that say that there is a colour, but not which.
UNLOCATABLE = frozenset(
    {"multicolor", "multicolored", "multicolour", "multicoloured", "rainbow", "iridescent", "colorful"}
)

LIGHT = frozenset({"light", "pale", "pastel", "lighter", "soft"})
MUTED = frozenset({"pale", "pastel", "soft"})
DARK = frozenset({"dark", "deep", "darker", "burnt"})
BRIGHT = frozenset({"bright", "vivid", "neon", "hot", "electric", "vibrant"})
#: Words that may stand between a colour and what has it without changing the colour much.
NEUTRAL = frozenset(
    {"medium", "solid", "plain", "flat", "almost", "slightly", "royal", "forest", "hunter", "icy"}
)


def color_words() -> frozenset[str]:
    """Return every word, in lower case, that says a colour: those with a region and the unlocatable ones.

    Words such as "light" and "bright" alone say none.
    """
    return frozenset(WORDS) | UNLOCATABLE
