"""Why a cell of a sweep has no picture although it was tried, and what is known of it beforehand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ..amounts import counted
from ..weights_file import not_finite
from .checkpoints import Checkpoint
from .hashes import stamp_of
from .table import Row

PROBLEM_COLUMN = "problem"
"""Of the table: why a row has neither picture nor scores."""
DREW_NAN = (
    "NaN was drawn instead of a picture; where the base model draws NaN, too, start ComfyUI with --fp32-vae "
    "or without half precision"
)


def weights_problem(checkpoint: Checkpoint) -> str | None:
    """Return why a LoRA can only draw NaN, None where its weights are finite or its file is gone.

    A file is read once for each of its states in this process.
    """
    path = checkpoint.path
    if not path.is_file():  # whoever loads it says so
        return None
    tensor = _not_finite(os.path.realpath(path), stamp_of(path.stat()))
    if tensor is None:
        return None
    return f"its file holds NaN or an infinity (in {tensor}): training went wrong before it was saved"


@lru_cache(maxsize=4096)
def _not_finite(path: str, stamp: str) -> str | None:
    return not_finite(Path(path))


def problem_notes(rows: Sequence[Row]) -> list[str]:
    """Return in words which checkpoints were tried in vain, with the reason, a sentence a reason."""
    found: dict[str, dict[str, int]] = {}
    pictures: dict[str, int] = {}
    for row in rows:
        pictures[row.checkpoint] = pictures.get(row.checkpoint, 0) + 1
        if problem := problem_of(row):
            names = found.setdefault(problem, {})
            names[row.checkpoint] = names.get(row.checkpoint, 0) + 1
    return [
        ", ".join(
            f"{name} ({count} of {counted(pictures[name], 'picture')})" for name, count in names.items()
        )
        + f": {problem}"
        for problem, names in found.items()
    ]


def problem_of(row: Row) -> str:
    """Return why a row has no picture; empty where that is not known, or it has one."""
    return str(row.scores.get(PROBLEM_COLUMN) or "")
