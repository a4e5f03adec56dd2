"""How the best compares with the base model and with an earlier sweep, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..amounts import counted, score_text
from .ranking import Ranked
from .statistics import ALPHA
from .verdict_text import score_name
from .why import p_text

if TYPE_CHECKING:
    from .verdict import Verdict


def baseline_reasons(verdict: Verdict, best: Ranked) -> list[str]:
    """Return what is said of the earlier table."""
    base = verdict.baseline
    if base is None:
        return []
    if base.refused:
        return [f"Not compared with the earlier table: it was made differently. {'; '.join(base.refused)}."]
    lines = [
        f"Against the earlier table: {best.label} has {_change(base.change)} {score_name(verdict.by)} than "
        f"its best, {base.best} ({score_text(best.interval.mean)} against {score_text(base.best_mean)}), and "
        f"{_change(base.change_from_mean)} than its mean ({score_text(base.mean)})."
        if base.change is not None and base.change_from_mean is not None
        else f"Against the earlier table: {best.label} has a mean of {score_text(best.interval.mean)} "
        f"{score_name(verdict.by)}, its best, {base.best}, one of {score_text(base.best_mean)}; all of it "
        f"{score_text(base.mean)}. No change in % can be given, because not all of these are above 0."
    ]
    ours, theirs = base.chosen_from
    if ours > 1 or theirs > 1:
        change = "" if base.change_of_means is None else f" ({_change(base.change_of_means)})"
        lines.append(
            f"Each was chosen for its mean, of {ours} here and of {theirs} there, and the best of several "
            "looks better than it is. Free of that is the mean of all here against the mean of all there: "
            f"{score_text(base.own_mean)} against {score_text(base.mean)}{change}. Fresh seeds would "
            "tell more."
        )
    over = f"over the {counted(base.pairs, 'picture')} of both"
    if base.differs:
        lines.append(
            "The two tables do not hold the same pictures, so part of that may be the prompts' or the seeds' "
            f"doing: {'; '.join(base.differs)}."
        )
    elif base.proved:
        lines.append(f"That is more than chance and choice {over} ({p_text(base.p_corrected)}, corrected).")
    else:
        told = f"{p_text(base.p_corrected)}, corrected"
        lines.append(f"{over.capitalize()}, chance or the choice may explain that ({told}).")
    return lines


def base_reasons(verdict: Verdict, best: Ranked) -> list[str]:
    """Return what is said of the base model: better or worse only where a test says so."""
    found = verdict.base_comparison
    if verdict.base is None or found is None:
        return []
    line = (
        f"The base model without a LoRA scores {score_text(verdict.base.interval.mean)} (control, cannot win)"
    )
    if not found.pairs or found.difference is None:
        return [f"{line}: no picture of {best.label} has its prompt and seed, so the two are not compared."]
    over = f"{counted(found.pairs, 'common picture')}, {p_text(found.p_holm)}, corrected"
    seed = "" if found.only_seed is None else f", with seed {found.only_seed}"
    if found.better or found.worse:
        word = "better" if found.better else "worse"
        return [f"{line}: {best.label} scores {word}, beyond chance{seed} ({over})."]
    if not found.difference:
        return [f"{line}: {best.label} has the same mean over the {counted(found.pairs, 'common picture')}."]
    word = "lower" if found.difference < 0 else "higher"
    if found.p_holm <= ALPHA and verdict.floor is not None:
        floor = max(best.interval.mean, verdict.base.interval.mean) <= verdict.floor
        if floor:
            return [
                f"{line}: {best.label} has a {word} mean, but both lie under what the VAE alone makes of art."
            ]
    if found.p_holm <= ALPHA:
        return [
            f"{line}: {best.label} has a {word} mean{seed}, but whether that is more than chance is not "
            f"sure: the paired test says so ({over}), the interval of the difference does not."
        ]
    return [f"{line}: {best.label} has a {word} mean, but chance may explain that{seed} ({over})."]


def _change(percent: float) -> str:
    return f"{abs(percent):.0f} % {'fewer' if percent < 0 else 'more'}"
