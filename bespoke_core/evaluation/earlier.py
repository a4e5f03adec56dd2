"""The comparison with an earlier sweep, and whether the two can be compared at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .draws import draws_of
from .grid import Grid, grid_of
from .ranking import Ranked, candidates, finite, rank
from .statistics import ALPHA, PairedTest, paired_test
from .table import SETTING_COLUMNS, Row, require_column, score_columns

_CONDITIONS = ("base", "base_sha256", *SETTING_COLUMNS, "sprites", "method", "size")
_LISTED = 4


@dataclass(frozen=True)
class Baseline:
    """The best checkpoint against an earlier table.

    Attributes:
        best: name of the earlier table's best checkpoint.
        best_mean: its mean score.
        mean: of all the earlier table's checkpoints' means.
        change: of our best against theirs, in %; negative is a lower score. None where the two were drawn or
            measured in different ways, and where theirs is 0 or less, of which there are no per cents.
        change_from_mean: of our best against their mean, in %; None in the same cases.
        refused: what was drawn or measured in another way, in words: no comparison is made.
        differs: other prompts or seeds, in words: the means are compared, but not like with like.
        pairs: pictures of the same prompt and seed; those with several settings count once.
        p: of the paired test over these; 1 where there is none.
        p_corrected: that the best of one is better than every checkpoint of the other, corrected for those
            that it was chosen from: both were chosen for their luck, too, but only one gains by it.
        chosen_from: from how many ours and theirs were chosen.
        own_mean: of all our checkpoints' means. Against `mean` it is free of any choice.
    """

    best: str
    best_mean: float
    mean: float
    change: float | None
    change_from_mean: float | None
    refused: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    pairs: int = 0
    p: float = 1.0
    p_corrected: float = 1.0
    chosen_from: tuple[int, int] = (1, 1)
    own_mean: float = math.nan

    @property
    def proved(self) -> bool:
        """Whether the change is more than chance and choice, over pictures of the same prompts and seeds."""
        return not self.refused and not self.differs and self.p_corrected <= ALPHA

    @property
    def change_of_means(self) -> float | None:
        """The change of the mean of all checkpoints in %, free of any choice; None as for `change`."""
        return None if self.refused else _percent(self.own_mean, self.mean)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON-able data."""
        return {
            "best": self.best,
            "best_mean": self.best_mean,
            "mean": self.mean,
            "change_percent": self.change,
            "change_from_mean_percent": self.change_from_mean,
            "comparable": not self.refused and not self.differs,
            "differences": [*self.refused, *self.differs],
            "pairs": self.pairs,
            "p": self.p,
            "p_corrected": self.p_corrected,
            "chosen_from": list(self.chosen_from),
            "own_mean": finite(self.own_mean),
            "change_of_means_percent": self.change_of_means,
            "proved": self.proved,
        }


def against_earlier(
    here: Sequence[Ranked],
    grid: Grid,
    earlier: Sequence[Row],
    by: str,
    sign: float,
    seed: int,
    conditions: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
) -> Baseline | None:
    """Compare the best checkpoint with the best of an earlier table.

    Args:
        here: the places of this sweep.
        grid: of this sweep's trained checkpoints.
        earlier: rows of the earlier table; its base model counts only when it has nothing else.
        by: the score.
        sign: 1 where a lower score is better, -1 where a higher one is.
        seed: of the resampling.
        conditions: how this sweep and the earlier one were made, as far as that is known.

    Returns:
        None where either has no score; `notes` says so.

    Raises:
        InputError: the earlier table has no column `by`.
    """
    if not earlier:
        return None
    if by not in score_columns(earlier):
        require_column(earlier, by)
    theirs = grid_of([row for row in earlier if not row.is_base] or list(earlier), by)
    places = rank(theirs, sign, seed)
    if not here or not places:
        return None
    ours, runners = candidates(here), candidates(places)
    best, former = ours[0], runners[0]
    mean = sum(place.interval.mean for place in places) / len(places)
    drawn = [row for rows in grid.rows.values() for row in rows]
    refused = tuple(_conditions(drawn, earlier, *conditions))
    test = _paired(grid, theirs, best.checkpoint, former.checkpoint, seed)
    if sign * test.difference < 0:
        tests = [_paired(grid, theirs, best.checkpoint, one.checkpoint, seed) for one in runners]
        luck = len(ours)
    else:
        tests = [_paired(grid, theirs, one.checkpoint, former.checkpoint, seed) for one in ours]
        luck = len(runners)
    # Every test must pass, the one against the truly best among them: that needs no correction. But each of
    # those that the winner was chosen from had its own chance to pass.
    same_way = [one.p if one.difference * test.difference > 0 else 1.0 for one in tests]
    return Baseline(
        best=former.checkpoint,
        best_mean=former.interval.mean,
        mean=mean,
        change=None if refused else _percent(best.interval.mean, former.interval.mean),
        change_from_mean=None if refused else _percent(best.interval.mean, mean),
        refused=refused,
        differs=tuple(_coverage(grid, theirs, conditions)),
        pairs=test.pairs,
        p=test.p,
        p_corrected=min(1.0, luck * max(same_way)),
        chosen_from=(len(ours), len(runners)),
        own_mean=sum(place.interval.mean for place in here) / len(here),
    )


def _conditions(
    ours: Sequence[Row], theirs: Sequence[Row], about_ours: Mapping[str, Any], about_theirs: Mapping[str, Any]
) -> list[str]:
    """Return what both say of themselves and say differently."""
    found = []
    for name in _CONDITIONS:
        now, then = _values(ours, name, about_ours), _values(theirs, name, about_theirs)
        if now and then and not now & then:
            shown = (_shown(now), _shown(then))
            detail = f" ({shown[0]} here, {shown[1]} there)" if max(map(len, shown)) <= 60 else ""
            found.append(f"{name.replace('_', ' ')}{detail}")
    return found


def _values(rows: Sequence[Row], name: str, about: Mapping[str, Any]) -> set[str]:
    if name in score_columns(rows):
        return {_text(row.scores.get(name)) for row in rows}
    if name not in about:
        return set()
    value = about[name]
    return {_text(one) for one in value} if isinstance(value, list) else {_text(value)}


def _text(value: Any) -> str:
    return (
        f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value or "")
    )


def _shown(values: set[str]) -> str:
    return ", ".join(sorted(value or "none" for value in values))


def _coverage(grid: Grid, theirs: Grid, conditions: tuple[Mapping[str, Any], Mapping[str, Any]]) -> list[str]:
    """Return which prompts and seeds only one of the two has."""
    found = []
    for word, ours, others in (
        ("prompts", set(grid.prompts), set(theirs.prompts)),
        ("seeds", set(grid.seeds), set(theirs.seeds)),
    ):
        for where, more in (("only here", ours - others), ("only in the earlier table", others - ours)):
            if more:
                shown = [str(one) for one in sorted(more, key=str)]
                rest = f" and {len(shown) - _LISTED} more" if len(shown) > _LISTED else ""
                found.append(f"{word} {where}: {', '.join(shown[:_LISTED])}{rest}")
    texts, former = (one.get("prompts") or {} for one in conditions)
    reworded = [name for name in texts if name in former and texts[name] != former[name]]
    if reworded:
        found.append(f"prompts of the same name with another text: {', '.join(reworded[:_LISTED])}")
    return found


def _paired(grid: Grid, theirs: Grid, ours: str, former: str, seed: int) -> PairedTest:
    """Return the paired test over the common draws.

    Pictures of one prompt and seed with several settings come from one noise and count once, by their mean.
    """
    then = {(p, s): v for p, s, v in zip(theirs.blocks, theirs.seeds, theirs.line(former), strict=True)}
    cells = zip(grid.blocks, grid.seeds, grid.line(ours), strict=True)
    differences = np.array([value - then.get((p, s), math.nan) for p, s, value in cells])
    averaged = draws_of(grid).averaged(differences)
    return paired_test(averaged, np.zeros_like(averaged), seed=seed)


def _percent(ours: float, theirs: float) -> float | None:
    return 100 * (ours - theirs) / theirs if theirs > 0 else None
