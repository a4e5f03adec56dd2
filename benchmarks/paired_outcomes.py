"""Two ways of training compared over the same seeds: numbers, a Markdown table, and what they allow to say.

Everything here takes and returns values; nothing is measured. A row is what one trained LoRA scored: its arm,
its training seed and a number for each outcome. Rows of the two arms with the same seed are a pair.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bespoke_core.evaluation.statistics import ALPHA, holm, least_pairs, paired_test

CODES, CLEANED, BASE = "codes", "cleaned", "base"


@dataclass(frozen=True)
class Outcome:
    """Something that is measured on every trained LoRA.

    Attributes:
        key: its name in a row.
        words: its name in a table.
        higher_is_better: which way is good.
        digits: after the point.
        percent: it is a share, from 0 to 1, shown in per cent.
    """

    key: str
    words: str
    higher_is_better: bool
    digits: int
    percent: bool = False

    def show(self, value: float | None, *, signed: bool = False) -> str:
        """Return a value as a table shows it; a dash where there is none."""
        if value is None or math.isnan(value):
            return "-"
        # 0.0 takes the sign off a zero that is left after rounding.
        rounded = round(100 * value if self.percent else value, self.digits) + 0.0
        text = f"{rounded:{'+' if signed and rounded else ''}.{self.digits}f}"
        return f"{text} %" if self.percent and not signed else text


OUTCOMES = (
    Outcome("background_yes", "pictures with the background asked for", True, 1, percent=True),
    Outcome("palette_distance", "distance to the training set's palette", False, 2),
    Outcome("held_out_loss", "loss on held-out pictures of the style", False, 5),
)


@dataclass(frozen=True)
class Comparison:
    """One outcome of the two arms over the seeds that both have.

    Attributes:
        outcome: what was measured.
        codes, cleaned: the arms' means.
        base: of the base model without a LoRA, or None.
        difference: mean of (cleaned - codes) over the pairs.
        low, high: its 95 % t interval; NaN with fewer than two pairs.
        p: of the exact sign-flip test.
        corrected: that p after Holm's correction for all outcomes.
        pairs: how many seeds.
    """

    outcome: Outcome
    codes: float
    cleaned: float
    base: float | None
    difference: float
    low: float
    high: float
    p: float
    corrected: float
    pairs: int

    @property
    def better(self) -> str | None:
        """The arm that is better beyond doubt at 5 %, or None where that cannot be said."""
        if self.corrected > ALPHA:
            return None
        return CLEANED if (self.difference > 0) == self.outcome.higher_is_better else CODES


Row = Mapping[str, object]


def compare(rows: Sequence[Row], outcomes: Sequence[Outcome] = OUTCOMES) -> list[Comparison]:
    """Compare the arms; seeds that only one of them has are left out.

    Raises:
        ValueError: no seed has both arms.
    """
    arms = {arm: {row["seed"]: row for row in rows if row["arm"] == arm} for arm in (CODES, CLEANED)}
    seeds = sorted(arms[CODES].keys() & arms[CLEANED].keys(), key=str)
    if not seeds:
        raise ValueError("no seed was trained in both ways")
    alone = next((row for row in rows if row["arm"] == BASE), None)
    values = {
        arm: np.array([[found[s][o.key] for s in seeds] for o in outcomes], np.float64)
        for arm, found in arms.items()
    }
    tests = [paired_test(a, b) for a, b in zip(values[CLEANED], values[CODES], strict=True)]
    corrected = holm([test.p for test in tests])
    comparisons = []
    for index, (outcome, test) in enumerate(zip(outcomes, tests, strict=True)):
        reach = _reach(test.spread, test.pairs)
        comparisons.append(
            Comparison(
                outcome,
                float(values[CODES][index].mean()),
                float(values[CLEANED][index].mean()),
                None if alone is None else float(str(alone[outcome.key])),
                test.difference,
                test.difference - reach,
                test.difference + reach,
                test.p,
                corrected[index],
                test.pairs,
            )
        )
    return comparisons


def _reach(spread: float, pairs: int) -> float:
    """Return how far Student's 95 % interval of a mean reaches to each side."""
    from scipy.stats import t

    if pairs < 2:
        return math.nan
    return float(t.ppf(1 - ALPHA / 2, pairs - 1)) * spread / math.sqrt(pairs)


def table(comparisons: Sequence[Comparison]) -> str:
    """Return the comparisons as a Markdown table."""
    lines = [
        "| | base alone | with codes | cleaned | cleaned - codes (95 %) | p | p, corrected |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for one in comparisons:
        show = one.outcome.show
        good = "higher" if one.outcome.higher_is_better else "lower"
        between = f"{show(one.low, signed=True)} to {show(one.high, signed=True)}"
        lines.append(
            f"| {one.outcome.words} ({good} is better) | {show(one.base)} | {show(one.codes)} "
            f"| {show(one.cleaned)} | {show(one.difference, signed=True)} ({between}) "
            f"| {one.p:.3f} | {one.corrected:.3f} |"
        )
    return "\n".join(lines)


def conclusion(comparisons: Sequence[Comparison]) -> str:
    """Return in words what the comparisons allow to say, a line each."""
    pairs = comparisons[0].pairs
    lines = []
    if pairs < (needed := least_pairs(len(comparisons))):
        least = min(1.0, 2 / 2**pairs * len(comparisons))
        lines.append(
            f"- {pairs} seed{'s' if pairs > 1 else ''} cannot settle anything: even if every seed agreed, "
            f"the corrected p would be {least:.2f}. It takes {needed}."
        )
    lines += [
        f"- {one.outcome.words[0].upper()}{one.outcome.words[1:]}: {_finding(one)}" for one in comparisons
    ]
    if not any(one.better for one in comparisons):
        lines.append("- So nothing can be said here about which captions train better.")
    return "\n".join(lines)


_WORDS = {CODES: "captions with codes are better", CLEANED: "cleaned captions are better"}


def _finding(one: Comparison) -> str:
    show = one.outcome.show
    unit = " points" if one.outcome.percent else ""
    if one.better:
        return (
            f"{_WORDS[one.better]}, by {show(abs(one.difference), signed=True).lstrip('+')}{unit} on average."
        )
    if one.low == one.high == 0:
        return f"both are the same with every seed ({show(one.codes)} on average)."
    if math.isnan(one.low):
        return "one seed has no interval."
    return (
        f"no difference is established; cleaning may change it by anything from "
        f"{show(one.low, signed=True)} to {show(one.high, signed=True)}{unit}."
    )
