"""What colour phrases ask for."""

from __future__ import annotations

import numpy as np
import pytest

from bespoke_core.color.codes import parse_hex
from bespoke_core.color.names import name_of
from bespoke_core.color.phrases import background_asked, region_of
from bespoke_core.color.regions import YES_WITHIN, judge


def answer(phrase: str, code: str) -> str:
    asked = background_asked(phrase)
    assert asked is not None
    return judge(float(asked.distance(np.array(parse_hex(code), dtype=np.uint8))))


@pytest.mark.parametrize("code", ["#03dc73", "#00ff00", "#18d788", "#3ffe9e", "#3fe066", "#5fce7f"])
def test_green_is_green(code: str) -> None:
    assert answer("bright green background", code) == "yes"


@pytest.mark.parametrize(
    "code",
    ["#8f5e3d", "#7d4747", "#c06148", "#ee5555", "#ff66aa", "#2244cc", "#453128", "#ffffff", "#999999"],
)
def test_brown_red_blue_and_grey_are_never_green(code: str) -> None:
    assert answer("bright green background", code) == "no"
    assert answer("green background", code) == "no"


@pytest.mark.parametrize("code", ["#808000", "#8f8f3e", "#6b8e23", "#6b6b2a", "#9a8f30"])
def test_olive_is_no_confident_green(code: str) -> None:
    assert answer("bright green background", code) in ("unclear", "no")


@pytest.mark.parametrize(
    ("phrase", "code"),
    [
        ("light gray solid background", "#b3b0b0"),
        ("dark grey background", "#4d4d4d"),
        ("hot pink background", "#ed3893"),
        ("pale red background", "#7d4747"),
        ("brown background", "#7d6364"),
        ("sky blue background", "#3b77cd"),
        ("dark purple background", "#1f003b"),
        ("orange background", "#dd9543"),
        ("white background", "#eff4fa"),
        ("tiffany blue background", "#94d6d0"),
        ("light yellow background", "#f6e49a"),
        ("background (#03dc73)", "#03d873"),
    ],
)
def test_artists_own_words_fit_their_colours(phrase: str, code: str) -> None:
    assert answer(phrase, code) in ("yes", "unclear")
    assert answer(phrase, code) != "no"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("pixel art, lady with red hair on bright green background, smile", {"green"}),
        ("a lad, background of dark blue, red hat", {"blue"}),
        ("red hat, plain greybackground", {"gray"}),
        ("green and blue checkered brick background", {"green", "blue"}),
        ("Bright Green Background", {"green"}),
    ],
)
def test_the_background_s_words_are_found_in_the_prompt(prompt: str, words: set[str]) -> None:
    asked = background_asked(prompt)
    assert asked is not None and {region.word for region in asked.regions} == words


@pytest.mark.parametrize(
    "prompt", ["", "lady with red hair", "solid background, green hat", "fond vert", "checkered background"]
)
def test_a_prompt_without_a_background_colour_asks_nothing(prompt: str) -> None:
    assert background_asked(prompt) is None


def test_two_colours_side_by_side_are_told_from_one_of_two_words() -> None:
    two, one = region_of("green and blue"), region_of("blue grey")
    assert two is not None and two.several
    assert one is not None and not one.several


@pytest.mark.parametrize(
    ("phrase", "code"),
    [
        ("navy blue", "#172c89"),
        ("light navy", "#155084"),
        ("dark mint", "#48c072"),
        ("greenish blue", "#0b8b87"),
        ("brownish green", "#6a6e09"),
        ("blue", "#0000ff"),
        ("light brown", "#ad8150"),
        ("gray", "#93ac92"),
        ("yellow green", "#b6df19"),
        ("ginger", "#b5561f"),
        ("raspberry", "#b00149"),
    ],
)
def test_words_of_captions_hold_the_colours_that_people_mean(phrase: str, code: str) -> None:
    asked = region_of(phrase)
    assert asked is not None
    assert judge(float(asked.distance(np.array(parse_hex(code), dtype=np.uint8)))) == "yes"


@pytest.mark.parametrize("code", ["#6b8e23", "#606602", "#808000"])
def test_an_olive_green_is_no_bright_green(code: str) -> None:
    assert answer("bright green background", code) != "yes"


def test_what_lies_between_two_words_is_asked_for_only_by_one_colour() -> None:
    teal = np.array(parse_hex("#0f9b8e"), dtype=np.uint8)
    between, beside = region_of("blue green"), region_of("blue and green")
    assert between is not None and between.distance(teal) <= 3
    assert beside is not None and beside.distance(teal) > 3


@pytest.mark.parametrize("phrase", ["rainbow", "multicolored", "very nice", "light", ""])
def test_a_phrase_without_a_certain_colour_names_none(phrase: str) -> None:
    assert region_of(phrase) is None


@pytest.mark.parametrize("purple", [(126, 78, 176), (134, 84, 200), (90, 60, 180)])
def test_purple_does_not_pass_for_blue(purple: tuple[int, int, int]) -> None:
    asked = region_of("blue")
    assert asked is not None
    assert name_of(purple) == "purple"
    assert asked.distance(np.array(purple, dtype=np.uint8)) > YES_WITHIN
