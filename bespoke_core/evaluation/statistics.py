"""The statistics of a verdict: means with intervals, paired tests, a rough estimate of what is missing.

Everything here takes and returns numbers only. A table of scores is a float64 array of shape (checkpoints,
cells) in which NaN stands for a picture that was not measured; a cell is one prompt drawn with one seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ALPHA = 0.05
POWER = 0.8
RESAMPLES = 10_000
EXACT_PAIRS = 16
"""Up to so many pairs every one of the 2^n sign patterns is tried."""
_CHUNK_NUMBERS = 4_000_000


@dataclass(frozen=True)
class Interval:
    """A mean and the interval that it lies in with 95 % confidence.

    Attributes:
        mean: of the measured cells; NaN where none was measured.
        low: lower end; NaN with fewer than two cells.
        high: upper end; NaN with fewer than two cells.
        n: measured cells.
    """

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class PairedTest:
    """Two checkpoints compared over the cells that both have.

    Attributes:
        difference: mean of (first - second); NaN without a common cell.
        spread: standard deviation of the differences; NaN with fewer than two pairs.
        pairs: common cells.
        p: two-sided p value of the sign-flip test; 1 without a common cell.
    """

    difference: float
    spread: float
    pairs: int
    p: float


def bootstrap_means(table: Floats, *, seed: int = 0, resamples: int = RESAMPLES) -> list[Interval]:
    """Return the mean of each checkpoint with its 95 % percentile bootstrap interval.

    Args:
        table: scores, shape (checkpoints, cells), NaN where missing.
        seed: of the random generator; the same table and seed give the same intervals.
        resamples: how many times the cells are drawn again.

    The same cells are drawn for every checkpoint, so that an easy prompt is easy for all of them.
    Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    count, cells = table.shape
    present = np.isfinite(table)
    n = present.sum(axis=1)
    values = np.where(present, table, 0.0)
    drawn = np.full((count, resamples), np.nan)
    if cells:
        rng = np.random.default_rng(seed)
        step = max(1, _CHUNK_NUMBERS // cells)
        for start in range(0, resamples, step):
            rounds = min(step, resamples - start)
            times = rng.multinomial(cells, np.full(cells, 1 / cells), size=rounds).astype(np.float64)
            weight = present @ times.T
            sums = values @ times.T
            drawn[:, start : start + rounds] = np.divide(
                sums, weight, out=np.full_like(sums, np.nan), where=weight > 0
            )
    intervals = []
    for index in range(count):
        if not n[index]:
            intervals.append(Interval(math.nan, math.nan, math.nan, 0))
            continue
        mean = float(values[index].sum() / n[index])
        low = high = math.nan
        if n[index] > 1:
            low, high = (float(end) for end in np.nanpercentile(drawn[index], [2.5, 97.5]))
            # Rounding may leave the ends a hair inside the mean when all cells are equal.
            low, high = min(low, mean), max(high, mean)
        intervals.append(Interval(mean, low, high, int(n[index])))
    return intervals


def paired_test(first: Floats, second: Floats, *, seed: int = 0, flips: int = RESAMPLES) -> PairedTest:
    """Compare two checkpoints by flipping the signs of their paired differences.

    Args:
        first: scores, shape (cells,), NaN where missing.
        second: scores of the same cells.
        seed: of the random flips, used beyond `EXACT_PAIRS` pairs.
        flips: number of random flips.

    Under "neither is better" each difference is as likely to have the other sign. Exact up to `EXACT_PAIRS`
    pairs; beyond, (hits + 1) / (flips + 1), which never claims more than it has tried (Phipson & Smyth 2010).
    """
    difference = (first - second)[np.isfinite(first) & np.isfinite(second)]
    n = len(difference)
    if not n:
        return PairedTest(math.nan, math.nan, 0, 1.0)
    observed = abs(float(difference.sum()))
    threshold = observed - 1e-9 * max(1.0, float(np.abs(difference).sum()))
    if n <= EXACT_PAIRS:
        sums = _sign_patterns(n) @ difference
        p = float(np.mean(np.abs(sums) >= threshold))
    else:
        rng = np.random.default_rng(seed)
        hits = 0
        step = max(1, _CHUNK_NUMBERS // n)
        for start in range(0, flips, step):
            rounds = min(step, flips - start)
            signs = rng.integers(0, 2, size=(rounds, n), dtype=np.int8) * 2.0 - 1.0
            hits += int(np.count_nonzero(np.abs(signs @ difference) >= threshold))
        p = (hits + 1) / (flips + 1)
    spread = float(difference.std(ddof=1)) if n > 1 else math.nan
    return PairedTest(float(difference.mean()), spread, n, p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values corrected for their number, in the given order.

    Holm, A simple sequentially rejective multiple test procedure (1979).
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected = [1.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = running
    return corrected


def pairs_to_separate(test: PairedTest, comparisons: int = 1) -> int | None:
    """Return about how many paired pictures would tell the two apart, or None where that cannot be said.

    Args:
        test: of the pictures that there are.
        comparisons: how many tests are corrected together; too few pairs cannot reach the corrected level
            however large the difference.

    A rough figure: it takes the difference and the spread of these few pictures for the true ones, and the
    normal approximation of a paired test at 5 % with 80 % power. None without a difference or a spread.
    """
    if test.pairs < 2 or not test.difference:
        return None
    reach = NormalDist().inv_cdf(1 - ALPHA / 2)
    needed = ((reach + NormalDist().inv_cdf(POWER)) * test.spread / test.difference) ** 2 + reach**2 / 2
    return max(math.ceil(needed), least_pairs(comparisons))


def least_pairs(comparisons: int) -> int:
    """Return the fewest pairs with which a sign-flip test can pass 5 % after Holm's correction.

    The smallest possible p value of n pairs is 2 / 2^n.
    """
    return math.ceil(math.log2(2 * max(1, comparisons) / ALPHA))


def turning_points(values: Sequence[float]) -> int:
    """Return how often a series changes direction; equal neighbours change nothing."""
    steps = [b - a for a, b in pairwise(values) if b != a]
    return sum((a > 0) != (b > 0) for a, b in pairwise(steps))


@lru_cache(maxsize=4)
def _sign_patterns(n: int) -> npt.NDArray[np.float64]:
    """Return every pattern of n signs, shape (2^n, n), values -1 and 1."""
    bits = (np.arange(2**n)[:, None] >> np.arange(n)[None, :]) & 1
    return np.asarray(bits * 2 - 1, dtype=np.float64)


def equality_test(table: Floats) -> float | None:
    """Return how probable the differences between checkpoints are if they were all equal.

    Args:
        table: scores, shape (checkpoints, cells), NaN where missing.

    Friedman's test over the cells that every checkpoint has, as scipy does it. None with fewer than three
    checkpoints or fewer than three common cells, where it means nothing. Without any difference it is 1.
    """
    from scipy.stats import friedmanchisquare

    common = table[:, ~np.isnan(table).any(axis=0)]
    if common.shape[0] < 3 or common.shape[1] < 3:
        return None
    if (common == common[0]).all():
        return 1.0
    return float(friedmanchisquare(*common).pvalue)
