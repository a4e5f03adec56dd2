"""Shades that a decoder made of one colour are merged, and the art's own are kept."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bespoke_core.color.cluster import grow_tree
from bespoke_core.color.spaces import levels_to_oklab, srgb_to_oklab
from bespoke_core.portraits.draw import draw_portraits
from bespoke_core.scoring.counting import count_colors
from bespoke_core.sprites.cells import Cores
from bespoke_core.sprites.shades import (
    LEAST_CUT,
    MOST_CUT,
    limit_colors,
    merge_shades,
    merging_distance,
    noise,
    snap_to_palette,
)

PORTRAITS = [portrait.pixels for portrait in draw_portraits(6, seed=77)]
ALL = np.ones((24, 24), bool)


def seen(sprite: np.ndarray, spread: float, seed: int = 0) -> Cores:
    """What cells show of a sprite when each is off by its own noise, as after a decoder."""
    levels = sprite + np.random.default_rng(seed).normal(0, spread, sprite.shape)
    levels = levels.clip(0, 255).astype(np.float32)
    return Cores(levels.round().astype(np.uint8), levels, levels, np.zeros(sprite.shape[:2], bool))


@pytest.mark.parametrize("spread", [0.2, 1.0, 2.5])
def test_the_colours_of_a_portrait_survive_a_decoders_noise(spread: float) -> None:
    for number, sprite in enumerate(PORTRAITS):
        found = merge_shades(seen(sprite, spread, number))
        assert np.abs(found.astype(int) - sprite).mean() < 1 + spread / 2
        truth = int(count_colors(sprite[None])[0])
        assert truth - 6 <= int(count_colors(found[None])[0]) <= truth + 6


def test_noise_is_what_was_put_in_and_nothing_without() -> None:
    sprite = PORTRAITS[0]
    assert noise(sprite.astype(np.float32), ALL) == 0
    measured = [noise(seen(sprite, spread).mean, ALL) for spread in (0.25, 0.5, 1, 2)]
    for less, more in pairwise(measured):
        assert more == pytest.approx(2 * less, rel=0.3)


def test_only_what_is_shown_is_measured_and_merged() -> None:
    sprite = PORTRAITS[1]
    cores = seen(sprite, 0.2)
    shown = ALL.copy()
    shown[:12] = False
    cores.mean[:12] = np.random.default_rng(0).uniform(0, 255, (12, 24, 3))
    assert noise(cores.mean, shown) < 0.2
    assert np.array_equal(merge_shades(cores, shown)[:12], cores.median[:12])
    assert np.array_equal(merge_shades(cores, np.zeros((24, 24), bool)), cores.median)


def test_art_without_two_equal_neighbours_is_not_taken_for_noise() -> None:
    palette = np.random.default_rng(3).permutation(np.arange(0, 250, 14))[:12]
    busy = palette[(np.arange(24)[:, None] * 5 + np.arange(24) * 7) % 12].astype(np.uint8)
    sprite = np.repeat(busy[..., None], 3, axis=2)
    assert noise(sprite.astype(np.float32), ALL) > 3
    assert int(count_colors(merge_shades(seen(sprite, 0.3))[None])[0]) == 12


def test_two_near_shades_stay_two_where_there_is_no_noise() -> None:
    sprite = np.full((24, 24, 3), 120, np.uint8)
    sprite[:, 12:] = 123
    assert np.array_equal(merge_shades(seen(sprite, 0.0)), sprite)


@given(st.floats(0, 5), st.floats(0, 5))
def test_the_merging_distance_grows_with_noise_between_its_bounds(one: float, other: float) -> None:
    tree = grow_tree(np.random.default_rng(0).integers(0, 256, (500, 3), dtype=np.uint8))
    low, high = (merging_distance(value, tree, 576) for value in sorted((one, other)))
    assert LEAST_CUT <= low <= high <= MOST_CUT


def test_a_sprite_of_one_cell_or_one_colour_is_left_alone() -> None:
    for shape in ((1, 1, 3), (5, 4, 3)):
        sprite = np.full(shape, 33, np.uint8)
        cores = Cores(sprite, sprite.astype(np.float32), sprite.astype(np.float32), np.ones(shape[:2], bool))
        assert np.array_equal(merge_shades(cores), sprite)


def test_a_merged_colour_is_finer_than_its_cells_levels() -> None:
    """Rounded cells of 100.4 are 100 or 101; their colour is 100."""
    levels = 100.4 + np.random.default_rng(1).normal(0, 0.6, (24, 24, 3))
    cores = Cores(levels.round().astype(np.uint8), *[levels.astype(np.float32)] * 2, ~ALL)
    assert (merge_shades(cores) == 100).all()
    # Noise that is cut off at black lifts the mean of a black cell, and not its median.
    lifted = np.random.default_rng(1).normal(0.8, 0.05, (24, 24, 3)).astype(np.float32)
    assert not merge_shades(Cores(np.zeros((24, 24, 3), np.uint8), lifted, lifted, ~ALL)).any()


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_every_pixel_gets_the_nearest_colour_of_the_palette(count: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    palette = chance.integers(0, 256, (count, 3), dtype=np.uint8)
    sprite = chance.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    found = srgb_to_oklab(snap_to_palette(sprite, palette)).astype(float)
    wanted = srgb_to_oklab(sprite).astype(float)
    least = np.linalg.norm(wanted[:, :, None] - srgb_to_oklab(palette), axis=-1).min(axis=-1)
    assert np.linalg.norm(found - wanted, axis=-1) == pytest.approx(least, abs=1e-5)


def test_fewer_colours_than_asked_are_left_as_they_are() -> None:
    sprite = PORTRAITS[2]
    assert np.array_equal(limit_colors(sprite, 256), sprite)
    assert int(count_colors(limit_colors(sprite, 4)[None])[0]) == 4


def test_levels_with_fractions_lie_between_the_bytes_and_flare_lifts_black() -> None:
    sprite = PORTRAITS[3]
    assert levels_to_oklab(sprite.astype(np.float32)) == pytest.approx(srgb_to_oklab(sprite), abs=1e-6)
    steps = [np.diff(levels_to_oklab(np.array([[0.0] * 3, [1.0] * 3]), flare=f)[:, 0])[0] for f in (0, 0.002)]
    assert steps[0] > 0.06 and 0 < steps[1] < 0.01
    between = levels_to_oklab(np.array([10.5, 10.5, 10.5]))
    assert (
        srgb_to_oklab(np.array([10] * 3, np.uint8))[0]
        < between[0]
        < srgb_to_oklab(np.array([11] * 3, np.uint8))[0]
    )
