"""Scores of many pictures as arrays, one a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from .reference import ReferenceStatistics
from .score import Picture, Scores, score_pictures

Column = NDArray[np.float64] | NDArray[np.str_]

NUMBERS = tuple(one.name for one in fields(Scores) if one.type in ("int", "float | None"))
"""Scores that are numbers."""


def score_arrays(
    images: Picture | Sequence[Picture],
    *,
    size: tuple[int, int] = (24, 24),
    method: str = "nearest",
    prompts: Sequence[str | None] | None = None,
    reference: ReferenceStatistics | None = None,
) -> dict[str, Column]:
    """Score pictures as `score.score_pictures` does and return the scores as `as_arrays` does."""
    return as_arrays(score_pictures(images, size=size, method=method, prompts=prompts, reference=reference))


def as_arrays(scores: Sequence[Scores]) -> dict[str, Column]:
    """Return one array (N,) a score, in the order of `Scores`.

    Numbers are float64, NaN where a number was not measured and never 0. Verdicts are text, ``not measured``
    and ``not asked`` among them. Colours are ``#rrggbb``, and empty where none was found.
    """
    arrays: dict[str, Column] = {}
    for name in Scores.__dataclass_fields__:
        values = [getattr(score, name) for score in scores]
        if name in NUMBERS:
            arrays[name] = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        else:
            arrays[name] = np.array(["" if v is None else v for v in values], dtype=np.str_)
    return arrays
