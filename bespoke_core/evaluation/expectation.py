"""What a sweep is going to cost: pictures, and time as far as earlier pictures tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..amounts import counted
from .cells import Cell
from .plan import SweepPlan
from .results import ResultsStore


@dataclass(frozen=True)
class Expectation:
    """What is told before a sweep starts.

    Attributes:
        pictures: of the whole plan.
        missing: that are still to be drawn.
        seconds: that drawing them will take; None where no picture of that size and number of steps was drawn
            on this device before.
        made_of: how the number comes about, in words.
        left_out: checkpoints that are not drawn, with the reason.
        aside: pictures of these.
    """

    pictures: int
    missing: int
    seconds: float | None
    made_of: str
    left_out: tuple[str, ...] = ()
    aside: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**asdict(self), "left_out": list(self.left_out)}

    def text(self) -> str:
        """Return the expectation in words."""
        lines = [f"{counted(self.pictures, 'picture')}: {self.made_of}."]
        lines += [f"Not drawn: {one}." for one in self.left_out]
        there = self.pictures - self.missing - self.aside
        if self.missing == 0:
            lines.append(f"All {'others' if self.aside else 'of them'} are there already.")
            return "\n".join(lines)
        if there:
            is_there, to_draw = (counted(count, "is", "are") for count in (there, self.missing))
            lines.append(f"{is_there} there already, {to_draw} to be drawn.")
        known = "not known yet" if self.seconds is None else f"about {duration(self.seconds)}"
        lines.append(f"Expected time: {known}.")
        return "\n".join(lines)


def expect(
    plan: SweepPlan,
    missing: Sequence[Cell],
    store: ResultsStore,
    device: str,
    unfit: Mapping[str, str] | None = None,
) -> Expectation:
    """Return what a plan costs from where it stands.

    Args:
        plan: the whole sweep.
        missing: its cells that are to be drawn.
        store: whose earlier pictures tell the time, of whichever sweep.
        device: what will draw.
        unfit: checkpoints that are not drawn, by name, with the reason.
    """
    kinds = Counter((cell.sampler.width, cell.sampler.height, cell.sampler.steps) for cell in missing)
    seconds: float | None = 0.0
    for (width, height, steps), count in kinds.items():
        one = store.seconds_for({"width": width, "height": height, "steps": steps}, device)
        seconds = None if one is None or seconds is None else seconds + count * one
    left_out = tuple(f"{name}: {problem}" for name, problem in (unfit or {}).items())
    aside = len(left_out) * len(plan.settings) * len(plan.prompts) * len(plan.seeds)
    return Expectation(plan.count, len(missing), seconds, _made_of(plan), left_out, aside)


def duration(seconds: float) -> str:
    """Return a time for people: ``45 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def _made_of(plan: SweepPlan) -> str:
    parts = [
        counted(len(plan.checkpoints), "checkpoint"),
        counted(len(plan.settings), "setting") if len(plan.settings) > 1 else "",
        counted(len(plan.prompts), "prompt"),
        counted(len(plan.seeds), "seed"),
    ]
    text = " x ".join(part for part in parts if part)
    if not plan.with_base:
        return text
    drawn = len(plan.base_settings) * len(plan.prompts) * len(plan.seeds)
    return f"{text}, and {drawn} of the base model as a control"
