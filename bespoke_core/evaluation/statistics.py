"""The statistics of a verdict: paired tests, their correction, a rough estimate of what is missing.

Everything here takes and returns numbers only. A table of scores is a float64 array of shape (checkpoints,
cells) in which NaN stands for a picture that was not measured; a cell is one prompt drawn with one seed.

What the tests speak of: *these prompts, drawn with new seeds*. A difference between two checkpoints that is
larger on one prompt than on another counts as if it were chance, so that the tests rather keep silent than
err. Where every prompt was drawn once, each cell is a prompt of its own and the tests also speak of other
prompts of the same kind; where it was drawn several times, only a test of the prompts' means does. Where one
seed drew all of them, they speak of that seed alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ALPHA = 0.05
POWER = 0.8
FLIPS = 10_000
EXACT_PAIRS = 16
"""Up to so many pairs every one of the 2^n sign patterns is tried."""
LUCK = 0.25
"""By how many standard errors the best is taken to look better than it is, when more seeds are advised."""
_CHUNK_NUMBERS = 4_000_000


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


def paired_test(first: Floats, second: Floats, *, seed: int = 0, flips: int = FLIPS) -> PairedTest:
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
    threshold = observed - 1e-9 * float(np.abs(difference).sum())
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


def pairs_to_separate(test: PairedTest, comparisons: int = 1, *, step: int | None = None) -> int | None:
    """Return about how many paired pictures would tell the two apart, or None where that cannot be said.

    Args:
        test: of the pictures that there are.
        comparisons: how many tests are corrected together; too few pairs cannot reach the corrected level
            however large the difference.
        step: by how much Holm's correction divides 5 % for this one; `comparisons` where it is not given.

    A rough figure: a paired t test at the corrected 5 % with 80 % power. The difference found is the
    likeliest, but a true one that is smaller by half its standard error takes twice as many pictures or more,
    and the best checkpoint was picked for its luck: so the difference is first made smaller by a quarter
    of its standard error, though to no less than 60 %. None without a difference or a spread.
    """
    if test.pairs < 2 or not test.difference:
        return None
    reach = NormalDist().inv_cdf(1 - ALPHA / (step or comparisons) / 2)
    found = abs(test.difference)
    likely = max(found - LUCK * test.spread / math.sqrt(test.pairs), 0.6 * found)
    needed = ((reach + NormalDist().inv_cdf(POWER)) * test.spread / likely) ** 2 + reach**2 / 2
    return max(math.ceil(needed), least_pairs(comparisons))


def least_pairs(comparisons: int) -> int:
    """Return the fewest pairs with which a sign-flip test can pass 5 % after Holm's correction.

    The smallest possible p value of n pairs is 2 / 2^n.
    """
    return math.ceil(math.log2(2 * max(1, comparisons) / ALPHA))


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
