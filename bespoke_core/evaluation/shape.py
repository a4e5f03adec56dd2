"""What a score does over the epochs of a run, and whether to train on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .statistics import ALPHA, turning_points

Phase = Literal["too few epochs", "level", "within chance", "improving", "oscillating", "past its peak"]

LEAST_EPOCHS = 3


@dataclass(frozen=True)
class Shape:
    """The course of the mean score over the epochs.

    Attributes:
        phase: its name.
        best_epoch: the epoch with the best mean (the earliest of equals), None without any.
        last_epoch: the last measured epoch.
        advice: when to stop, as a sentence.
    """

    phase: Phase
    best_epoch: int | None
    last_epoch: int | None
    advice: str


def shape_over_epochs(badness: Mapping[int, float], *, p_equal: float | None = None) -> Shape:
    """Name the course of a score over the epochs.

    Args:
        badness: mean score of each epoch, the lower the better.
        p_equal: how probable such differences are if all epochs were equal; None where that was not tested.

    Fewer than three epochs have no course. A series that turns at least twice, and at half of the places
    where it could, oscillates. Otherwise it improves when the last epoch is the best one, and is past its
    peak when an earlier one is.
    """
    epochs = sorted(badness)
    if not epochs:
        return Shape("too few epochs", None, None, "No epoch was measured.")
    values = [badness[epoch] for epoch in epochs]
    best = epochs[values.index(min(values))]
    last = epochs[-1]
    if len(epochs) < LEAST_EPOCHS:
        advice = "Test at least three epochs to see where the training is going."
        return Shape("too few epochs", best, last, advice)
    if min(values) == max(values):
        return Shape("level", best, last, "All epochs score the same: more training changes nothing.")
    if p_equal is not None and p_equal >= ALPHA:
        advice = (
            "The differences between the epochs are no larger than chance makes them, so nothing can be said "
            "of a trend; more seeds would show one if there is one."
        )
        return Shape("within chance", best, last, advice)
    turns = turning_points(values)
    if turns >= 2 and turns * 2 >= len(epochs) - 2:
        advice = (
            "The score goes up and down from epoch to epoch. Keep every epoch and choose by measuring; "
            "training longer is not expected to help by itself."
        )
        return Shape("oscillating", best, last, advice)
    if best == last:
        advice = "The last epoch is the best so far: training longer may still help."
        return Shape("improving", best, last, advice)
    advice = f"The score has been worse ever since epoch {best}: training can stop there."
    return Shape("past its peak", best, last, advice)
