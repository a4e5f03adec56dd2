"""What a score does over the epochs of a run, and whether to train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..amounts import counted
from .course import LEAST_COMMON, Course, course_of, turning_points
from .draws import draws_of
from .statistics import ALPHA, Floats
from .table import RUN_COLUMN

if TYPE_CHECKING:
    from .grid import Grid
    from .ranking import Ranked

Phase = Literal[
    "too few epochs",
    "too few pictures",
    "level",
    "within chance",
    "improving",
    "levelling off",
    "oscillating",
    "past its peak",
]

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


def shape_of(grid: Grid, places: Sequence[Ranked], best: Ranked | None, sign: float, seed: int) -> Shape:
    """Return the course of the best checkpoint's own run, tested; epochs of several runs are no one course.

    Args:
        grid: of the trained checkpoints.
        places: of those that were measured.
        best: of the places.
        sign: 1 where a lower score is better, -1 where a higher one is.
        seed: of the resampling.
    """
    run = grid.rows[best.checkpoint][0].scores.get(RUN_COLUMN) if best else None
    own = [p for p in places if grid.rows[p.checkpoint][0].scores.get(RUN_COLUMN) == run]
    # A low score of pictures that show something else is no progress.
    showing = [p for p in own if p.following.follows is not False] or own
    lines: dict[int, list[tuple[float, Floats]]] = {}
    for place in showing:
        if place.epoch is not None:
            line = sign * grid.line(place.checkpoint)
            lines.setdefault(place.epoch, []).append((sign * place.adjusted, line))
    if not lines:
        return shape_over_epochs({})
    late = [p.epoch for p in own if p not in showing and p.following.sure and (p.epoch or 0) > max(lines)]
    if late and best is not None:
        first = min(e for e in late if e is not None)
        advice = f"From epoch {first} on the pictures no longer follow the prompts: training can stop before."
        return Shape("past its peak", best.epoch, max(e for e in late if e is not None), advice)
    if len(lines) < LEAST_EPOCHS and len(own) - len(showing) + len(lines) >= LEAST_EPOCHS:
        shape = shape_over_epochs({epoch: found[0][0] for epoch, found in lines.items()})
        told = counted(len(lines), "epoch follows", "epochs follow")
        advice = f"Only {told} the prompts: too few to see where the training is going."
        return Shape(shape.phase, shape.best_epoch, shape.last_epoch, advice)
    means = {epoch: float(np.mean([mean for mean, _ in found])) for epoch, found in lines.items()}
    # Two files of one epoch: a cell counts where both have it.
    table = np.array([np.mean([line for _, line in lines[epoch]], axis=0) for epoch in sorted(lines)])
    return shape_over_epochs(means, course_of(draws_of(grid).averaged(table), seed=seed))


def shape_over_epochs(badness: Mapping[int, float], course: Course | None = None) -> Shape:
    """Name the course of a score over the epochs.

    Args:
        badness: mean score of each epoch, the lower the better.
        course: what is proved of it; None names the course of the means as they are, chance or not.

    Fewer than three epochs have no course. It oscillates when it turns more often than chance makes a course
    turn that truly turns once at most (without tests: when the means turn at least twice, and at half of the
    places where they could). It is past its peak when the last epoch is worse than an earlier one beyond
    chance, improves when the last one is the best, and levels off otherwise. Where the epochs have fewer than
    three pictures in common, nothing but a past peak can be told.
    """
    epochs = sorted(badness)
    if not epochs:
        return Shape("too few epochs", None, None, "No epoch was measured.")
    values = [badness[epoch] for epoch in epochs]
    best = epochs[values.index(min(values))]
    phase = _phase(values, course)
    return Shape(phase, best, epochs[-1], _ADVICE[phase].format(best=best))


_ADVICE: dict[Phase, str] = {
    "too few epochs": "Test at least three epochs to see where the training is going.",
    "too few pictures": "Where the training is going cannot be told: it takes at least "
    f"{LEAST_COMMON} pictures of the same prompts and seeds from every epoch.",
    "level": "All epochs score the same: more training changes nothing.",
    "within chance": "The differences between the epochs are no larger than chance makes them, so nothing "
    "can be said of a trend; more seeds would show one if there is one.",
    "oscillating": "The score goes up and down from epoch to epoch. Keep every epoch and choose by "
    "measuring; training longer is not expected to help by itself.",
    "improving": "The last epoch is the best so far: training longer may still help.",
    "past its peak": "The score has been worse ever since epoch {best}: training can stop there.",
    "levelling off": "The last epoch is neither the best nor worse than epoch {best} beyond chance: more "
    "training is not shown to help, nor to harm.",
}


def _phase(values: list[float], course: Course | None) -> Phase:
    if len(values) < LEAST_EPOCHS:
        return "too few epochs"
    past = course is None or course.p_past is None or course.p_past <= ALPHA
    if course is not None and course.p_equal is None:
        return "past its peak" if past and values[-1] > min(values) else "too few pictures"
    if min(values) == max(values):
        return "level"
    if course is not None and not course.differs:
        return "within chance"
    if course is None or course.p_turns is None:
        turns = turning_points(values)
        oscillates = turns >= 2 and turns * 2 >= len(values) - 2
    else:
        oscillates = course.p_turns <= ALPHA
    if oscillates:
        return "oscillating"
    if values[-1] == min(values):
        return "improving"
    return "past its peak" if past else "levelling off"
