"""All scores of a picture together, for one picture and for many."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..color.codes import format_hex
from ..color.phrases import background_asked
from ..errors import InputError
from ..sprites.background import find_background
from ..sprites.downscale import downscale
from .background import NOT_MEASURED, Match, match_background
from .counting import count_colors
from .grid_fidelity import grid_scores
from .perceptual import perceptual_colors
from .reference import ReferenceStatistics


@dataclass(frozen=True)
class Scores:
    """What was measured on one picture. None means not measured, never 0.

    Attributes:
        unique_colors: distinct RGB colours of the sprite.
        perceptual_colors: colours of the sprite that people can tell apart.
        background_match: ``yes``, ``no``, ``unclear``, ``not asked`` (the prompt names no background colour)
            or ``not measured`` (no prompt was given).
        background_distance: CIEDE2000 difference between the background and what was asked; 0 when right.
        background_color: the background's commonest colour, ``#rrggbb``.
        grid_fidelity: edge energy on the pixel grid over the mean; 1 for a picture without a grid.
        variance_between: share of the picture's variance between cells, 0..1.
        excess_colors: exact colours above (positive) or below (negative) the training set's 5-95 % band.
        palette_distance: distance of the sprite's colours to the training set's, in hundredths of OKLab.
        edge_distance: the same of the colours on both sides of its edges: outlines, shading, speckle.
    """

    unique_colors: int
    perceptual_colors: int
    background_match: str
    background_distance: float | None
    background_color: str | None
    grid_fidelity: float | None
    variance_between: float | None
    excess_colors: float | None
    palette_distance: float | None
    edge_distance: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as JSON-able data, numbers rounded to four digits after the point."""
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items()}


def score_pictures(
    images: NDArray[np.uint8],
    *,
    size: tuple[int, int] = (24, 24),
    method: str = "nearest",
    prompts: Sequence[str] | None = None,
    reference: ReferenceStatistics | None = None,
) -> list[Scores]:
    """Score pictures; each picture's scores are the same alone and in a batch.

    Args:
        images: uint8 RGB (N, H, W, 3), full size or sprites already.
        size: (width, height) of the sprite.
        method: how they are shrunk for the colour scores; see `sprites.downscale`.
        prompts: the prompt's text for each picture; None where it is not known.
        reference: the training set's statistics at the same size, or None.

    Raises:
        InputError: the pictures cannot be shrunk so, or there are more or fewer prompts than pictures.
    """
    if prompts is not None and len(prompts) != len(images):
        raise InputError(
            f"there are {len(prompts)} prompts for {len(images)} pictures",
            field="prompts",
            remedy="Give one prompt for each picture.",
        )
    sprites = downscale(images, size, method)
    unique, perceptual = count_colors(sprites), perceptual_colors(sprites)
    scores = []
    for index, (image, sprite) in enumerate(zip(images, sprites, strict=True)):
        # Medians of the cells, whatever the method: the background's colour must not hang on one pixel.
        background = find_background(downscale(image[None], size, "median")[0])
        match = Match(NOT_MEASURED, None)
        if prompts is not None:
            match = match_background(background, background_asked(prompts[index]))
        count = int(unique[index])
        grid = grid_scores(image, size)
        scores.append(
            Scores(
                unique_colors=count,
                perceptual_colors=int(perceptual[index]),
                background_match=match.verdict,
                background_distance=match.distance,
                background_color=format_hex(background.colors[0]) if len(background.colors) else None,
                grid_fidelity=grid.fidelity,
                variance_between=grid.variance_between,
                excess_colors=reference.excess_colors(count) if reference else None,
                palette_distance=reference.palette_distance(sprite) if reference else None,
                edge_distance=reference.edge_distance(sprite) if reference else None,
            )
        )
    return scores


def prompts_for(text: str, pictures: int) -> list[str] | None:
    """Spread a field of prompts over pictures: one line for all, or one line each; None when it is empty.

    Raises:
        InputError: there are several lines, but not as many as pictures.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    if len(lines) == 1:
        return lines * pictures
    if len(lines) != pictures:
        raise InputError(
            f"has {len(lines)} lines for {pictures} pictures",
            field="prompt",
            remedy="Give one line for all pictures, or one line for each.",
        )
    return lines


def scores_csv(scores: Sequence[Scores], names: Sequence[str] | None = None) -> str:
    """Return scores as CSV, a line a picture; what was not measured is empty.

    The first column is the picture's name, or its number from 1 where no names are given.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = list(Scores.__dataclass_fields__)
    writer.writerow(["picture", *columns])
    for index, score in enumerate(scores):
        values = score.to_dict()
        name = names[index] if names is not None else index + 1
        writer.writerow([name, *("" if values[c] is None else values[c] for c in columns)])
    return out.getvalue()
