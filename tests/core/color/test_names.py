"""What colour words mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.color.names import background_asked, format_hex, judge, name_of, parse_hex, region_of
from bespoke_core.errors import InputError

RGB = st.tuples(*[st.integers(0, 255)] * 3)


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


@given(RGB)
def test_codes_read_back(rgb: tuple[int, int, int]) -> None:
    assert parse_hex(format_hex(rgb)) == rgb
    assert parse_hex(format_hex(rgb)[1:].upper()) == rgb


@given(RGB)
def test_every_colour_has_a_name_and_lies_near_it(rgb: tuple[int, int, int]) -> None:
    asked = region_of(name_of(rgb))
    assert asked is not None
    assert float(asked.distance(np.array(rgb, dtype=np.uint8))) < 20


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("#5a3220", "dark brown"),
        ("#03dc73", "green"),
        ("#ffffff", "white"),
        ("#000000", "black"),
        ("#808080", "gray"),
    ],
)
def test_names_are_plain_words(code: str, name: str) -> None:
    assert name_of(parse_hex(code)) == name


def test_what_is_no_code_is_refused() -> None:
    with pytest.raises(InputError, match="#12"):
        parse_hex("#12")
