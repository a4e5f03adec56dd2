"""Is a course over the epochs more than chance? Tests of equality, of a past peak, of ups and downs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .statistics import ALPHA, Floats, equality_test, paired_test

_ROUNDS = 500
LEAST_COMMON = 3
"""With fewer pictures common to all epochs, neither their equality nor their ups and downs can be tested."""


@dataclass(frozen=True)
class Course:
    """What is proved of a score's course, each as a p value; None where it was not or cannot be tested.

    Attributes:
        p_equal: such differences if all epochs were equal (Friedman).
        p_past: the last epoch so much worse than an earlier one by chance, corrected for their number.
        p_turns: such ups and downs if the true course turned once at most.
    """

    p_equal: float | None = None
    p_past: float | None = None
    p_turns: float | None = None

    @property
    def differs(self) -> bool:
        """Whether the epochs differ beyond chance, as far as that could be tested."""
        return self.p_equal is None or self.p_equal < ALPHA


def course_of(badness: Floats, *, seed: int = 0) -> Course:
    """Test the course of a score over the epochs.

    Args:
        badness: shape (epochs, cells), the lower the better, NaN where missing; epochs in order.
        seed: of the resampling.

    The ups and downs are tested only where the epochs differ and the means turn twice. Where fewer than three
    cells are common to all epochs, nothing but a past peak can be proved, over the cells of two epochs each.
    """
    if len(badness) < 3:
        return Course()
    p_equal = equality_test(badness)
    if p_equal is None:
        return Course(None, past_test(badness, seed=seed), 1.0)
    if p_equal >= ALPHA:
        return Course(p_equal)
    common = badness[:, np.isfinite(badness).all(axis=0)]
    turns = turning_points([float(mean) for mean in common.mean(axis=1)])
    return Course(p_equal, past_test(badness, seed=seed), turns_test(common, seed=seed) if turns > 1 else 1.0)


def past_test(badness: Floats, *, seed: int = 0) -> float:
    """Return the p value of the last epoch's being worse than the earlier one that it loses to most surely.

    Args:
        badness: shape (epochs, cells), NaN where missing.
        seed: of the random flips.

    Bonferroni over the earlier epochs. Where the truth still improves, it is below 5 % in 2.5 % of cases at
    most.
    """
    tests = [paired_test(badness[-1], line, seed=seed) for line in badness[:-1]]
    return min([1.0, *(len(tests) * test.p for test in tests if test.difference > 0)])


def turns_test(common: Floats, *, seed: int = 0) -> float:
    """Return how often chance makes such ups and downs of a course that turns at most once.

    Args:
        common: shape (epochs, cells) without missing scores, at least three cells.
        seed: of the resampling.

    The distance of the means to the nearest course that falls and then rises, or the reverse, over the
    pictures' spread; its distribution by resampling the cells' residuals around that nearest course. A test
    of a shape by bootstrap from the fit under the null, as Silverman (1981) does for modes.
    """
    cells = common.shape[1]
    if cells < LEAST_COMMON:
        return 1.0
    means = common.mean(axis=1)
    rest = common - means[:, None]
    rest -= rest.mean(axis=0)  # what the epochs share of a cell says nothing about their order
    fitted, misfit = one_turn_fit(means)
    variance = float((rest**2).sum())
    if not variance:
        return 0.0 if misfit else 1.0
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(cells, np.full(cells, 1 / cells), size=_ROUNDS).astype(np.float64)
    shift = weights @ rest.T / cells * (cells / (cells - 1)) ** 0.5
    # What remains of the resampled residuals around their own means: sum of squares less that of the means.
    spread = weights @ (rest**2).sum(axis=0) - cells * ((weights @ rest.T / cells) ** 2).sum(axis=1)
    observed = misfit / variance
    hits = 0
    for moved, width in zip(shift, spread, strict=True):
        _, drawn = one_turn_fit(fitted + moved)
        hits += drawn >= observed * max(float(width), 1e-12 * variance)
    return (hits + 1) / (_ROUNDS + 1)


def one_turn_fit(means: Floats) -> tuple[Floats, float]:
    """Return the nearest course that turns at most once, and its squared distance.

    Args:
        means: shape (epochs,).

    Pool-adjacent-violators from both ends, every place of the turn, falling first or rising first.
    """
    best: tuple[float, int, Floats] | None = None
    for sign in (1.0, -1.0):
        line = sign * means
        falling, rising = _prefix_misfits(-line), _prefix_misfits(line[::-1] * -1)[::-1]
        ends = [(falling[k] + (rising[k + 1] if k + 1 < len(line) else 0.0), k) for k in range(len(line))]
        misfit, turn = min(ends)
        if best is None or misfit < best[0] - 1e-12:
            best = (misfit, turn, line * sign)
            chosen = sign
    assert best is not None  # two signs were tried
    misfit, turn, _ = best
    line = chosen * means
    left = -_isotonic(-line[: turn + 1])
    right = _isotonic(line[turn + 1 :])
    return chosen * np.concatenate([left, right]), float(misfit)


def turning_points(values: Sequence[float]) -> int:
    """Return how often a series changes direction; equal neighbours change nothing."""
    steps = [b - a for a, b in pairwise(values) if b != a]
    return sum((a > 0) != (b > 0) for a, b in pairwise(steps))


def _blocks(values: Floats) -> tuple[list[tuple[float, int]], list[float]]:
    """Return the level stretches (sum, length) of the rising fit, and the misfit of every prefix."""
    stretches: list[tuple[float, int]] = []
    misfits = []
    # Sum of squares less the explained sum of squares of the stretches, kept as it goes.
    squares = explained = 0.0
    for value in values:
        total, length = float(value), 1
        squares += total * total
        while stretches and stretches[-1][0] / stretches[-1][1] >= total / length:
            former, size = stretches.pop()
            explained -= former * former / size
            total, length = total + former, length + size
        explained += total * total / length
        stretches.append((total, length))
        misfits.append(max(0.0, squares - explained))
    return stretches, misfits


def _prefix_misfits(values: Floats) -> list[float]:
    return _blocks(values - values.mean())[1]


def _isotonic(values: Floats) -> Floats:
    if not len(values):
        return values
    stretches, _ = _blocks(values)
    return np.concatenate([np.full(length, total / length) for total, length in stretches])
