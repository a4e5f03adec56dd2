"""What is said of each place of a ranking, in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..amounts import counted, score_text
from .ranking import Ranked

if TYPE_CHECKING:
    from .verdict import Verdict

MOST_SEEDS = 200
"""Where more seeds than this would be needed, nobody is told to draw them."""


def why_not(verdict: Verdict, place: Ranked) -> str:
    """Return in a few words why a checkpoint was chosen or not.

    Args:
        verdict: that ranks it.
        place: of its ranking, or the base model's.
    """
    best, following = verdict.winner, place.following
    if best is None or place is verdict.base:
        return "the control: it cannot win" if place is verdict.base else ""
    if place.checkpoint == verdict.best:
        return "the least bad: none follows the prompts" if following.follows is False else "chosen"
    if following.follows is False and best.following.follows is not False:
        if following.share is None:
            flat = f"{following.flat} of {counted(following.pictures, 'picture')}"
            return f"does not follow the prompts: {flat} are of one colour"
        answers = following.yes + following.no
        sure = "" if following.sure else ", though that may be chance"
        return f"does not follow the prompts: {following.yes} of {answers} clear answers are yes{sure}"
    found = next((c for c in verdict.comparisons if c.checkpoint == place.checkpoint), None)
    if found is None or found.difference is None:
        return "too few pictures to be compared"
    more = "more" if found.difference > 0 else "fewer"
    amount = f"{score_text(abs(found.difference))} {more} than {best.label}"
    if not found.tied:
        return f"worse: {amount}, beyond chance ({p_text(found.p_holm)})"
    if found.at_floor:
        return f"tied: {amount}, but both lie under what the VAE alone makes of true art"
    if found.more_seeds is None or found.more_seeds > MOST_SEEDS:
        return f"tied: {amount}, which says nothing"
    seeds = counted(found.more_seeds, "more seed")
    return f"tied: {amount}, which may be chance; about {seeds} would tell"


def p_text(value: float) -> str:
    """Return a p value as people write it."""
    return "p\u00a0<\u00a00.001" if value < 0.001 else f"p\u00a0=\u00a0{value:.2g}"
