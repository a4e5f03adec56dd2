"""What people call the colour of skin."""

from __future__ import annotations

import math

import numpy as np
import pytest
from coloraide import Color
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.captions.features import names_colour
from bespoke_core.color.names import name_of
from bespoke_core.color.skin import SKIN_NAMES, name_of_skin, typology_angle

RGB = st.tuples(*3 * [st.integers(0, 255)])


@given(RGB)
def test_the_typology_angle_is_that_of_an_independent_library(rgb: tuple[int, int, int]) -> None:
    lab = Color("srgb", [level / 255 for level in rgb]).convert("lab-d65")
    expected = math.degrees(math.atan2(lab["l"] - 50, lab["b"]))
    if math.hypot(lab["l"] - 50, lab["b"]) > 0.5:  # at the middle of the scale the angle hangs on rounding
        assert abs((typology_angle(rgb) - expected + 180) % 360 - 180) < 0.2


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((254, 208, 180), "light peach"),
        ((240, 190, 160), "peach"),
        ((250, 208, 200), "light pink"),
        ((215, 163, 127), "tan"),
        ((165, 122, 103), "light brown"),
        ((143, 96, 70), "brown"),
        ((74, 46, 32), "dark brown"),
        ((200, 200, 200), "light gray"),
    ],
)
def test_skin_is_called_what_people_call_it(rgb: tuple[int, int, int], name: str) -> None:
    assert name_of_skin(rgb) == name
    assert name_of_skin(np.array(rgb, np.uint8)) == name


@given(RGB)
def test_every_name_of_skin_says_a_hue_or_is_the_plain_name(rgb: tuple[int, int, int]) -> None:
    name = name_of_skin(rgb)
    assert name in SKIN_NAMES or name == name_of(rgb)
    assert names_colour(name.split())
