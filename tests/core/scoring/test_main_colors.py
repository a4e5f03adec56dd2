"""The commonest colours of a picture, by share."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bespoke_core.errors import InputError
from bespoke_core.scoring.main_colors import main_colors


def test_the_commonest_colour_comes_first_with_its_share() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:3] = (255, 128, 1)
    picture[3, 0] = (0, 0, 9)
    ((first, second, third),) = main_colors(picture[None])
    assert first == ("#ff8001", 0.75)
    assert second == ("#000000", 3 / 16)
    assert third.to_dict() == {"color": "#000009", "share": 0.0625}


def test_shares_are_those_that_pillow_counts_and_alone_as_in_a_batch() -> None:
    pictures = np.random.default_rng(3).integers(0, 3, (5, 12, 16, 3), dtype=np.uint8) * 100
    found = main_colors(pictures, most=100)
    for picture, colors in zip(pictures, found, strict=True):
        counted = {"#{:02x}{:02x}{:02x}".format(*c): n for n, c in Image.fromarray(picture).getcolors() or []}
        assert {one.color: round(one.share * 192) for one in colors} == counted
        assert [colors] == main_colors(picture[None], most=100)


def test_no_more_are_given_than_asked_for() -> None:
    picture = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)
    assert len(main_colors(picture, most=3)[0]) == 3
    with pytest.raises(InputError, match="most"):
        main_colors(picture, most=0)
