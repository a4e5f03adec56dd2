"""The sample data set: pixel-art portraits of our own drawing, 24x24 cells, each with the truth about itself.

A portrait is drawn from a seed alone, so that tests know every feature and its colour, and a held-out set is
one with another seed. Needs NumPy, and Pillow to write files.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from . import colors, stencils
from .colors import Color
from .stencils import Stencil
from .styles import PLAIN, Style

SIZE = 24  # cells a side
EXPRESSIONS = ("neutral expression", "slight smile", "slight frown")
BACKGROUNDS = ("solid", "split", "gradient", "checkered")

Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Feature:
    """One feature of a portrait.

    Attributes:
        kind: "hair", "hat", "glasses", "eyes", "lips", "beard", "earrings", "skin", "background" or
            "clothing".
        words: its phrase in a caption, without a code: "dark brown short hair".
        color: its colour in words, as the phrase has it; "" where the phrase has none.
        code: its exact main colour, a hex code that stands in the picture.
    """

    kind: str
    words: str
    color: str
    code: str


@dataclass(frozen=True)
class Portrait:
    """A drawn portrait.

    Attributes:
        seed: what it was drawn from.
        figure: "lad" or "lady".
        expression: one of `EXPRESSIONS`.
        features: in the order of a caption.
        background: one of `BACKGROUNDS`.
        background_codes: its colours; two for split and checkered, the two ends for a gradient, else one.
        pixels: uint8 (24, 24, 3), not writable.
    """

    seed: int
    figure: str
    expression: str
    features: tuple[Feature, ...]
    background: str
    background_codes: tuple[str, ...]
    pixels: NDArray[np.uint8]

    def feature(self, kind: str) -> Feature | None:
        """Return the feature of that kind, or None where it has none or it cannot be seen."""
        return next((feature for feature in self.features if feature.kind == kind), None)

    def codes(self) -> list[str]:
        """Return every colour of the picture as a hex code, the most frequent first."""
        found, counts = np.unique(self.pixels.reshape(-1, 3), axis=0, return_counts=True)
        order = sorted(range(len(found)), key=lambda i: (-int(counts[i]), tuple(found[i])))
        return ["#{:02x}{:02x}{:02x}".format(*found[i]) for i in order]


def draw_portraits(count: int, seed: int = 0, *, style: Style = PLAIN) -> list[Portrait]:
    """Return `count` portraits; lads and ladies alternate, and `count` changes none of them."""
    return [
        draw_portrait(seed * 100_003 + number, figure=("lad", "lady")[number % 2], style=style)
        for number in range(count)
    ]


def draw_portrait(seed: int, *, figure: str | None = None, style: Style = PLAIN) -> Portrait:
    """Draw one portrait.

    Args:
        seed: any whole number; the same one gives the same portrait.
        figure: "lad" or "lady"; by the seed when None.
        style: how it is drawn; see `styles`.
    """
    dice = random.Random(seed)
    return _Painter(dice, figure or dice.choice(("lad", "lady")), style).paint(seed)


class _Painter:
    """Draws one portrait from back to front and notes what it drew."""

    def __init__(self, dice: random.Random, figure: str, style: Style) -> None:
        self.dice = dice
        self.style = style
        self.figure = figure
        self.grid = np.zeros((SIZE, SIZE, 3), np.uint8)
        self.features: dict[str, Feature] = {}
        self.skin = dice.choices(colors.SKIN, weights=(3, 4, 4, 4, 3, 3, 1))[0]
        self.hair_color = dice.choice(colors.HAIR)
        self.expression = dice.choices(EXPRESSIONS, weights=(4, 4, 1))[0]

    def paint(self, seed: int) -> Portrait:
        background, ends = self._background()
        self._clothing_and_head()
        self._face()
        hat = self._hat_choice()
        self._hair(hat)
        self._extras(hat)
        order = (
            "hair",
            "hat",
            "glasses",
            "eyes",
            "lips",
            "beard",
            "earrings",
            "skin",
            "background",
            "clothing",
        )
        features = tuple(self._recolored(self.features[kind]) for kind in order if kind in self.features)
        ends = tuple(self._code(end) for end in ends)
        grid = self.style.recolored(self.grid)
        grid.setflags(write=False)
        return Portrait(seed, self.figure, self.expression, features, background, ends, grid)

    def _recolored(self, feature: Feature) -> Feature:
        return replace(feature, code=self._code(feature.code)) if feature.code else feature

    def _code(self, code: str) -> str:
        return "#{:02x}{:02x}{:02x}".format(*self.style.recolored(np.array(_rgb(code), np.uint8)))

    def _note(self, kind: str, words: str, color: Color, *, named: bool = True) -> None:
        self.features[kind] = Feature(kind, words, color.words if named else "", color.code)

    def _stamp(self, stencil: Stencil, color: Color, second: Rgb = colors.WHITE) -> None:
        inks: dict[str, Rgb] = {
            "o": self.style.outline,
            "s": self.skin.rgb,
            "a": color.rgb,
            "A": color.shaded(0.72),
            "b": color.shaded(1.35),
            "w": colors.WHITE,
            "t": second,
        }
        for offset, row in enumerate(stencil.rows):
            letters = row + row[::-1] if len(row) == SIZE // 2 else row
            for x, letter in enumerate(letters):
                if letter != "." and stencil.top + offset < SIZE:
                    self.grid[stencil.top + offset, x] = inks[letter]

    def _background(self) -> tuple[str, tuple[str, ...]]:
        kind = self.dice.choices(BACKGROUNDS, weights=self.style.backgrounds)[0]
        # A background of the hair's or the skin's colour would swallow the figure.
        choices = [c for c in colors.BACKGROUND if _far(c, self.skin) and _far(c, self.hair_color)]
        main, other = self.dice.sample(choices, 2)
        self.grid[:] = main.rgb
        if kind == "split":
            self.grid[:, SIZE // 2 :] = other.rgb
        elif kind == "checkered":
            rows, columns = np.indices((SIZE, SIZE)) // 4
            self.grid[(rows + columns) % 2 == 1] = other.rgb
        elif kind == "gradient":
            for band in range(6):
                share = band / 5
                mixed = [round(a + (b - a) * share) for a, b in zip(main.rgb, other.rgb, strict=True)]
                self.grid[band * 4 : band * 4 + 4] = mixed
        two = f"{main.words} and {other.words}"
        words = {"solid": f"solid {main.words}", "split": f"split {two}", "checkered": f"checkered {two}"}
        self._note("background", f"{words.get(kind, f'gradient {two}')} background", main)
        return kind, (main.code,) if kind == "solid" else (main.code, other.code)

    def _clothing_and_head(self) -> None:
        head = stencils.LAD if self.figure == "lad" else stencils.LADY
        self._stamp(head, self.skin)
        top = min(y for y in range(SIZE) if tuple(self.grid[y, 11]) == self.skin.rgb)
        shade = self.skin.shaded(0.82)
        for y in range(top, 18):  # light comes from the left
            face = [x for x in range(SIZE) if tuple(self.grid[y, x]) == self.skin.rgb]
            self.grid[y, face[-1]] = shade
        chin = 18
        self.grid[chin, 9:15][np.all(self.grid[chin, 9:15] == self.skin.rgb, axis=1)] = shade
        self._note("skin", f"{self.skin.words} skin", self.skin)
        fits = [one for one in stencils.CLOTHES if self.figure in one.figures]
        clothes, cloth = self.dice.choice(fits), self.dice.choice(colors.CLOTH)
        tie = self.dice.choice([c for c in colors.CLOTH if c is not cloth])
        self._stamp(clothes, cloth, tie.rgb)
        article = f"wearing {cloth.words} {clothes.words}"
        self._note("clothing", article, cloth)

    def _face(self) -> None:
        grid, skin = self.grid, self.skin
        eyes = self.dice.choice([c for c in colors.EYES if _far(c, skin, 60)])
        brow = self.hair_color.shaded(0.6) if _far(self.hair_color, skin, 60) else skin.shaded(0.55)
        for white, iris, lash in ((9, 10, 8), (13, 14, 15)):
            grid[12, white], grid[12, iris] = colors.WHITE, eyes.rgb
            if self.figure == "lady":
                grid[11, white], grid[11, iris] = colors.WHITE, eyes.rgb
                grid[10, white], grid[10, iris] = skin.shaded(0.68), skin.shaded(0.68)
                grid[10, lash] = grid[11, lash] = colors.OUTLINE
            else:
                grid[10, white], grid[10, iris] = brow, brow
        self._note("eyes", f"{eyes.words} eyes", eyes)
        grid[14, 12] = grid[14, 13] = skin.shaded(0.68)
        if self.figure == "lady":
            lips = self.dice.choice(colors.LIPS)
            self._note("lips", f"{lips.words} lips", lips)
            blush = [(a + b) // 2 for a, b in zip(skin.rgb, (236, 96, 110), strict=True)]
            grid[14, 8] = grid[14, 15] = blush
        else:
            lips = Color("", *skin.shaded(0.58))
            self._note("lips", "lips", lips, named=False)
        grid[16, 10:14] = lips.rgb
        if self.expression == "slight smile":
            grid[15, 9] = grid[15, 14] = lips.rgb
        elif self.expression == "slight frown":
            grid[16, 10] = grid[16, 13] = skin.rgb
            grid[17, 10] = grid[17, 13] = lips.rgb

    def _hat_choice(self) -> Stencil | None:
        if self.dice.random() > self.style.hat_share:
            return None
        fits = [one for one in self.style.hats if self.figure in one.figures]
        return self.dice.choices(fits, weights=[one.weight for one in fits])[0]

    def _hair(self, hat: Stencil | None) -> None:
        if self.figure == "lad" and self.dice.random() < 0.3:
            self._beard()
        styles = [one for one in stencils.HAIR if self.figure in one.figures and (hat is None or one.hat)]
        if self.figure == "lad" and self.dice.random() < 0.08:
            self.features["hair"] = Feature("hair", "bald", "", "")
            return
        style = self.dice.choice(styles)
        tie = self.dice.choice(colors.CLOTH)
        before = self.grid.copy()
        self._stamp(style, self.hair_color, tie.rgb)
        if hat is not None and not hat.open:  # what stands above the brim is under the hat
            brim = hat.top + len(hat.rows) - 1
            self.grid[:brim] = before[:brim]
        self._note("hair", f"{self.hair_color.words} {style.words}", self.hair_color)

    def _beard(self) -> None:
        if self.dice.random() < 0.5:
            stubble = Color("", *(round(0.72 * s + 0.28 * 40) for s in self.skin.rgb))
            for y, x in (
                (15, 8),
                (16, 9),
                (17, 10),
                (17, 12),
                (17, 14),
                (16, 14),
                (15, 15),
                (15, 11),
                (17, 8),
            ):
                if tuple(self.grid[y, x]) == self.skin.rgb:
                    self.grid[y, x] = stubble.rgb
            self._note("beard", "stubble", stubble, named=False)
            return
        mouth = self.grid[15:18].copy()
        lips = self.features["lips"].code
        self.grid[14, 7] = self.grid[14, 16] = self.hair_color.rgb
        for y, first in ((15, 7), (16, 7), (17, 8)):
            self.grid[y, first : SIZE - first] = self.hair_color.rgb
        self.grid[18, 9:15] = self.hair_color.shaded(0.72)
        for y, x in zip(*np.nonzero(np.all(mouth == _rgb(lips), axis=2)), strict=True):
            self.grid[15 + y, x] = _rgb(lips)
        self._note("beard", f"{self.hair_color.words} beard", self.hair_color)

    def _extras(self, hat: Stencil | None) -> None:
        if hat is not None:
            cloth = colors.GOLD if hat.words == "crown" else self.dice.choice(colors.CLOTH)
            second = self.dice.choice([c for c in colors.CLOTH if c is not cloth])
            self._stamp(hat, cloth, second.rgb)
            self._note("hat", f"wearing {cloth.words} {hat.words}", cloth)
            if "hair" in self.features and not np.all(self.grid == self.hair_color.rgb, axis=2).any():
                self.grid[11, 6] = self.grid[11, SIZE - 7] = self.hair_color.rgb  # sideburns show below it
        if self.dice.random() < 0.3:
            glasses = self.dice.choice(stencils.GLASSES)
            dark = glasses.words == "sunglasses"
            frame = self.dice.choice(colors.LENSES if dark else colors.FRAMES)
            self._stamp(glasses, frame)
            self._note("glasses", f"wearing {frame.words} {glasses.words}", frame)
            if dark:
                del self.features["eyes"]
        if self.dice.random() < (0.45 if self.figure == "lady" else 0.12):
            metal = self.dice.choice((colors.GOLD, colors.SILVER))
            x = 4 if self.figure == "lad" else 5
            for y in (14, 15):
                self.grid[y, x] = self.grid[y, SIZE - 1 - x] = metal.rgb
            self._note("earrings", f"{metal.words} earrings", metal)


def _far(one: Color, other: Color, least: int = 110) -> bool:
    return sum(abs(a - b) for a, b in zip(one.rgb, other.rgb, strict=True)) >= least


def _rgb(code: str) -> Rgb:
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def enlarge(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return the art as a `size` x `size` picture by nearest neighbour.

    The source cell of pixel x is floor((x + 0.5) * 24 / size), which is also how the art that the data set
    imitates was enlarged.
    """
    source = np.floor((np.arange(size) + 0.5) * pixels.shape[0] / size).astype(int)
    return pixels[source][:, source]


def contact_sheet(portraits: Sequence[Portrait], *, columns: int = 6, size: int = 96) -> NDArray[np.uint8]:
    """Return the portraits side by side, each `size` pixels wide, on white."""
    rows = -(-len(portraits) // columns)
    sheet = np.full((rows * size, columns * size, 3), 255, np.uint8)
    for number, portrait in enumerate(portraits):
        y, x = number // columns * size, number % columns * size
        sheet[y : y + size, x : x + size] = enlarge(portrait.pixels, size)
    return sheet
