"""Means with intervals, paired tests, corrections."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bespoke_core.evaluation.course import turning_points
from bespoke_core.evaluation.intervals import bootstrap_means
from bespoke_core.evaluation.statistics import holm, least_pairs, paired_test, pairs_to_separate


def test_interval_of_the_mean_matches_the_normal_theory_on_many_cells():
    table = np.random.default_rng(0).normal(100, 20, size=(1, 400))
    interval = bootstrap_means(table)[0]
    assert interval.mean == pytest.approx(table.mean())
    half = 1.96 * table.std(ddof=1) / 20
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.06)


def test_missing_cells_count_for_nothing():
    table = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan], [5.0, np.nan, np.nan]])
    full, none, one = bootstrap_means(table)
    assert (full.mean, full.n) == (2.0, 2)
    assert none.n == 0
    assert np.isnan(none.mean)
    assert (one.mean, one.n) == (5.0, 1)
    assert np.isnan(one.low)


@settings(max_examples=30, deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(2, 9)), elements=st.floats(1, 500)))
def test_every_mean_lies_in_its_interval_and_the_same_seed_repeats_it(table):
    first, second = (bootstrap_means(table, seed=3, resamples=200) for _ in range(2))
    assert first == second
    assert all(i.low <= i.mean <= i.high for i in first)


def test_sign_flip_test_is_exact_on_few_pairs():
    ones = np.ones(7)
    assert paired_test(ones, np.zeros(7)).p == 2 / 2**7
    assert paired_test(ones, ones).p == 1.0


def test_random_flips_agree_with_the_exact_test():
    rng = np.random.default_rng(1)
    first, second = rng.normal(0.5, 1, 16), np.zeros(16)
    exact = paired_test(first, second).p
    doubled = paired_test(np.append(first, 0.0), np.append(second, 0.0)).p  # 17 pairs: random flips
    assert doubled == pytest.approx(exact, abs=0.015)


def test_pairs_without_a_common_cell_prove_nothing():
    test = paired_test(np.array([1.0, np.nan]), np.array([np.nan, 2.0]))
    assert (test.pairs, test.p) == (0, 1.0)


def test_holm_gives_the_textbook_values():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_a_larger_difference_needs_fewer_pictures():
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 30, 12)
    near, far = (paired_test(noise + d, np.zeros(12)) for d in (15, 60))
    needed_near, needed_far = pairs_to_separate(near), pairs_to_separate(far)
    assert needed_near is not None
    assert needed_far is not None
    assert needed_near > needed_far


def test_no_estimate_without_a_difference():
    assert pairs_to_separate(paired_test(np.ones(5), np.ones(5))) is None


@pytest.mark.parametrize("comparisons", [1, 2, 9, 40])
def test_the_fewest_pairs_are_just_enough_to_pass_the_corrected_test(comparisons):
    pairs = least_pairs(comparisons)
    assert 2 / 2**pairs * comparisons <= 0.05 < 2 / 2 ** (pairs - 1) * comparisons


def test_turning_points_ignore_level_stretches():
    assert turning_points([1, 2, 2, 1, 3]) == 2
    assert turning_points([3, 2, 1]) == 0


def test_equal_checkpoints_are_told_apart_in_about_one_case_in_twenty():
    rng = np.random.default_rng(4)
    hits = sum(paired_test(*rng.normal(0, 1, (2, 10))).p <= 0.05 for _ in range(400))
    assert 6 <= hits <= 34  # 20 expected, standard deviation 4.4
