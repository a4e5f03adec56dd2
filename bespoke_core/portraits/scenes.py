"""Simple scenes beside the portraits: one thing on a ground of one colour, 24x24 cells, with its caption."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import colors

SIZE = 24
Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Thing:
    """A shape of which the left half is given, as in `stencils`.

    Letters: ``.`` leaves the ground, ``o`` outline, ``a`` its colour, ``A`` its shade, ``b`` its light, ``w``
    white, ``t`` a second colour, ``k`` brown.
    """

    words: str
    top: int
    rows: tuple[str, ...]


THINGS = (
    Thing(
        "star",
        3,
        (
            "...........o",
            "..........oa",
            "..........oa",
            ".........oba",
            ".oooooooobaa",
            ".oaaabbbbaaa",
            "..oaaaaaaaaa",
            "...oaaaaaaaa",
            "....oaaaaaaa",
            ".....oaaaaaa",
            ".....oaaaaaa",
            "....oaaaaaaa",
            "....oaaaaaAA",
            "...oaaaaAAoo",
            "...oaaAAoo..",
            "...oAooo....",
            "...oo.......",
        ),
    ),
    Thing(
        "heart",
        5,
        (
            "....oooo....",
            "...obbaao...",
            "..obbaaaao.o",
            "..obaaaaaaoa",
            "..oaaaaaaaaa",
            "..oaaaaaaaaa",
            "...oaaaaaaaa",
            "....oaaaaaaa",
            ".....oaaaaaa",
            "......oaaaaA",
            ".......oaaAA",
            "........oaAA",
            ".........oAA",
            "..........oA",
            "...........o",
        ),
    ),
    Thing(
        "mushroom",
        4,
        (
            "........oooo",
            "......ooaaaa",
            ".....oaawwaa",
            "....oaaawwaa",
            "...obaaaaaaa",
            "...obawwaaaa",
            "...oaawwaaaw",
            "...oaaaaaaaw",
            "...oAAaaaaaa",
            "....oooAAAAA",
            ".......ooooo",
            "........owww",
            "........owww",
            "........owww",
            ".......owwww",
            ".......owwww",
            "........oooo",
        ),
    ),
    Thing(
        "potion",
        3,
        (
            ".........ooo",
            "..........ok",
            "..........ok",
            ".........ooo",
            "..........ow",
            "..........ow",
            "..........ow",
            ".........oww",
            "........oaaa",
            ".......obaaa",
            "......obbaaa",
            "......obaaaa",
            "......oaaaaa",
            "......oaaaaA",
            "......oaaaAA",
            ".......oAAAA",
            "........oooo",
        ),
    ),
    Thing(
        "tree",
        2,
        (
            "........oooo",
            "......oobbaa",
            ".....obbaaaa",
            "....obbaaaaa",
            "....obaaaaaa",
            "...oaaaaaaaa",
            "...oaaaaaaaa",
            "...oaaaaaaAA",
            "....oaaaaAAA",
            "....oAAaaAAA",
            ".....ooAAAAo",
            ".......ooook",
            "..........ok",
            "..........ok",
            "..........ok",
            "..........ok",
            ".........okk",
            ".........ooo",
        ),
    ),
    Thing(
        "house",
        3,
        (
            "...........o",
            "..........oa",
            ".........oaa",
            "........oaaa",
            ".......oaaaa",
            "......oaaaaa",
            ".....oaaaaaa",
            "....oaaaaaAA",
            "...ooooooooo",
            "....ottttttt",
            "....ottttttt",
            "....ottowwot",
            "....ottowwot",
            "....ottooott",
            "....otttttok",
            "....otttttok",
            "....otttttok",
            "....oooooooo",
        ),
    ),
    Thing(
        "gem",
        6,
        (
            "......oooooo",
            ".....obbbbaa",
            "....obbwaaaa",
            "...obbaaaaaa",
            "...ooooooooo",
            "...oaaAaaaaa",
            "....oaaAaaaa",
            ".....oaAaaaa",
            "......oaAaaa",
            ".......oAAaa",
            "........oAaa",
            ".........oAa",
            "..........oA",
            "...........o",
        ),
    ),
    Thing(
        "ghost",
        4,
        (
            "........oooo",
            "......oobbaa",
            ".....obbaaaa",
            "....obbaaaaa",
            "....obaaaaaa",
            "....oaaoowaa",
            "....oaaooaaa",
            "....oaaooaaa",
            "....oaaaaaaa",
            "....oattaaaa",
            "....oaaaaaoo",
            "....oaaaaaoo",
            "....oaaaaaaa",
            "....oaaaaaaa",
            "....oAaaaaAa",
            "....oAAoaAAo",
            "....oAo.oAo.",
            ".....o...o..",
        ),
    ),
)


@dataclass(frozen=True)
class Scene:
    """A drawn scene.

    Attributes:
        phrases: its caption's phrases.
        background: the ground's colour in words.
        pixels: uint8 (24, 24, 3).
    """

    phrases: tuple[str, ...]
    background: str
    pixels: NDArray[np.uint8]


def draw_scene(seed: int) -> Scene:
    """Draw the scene of that seed: a thing in a clothing colour on a background colour."""
    dice = random.Random(seed)
    thing = dice.choice(THINGS)
    ground = dice.choice(colors.BACKGROUND)
    color = dice.choice([one for one in colors.CLOTH if _apart(one.rgb, ground.rgb)])
    second = dice.choice([one for one in colors.CLOTH if one is not color])
    inks: dict[str, Rgb] = {
        "o": colors.OUTLINE,
        "a": color.rgb,
        "A": color.shaded(0.72),
        "b": color.shaded(1.35),
        "w": colors.WHITE,
        "t": second.rgb,
        "k": (120, 76, 44),
    }
    grid = np.empty((SIZE, SIZE, 3), np.uint8)
    grid[:] = ground.rgb
    for offset, row in enumerate(thing.rows):
        for x, letter in enumerate(row + row[::-1]):
            if letter != ".":
                grid[thing.top + offset, x] = inks[letter]
    return Scene((f"{color.words} {thing.words}", f"solid {ground.words} background"), ground.words, grid)


def _apart(one: Rgb, other: Rgb) -> bool:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) >= 110
