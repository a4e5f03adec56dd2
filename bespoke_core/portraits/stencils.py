"""The shapes of the sample portraits: rows of letters on a grid of 24x24 cells.

A row of 12 letters is the left half and is mirrored; a row of 24 stands as it is. Letters: ``.`` leaves what
is below, ``o`` outline, ``s`` skin, ``a`` the colour of the part, ``A`` its shade, ``b`` its light, ``w``
white, ``t`` a second colour.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stencil:
    """A shape: its words in a caption, the first row's height, its rows, and what it fits.

    Attributes:
        words: the noun with its adjectives, such as "spiky hair".
        top: row number of `rows[0]`, 0 at the top.
        rows: see the module's description.
        figures: who wears it: "lad", "lady" or both.
        hat: for hair: whether a hat can stand on it.
        open: for hats: whether the hair above it can be seen.
        weight: how often it is chosen, against 1 for the others.
    """

    words: str
    top: int
    rows: tuple[str, ...]
    figures: tuple[str, ...] = ("lad", "lady")
    hat: bool = False
    open: bool = False
    weight: float = 1.0


LAD = Stencil(
    "lad",
    5,
    (
        "........oooo",
        "......oossss",
        "......osssss",
        "......osssss",
        "......osssss",
        "......osssss",
        ".....oosssss",
        "....osssssss",
        "....osssssss",
        ".....oosssss",
        "......osssss",
        "......osssss",
        ".......ossss",
        "........osss",
        "........osss",
        "........osss",
    ),
)
LADY = Stencil(
    "lady",
    5,
    (
        "........oooo",
        "......oossss",
        "......osssss",
        "......osssss",
        "......osssss",
        "......osssss",
        "......osssss",
        ".....ossssss",
        ".....ossssss",
        "......osssss",
        "......osssss",
        ".......ossss",
        "........osss",
        ".........oss",
        ".........oss",
        "........osss",
    ),
)

_LONG_SIDE = "....oaA....."
HAIR = (
    Stencil(
        "short hair",
        4,
        (
            "........oooo",
            "......ooaaaa",
            ".....oaaabba",
            ".....oaaaaaa",
            ".....oaaAAaA",
            "......aA....",
            "......a.....",
            "......A.....",
        ),
        ("lad",),
        hat=True,
    ),
    Stencil(
        "spiky hair",
        1,
        (
            "........o....o..o.......",
            ".......oao..oaooao.o....",
            ".....o.oaaooaaoaaooao...",
            "....oaoaaaaaabaaaaaao...",
            ".....oaaabbaaaaaaaao....",
            ".....oaaaaaaaaaaaaAo....",
            ".....oaaaaaaaaaaaAAo....",
            ".....oaAaaAaAaaAAaAo....",
            "......A.A.......A.A.....",
        ),
    ),
    Stencil(
        "afro",
        0,
        (
            ".......ooooo",
            ".....ooaaaaa",
            "...ooaaabaab",
            "..oaaabaaaaa",
            "..oaabaaaaaa",
            ".oaaaaaaaaaa",
            ".oaaaaaaaaaa",
            ".oaaaaaaAaaA",
            ".oaaaaAAAAAA",
            ".oaaaaA.....",
            ".oAaaaA.....",
            ".oAaaA......",
            "..oAAA......",
            "...oAA......",
            "....oo......",
        ),
    ),
    Stencil(
        "mohawk",
        0,
        (
            ".........ooooo..........",
            "........oaaaaaoo........",
            "........oaabbaaao.......",
            "........oaabaaaao.......",
            "........oaaaaaaAo.......",
            "........oaaaaaaAo.......",
            "........oAaaaaAAo.......",
            ".........oAaaAAo........",
            "..........AAAA..........",
        ),
    ),
    Stencil(
        "long straight hair",
        3,
        (
            ".......ooooo",
            ".....ooaaaaa",
            "....oaaabbaa",
            "....oaabaaaa",
            "....oaaaaaaA",
            "....oaaaaAA.",
            "....oaaA....",
            *(_LONG_SIDE,) * 10,
            "....oAA.....",
            ".....o......",
        ),
        hat=True,
    ),
    Stencil(
        "bob hair",
        3,
        (
            ".......ooooo",
            ".....ooaaaaa",
            "....oaaabbba",
            "...oaaaaaaaa",
            "...oaaaaaaaa",
            "...oaaaaaaaa",
            "...oaaAAAAAA",
            *("...oaaA.....",) * 5,
            "...oaaAA....",
            "...oAAAA....",
            "....oooo....",
        ),
        ("lady",),
        hat=True,
    ),
    Stencil(
        "hair in a bun",
        0,
        (
            ".........ooo",
            "........oaab",
            "........oaaa",
            ".......ooAAA",
            "......oaooAA",
            ".....oaaabaa",
            ".....oaabaaa",
            ".....oaaaaaA",
            ".....oaaAA..",
            "......aA....",
            "......A.....",
        ),
        ("lady",),
    ),
    Stencil(
        "hair in pigtails",
        4,
        (
            "........oooo",
            "......ooaaaa",
            ".....oaaabba",
            ".....oaaaaaA",
            ".oo..oaaaAA.",
            "oaao.oaA....",
            "oabaooA.....",
            "oaaatA......",
            "oaaao.......",
            "oaaao.......",
            "oaAao.......",
            "oaAo........",
            ".oAo........",
            "..o.........",
        ),
        ("lady",),
    ),
    Stencil(
        "curly hair",
        2,
        (
            "......oo.oo.",
            "....ooaaoaao",
            "...oaabaabaa",
            "..oaaaaAaaaA",
            "..oabaaaaaaa",
            "...oaaAaaAaa",
            "..oaaaaA.A..",
            "..oabaA.....",
            "...oaaA.....",
            "..oaaA......",
            "..oaaaA.....",
            "...oaA......",
            "..oaaA......",
            "..oAaAA.....",
            "...oAA......",
            "....oo......",
        ),
    ),
    Stencil(
        "side-parted hair",
        3,
        (
            ".........oooooo.........",
            "......ooobaaaaaoo.......",
            ".....oabbaaaaaaaao......",
            ".....oaabaaaaaaaaao.....",
            ".....oaaaaaaaaaaaao.....",
            ".....oaaaaaaaaAAaAo.....",
            ".....oaaaaAAA...AAo.....",
            "......aA........Aa......",
            "......a..........a......",
            "......A..........A......",
        ),
        hat=True,
    ),
    Stencil(
        "slicked-back hair",
        4,
        (
            "........oooo",
            "......ooabaa",
            ".....oabaaba",
            ".....oaaaAaa",
            "......aA....",
            "......a.....",
            "......A.....",
        ),
        ("lad",),
        hat=True,
    ),
)

HATS = (
    Stencil(
        "cap",
        2,
        (
            "..........oooo..........",
            ".......oooaabaooo.......",
            "......oaaaabaaaaao......",
            ".....oaabaaaaaaaaao.....",
            ".....oaabaattaaaaAo.....",
            ".....oaaaaattaaaAAo.....",
            ".....oAAAAAAAAAAAAooooo.",
            ".....oaaaaaaaaaaaaaaabao",
            "......ooooooooooooooooo.",
        ),
    ),
    Stencil(
        "beanie",
        0,
        (
            "..........ow",
            "..........ww",
            ".......ooooo",
            "......oaaaaa",
            ".....oaabaab",
            ".....oaaaaaa",
            "....oAAAAAAA",
            "....oaAaAaAa",
            "....oAAAAAAA",
            ".....ooooooo",
        ),
    ),
    Stencil(
        "top hat",
        0,
        (
            "......oooooo",
            "......oabaaa",
            "......oabaaa",
            "......oabaaa",
            "......oabaaA",
            "......ottttt",
            "...ooootttto",
            "...oaaaaaaaa",
            "....oooooooo",
        ),
        ("lad",),
    ),
    Stencil(
        "bucket hat",
        3,
        (
            ".......ooooo",
            "......oaabaa",
            "......oaaaaa",
            ".....oaaaaaa",
            ".....oAAAAAA",
            "....oaaaaaaa",
            "...oaaAaaAaa",
            "...ooooooooo",
        ),
    ),
    Stencil(
        "crown",
        1,
        (
            "......o...o.",
            ".....oao.oat",
            ".....oaaoaaa",
            ".....oaabaaa",
            ".....oataaat",
            ".....oaaaaaa",
            ".....oAAAAAA",
        ),
        weight=0.4,
    ),
    Stencil(
        "headband",
        7,
        (
            ".....oaabaaa",
            ".....oAAAAAA",
        ),
        open=True,
    ),
)

CLOTHES = (
    Stencil(
        "t-shirt",
        19,
        (
            ".......o....",
            "....oooaassa",
            "...oaaaaaaaa",
            "..oaabaaaaaa",
            "..oaabaAaaaa",
        ),
    ),
    Stencil(
        "hoodie",
        18,
        (
            ".......o....",
            ".....ooaa...",
            "...ooaAaaa..",
            "..oaaaAAaaaA",
            ".oaaaaaAAwAa",
            ".oaabaaaawaa",
        ),
    ),
    Stencil(
        "suit",
        19,
        (
            ".......oo...",
            "....oooaawsw",
            "...oaaaaAwwt",
            "..oaabaaAAwt",
            "..oaabaaaAAt",
        ),
        ("lad",),
    ),
    Stencil(
        "turtleneck",
        17,
        (
            "........o...",
            "........oaaa",
            "........oAAA",
            "....ooooaaaa",
            "...oaaaaAAAA",
            "..oaabaaaaaa",
            "..oaabaaaaaa",
        ),
    ),
    Stencil(
        "dress",
        20,
        (
            "......oossss",
            ".....oassssA",
            "....oaaaasaa",
            "....oaabaaaA",
        ),
        ("lady",),
    ),
    Stencil(
        "jacket",
        18,
        (
            "......o.....",
            ".....oaoo...",
            "....ooaaAws.",
            "...oaaabAwww",
            "..oaaaaaaAww",
            "..oaabaaaAww",
        ),
    ),
)

GLASSES = (
    Stencil("round glasses", 11, (".......aaaaa", "........a..a", ".........aa.")),
    Stencil(
        "sunglasses",
        11,
        (".......aaaaaaaaaa.......", "........aaaaaaaa........", "........baa..baa........"),
    ),
)
