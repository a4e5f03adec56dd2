"""The best checkpoint against the base model without a LoRA, over pictures of the same prompts and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .comparing import CONFIRMED
from .grid import Grid, grid_of
from .intervals import mean_interval
from .ranking import Ranked, finite
from .statistics import ALPHA, FLIPS, PairedTest, holm, paired_test
from .table import SETTING_COLUMNS, Row

_OF_LORA = ("strength_model", "strength_clip")
_Key = tuple[Any, ...]


@dataclass(frozen=True)
class AgainstBase:
    """What the chosen LoRA changes of the base model's score.

    Attributes:
        difference: mean of best - base over the common pictures; None without any.
        pairs: common pictures; those of one prompt and seed with several settings count once.
        p: of the paired sign-flip test.
        p_holm: corrected for all checkpoints that might have been chosen: the best of many looks better than
            the base by luck alone.
        better: whether the best scores better beyond chance.
        worse: likewise worse; with neither, chance may explain the difference, or it says nothing.
        only_seed: the seed of all common pictures; None where they are of several, or there are none.
    """

    difference: float | None
    pairs: int
    p: float
    p_holm: float
    better: bool
    worse: bool
    only_seed: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON-able data."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def against_base(
    grid: Grid,
    base: Sequence[Row],
    runners: Sequence[Ranked],
    by: str,
    sign: float,
    seed: int,
    floor: float | None = None,
) -> AgainstBase | None:
    """Compare the best with the base model, corrected for every checkpoint that might have been the best.

    Args:
        grid: of the trained checkpoints.
        base: rows of the base model.
        runners: those that may win, the best first.
        by: the score.
        sign: 1 where a lower score is better, -1 where a higher one is.
        seed: of the resampling.
        floor: what the VAE alone makes of true art, where it was measured.

    Without a LoRA its strength makes no difference: a picture is compared with the base model's of the same
    prompt, seed and other settings.
    """
    once = [row for rows in grid_of(base, by).rows.values() for row in rows]
    known = {_key(row): value for row in once if (value := row.number(by)) is not None}
    if not known or not runners:
        return None
    lines = [_differences(grid.rows[place.checkpoint], known, by) for place in runners]
    flips = max(FLIPS, 400 * len(lines))
    tests = [_test(line, seed, flips) for line in lines]
    p_holm, test, own = holm([one.p for one in tests])[0], tests[0], lines[0]
    seeds = {draw[1] for draw in own}
    span = mean_interval(
        np.array(list(own.values())),
        [draw[0] for draw in own],
        [draw[1] for draw in own],
        seed=seed,
        resamples=2000,
        confidence=CONFIRMED,
        few_seeds=False,
    )
    base_mean = sum(known.values()) / len(known)
    at_floor = floor is not None and max(base_mean, runners[0].interval.mean) <= floor
    proved = p_holm <= ALPHA and span.n > 1 and not span.low <= 0 <= span.high and not at_floor
    return AgainstBase(
        finite(test.difference),
        test.pairs,
        test.p,
        p_holm,
        proved and sign * test.difference < 0,
        proved and sign * test.difference > 0,
        next(iter(seeds)) if len(seeds) == 1 else None,
    )


def _key(row: Row) -> _Key:
    settings = (row.scores.get(name) or None for name in SETTING_COLUMNS if name not in _OF_LORA)
    return (row.prompt, row.seed, *settings)


def _differences(rows: Sequence[Row], base: Mapping[_Key, float], by: str) -> dict[tuple[str, int], float]:
    """Return by prompt and seed how much higher a checkpoint's score is than the base model's."""
    found: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        value, control = row.number(by), base.get(_key(row))
        if value is not None and control is not None:
            found.setdefault((row.prompt, row.seed), []).append(value - control)
    return {draw: sum(values) / len(values) for draw, values in found.items()}


def _test(line: Mapping[tuple[str, int], float], seed: int, flips: int) -> PairedTest:
    values = np.array(list(line.values()), dtype=np.float64)
    return paired_test(values, np.zeros_like(values), seed=seed, flips=flips)
