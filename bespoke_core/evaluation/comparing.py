"""The best checkpoint against its rivals: which of them may be as good.

The best is chosen by the same scores that it is then compared by. That it is declared the clear winner needs
every one of its tests to pass, the one against the true best among them, and so goes wrong no more often than
that one test does: in at most 5 % of sweeps. Nothing more has to be corrected for the choice; the benchmark
``verdict_calibration.py`` measures it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .draws import Draws, draws_of
from .grid import Grid
from .intervals import LEAST_FOR_BOOTSTRAP, Interval, mean_interval
from .ranking import Ranked, finite
from .statistics import ALPHA, FLIPS, Floats, PairedTest, holm, paired_test, pairs_to_separate

CONFIRMED = 0.98
"""A little more than 95 %, so that a wrong winner is declared in less than 5 % of the worst sweeps, too."""

ALIKE = 0.05
"""Differences of less than this share of the best's mean do not matter."""
LEAST_ALIKE = LEAST_FOR_BOOTSTRAP
"""From fewer common pictures nothing is called alike: their spread is too uncertain."""


@dataclass(frozen=True)
class Comparison:
    """The best checkpoint against a rival, over the pictures that both have.

    Attributes:
        checkpoint: the rival's name.
        difference: mean of rival - best in the score's units; None without common pictures.
        pairs: common pictures; those of one prompt and seed with several settings count once.
        p: of the paired sign-flip test: these prompts, new seeds.
        p_holm: corrected for the number of rivals.
        more_seeds: seeds to add for each prompt to tell the two apart, roughly; None where it cannot be said.
        low: lower end of the difference's 95 % interval, not corrected; None with fewer than two pairs.
        high: upper end.
        p_prompts: of the same test with prompts as the unit, Holm-corrected: other prompts of the same kind.
        at_floor: both means lie at or under what the VAE alone makes of true art, so that their difference
            says nothing about the LoRA.
        ahead: whether the best is ahead over the common pictures, too.
        confirmed: whether the difference's interval, here with a confidence of `CONFIRMED`, holds no zero.
        alike: whether the difference's 95 % interval lies within `ALIKE` of the best's mean, from enough
            pictures: for all that matters the two are equally good.
        only_seed: the seed of all common pictures; None where they are of several, or there are none.
    """

    checkpoint: str
    difference: float | None
    pairs: int
    p: float
    p_holm: float
    more_seeds: int | None
    low: float | None = None
    high: float | None = None
    p_prompts: float = 1.0
    at_floor: bool = False
    ahead: bool = True
    confirmed: bool = True
    only_seed: int | None = None
    alike: bool = False

    @property
    def tied(self) -> bool:
        """Whether the rival may be as good: chance explains the difference at 5 %, or it says nothing.

        The sign-flip test takes differences for symmetric, which those of two differently skewed scores are
        not, and pictures of one seed for independent; an interval that allows for both must agree.
        """
        return self.p_holm > ALPHA or not self.confirmed or self.at_floor or not self.ahead

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON-able data."""
        return {
            "checkpoint": self.checkpoint,
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "pairs": self.pairs,
            "p": self.p,
            "p_holm": self.p_holm,
            "p_new_prompts": self.p_prompts,
            "tied": self.tied,
            "at_vae_floor": self.at_floor,
            "more_seeds": self.more_seeds,
            "only_seed": self.only_seed,
            "alike": self.alike,
        }


def compare(
    grid: Grid, runners: Sequence[Ranked], sign: float, seed: int, floor: float | None = None
) -> tuple[Comparison, ...]:
    """Compare the first of the runners with every other one over their common cells, Holm-corrected.

    Args:
        grid: of the trained checkpoints.
        runners: those that may win, the best first.
        sign: 1 where a lower score is better, -1 where a higher one is.
        seed: of the resampling.
        floor: what the VAE alone makes of true art, where it was measured.
    """
    if len(runners) < 2:
        return ()
    best = runners[0]
    draws = draws_of(grid)
    lines = [
        draws.averaged(grid.line(rival.checkpoint) - grid.line(best.checkpoint)) for rival in runners[1:]
    ]
    # With very many rivals the correction asks for p values that few random flips could not reach.
    flips = max(FLIPS, 400 * len(lines))
    tests = [_test(line, seed, flips) for line in lines]
    corrected = holm([test.p for test in tests])
    per_prompt = holm([_test(_prompt_means(draws, line), seed, flips).p for line in lines])
    steps = _holm_steps(corrected)
    comparisons = []
    for index, (rival, line, test) in enumerate(zip(runners[1:], lines, tests, strict=True)):
        span = mean_interval(line, draws.blocks, draws.seeds, seed=seed, resamples=2000, few_seeds=False)
        needed = pairs_to_separate(test, len(tests), step=steps[index])
        seeds = {draws.seeds[i] for i in np.flatnonzero(np.isfinite(line))}
        per_seed = test.pairs / max(1, len(seeds))
        comparisons.append(
            Comparison(
                rival.checkpoint,
                finite(test.difference),
                test.pairs,
                test.p,
                corrected[index],
                None if needed is None else max(1, math.ceil((needed - test.pairs) / max(1.0, per_seed))),
                finite(span.low),
                finite(span.high),
                per_prompt[index],
                floor is not None and max(rival.interval.mean, best.interval.mean) <= floor,
                sign * test.difference > 0,
                corrected[index] <= ALPHA and _confirmed(draws, line, seed),
                next(iter(seeds)) if len(seeds) == 1 else None,
                _alike(span, best.interval.mean),
            )
        )
    return tuple(comparisons)


def doubtful(
    grid: Grid, places: Sequence[Ranked], runners: Sequence[Ranked], sign: float, seed: int
) -> tuple[str, ...]:
    """Return those out of the running that may yet be better than the best, in ranking order.

    Left out for too few pictures, or for not following the prompts when so few answers may deceive, and not
    worse than the best beyond chance (5 %).
    """
    draws = draws_of(grid)
    running = {place.checkpoint for place in runners}
    found = []
    for place in places:
        refused = place.following.follows is False and place.following.sure
        if place.checkpoint in running or refused or not runners:
            continue
        difference = grid.line(place.checkpoint) - grid.line(runners[0].checkpoint)
        test = _test(draws.averaged(difference), seed, FLIPS)
        if test.p > ALPHA or sign * test.difference < 0:
            found.append(place.checkpoint)
    return tuple(found)


def _alike(difference: Interval, mean: float) -> bool:
    """Return whether a difference is shown to be too small to matter, by its 95 % interval."""
    widest = max(abs(difference.low), abs(difference.high))
    return difference.n >= LEAST_ALIKE and widest <= ALIKE * abs(mean)


def _confirmed(draws: Draws, line: Floats, seed: int) -> bool:
    span = mean_interval(
        line,
        draws.blocks,
        draws.seeds,
        seed=seed,
        resamples=2000,
        confidence=CONFIRMED,
        few_seeds=False,
    )
    return span.n > 1 and not span.low <= 0 <= span.high


def _test(difference: Floats, seed: int, flips: int) -> PairedTest:
    return paired_test(difference, np.zeros_like(difference), seed=seed, flips=flips)


def _prompt_means(draws: Draws, line: Floats) -> Floats:
    """Return the mean of each prompt's measured differences, shape (prompts,), NaN where there is none."""
    names = np.array(draws.prompts)
    means = []
    for prompt in dict.fromkeys(draws.prompts):
        values = line[(names == prompt) & np.isfinite(line)]
        means.append(float(values.mean()) if len(values) else math.nan)
    return np.array(means)


def _holm_steps(corrected: Sequence[float]) -> list[int]:
    """Return by how much each test's 5 % is divided if those that pass already do so again."""
    left = sum(p > ALPHA for p in corrected)
    order = sorted(range(len(corrected)), key=lambda index: corrected[index])
    steps = [0] * len(corrected)
    for rank_of, index in enumerate(order):
        steps[index] = max(1, min(left, len(corrected) - rank_of))
    return steps
