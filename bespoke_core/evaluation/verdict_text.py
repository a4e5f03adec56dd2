"""The verdict in words that a pixel artist understands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .following import FOLLOW_RULE, unmeasured_features
from .ranking import Ranked, grid_of
from .statistics import least_pairs
from .table import Row

if TYPE_CHECKING:
    from .verdict import Verdict

_SCORES = {
    "unique_colors": "colours",
    "perceptual_colors": "visibly different colours",
    "palette_distance": "distance to the training set's palette",
    "edge_distance": "distance to the training set's edges",
}
_LISTED = 12


def score_name(by: str) -> str:
    """Return what people call a score."""
    return _SCORES.get(by, by.replace("_", " "))


def reasons(verdict: Verdict, rows: Sequence[Row]) -> tuple[str, ...]:
    """Return why the verdict is what it is, the most important first.

    Args:
        verdict: complete but for its words.
        rows: that it was made from.
    """
    best = verdict.winner
    if best is None:
        return ("No checkpoint was measured, so none can be recommended.",)
    found = [*_following_reasons(verdict, best), _mean_reason(verdict, best), *_tie_reasons(verdict, best)]
    choices = [f"{name}: {_name(verdict, choice)}" for name, choice in verdict.best_per_prompt.items()]
    if len(choices) > 1:
        found.append(f"Best on each prompt: {'; '.join(choices[:_LISTED])}.")
    found += [*_baseline_reasons(verdict, best), *_base_reasons(verdict, best)]
    low = [n for row in rows if row.checkpoint == best.checkpoint and (n := row.number("excess_colors"))]
    if low and sum(value < 0 for value in low) * 2 > best.interval.n:
        found.append(
            f"Warning: most pictures of {best.label} have fewer colours than the training set's pictures. "
            "Look at them: they may be too plain."
        )
    return tuple(found)


def missing_notes(verdict: Verdict, rows: Sequence[Row]) -> tuple[str, ...]:
    """Return what the verdict could not take into account."""
    notes = unmeasured_features(rows)
    trained = [row for row in rows if not row.is_base]
    grid = grid_of(trained, verdict.by)
    absent = [name for name in grid.names if all(place.checkpoint != name for place in verdict.ranking)]
    if absent:
        notes.append(f"{_list(absent)}: no picture has a score")
    if grid.missing:
        notes.append(
            f"{grid.missing} of {grid.scores.size} pictures have no score; checkpoints are compared only "
            "over the pictures that both have"
        )
    if trained and len({row.seed for row in trained}) == 1:
        notes.append("how much the pictures change with the seed: only one seed was drawn")
    if trained and len(grid.names) == 1:
        notes.append("any other checkpoint: with only one there is nothing to compare")
    if trained and verdict.base is None:
        notes.append("the base model without a LoRA")
    return tuple(notes)


def verdict_text(verdict: Verdict) -> str:
    """Return the verdict as a few paragraphs of plain text."""
    lines = [headline(verdict), ""]
    lines += [f"- {reason}" for reason in verdict.reasons]
    if verdict.ranking:
        lines += ["", f"Ranking by {score_name(verdict.by)} ({_better(verdict)}):", *ranking_lines(verdict)]
    if verdict.best:
        lines += ["", f"Over the epochs: {verdict.shape.phase}. {verdict.shape.advice}"]
    if verdict.not_measured:
        lines += ["", "Not measured:", *(f"- {note}" for note in verdict.not_measured)]
    return "\n".join(lines)


def headline(verdict: Verdict) -> str:
    """Return the one sentence that answers the question."""
    best = verdict.winner
    if best is None:
        return "No checkpoint was measured: there is nothing to recommend."
    if best.following.follows is False:
        return f"No checkpoint follows the prompts. The least bad is {_full(best)}."
    if best.following.asked_in_vain:
        return (
            f"{_sentence(_full(best))} has the best score, but no picture clearly shows what its prompt asks "
            "for: look at the pictures before you use it."
        )
    if not verdict.comparisons:
        return f"Use {_full(best)}: it is the only one that can be chosen."
    ties = len(verdict.tied_with_best)
    if not ties:
        return f"Use {_full(best)}: it is better than every other checkpoint, beyond chance."
    others = "one other checkpoint" if ties == 1 else f"{ties} other checkpoints"
    return f"Use {_full(best)}, but it is not a clear winner: {others} may be as good."


def ranking_lines(verdict: Verdict) -> list[str]:
    """Return the ranking as lines of a table with fixed columns."""
    places = [*verdict.ranking, *([verdict.base] if verdict.base else [])]
    width = max(len(place.checkpoint) for place in places)
    tied = set(verdict.tied_with_best)
    lines = [f"  {'checkpoint':<{max(width, 10)}}  epoch    mean   95 % interval    n  follows  "]
    for place in places:
        interval = place.interval
        span = f"{interval.low:.1f} - {interval.high:.1f}" if interval.n > 1 else "one picture"
        mark = "best" if place.checkpoint == verdict.best else "tied" if place.checkpoint in tied else ""
        mark = "control" if place is verdict.base else mark
        lines.append(
            f"  {place.checkpoint:<{max(width, 10)}}  {'' if place.epoch is None else place.epoch:>5}"
            f"  {interval.mean:>6.1f}   {span:<15}{interval.n:>4}  {follows_word(place):<7}  {mark}".rstrip()
        )
    return lines


def chosen_word(place: Ranked) -> str:
    """Return what the chosen checkpoint is called; one that does not clearly follow is not recommended."""
    if place.following.asked_in_vain:
        return "best score"
    return "least bad" if place.following.follows is False else "recommended"


def follows_word(place: Ranked) -> str:
    """Return yes, no or unknown."""
    return {True: "yes", False: "no", None: "unknown"}[place.following.follows]


def _following_reasons(verdict: Verdict, best: Ranked) -> list[str]:
    measured = [place for place in verdict.ranking if place.following.follows is not None]
    if not measured:
        if any(place.following.asked_in_vain for place in verdict.ranking):
            return [
                "No picture gives a clear answer to whether it follows its prompt: only the score decides, "
                "and it may reward a picture that shows nothing of what was asked for. Look at the pictures."
            ]
        return ["Whether the pictures follow the prompts was not measured: only the score decides."]
    refused = [place for place in measured if place.following.follows is False]
    if best.following.follows is False:
        return [f"None of the {len(measured)} checkpoints follows its prompts. {FOLLOW_RULE}"]
    lines = []
    share = best.following.share
    if share is not None:
        lines.append(
            f"{_sentence(best.label)} follows the prompts: {best.following.yes} of "
            f"{best.following.yes + best.following.no} clear answers are yes."
        )
    if refused:
        lines.append(
            f"Not following the prompts, and so out of the running: {_list([p.label for p in refused])}."
        )
        better = [p for p in refused if _beats(verdict, p, best)]
        if better:
            lines.append(
                f"{_sentence(_list([p.label for p in better]))} would score better, but with pictures that "
                "do not show what was asked for."
            )
    return lines


def _mean_reason(verdict: Verdict, best: Ranked) -> str:
    interval = best.interval
    superlative = "lowest" if verdict.lower_is_better else "highest"
    among = " among the checkpoints that may win" if len(verdict.ranking) > 1 else ""
    span = f", 95 % interval {interval.low:.1f} to {interval.high:.1f}" if interval.n > 1 else ""
    pictures = "1 picture" if interval.n == 1 else f"{interval.n} pictures"
    return (
        f"{_sentence(best.label)} has the {superlative} mean of {score_name(verdict.by)}{among}: "
        f"{interval.mean:.1f} over {pictures}{span}."
    )


def _tie_reasons(verdict: Verdict, best: Ranked) -> list[str]:
    comparisons = verdict.comparisons
    tied = [c for c in comparisons if c.tied]
    if not comparisons:
        return []
    if not tied:
        return [f"Paired tests separate {best.label} from {_rivals(len(comparisons))} (5 %, corrected)."]
    labels = _list([_name(verdict, c.checkpoint) for c in tied])
    lines = [f"Statistically tied with {best.label}: {labels}. Chance alone may explain the difference."]
    most = max(c.pairs for c in comparisons)
    if most < least_pairs(len(comparisons)):
        lines.append(
            f"With {most} common pictures for each pair and {_rivals(len(comparisons))} no difference, "
            f"however large, could be proved; it takes at least {least_pairs(len(comparisons))} pictures."
        )
    nearest = tied[0]
    if nearest.more_seeds is None:
        lines.append(
            f"How many more seeds would tell {labels} apart cannot be estimated from these pictures."
        )
    else:
        seeds = "1 more seed" if nearest.more_seeds == 1 else f"{nearest.more_seeds} more seeds"
        lines.append(
            f"To tell {best.label} from {_name(verdict, nearest.checkpoint)}, add about {seeds} for each "
            "prompt (a rough estimate)."
        )
    return lines


def _baseline_reasons(verdict: Verdict, best: Ranked) -> list[str]:
    base = verdict.baseline
    if base is None or base.change is None or base.change_from_mean is None:
        return []
    return [
        f"Against the earlier table: {best.label} has {_change(base.change)} {score_name(verdict.by)} than "
        f"its best, {base.best} ({best.interval.mean:.1f} against {base.best_mean:.1f}), and "
        f"{_change(base.change_from_mean)} than its mean ({base.mean:.1f})."
    ]


def _base_reasons(verdict: Verdict, best: Ranked) -> list[str]:
    if verdict.base is None:
        return []
    mean = verdict.base.interval.mean
    effect = "better" if _beats(verdict, best, verdict.base) else "no better"
    return [
        f"The base model without a LoRA scores {mean:.1f} (control, cannot win): {best.label} is {effect}."
    ]


def _rivals(count: int) -> str:
    return "1 rival" if count == 1 else f"{count} rivals"


def _change(percent: float) -> str:
    return f"{abs(percent):.0f} % {'fewer' if percent < 0 else 'more'}"


def _beats(verdict: Verdict, one: Ranked, other: Ranked) -> bool:
    difference = one.interval.mean - other.interval.mean
    return difference < 0 if verdict.lower_is_better else difference > 0


def _better(verdict: Verdict) -> str:
    return "fewer is better" if verdict.lower_is_better else "more is better"


def _name(verdict: Verdict, checkpoint: str | None) -> str:
    return "none follows it" if checkpoint is None else verdict.place(checkpoint).label


def _full(place: Ranked) -> str:
    return place.checkpoint if place.epoch is None else f"epoch {place.epoch} ({place.checkpoint})"


def _list(names: Sequence[str]) -> str:
    shown = list(names[:_LISTED])
    if len(names) > _LISTED:
        shown.append(f"{len(names) - _LISTED} more")
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
