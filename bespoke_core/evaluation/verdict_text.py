"""The verdict in words that a pixel artist understands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..amounts import score_text
from .grid import CHECKPOINT
from .ranking import Ranked

if TYPE_CHECKING:
    from .verdict import Verdict

_SCORES = {
    "unique_colors": "colours",
    "perceptual_colors": "visibly different colours",
    "palette_distance": "distance to the training set's palette",
    "edge_distance": "distance to the training set's edges",
}
_COUNTS = ("unique_colors", "perceptual_colors")
LISTED = 12


def score_name(by: str) -> str:
    """Return what people call a score."""
    return _SCORES.get(by, by.replace("_", " "))


def verdict_text(verdict: Verdict) -> str:
    """Return the verdict as a few paragraphs of plain text."""
    lines = [headline(verdict), ""]
    lines += [f"- {reason}" for reason in verdict.reasons]
    if verdict.ranking:
        lines += ["", f"Ranking by {score_name(verdict.by)} ({direction(verdict)}):", *ranking_lines(verdict)]
    if verdict.best:
        lines += ["", f"Over the epochs: {verdict.shape.phase}. {verdict.shape.advice}"]
    if verdict.not_measured:
        lines += ["", "Not measured:", *(f"- {note}" for note in verdict.not_measured)]
    return "\n".join(lines)


def headline(verdict: Verdict) -> str:
    """Return the one sentence that answers the question."""
    best, what = verdict.winner, noun(verdict)
    if best is None:
        return f"No {what} was measured: there is nothing to recommend."
    if best.following.follows is False:
        return f"No {what} follows the prompts. The least bad is {full_name(best)}."
    if best.following.asked_in_vain:
        return (
            f"{sentence(full_name(best))} has the best score, but no picture clearly shows what its prompt "
            "asks for: look at the pictures before you use it."
        )
    if verdict.clear:
        others = "every other" if verdict.comparisons else "and the only"
        seed = "" if verdict.only_seed is None else f", with seed {verdict.only_seed}, the only one compared"
        end = f"{what}, beyond chance{seed}." if verdict.comparisons else f"{what} that follows the prompts."
        middle = "it is better than" if verdict.comparisons else "it is the best"
        return f"Use {full_name(best)}: {middle} {others} {end}"
    if not verdict.comparisons and not verdict.doubtful:
        return f"Use {full_name(best)}: it is the only one that can be chosen."
    return f"Use {full_name(best)}, but it is not a clear winner: {_why_unclear(verdict)}."


def _why_unclear(verdict: Verdict) -> str:
    what, ties = noun(verdict), len(verdict.tied_with_best)
    if ties:
        return f"one other {what} may be as good" if ties == 1 else f"{ties} other {what}s may be as good"
    if verdict.doubtful:
        return f"{listed([label_of(verdict, name) for name in verdict.doubtful])} may be as good"
    return "too few clear answers show that it follows the prompts"


def ranking_lines(verdict: Verdict) -> list[str]:
    """Return the ranking as lines of a table with fixed columns."""
    places = [*verdict.ranking, *([verdict.base] if verdict.base else [])]
    width = max(len(place.checkpoint) for place in places)
    tied = set(verdict.tied_with_best)
    lines = [f"  {noun(verdict):<{max(width, 10)}}  epoch    mean   95 % interval    n  follows  "]
    for place in places:
        interval = place.interval
        span = f"{score_text(interval.low)} - {score_text(interval.high)}"
        span = "no spread" if interval.spreadless else span if interval.n > 1 else "one picture"
        mark = "best" if place.checkpoint == verdict.best else "tied" if place.checkpoint in tied else ""
        mark = "control" if place is verdict.base else mark
        mean = score_text(interval.mean)
        lines.append(
            f"  {place.checkpoint:<{max(width, 10)}}  {'' if place.epoch is None else place.epoch:>5}"
            f"  {mean:>6}   {span:<15}{interval.n:>4}  {follows_word(place):<7}  {mark}".rstrip()
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


def direction(verdict: Verdict) -> str:
    """Return which way the score is better."""
    return better_way(verdict.by, lower=verdict.lower_is_better)


def better_way(by: str, *, lower: bool) -> str:
    """Return which way a score is better: counts are fewer, distances lower."""
    if by in _COUNTS:
        return "fewer is better" if lower else "more is better"
    return "lower is better" if lower else "higher is better"


def superlative(verdict: Verdict) -> str:
    """Return which mean is the best one: the lowest or the highest."""
    return "lowest" if verdict.lower_is_better else "highest"


def noun(verdict: Verdict) -> str:
    """Return what is chosen among: a checkpoint or a setting."""
    return "checkpoint" if verdict.over == CHECKPOINT else "setting"


def label_of(verdict: Verdict, checkpoint: str | None) -> str:
    """Return what people call a checkpoint; for a prompt that none follows, that."""
    return "none follows it" if checkpoint is None else verdict.place(checkpoint).label


def full_name(place: Ranked) -> str:
    """Return a checkpoint's epoch and name."""
    return place.checkpoint if place.epoch is None else f"epoch {place.epoch} ({place.checkpoint})"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in words; of very many only the first."""
    shown = list(names[:LISTED])
    if len(names) > LISTED:
        shown.append(f"{len(names) - LISTED} more")
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]


def sentence(text: str) -> str:
    """Return the text with a capital at its beginning."""
    return text[:1].upper() + text[1:]
