"""A sweep's cells as rows of the table of results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .cells import Cell
from .plan import SweepPlan
from .problems import PROBLEM_COLUMN
from .records import CellRecord
from .table import RUN_COLUMN, Row, Value

_OF_LORA = ("strength_model", "strength_clip")


def row_of(
    plan: SweepPlan,
    cell: Cell,
    record: CellRecord | None,
    scores: Mapping[str, Any],
    sprites: str,
    floor: Mapping[str, Any] | None,
    problem: str = "",
) -> Row:
    """Return a cell that was drawn or tried as a row.

    Args:
        plan: of the sweep: settings that it does not vary are not columns.
        cell: what was drawn.
        record: of its picture; None where there is none.
        scores: by name; empty where it was not scored with the present settings.
        sprites: folder of the sprites, relative to the sweep's.
        floor: what the VAE makes of the training set, see `scoring.vae_floor`; None where not measured.
        problem: why there is no picture.
    """
    values: dict[str, Value] = {
        name: None if cell.checkpoint is None and name in _OF_LORA else cell.sampler.values[name]
        for name in plan.varied
    }
    if any(checkpoint.run for checkpoint in plan.checkpoints):
        values[RUN_COLUMN] = cell.checkpoint.run if cell.checkpoint else None
    values |= scores
    if floor is not None:
        values["vae_floor"] = floor["after"]["unique_colors"]
    values["picture"] = f"cells/{record.picture}" if record else None
    values["sprite"] = f"{sprites}/{record.picture}" if record else None
    values["picture_sha256"] = record.picture_sha256 if record else None
    values["checkpoint_sha256"] = cell.checkpoint.sha256 if cell.checkpoint else None
    if problem:
        values[PROBLEM_COLUMN] = problem
    return Row(cell.checkpoint_name, cell.epoch, cell.prompt.name, cell.seed, values)
