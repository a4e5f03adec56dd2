"""Whether a run whose epochs are swept as they appear should go on: past its peak, or no gain any more.

The usual rule, "no better for so many epochs", stops a run that still improves whenever chance lifts a few
means. This one asks for proof from the pictures, paired by prompt and seed, before it stops; pictures of one
prompt and seed with several settings come from one noise and count once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..amounts import counted
from .draws import Draws, draws_of
from .following import SURE
from .grid import Grid, grid_of
from .ranking import Ranked, rank
from .statistics import ALPHA, FLIPS, Floats, PairedTest, paired_test
from .table import Row
from .verdict import HIGHER_IS_BETTER

PATIENCE = 3
SMALLEST_GAIN = 0.05
_LOOKS = 4
"""By what the level is divided, because the question is asked anew after every epoch."""


@dataclass(frozen=True)
class Advice:
    """Whether to stop training.

    Attributes:
        stop: whether to stop.
        best: name of the best checkpoint so far, among those that follow their prompts; None without any.
        best_epoch: its epoch.
        last_epoch: the last measured epoch.
        reason: why, as a sentence.
        p: of the proof that stopping rests on; 1 without one.
    """

    stop: bool
    best: str | None
    best_epoch: int | None
    last_epoch: int | None
    reason: str
    p: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return the advice as JSON-able data."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def should_stop(
    rows: Sequence[Row],
    *,
    by: str = "unique_colors",
    patience: int = PATIENCE,
    smallest_gain: float = SMALLEST_GAIN,
    seed: int = 0,
) -> Advice:
    """Advise after an epoch whether the run should go on.

    Args:
        rows: of all epochs of one run that have been swept so far, the same prompts and seeds for each; rows
            of the base model are left out.
        by: the score, as `decide` takes it.
        patience: epochs that must have passed without a new best one, and over which later epochs are taken
            together; from 1.
        smallest_gain: what later epochs must promise to be worth training, in shares of the best mean.
        seed: of the random flips.

    It stops when the last `patience` epochs together are worse than an earlier epoch beyond chance; when none
    of them draws what its prompts ask for, surely, and the best one does; or when they are shown to be no
    better than the `patience` epochs before them by `smallest_gain`, never before twice `patience` epochs in
    that case. As long as a run truly gains more than that, it is stopped too
    early in at most 5 % of runs (`benchmarks/verdict_calibration.py --only stop`). Whether a score that has
    gone up will come down again later, nothing can tell.
    """
    sign = -1.0 if by in HIGHER_IS_BETTER else 1.0
    grid = grid_of([row for row in rows if not row.is_base and row.epoch is not None], by)
    places = rank(grid, sign, seed)
    if not places:
        return Advice(False, None, None, None, "No epoch has been measured yet.")
    following = [place for place in places if place.following.follows is not False]
    best = (following or places)[0]
    epochs, lines = _by_epoch(grid, places, sign)
    known = (best.checkpoint, best.epoch, epochs[-1])
    waited = sum(epoch > (best.epoch or 0) for epoch in epochs)
    if waited < patience:
        return Advice(False, *known, _still(waited, patience, best))
    draws = draws_of(grid)
    p = _worse(lines, draws, patience, seed)
    if p <= ALPHA:
        late = "epoch is" if patience == 1 else f"{patience} epochs are"
        reason = f"The last {late} worse than an earlier one, beyond chance"
        return Advice(True, *known, f"{reason}: stop, use {best.label}.", p)
    if best.following.follows and _lost(places, epochs[-patience:]):
        late = "epoch no longer draws" if patience == 1 else f"{patience} epochs no longer draw"
        reason = f"The last {late} what the prompts ask for, beyond chance: stop, use {best.label}."
        return Advice(True, *known, reason, SURE)
    gain = smallest_gain * abs(best.interval.mean)
    p = _no_gain(lines, draws, patience, gain, seed)
    if p <= ALPHA:
        late = "epoch gains" if patience == 1 else f"{patience} epochs gain"
        reason = (
            f"The last {late} less than {100 * smallest_gain:.0f} % over the "
            f"{'one' if patience == 1 else patience} before, beyond chance: stop, use {best.label}."
        )
        return Advice(True, *known, reason, p)
    reason = f"No epoch since {best.label} is better, but that may be chance"
    return Advice(False, *known, f"{reason}: go on, or draw more seeds to be sure.", p)


def _by_epoch(grid: Grid, places: Sequence[Ranked], sign: float) -> tuple[list[int], Floats]:
    """Return the measured epochs in order and their badness, shape (epochs, cells)."""
    names = {place.epoch: place.checkpoint for place in places if place.epoch is not None}
    epochs = sorted(names)
    return epochs, np.array([sign * grid.line(names[epoch]) for epoch in epochs])


def _worse(lines: Floats, draws: Draws, patience: int, seed: int) -> float:
    """Return the corrected p value of the last epochs' being worse than the earlier one they lose to."""
    late, early = lines[-patience:].mean(axis=0), lines[:-patience]
    tests = [_test(draws, late - line, seed) for line in early]
    return min([1.0, *(test.p * len(tests) * _LOOKS for test in tests if test.difference > 0)])


def _lost(places: Sequence[Ranked], late: Sequence[int]) -> bool:
    """Return whether each of these epochs surely does not follow its prompts."""
    found = [place.following for place in places if place.epoch in late]
    return all(one.follows is False and one.sure for one in found)


def _no_gain(lines: Floats, draws: Draws, patience: int, gain: float, seed: int) -> float:
    """Return the corrected p value of the last epochs' gaining less than `gain` over those before."""
    if len(lines) < 2 * patience:
        return 1.0
    gained = lines[-2 * patience : -patience].mean(axis=0) - lines[-patience:].mean(axis=0)
    test = _test(draws, gained - gain, seed)
    return min(1.0, test.p * _LOOKS) if not math.isnan(test.difference) and test.difference < 0 else 1.0


def _test(draws: Draws, differences: Floats, seed: int) -> PairedTest:
    """Test whether differences, shape (cells,), are chance; those of one noise count once, by their mean."""
    found = draws.averaged(differences)
    return paired_test(found, np.zeros_like(found), seed=seed, flips=FLIPS)


def _still(waited: int, patience: int, best: Ranked) -> str:
    if not waited:
        return f"{best.label.capitalize()} is the best so far: go on."
    return (
        f"{best.label.capitalize()} is the best so far, {counted(waited, 'epoch')} of {patience} ago: go on."
    )
