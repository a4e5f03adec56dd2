"""The verdict on a sweep: which checkpoint to use, and how sure that is.

In this order: which checkpoints follow their prompts; the ranking of those by a score; which of them cannot
be told apart from the best; the recommendation with its reasons; the course over the epochs.

A clear winner is declared wrongly in at most 5 % of sweeps, about these prompts with new seeds, or with the
one seed that was drawn; what of it also holds for other prompts is said apart.
`benchmarks/verdict_calibration.py` measures both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .comparing import Comparison, compare, doubtful
from .control import AgainstBase, against_base
from .earlier import Baseline, against_earlier
from .grid import CHECKPOINT, check_axis, floor_of, grid_of
from .problems import problem_of
from .ranking import Ranked, best_per_prompt, candidates, rank
from .shape import Shape, shape_of
from .statistics import ALPHA
from .table import Row, require_column, score_columns

HIGHER_IS_BETTER = frozenset({"grid_fidelity", "variance_between"})


@dataclass(frozen=True)
class Verdict:
    """What a sweep says.

    Attributes:
        by: the score that ranks.
        lower_is_better: its direction.
        best: name of the recommended checkpoint; None when none was measured.
        clear: whether the best follows its prompts, as far as they were asked, and beats every rival beyond
            chance; both surely, and with none left out that may yet be better.
        ranking: followers first, then by mean; without the base model and without what was not measured.
        base: the control row, or None.
        comparisons: of the best with every rival, in ranking order.
        best_per_prompt: prompt -> checkpoint with the best mean there, which is not tested; None where no
            checkpoint follows that prompt.
        baseline: against the earlier table, or None.
        shape: over the epochs.
        reasons: in plain words.
        not_measured: in plain words.
        over: what is chosen among: ``checkpoint``, or the column of a setting.
        doubtful: left out of the running, but not surely worse: too few pictures or answers to tell.
        floor: score of true art after one trip through the VAE; None where not measured.
        base_comparison: of the best with the base model; None where there is none to compare with.
        single_draws: whether each prompt was drawn once, so that cells are prompts.
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
    over: str = CHECKPOINT
    doubtful: tuple[str, ...] = ()
    floor: float | None = None
    single_draws: bool = False
    base_comparison: AgainstBase | None = None

    @property
    def tied_with_best(self) -> tuple[str, ...]:
        """Checkpoints that cannot be told apart from the best, in ranking order."""
        return tuple(c.checkpoint for c in self.comparisons if c.tied)

    @property
    def for_new_prompts(self) -> bool:
        """Whether a clear win also holds for other prompts of the same kind, at 5 %.

        Where `only_seed` names a seed, that is about other prompts drawn with this one.
        """
        return self.clear and all(c.p_prompts <= ALPHA for c in self.comparisons)

    @property
    def only_seed(self) -> int | None:
        """The one seed that the best was compared by, with a rival at least; None where there were several.

        What a single noise does to each checkpoint cannot be told from what the checkpoint itself does.
        """
        return next((c.only_seed for c in self.comparisons if c.only_seed is not None), None)

    @property
    def best_sure_to_follow(self) -> str | None:
        """The first of the ranking that follows its prompts beyond chance; None where none does."""
        return next((p.checkpoint for p in self.ranking if p.following.follows and p.following.sure), None)

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
        from .verdict_text import headline
        from .why import why_not

        baseline = self.baseline
        return {
            "by": self.by,
            "headline": headline(self),
            "ranking": [{**place.to_dict(), "why": why_not(self, place)} for place in self.ranking],
            "best": self.best,
            "clear_winner": self.clear,
            "best_sure_to_follow": self.best_sure_to_follow,
            "tied_with_best": list(self.tied_with_best),
            "comparisons": [c.to_dict() for c in self.comparisons],
            "more_seeds": {c.checkpoint: c.more_seeds for c in self.comparisons if c.tied},
            "best_per_prompt": dict(self.best_per_prompt),
            "best_per_prompt_tested": False,
            "baseline_change": None if baseline is None else baseline.change,
            "baseline": None if baseline is None else baseline.to_dict(),
            "base": None if self.base is None else {**self.base.to_dict(), "why": why_not(self, self.base)},
            "base_comparison": None if self.base_comparison is None else self.base_comparison.to_dict(),
            "over": self.over,
            "lower_is_better": self.lower_is_better,
            "clear_for_new_prompts": self.for_new_prompts,
            "clear_for_new_seeds": self.clear and bool(self.comparisons) and self.only_seed is None,
            "only_seed": self.only_seed,
            "doubtful": list(self.doubtful),
            "vae_floor": self.floor,
            "shape": self.shape.phase,
            "best_epoch": self.shape.best_epoch,
            "advice": self.shape.advice,
            "reasons": list(self.reasons),
            "not_measured": list(self.not_measured),
        }

    def text(self) -> str:
        """Return the verdict in plain words, a few paragraphs."""
        from .verdict_text import verdict_text

        return verdict_text(self)


def decide(
    rows: Sequence[Row],
    *,
    by: str = "unique_colors",
    baseline: Sequence[Row] | None = None,
    seed: int = 0,
    over: str = CHECKPOINT,
    conditions: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
) -> Verdict:
    """Judge a sweep.

    Args:
        rows: one a picture; missing cells and scores, repeated and contradicting rows are allowed and said.
        by: the score that ranks; fewer is better, except for those of `HIGHER_IS_BETTER`.
        baseline: the table of an earlier sweep to compare with.
        seed: of the resampling; the same rows and seed give the same verdict.
        over: what is chosen among: the checkpoints, or the values of a setting (``cfg``, ``run``, ...) over
            the same checkpoints, prompts and seeds.
        conditions: how this sweep and the earlier one were made, as their settings say; what differs is not
            compared.

    Ties in the mean go to fewer epochs, then to the name. A checkpoint that does not follow its prompts wins
    only when none does, and the verdict says so.

    Raises:
        InputError: `by` names no column with numbers, or `over` no setting.
    """
    from .notes import missing_notes
    from .reasons import reasons

    if not any(row.number(by) is not None for row in rows) and (rows and not _measured_nothing(rows, by)):
        require_column(rows, by)
    check_axis(rows, over)
    sign = -1.0 if by in HIGHER_IS_BETTER else 1.0
    grid = grid_of([row for row in rows if not row.is_base], by, over)
    base = [row for row in rows if row.is_base]
    control = rank(grid_of(base, by), sign, seed, by)
    places = rank(grid, sign, seed, by)
    runners = candidates(places)
    best = runners[0] if runners else None
    floor = floor_of(rows, by)
    comparisons = compare(grid, runners, sign, seed, floor)
    doubts = doubtful(grid, places, runners, sign, seed)
    verdict = Verdict(
        by=by,
        lower_is_better=sign > 0,
        best=best.checkpoint if best else None,
        clear=_clear(best, places, comparisons, doubts),
        ranking=tuple(places),
        base=control[0] if control and over == CHECKPOINT else None,
        comparisons=comparisons,
        best_per_prompt=best_per_prompt(grid, sign),
        baseline=against_earlier(places, grid, baseline, by, sign, seed, conditions)
        if baseline is not None
        else None,
        shape=shape_of(grid, places if over == CHECKPOINT else (), best, sign, seed),
        over=over,
        doubtful=doubts,
        floor=floor,
        single_draws=len(set(grid.blocks)) == len(grid.blocks),
        base_comparison=against_base(grid, base, runners, by, sign, seed, floor)
        if over == CHECKPOINT
        else None,
    )
    return replace(
        verdict, reasons=reasons(verdict, rows), not_measured=missing_notes(verdict, rows, grid, baseline)
    )


def _measured_nothing(rows: Sequence[Row], by: str) -> bool:
    """Return whether the column is there and empty, or every picture was tried in vain."""
    if all(map(problem_of, rows)):
        return True
    return by in score_columns(rows) and not any(isinstance(row.scores.get(by), str) for row in rows)


def _clear(
    best: Ranked | None,
    places: Sequence[Ranked],
    comparisons: Sequence[Comparison],
    doubts: Sequence[str],
) -> bool:
    if best is None or len(places) < 2 or doubts or any(c.tied for c in comparisons):
        return False
    following = best.following
    if following.follows is False:
        return False
    # Unknown is allowed, since a table need not hold answers; what was asked in vain or may be luck is not.
    return following.sure if following.follows else not following.asked_in_vain
