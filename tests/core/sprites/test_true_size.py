"""The art behind an enlarged picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bespoke_core.color.spaces import pack
from bespoke_core.portraits.draw import draw_portraits
from bespoke_core.portraits.styles import PLAIN
from bespoke_core.sprites.true_size import small_form, true_size


def enlarged(art: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(art).resize((width, height), Image.Resampling.NEAREST))


@given(st.integers(8, 40), st.integers(8, 40), st.integers(200, 700), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_the_art_of_an_exact_enlargement_comes_back(across: int, down: int, width: int, seed: int) -> None:
    art = np.random.default_rng(seed).integers(0, 256, (down, across, 3), dtype=np.uint8)
    height = round(width * down / across)
    picture = enlarged(art, width, height)
    size = true_size(pack(picture))
    assert size is not None
    assert size[0] <= across
    if size == (across, down):
        assert np.array_equal(small_form(picture), art)
    # A smaller size is right, too, when no cell of it holds two colours.
    assert np.array_equal(enlarged(small_form(picture), width, height), picture)


def test_a_portrait_of_24_pixels_is_found_in_512() -> None:
    art = draw_portraits(4, seed=1, style=PLAIN)[0].pixels
    assert true_size(pack(enlarged(art, 512, 512))) == (24, 24)


@pytest.mark.parametrize("levels", [0, 3])
def test_noise_and_plain_areas_are_no_enlargement(levels: int) -> None:
    picture = np.full((512, 512, 3), 128, np.uint8)
    picture += np.random.default_rng(0).integers(0, levels + 1, picture.shape, dtype=np.uint8)
    assert true_size(pack(picture)) is None


def test_a_small_picture_is_left_alone_and_a_large_one_gets_small() -> None:
    art = np.random.default_rng(0).integers(0, 256, (24, 30, 3), dtype=np.uint8)
    assert small_form(art) is art
    photograph = np.random.default_rng(0).integers(0, 256, (300, 600, 3), dtype=np.uint8)
    assert small_form(photograph).shape == (32, 64, 3)


def test_a_pictures_few_colours_are_never_mixed() -> None:
    picture = np.full((300, 300, 3), 10, np.uint8)
    picture[:, 101:] = 200
    picture[37:41] = 90
    small = small_form(picture)
    assert set(np.unique(small)) <= {10, 90, 200}
