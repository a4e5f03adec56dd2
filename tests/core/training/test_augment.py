from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bespoke_core.training.augment import PLAIN, Augmentation, Look, edge_color, shown_pixels
from bespoke_core.training.buckets import Fit

WHOLE = Fit((192, 192), (192, 192))


def sprite(size: int = 24) -> Image.Image:
    """A sprite of many colours on a green ground."""
    pixels = np.zeros((size, size, 4), dtype=np.uint8)
    pixels[:] = (40, 160, 60, 255)
    inner = np.random.default_rng(1).integers(0, 256, (size - 8, size - 8, 3), dtype=np.uint8)
    pixels[4:-4, 4:-4, :3] = inner
    return Image.fromarray(pixels)


def show(picture: Image.Image, look: Look = PLAIN, how: Fit = WHOLE) -> np.ndarray:
    return shown_pixels(picture, how, look, background="#ffffff", interpolation=None)[0]


def colors(pixels: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(color) for color in pixels.reshape(-1, 3).tolist()}


def test_a_mirrored_picture_is_the_picture_from_right_to_left() -> None:
    assert np.array_equal(show(sprite(), Look(True)), show(sprite())[:, ::-1])


@settings(max_examples=25)
@given(st.floats(-180, 180))
def test_a_turned_sprite_has_no_new_colour_and_keeps_square_pixels(angle: float) -> None:
    turned = show(sprite(), Look(False, angle))
    assert colors(turned) <= colors(np.asarray(sprite())[:, :, :3])
    cells = turned.reshape(24, 8, 24, 8, 3)
    assert (cells == cells[:, :1, :, :1]).all()


def test_enlarged_art_turns_on_the_grid_that_it_was_drawn_on() -> None:
    """The true sprite and its 512 px copy, whose pixels are 21 or 22 wide, give the same picture."""
    large = sprite().resize((512, 512), Image.Resampling.NEAREST)
    for angle in (0.0, 7.0, -20.0):
        assert np.array_equal(show(large, Look(False, angle)), show(sprite(), Look(False, angle)))


def test_the_corners_of_a_turned_picture_take_the_edges_commonest_colour() -> None:
    turned = show(sprite(), Look(False, 45.0))
    assert (
        tuple(turned[0, 0]) == tuple(turned[-1, -1]) == (40, 160, 60) == edge_color(sprite().convert("RGB"))
    )


def test_a_crop_of_chance_lies_within_the_picture() -> None:
    wide = np.arange(64, dtype=np.uint8)[None, :, None].repeat(32, 0).repeat(4, 2)
    wide[:, :, 3] = 255
    how = Fit((64, 32), (32, 32))
    starts = {at: int(show(Image.fromarray(wide), Look(at=(at, 0.5)), how)[0, 0, 0]) for at in (0, 0.5, 1)}
    assert starts == {0: 0, 0.5: 16, 1: 32}


def test_what_is_transparent_weighs_nothing_and_follows_every_form() -> None:
    pixels = np.full((16, 16, 4), 255, dtype=np.uint8)
    pixels[:, :8, 3] = 0
    picture, how = Image.fromarray(pixels), Fit((64, 64), (64, 64))

    def weights(look: Look) -> np.ndarray:
        return shown_pixels(picture, how, look, background="#000000", interpolation=None)[1]

    assert weights(PLAIN).shape == (8, 8)
    assert (weights(PLAIN)[:, :4] == 0).all() and (weights(PLAIN)[:, 4:] == 1).all()
    assert np.array_equal(weights(Look(True)), weights(PLAIN)[:, ::-1])
    assert np.array_equal(weights(Look(False, 180.0)), weights(PLAIN)[:, ::-1])
    half = picture.copy()
    half.putalpha(128)
    assert shown_pixels(half, how, PLAIN, background="#000000", interpolation=None)[1] == pytest.approx(
        0.502, abs=1e-3
    )


def test_the_cached_forms_are_the_picture_itself_then_turned_then_all_mirrored() -> None:
    forms = Augmentation(True, 10.0, False, 3).variants(1, "ab")
    assert len(forms) == 6 and forms[0] == PLAIN
    assert [look.flip for look in forms] == [False] * 3 + [True] * 3
    assert [look.angle for look in forms[:3]] == [look.angle for look in forms[3:]]
    assert all(0 < abs(look.angle) <= 10 for look in forms[1:3])
    assert forms == Augmentation(True, 10.0, False, 3).variants(1, "ab")
    assert forms != Augmentation(True, 10.0, False, 3).variants(2, "ab")
    assert Augmentation(False, 0.0, False, 9).variants(1, "ab") == (PLAIN,)


def test_forms_drawn_anew_are_mirrored_half_of_the_times_and_turned_within_the_angle() -> None:
    chance = random.Random(0)
    drawn = [Augmentation(True, 15.0, True, 1).form(chance) for _ in range(1000)]
    assert 430 < sum(look.flip for look in drawn) < 570
    assert max(abs(look.angle) for look in drawn) == pytest.approx(15, abs=0.5)
    assert all(0 <= part <= 1 for look in drawn for part in look.at)
    assert Augmentation(False, 0.0, False, 4).form(chance) == PLAIN
