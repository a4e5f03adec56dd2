"""The plain name of a colour: what people call it, and that phrases find it again."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import XKCD_COLORS

from bespoke_core.color.codes import parse_hex
from bespoke_core.color.names import BASIC_NAMES, PLAIN_NAMES, name_of, name_of_colors, names_of
from bespoke_core.color.phrases import region_of
from bespoke_core.color.regions import YES_WITHIN

RGB = st.tuples(*[st.integers(0, 255)] * 3)
SURVEY = {name[5:].replace("grey", "gray"): parse_hex(code) for name, code in XKCD_COLORS.items()}
LEVELS = np.append(np.arange(0, 255, 6), 255).astype(np.uint8)
CUBE = np.stack(np.meshgrid(LEVELS, LEVELS, LEVELS), axis=-1).reshape(-1, 3)


def far(colors: np.ndarray) -> np.ndarray:
    """Which colours lie outside the region of their own name."""
    names = np.array(names_of(colors))
    outside = np.zeros(len(colors), dtype=bool)
    for name in set(names.tolist()):
        asked = region_of(name)
        assert asked is not None
        outside[names == name] = asked.distance(colors[names == name]) > YES_WITHIN
    return outside


@pytest.mark.parametrize(
    ("code", "name"),
    [
        *(("#5a3220", "dark brown"), ("#03dc73", "bright green"), ("#b3b0b0", "gray"), ("#808080", "gray")),
        *(("#ffffff", "white"), ("#000000", "black"), ("#d8d8d8", "light gray"), ("#4d4d4d", "dark gray")),
        *(("#0000ff", "blue"), ("#ff0000", "bright red"), ("#880013", "dark red"), ("#172c89", "dark blue")),
        *(("#0153fd", "bright blue"), ("#94d6d0", "light blue"), ("#ffd7d7", "light pink")),
    ],
)
def test_names_are_plain_words(code: str, name: str) -> None:
    assert name_of(parse_hex(code)) == name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        *(("#0d0d0d", "black"), ("#141008", "black"), ("#201510", "dark brown"), ("#352019", "dark brown")),
        *(("#421901", "dark brown"), ("#62321e", "dark brown"), ("#88542c", "brown"), ("#b2341f", "red")),
        *(
            ("#de7626", "orange"),
            ("#7d4747", "brown"),
            ("#be845a", "light brown"),
            ("#f4d0c2", "light pink"),
            ("#f1c3b1", "peach"),
            ("#221111", "dark brown"),
            ("#949498", "gray"),
        ),
        *(("#f4f4f0", "white"), ("#fac428", "yellow"), ("#d0d0d4", "light gray")),
    ],
)
def test_hair_and_skin_have_the_names_that_captions_give_them(code: str, name: str) -> None:
    assert name_of(parse_hex(code)) == name


def test_the_names_that_can_come_out_are_few_and_plain() -> None:
    assert len(PLAIN_NAMES) == len(set(PLAIN_NAMES)) == 45
    for name in PLAIN_NAMES:
        *shade, word = name.split()
        assert word in BASIC_NAMES
        assert shade in ([], ["light"], ["dark"], ["bright"])


def test_every_plain_name_is_some_colours_name() -> None:
    assert set(names_of(CUBE)) == set(PLAIN_NAMES)


def test_phrases_find_again_what_was_named() -> None:
    outside = far(CUBE)
    assert not outside.any()


@given(RGB)
@settings(deadline=None)
def test_a_name_s_region_is_never_far_from_the_colour(rgb: tuple[int, int, int]) -> None:
    asked = region_of(name_of(rgb))
    assert asked is not None
    assert float(asked.distance(np.array(rgb, dtype=np.uint8))) <= 2 * YES_WITHIN


@given(st.lists(RGB, max_size=20))
@settings(deadline=None)
def test_many_are_named_as_one_by_one(colors: list[tuple[int, int, int]]) -> None:
    assert names_of(np.array(colors, dtype=np.uint8).reshape(-1, 3)) == [name_of(rgb) for rgb in colors]


def test_a_small_change_of_colour_leaves_the_name_or_gives_a_near_one() -> None:
    rng = np.random.default_rng(0)
    colors = rng.integers(2, 254, (4000, 3)).astype(np.uint8)
    moved = (colors.astype(int) + rng.integers(-2, 3, colors.shape)).astype(np.uint8)
    for before, after, color in zip(names_of(colors), names_of(moved), moved, strict=True):
        if before != after:
            asked = region_of(before)
            assert asked is not None and float(asked.distance(color)) < 2 * YES_WITHIN


def test_the_surveys_colours_have_their_own_basic_word() -> None:
    words = {"grey": "gray"}
    single = {
        name: found[0]
        for name in SURVEY
        if len(
            found := [
                words.get(w, w) for w in name.replace("/", " ").split() if words.get(w, w) in BASIC_NAMES
            ]
        )
        == 1
    }
    named = names_of(np.array([SURVEY[name] for name in single], dtype=np.uint8))
    right = [name.split()[-1] == word for name, word in zip(named, single.values(), strict=True)]
    assert len(single) > 450
    assert np.mean(right) > 0.8


def test_the_surveys_plain_names_come_back_with_their_shade() -> None:
    known = [name for name in PLAIN_NAMES if name in SURVEY]
    named = names_of(np.array([SURVEY[name] for name in known], dtype=np.uint8))
    assert np.mean([a == b for a, b in zip(known, named, strict=True)]) > 0.85


def test_phrases_hold_the_surveys_colours() -> None:
    distances = [
        float(asked.distance(np.array(rgb, dtype=np.uint8)))
        for name, rgb in SURVEY.items()
        if (asked := region_of(name)) is not None
    ]
    assert len(distances) > 750
    assert np.mean(np.array(distances) <= YES_WITHIN) >= 0.97


def test_the_word_of_most_pixels_wins_with_its_central_shade() -> None:
    codes = ["#5a3220", "#582e20", "#8f5e3d", "#03dc73", "#000000"]
    colors = np.array([parse_hex(code) for code in codes], dtype=np.uint8)
    assert name_of_colors(colors, [30, 30, 20, 60, 10]) == "dark brown"
    assert name_of_colors(colors, [30, 30, 20, 90, 10]) == "bright green"
    assert name_of_colors(colors, [0, 0, 0, 0, 1]) == "black"
    assert name_of_colors(colors[::-1], [10, 60, 20, 30, 30]) == "dark brown"


@given(st.lists(st.tuples(RGB, st.integers(1, 50)), min_size=1, max_size=12), st.randoms())
@settings(deadline=None)
def test_the_order_of_the_colours_does_not_matter(pixels: list, random) -> None:
    def named(some: list) -> str:
        return name_of_colors(
            np.array([rgb for rgb, _ in some], dtype=np.uint8), [count for _, count in some]
        )

    unique = list(dict(pixels).items())
    shuffled = random.sample(unique, len(unique))
    assert named(unique) == named(shuffled)


def test_no_colour_has_no_name() -> None:
    with pytest.raises(ValueError, match="no colour"):
        name_of_colors(np.zeros((1, 3), dtype=np.uint8), [0])
    assert names_of(np.zeros((0, 3), dtype=np.uint8)) == []


def test_naming_imports_no_plotting_library() -> None:
    code = (
        "import sys; from bespoke_core.color.names import name_of; name_of((90, 50, 32));"
        "sys.exit('matplotlib' in sys.modules or 'scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_documentation_lists_the_names_that_can_come_out(pack: Path) -> None:
    text = (pack / "docs" / "color-names.md").read_text(encoding="utf-8")
    listed = " ".join(text.split("other name comes out:")[1].split("Phrases may")[0].split())
    assert tuple(re.split("[,;] ", listed.rstrip("."))) == PLAIN_NAMES


NEAR_GREEN = {"green", "teal", "yellow", "olive", "gray", "blue", "black", "tan", "white"}


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        *(("green", NEAR_GREEN), ("bright green", NEAR_GREEN), ("light green", NEAR_GREEN)),
        # Dark olives, as much red as green, are called dark brown.
        ("dark green", NEAR_GREEN | {"brown"}),
    ],
)
def test_brown_red_pink_and_orange_never_pass_for_green(phrase: str, words: set[str]) -> None:
    asked = region_of(phrase)
    assert asked is not None
    passes = CUBE[asked.distance(CUBE) <= YES_WITHIN]
    named = names_of(passes)
    assert {"green"} <= {name.split()[-1] for name in named} <= words
    brown = [color for color, name in zip(passes.astype(int), named, strict=True) if name.endswith("brown")]
    assert all(green >= red >= blue and green <= 90 for red, green, blue in brown)
