"""What a verdict could not take into account, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..amounts import counted
from .following import unmeasured_features
from .grid import CHECKPOINT, Grid
from .problems import problem_notes, problem_of
from .table import Row
from .verdict_text import listed, noun

if TYPE_CHECKING:
    from .verdict import Verdict


def missing_notes(
    verdict: Verdict, rows: Sequence[Row], grid: Grid, earlier: Sequence[Row] | None = None
) -> tuple[str, ...]:
    """Return what the verdict could not take into account.

    Args:
        verdict: complete but for its words.
        rows: that it was made from.
        grid: of the trained checkpoints.
        earlier: rows of the table to compare with, where one was given.
    """
    notes = unmeasured_features(rows)
    notes += problem_notes(rows)
    ranked = {place.checkpoint for place in verdict.ranking}
    absent = [name for name in grid.names if name not in ranked and not all(map(problem_of, grid.rows[name]))]
    if absent:
        notes.append(f"{listed(absent)}: no picture has a score")
    if grid.missing:
        have = "has" if grid.missing == 1 else "have"
        notes.append(
            f"{grid.missing} of {counted(grid.scores.size, 'picture')} {have} no score; checkpoints are "
            "compared only over the pictures that both have, and ordered by what their means would be with "
            "all of them"
        )
    if grid.contradicting:
        more = f" and {len(grid.contradicting) - 3} more" if len(grid.contradicting) > 3 else ""
        notes.append(
            f"pictures that the table gives twice with different scores, none of which was used: "
            f"{'; '.join(grid.contradicting[:3])}{more}"
        )
    if grid.repeated:
        word = "1 repeated row" if grid.repeated == 1 else f"{grid.repeated} repeated rows"
        notes.append(f"{word}: the same picture with the same scores counts once")
    words = sorted({str(value) for row in rows if isinstance(value := row.scores.get(verdict.by), str)})
    if words:
        notes.append(f"scores that are words, not numbers: {listed([repr(word) for word in words[:5]])}")
    notes += _control_notes(verdict, rows, grid, earlier)
    return (*notes, *_scope_notes(verdict, grid))


def _control_notes(
    verdict: Verdict, rows: Sequence[Row], grid: Grid, earlier: Sequence[Row] | None
) -> list[str]:
    """Say which control or earlier table is not there, or has nothing to compare with."""
    notes = []
    if grid.names and verdict.base is None and verdict.over == CHECKPOINT:
        drawn = sum(row.is_base for row in rows)
        without = f": none of its {counted(drawn, 'row')} has a score" if drawn else ""
        notes.append(f"the base model without a LoRA{without}")
    if earlier is not None and verdict.baseline is None:
        if verdict.best is None:
            why = "here nothing was measured"
        elif not earlier:
            why = "it holds no row"
        else:
            why = f"none of its checkpoints has a number in {verdict.by}"
        notes.append(f"the change from the earlier table: {why}")
    return notes


def _scope_notes(verdict: Verdict, grid: Grid) -> list[str]:
    notes = []
    if grid.names and len(set(grid.seeds)) == 1:
        notes.append("how much the pictures change with the seed: only one seed was drawn")
    if grid.names and len(set(grid.prompts)) == 1:
        notes.append("other prompts: only one was drawn")
    elif verdict.clear and verdict.comparisons and not verdict.for_new_prompts:
        notes.append(
            "whether it holds for other prompts: the win is about these prompts with other seeds, and "
            f"{len(set(grid.prompts))} prompts are too few, or too different, to tell of others"
        )
    if len(grid.names) == 1:
        notes.append(f"any other {noun(verdict)}: with only one there is nothing to compare")
    if grid.names and verdict.floor is None and verdict.by == "unique_colors":
        notes.append("how many colours the model's VAE alone makes of true art")
    return notes
