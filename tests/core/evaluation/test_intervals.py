"""Intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from bespoke_core.evaluation.intervals import mean_interval


def share_that_holds(draw, truth, times=300):
    """Return how often an interval of `draw(rng)` (values, prompts, seeds) holds the truth."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(times):
        interval = mean_interval(*draw(rng), resamples=1000)
        held += interval.low <= truth <= interval.high
    return held / times


def skewed(rng, shape):
    sigma = 0.5
    return 200 * np.exp(sigma * rng.normal(size=shape) - sigma**2 / 2)


def test_seven_skewed_pictures_are_enough_for_an_interval_that_holds():
    assert share_that_holds(lambda rng: (skewed(rng, 7), None, None), 200) >= 0.9


@pytest.mark.parametrize(("prompts", "seeds"), [(8, 2), (4, 6), (1, 10)])
def test_easy_and_hard_prompts_do_not_make_these_prompts_mean_less_sure(prompts, seeds):
    steps = np.linspace(-80, 80, prompts)[:, None] if prompts > 1 else np.zeros((1, 1))
    names = np.repeat([f"p{i}" for i in range(prompts)], seeds)
    numbers = list(range(seeds)) * prompts

    def draw(rng):
        return (200 + steps + rng.normal(0, 20, (prompts, seeds))).ravel(), names, numbers

    share = share_that_holds(draw, 200)
    assert 0.91 <= share <= 0.995
    interval = mean_interval(*draw(np.random.default_rng(1)))
    assert interval.these_prompts
    assert interval.high - interval.low < 6 * 20 / (prompts * seeds) ** 0.5


def test_seeds_that_are_hard_for_all_prompts_widen_the_interval():
    names = np.repeat([f"p{i}" for i in range(8)], 4)
    numbers = list(range(4)) * 8

    def draw(rng):
        return (200 + rng.normal(0, 15, (1, 4)) + rng.normal(0, 30, (8, 4))).ravel(), names, numbers

    assert share_that_holds(draw, 200) >= 0.9


def test_few_or_equal_pictures_have_an_interval_without_surprises():
    one = mean_interval(np.array([5.0, np.nan]))
    assert (one.mean, one.n) == (5.0, 1)
    assert np.isnan(one.low)
    equal = mean_interval(np.full(8, 5.0))
    assert (equal.low, equal.mean, equal.high) == (5.0, 5.0, 5.0)
    mostly = mean_interval(np.array([5.0] * 7 + [6.0]))
    assert np.isfinite([mostly.low, mostly.high]).all()
    assert mostly.low <= mostly.mean <= mostly.high
