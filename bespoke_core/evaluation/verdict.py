"""The verdict on a sweep: which checkpoint to use, and how sure that is.

In this order: which checkpoints follow their prompts; the ranking of those by a score; which of them cannot
be told apart from the best; the recommendation with its reasons; the course over the epochs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .ranking import Comparison, Grid, Ranked, best_per_prompt, candidates, compare, grid_of, rank
from .shape import Shape, shape_over_epochs
from .statistics import equality_test
from .table import Row, require_column, score_columns

HIGHER_IS_BETTER = frozenset({"grid_fidelity"})


@dataclass(frozen=True)
class Baseline:
    """The best checkpoint against an earlier table.

    Attributes:
        best: name of the earlier table's best checkpoint.
        best_mean: its mean score.
        mean: of all the earlier table's checkpoints' means.
        change: of our best against theirs, in %; negative is a lower score.
        change_from_mean: of our best against their mean, in %.
    """

    best: str
    best_mean: float
    mean: float
    change: float | None
    change_from_mean: float | None


@dataclass(frozen=True)
class Verdict:
    """What a sweep says.

    Attributes:
        by: the score that ranks.
        lower_is_better: its direction.
        best: name of the recommended checkpoint; None when none was measured.
        clear: whether the best follows its prompts, as far as they were asked, and beats every rival beyond
            chance.
        ranking: followers first, then by mean; without the base model and without what was not measured.
        base: the control row, or None.
        comparisons: of the best with every rival, in ranking order.
        best_per_prompt: prompt -> checkpoint, None where no checkpoint follows that prompt.
        baseline: against the earlier table, or None.
        shape: over the epochs.
        reasons: in plain words.
        not_measured: in plain words.
    """

    by: str
    lower_is_better: bool
    best: str | None
    clear: bool
    ranking: tuple[Ranked, ...]
    base: Ranked | None
    comparisons: tuple[Comparison, ...]
    best_per_prompt: dict[str, str | None]
    baseline: Baseline | None
    shape: Shape
    reasons: tuple[str, ...] = field(default=())
    not_measured: tuple[str, ...] = field(default=())

    @property
    def tied_with_best(self) -> tuple[str, ...]:
        """Checkpoints that cannot be told apart from the best, in ranking order."""
        return tuple(c.checkpoint for c in self.comparisons if c.tied)

    @property
    def winner(self) -> Ranked | None:
        """The recommended checkpoint's place."""
        return next((place for place in self.ranking if place.checkpoint == self.best), None)

    def place(self, checkpoint: str) -> Ranked:
        """Return a checkpoint's place; KeyError when it is not ranked."""
        for place in self.ranking:
            if place.checkpoint == checkpoint:
                return place
        raise KeyError(checkpoint)

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON-able data; keys are added over time, never renamed."""
        baseline = self.baseline
        return {
            "by": self.by,
            "ranking": [place.to_dict() for place in self.ranking],
            "best": self.best,
            "clear_winner": self.clear,
            "tied_with_best": list(self.tied_with_best),
            "comparisons": [
                {
                    "checkpoint": c.checkpoint,
                    "difference": c.difference,
                    "pairs": c.pairs,
                    "p": c.p,
                    "p_holm": c.p_holm,
                    "more_seeds": c.more_seeds,
                }
                for c in self.comparisons
            ],
            "more_seeds": {c.checkpoint: c.more_seeds for c in self.comparisons if c.tied},
            "best_per_prompt": dict(self.best_per_prompt),
            "baseline_change": None if baseline is None else baseline.change,
            "baseline": None
            if baseline is None
            else {
                "best": baseline.best,
                "best_mean": baseline.best_mean,
                "mean": baseline.mean,
                "change_percent": baseline.change,
                "change_from_mean_percent": baseline.change_from_mean,
            },
            "base": None if self.base is None else self.base.to_dict(),
            "shape": self.shape.phase,
            "advice": self.shape.advice,
            "reasons": list(self.reasons),
            "not_measured": list(self.not_measured),
        }

    def text(self) -> str:
        """Return the verdict in plain words, a few paragraphs."""
        from .verdict_text import verdict_text

        return verdict_text(self)


def decide(
    rows: Sequence[Row], *, by: str = "unique_colors", baseline: Sequence[Row] | None = None, seed: int = 0
) -> Verdict:
    """Judge a sweep.

    Args:
        rows: one a picture; missing cells and scores are allowed and said.
        by: the score that ranks; fewer is better, except for those of `HIGHER_IS_BETTER`.
        baseline: the table of an earlier sweep to compare with.
        seed: of the resampling; the same rows and seed give the same verdict.

    Ties in the mean go to fewer epochs, then to the name. A checkpoint that does not follow its prompts wins
    only when none does, and the verdict says so.

    Raises:
        InputError: `by` names no column with numbers.
    """
    from .verdict_text import missing_notes, reasons

    if any(isinstance(row.scores.get(by), str) for row in rows) or (rows and by not in score_columns(rows)):
        require_column(rows, by)
    sign = -1.0 if by in HIGHER_IS_BETTER else 1.0
    grid = grid_of([row for row in rows if not row.is_base], by)
    control = rank(grid_of([row for row in rows if row.is_base], by), sign, seed)
    places = rank(grid, sign, seed)
    runners = candidates(places)
    best = runners[0] if runners else None
    comparisons = compare(grid, runners, seed)
    separated = bool(comparisons) and not any(c.tied for c in comparisons)
    follows = best is not None and best.following.follows is not False and not best.following.asked_in_vain
    verdict = Verdict(
        by=by,
        lower_is_better=sign > 0,
        best=best.checkpoint if best else None,
        clear=separated and follows,
        ranking=tuple(places),
        base=control[0] if control else None,
        comparisons=comparisons,
        best_per_prompt=best_per_prompt(grid, sign),
        baseline=_against(best, baseline, by, sign, seed) if baseline else None,
        shape=_shape(places, sign, grid),
    )
    return replace(verdict, reasons=reasons(verdict, rows), not_measured=missing_notes(verdict, rows))


def _shape(places: Sequence[Ranked], sign: float, grid: Grid) -> Shape:
    by_epoch: dict[int, list[float]] = {}
    for place in places:
        if place.epoch is not None:
            by_epoch.setdefault(place.epoch, []).append(sign * place.interval.mean)
    badness = {epoch: sum(means) / len(means) for epoch, means in by_epoch.items()}
    return shape_over_epochs(badness, p_equal=equality_test(grid.scores))


def _against(best: Ranked | None, earlier: Sequence[Row], by: str, sign: float, seed: int) -> Baseline | None:
    require_column(earlier, by)
    places = rank(grid_of([row for row in earlier if not row.is_base] or list(earlier), by), sign, seed)
    if best is None or not places:
        return None
    theirs = candidates(places)[0]
    mean = sum(place.interval.mean for place in places) / len(places)
    return Baseline(
        best=theirs.checkpoint,
        best_mean=theirs.interval.mean,
        mean=mean,
        change=_percent(best.interval.mean, theirs.interval.mean),
        change_from_mean=_percent(best.interval.mean, mean),
    )


def _percent(ours: float, theirs: float) -> float | None:
    return 100 * (ours - theirs) / theirs if theirs else None
