"""Many scores in a few plain lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from ..amounts import counted
from .background import NOT_ASKED, NOT_MEASURED
from .score import Scores
from .vae_floor import VaeFloor

_VERDICTS = ("yes", "no", "unclear")
_COUNTS = ("unique_colors", "perceptual_colors")


def scores_text(scores: Sequence[Scores], *, floor: VaeFloor | None = None) -> str:
    """Return what was measured on pictures as a few lines of plain text.

    Args:
        scores: of at least one picture.
        floor: what one trip through the VAE makes of true art, where it was measured.
    """
    lines = [f"{counted(len(scores), 'picture')} scored."]
    lines += [_count_line(name, [getattr(score, name) for score in scores]) for name in _COUNTS]
    matches = [one.name for one in fields(Scores) if one.name.endswith("_match")]
    for name in matches:
        answers = Counter(getattr(score, name) for score in scores)
        found = [f"{answers[verdict]} {verdict}" for verdict in _VERDICTS if answers[verdict]]
        if found:
            about = "all features" if name == "feature_match" else name.removesuffix("_match")
            lines.append(f"Colour of {about} as the prompt asks: {', '.join(found)}.")
    bled = Counter(score.color_bleed for score in scores)
    if bled["yes"] or bled["no"]:
        lines.append(f"One feature's colour ran into another: {bled['yes']} of {bled['yes'] + bled['no']}.")
    if floor is not None:
        lines.append(_floor_line(scores, floor))
    missing = [name for name in (one.name for one in fields(Scores)) if _is_missing(scores, name)]
    if missing:
        lines.append(f"Not measured, or not asked for: {', '.join(missing)}.")
    return "\n".join(lines)


def _is_missing(scores: Sequence[Scores], name: str) -> bool:
    return all(getattr(score, name) in (None, NOT_MEASURED, NOT_ASKED) for score in scores)


def _count_line(name: str, counts: Sequence[int]) -> str:
    shown = f"{name.replace('_', ' ').replace('color', 'colour').capitalize()}: {np.median(counts):g}"
    if len(counts) == 1:
        return f"{shown}."
    return f"{shown} in the median, {min(counts)} to {max(counts)}."


def _floor_line(scores: Sequence[Scores], floor: VaeFloor) -> str:
    before, after = floor.before["unique_colors"], floor.after["unique_colors"]
    art = f"(medians of {counted(floor.pictures, 'picture')} of the training set)"
    assert before is not None  # a count is always measured
    assert after is not None
    if after <= before:
        return (
            f"VAE floor: true art keeps its {counted(before, 'colour')} on one trip through this VAE {art}."
        )
    at_floor = sum(floor.says(score) != "above" for score in scores)
    return (
        f"VAE floor: true art of {counted(before, 'colour')} has {after:g} after one trip through this VAE "
        f"{art}. At or under that: {at_floor} of {len(scores)}, whose number of colours says "
        "nothing about the LoRA."
    )
