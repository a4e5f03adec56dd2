"""What lies behind the figure, and how its colours are arranged."""

from __future__ import annotations

import numpy as np
import pytest

from bespoke_core.sprites.background import ARRANGEMENTS, arrangement, find_background

RED, BLUE, GREEN, DARK = (200, 30, 40), (40, 60, 200), (3, 220, 115), (30, 20, 20)


def scene(behind: np.ndarray) -> np.ndarray:
    """Put a figure with shoulders before a background."""
    cells = behind.astype(np.uint8).copy()
    cells[6:18, 8:16] = (224, 172, 105)
    cells[4:7, 7:17] = DARK
    cells[18:, 4:20] = (90, 90, 100)
    return cells


def filled(color: tuple[int, int, int]) -> np.ndarray:
    return np.full((24, 24, 3), color)


def plain() -> np.ndarray:
    return filled(RED)


def halves() -> np.ndarray:
    behind = filled(RED)
    behind[:, 12:] = BLUE
    return behind


def above_each_other() -> np.ndarray:
    behind = filled(RED)
    behind[:9] = BLUE
    return behind


def flag() -> np.ndarray:
    behind = filled(RED)
    behind[:, 8:16] = (250, 250, 250)
    behind[:, 16:] = GREEN
    return behind


def gradient() -> np.ndarray:
    steps = np.linspace(0, 1, 4).repeat(6)[:, None, None]
    return np.broadcast_to(
        (1 - steps) * np.array((60, 90, 200)) + steps * np.array((60, 200, 160)), (24, 24, 3)
    )


def sky() -> np.ndarray:
    """Six bands from the top to the bottom, as pixel artists draw a gradient."""
    steps = (np.arange(24) // 4 / 5)[:, None, None]
    return np.broadcast_to(
        (1 - steps) * np.array((46, 98, 220)) + steps * np.array((80, 90, 60)), (24, 24, 3)
    )


def checks() -> np.ndarray:
    behind = filled(RED)
    y, x = np.indices((24, 24))
    behind[(y // 3 + x // 3) % 2 == 0] = BLUE
    return behind


def stripes() -> np.ndarray:
    behind = filled(GREEN)
    behind[:, ::2] = (120, 255, 180)
    return behind


def noise() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (24, 24, 3))


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        (plain, "plain"),
        (halves, "split"),
        (above_each_other, "split"),
        (flag, "split"),
        (gradient, "gradient"),
        (sky, "gradient"),
        (checks, "patterned"),
        (stripes, "patterned"),
        (noise, "unknown"),
    ],
)
def test_a_split_or_patterned_background_is_recognised_as_such(behind, expected: str) -> None:
    assert expected in ARRANGEMENTS
    assert arrangement(find_background(scene(behind()))) == expected


def test_a_gradients_colours_stand_from_end_to_end_and_reach_below_the_shoulders() -> None:
    found = find_background(scene(sky()))
    assert found.smooth
    assert found.region[20, 0]
    top, bottom = found.colors[0].astype(int), found.colors[-1].astype(int)
    if top[2] < bottom[2]:
        top, bottom = bottom, top
    assert np.abs(top - (46, 98, 220)).max() <= 4
    assert np.abs(bottom - (80, 90, 60)).max() <= 4


def test_a_hat_that_leaves_through_the_top_is_no_background() -> None:
    cells = scene(plain())
    cells[:7, 8:16] = (250, 250, 250)
    found = find_background(cells)
    assert [tuple(color) for color in found.colors] == [RED]
    assert found.which[0, 12] == -1


def test_each_cell_of_the_background_knows_its_colour_and_the_figure_has_none() -> None:
    found = find_background(scene(halves()))
    assert (found.which[~found.region] == -1).all()
    left, right = found.which[0, 0], found.which[0, -1]
    assert tuple(found.colors[left]) == RED
    assert tuple(found.colors[right]) == BLUE
    assert found.which[12, 12] == -1


def test_a_figures_own_patch_of_the_backgrounds_colour_is_no_background() -> None:
    cells = scene(plain())
    cells[10:12, 11:13] = RED
    assert find_background(cells).which[10, 11] == -1
