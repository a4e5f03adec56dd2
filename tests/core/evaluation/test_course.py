"""What is proved of a score's course over the epochs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bespoke_core.evaluation.course import course_of, one_turn_fit, turning_points
from bespoke_core.evaluation.shape import shape_over_epochs
from bespoke_core.evaluation.table import Row
from bespoke_core.evaluation.verdict import decide


def table(means, *, cells=24, noise=30.0, seed=0):
    rng = np.random.default_rng(seed)
    return np.array(means)[:, None] + rng.normal(0, 40, cells) + rng.normal(0, noise, (len(means), cells))


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=2, max_size=9))
def test_the_nearest_course_turns_at_most_once_and_is_no_farther_than_any_such(values):
    means = np.array(values, dtype=float)
    fitted, misfit = one_turn_fit(means)
    assert turning_points([round(v, 9) for v in fitted]) <= 1
    assert misfit == pytest.approx(((means - fitted) ** 2).sum(), abs=1e-6)
    # Some courses that turn at most once: flat, sorted, and sorted halves.
    for turn in range(len(means) + 1):
        other = np.concatenate([np.sort(means[:turn])[::-1], np.sort(means[turn:])])
        if turning_points(other.tolist()) <= 1:
            assert misfit <= ((means - other) ** 2).sum() + 1e-6


@pytest.mark.parametrize(
    ("means", "phase"),
    [
        ([260] * 8, "within chance"),
        ([300, 280, 260, 240, 220, 200], "improving"),
        ([300, 240, 200, 230, 260, 300], "past its peak"),
        ([300, 200, 300, 200, 300, 200], "oscillating"),
        ([300, 250, 190, 210, 200, 212], "levelling off"),
    ],
)
def test_a_true_course_is_named(means, phase):
    found = table(means)
    badness = dict(enumerate(found.mean(axis=1).tolist(), 1))
    assert shape_over_epochs(badness, course_of(found)).phase == phase


def test_ups_and_downs_are_claimed_of_chance_in_few_runs_only():
    means = 260 * 0.93 ** np.arange(8)
    alarms = 0
    for seed in range(20):
        course = course_of(table(means, cells=8, noise=40, seed=seed))
        alarms += course.p_turns is not None and course.p_turns <= 0.05
    assert alarms <= 4  # 1 expected at the level; 5 or more in under 1 %


def test_an_epoch_that_draws_something_else_is_no_progress():
    rows = []
    for epoch, (mean, match) in enumerate([(300, "yes"), (250, "yes"), (240, "yes"), (90, "no")], 1):
        rows += [
            Row(
                f"e{epoch}",
                epoch,
                f"p{i % 4}",
                i // 4,
                {"unique_colors": mean + i, "background_match": match},
            )
            for i in range(12)
        ]
    shape = decide(rows).shape
    assert shape.phase == "past its peak"
    assert "no longer follow" in shape.advice
    assert shape.best_epoch == 3


def test_epochs_of_two_runs_are_not_taken_for_one_course():
    rows = [
        Row(
            f"{run}/e{epoch}",
            epoch,
            f"p{i}",
            0,
            {"unique_colors": (200 if run == "a" else 400) - 10 * epoch + i, "run": run},
        )
        for run in ("a", "b")
        for epoch in range(1, 5)
        for i in range(8)
    ]
    shape = decide(rows).shape
    assert (shape.phase, shape.best_epoch) == ("improving", 4)


def test_pairs_of_neighbours_are_counted_as_turns_once():
    assert turning_points([1, 2, 2, 1, 3]) == 2
    assert [turning_points(list(pair)) for pair in pairwise([1, 2, 1])] == [0, 0]


def test_epochs_without_a_common_picture_prove_no_peak():
    rows = [
        Row(f"e{epoch}", epoch, prompt, seed, {"unique_colors": 200 + 30 * epoch + seed})
        for epoch in (1, 2, 3)
        for prompt in ("abc" if epoch == 1 else "def")
        for seed in (1, 2)
    ]
    verdict = decide(rows)
    assert not verdict.clear
    assert verdict.shape.phase == "too few pictures"
    assert "cannot be told" in verdict.text()


@pytest.mark.parametrize("means", [(300, 250, 200, 150), (200, 200, 200), (300, 200, 290, 210, 280)])
def test_one_or_two_pictures_an_epoch_tell_of_no_course(means):
    for pictures in (1, 2):
        rows = [
            Row(f"e{epoch}", epoch, f"p{i}", 0, {"unique_colors": mean})
            for epoch, mean in enumerate(means, 1)
            for i in range(pictures)
        ]
        shape = decide(rows).shape
        assert shape.phase == "too few pictures"
        assert "at least 3 pictures of the same prompts and seeds" in shape.advice
