"""Where a portrait shows skin, hair and clothing, and where nothing is said."""

from __future__ import annotations

import numpy as np
import pytest

from bespoke_core.sprites.background import find_background
from bespoke_core.sprites.figure import find_clothing, find_hair, find_skin, is_portrait

BEHIND, SKIN, HAIR, SHIRT = (3, 220, 115), (224, 172, 105), (90, 50, 32), (70, 70, 140)


def portrait(skin: tuple[int, int, int] = SKIN, hair: tuple[int, int, int] = HAIR) -> np.ndarray:
    cells = np.full((24, 24, 3), BEHIND, np.uint8)
    cells[4:20, 6:18] = hair
    cells[8:18, 8:16] = skin
    cells[11, 10] = cells[11, 13] = (20, 20, 20)
    cells[18:20, 10:14] = skin
    cells[20:, 4:20] = SHIRT
    return cells


@pytest.mark.parametrize("skin", [(255, 224, 189), SKIN, (141, 85, 36), (74, 46, 32), (244, 208, 194)])
def test_skin_from_light_to_dark_is_found_in_the_face(skin: tuple[int, int, int]) -> None:
    cells = portrait(skin, hair=(10, 10, 10))
    found = find_skin(cells, find_background(cells))
    assert found is not None
    assert tuple(found.color) == skin
    assert found.mask[12, 12]
    assert not found.mask[0, 0]


@pytest.mark.parametrize("hair", [HAIR, (10, 10, 10), (240, 220, 120), (200, 30, 60), (120, 200, 250)])
def test_hair_of_any_colour_is_found_around_the_face(hair: tuple[int, int, int]) -> None:
    cells = portrait(hair=hair)
    background = find_background(cells)
    skin = find_skin(cells, background)
    assert skin is not None
    found = find_hair(cells, background, skin)
    assert found is not None
    assert tuple(found.color) == hair
    assert found.mask[4, 12]
    assert not found.mask[22, 12]


@pytest.mark.parametrize("face", [(120, 130, 140), (60, 200, 90), (252, 252, 252), (200, 20, 20)])
def test_a_robot_an_alien_and_a_mask_have_no_skin(face: tuple[int, int, int]) -> None:
    cells = portrait(face)
    assert find_skin(cells, find_background(cells)) is None


def test_a_bald_head_has_no_hair() -> None:
    cells = portrait(hair=SKIN)
    background = find_background(cells)
    skin = find_skin(cells, background)
    assert skin is not None
    assert find_hair(cells, background, skin) is None


def test_clothing_is_what_stands_in_the_lowest_rows_without_the_neck() -> None:
    cells = portrait()
    cells[20:, 10:14] = SKIN
    cells[20:, 9] = tuple(int(0.8 * level) for level in SKIN)  # the neck's shadow
    background = find_background(cells)
    skin = find_skin(cells, background)
    assert skin is not None
    found = find_clothing(cells, background, skin, find_hair(cells, background, skin))
    assert found is not None
    assert {tuple(color) for color in found.colors} == {SHIRT}


def test_long_hair_that_hides_the_shoulders_is_no_clothing() -> None:
    cells = portrait()
    cells[20:, 4:20] = HAIR
    background = find_background(cells)
    skin = find_skin(cells, background)
    assert skin is not None
    assert find_clothing(cells, background, skin, find_hair(cells, background, skin)) is None


def test_a_landscape_a_floating_thing_and_noise_are_no_portraits() -> None:
    flat = np.full((24, 24, 3), BEHIND, np.uint8)
    floating = flat.copy()
    floating[8:16, 8:16] = SKIN
    noise = np.random.default_rng(1).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    for cells in (flat, floating, noise):
        background = find_background(cells)
        assert not is_portrait(background)
        assert find_skin(cells, background) is None
