"""All scores of a picture together, for one picture and for many."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..amounts import counted
from ..color.codes import format_hex
from ..color.phrases import background_asked
from ..errors import InputError
from ..sprites.alpha import composite
from ..sprites.background import find_background
from ..sprites.downscale import WHITE, downscale
from .background import NOT_ASKED, NOT_MEASURED, Match, match_background
from .counting import count_colors
from .features import Features, match_features
from .grid_fidelity import grid_scores
from .perceptual import count_perceptual_colors
from .reference import ReferenceStatistics

Picture = NDArray[np.uint8]


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
        feature_match: the same verdict on hair, skin and clothing together: ``no`` if any is wrong.
        hair_match, skin_match, clothing_match: the verdict on each; ``not measured`` where it cannot be
            located, as behind a hat.
        hair_color, skin_color, clothing_color: the middle of its colours, ``#rrggbb``.
        color_bleed: ``yes`` where two features that the prompt gives different colours have one and the same
            in the picture, else ``no``; ``not asked`` where it gives fewer than two a colour.
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
    feature_match: str
    hair_match: str
    hair_color: str | None
    skin_match: str
    skin_color: str | None
    clothing_match: str
    clothing_color: str | None
    color_bleed: str
    grid_fidelity: float | None
    variance_between: float | None
    excess_colors: float | None
    palette_distance: float | None
    edge_distance: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as JSON-able data, numbers rounded to four digits after the point."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: round(v, 4) if isinstance(v, float) else v for name, v in values.items()}


def score_pictures(
    images: Picture | Sequence[Picture],
    *,
    size: tuple[int, int] = (24, 24),
    method: str = "nearest",
    prompts: Sequence[str | None] | None = None,
    reference: ReferenceStatistics | None = None,
) -> list[Scores]:
    """Score pictures; each picture's scores are the same alone and in a batch.

    Args:
        images: uint8 RGB (N, H, W, 3), full size or sprites already, or a list of (H, W, 3) of any sizes.
            RGBA is put on white first, so that colours under transparent pixels do not count.
        size: (width, height) of the sprite.
        method: how they are shrunk for the colour scores; see `sprites.downscale`.
        prompts: the prompt's text for each picture; None, for all or for one, where it is not known.
        reference: the training set's statistics at the same size, or None.

    Raises:
        InputError: a picture is of another shape or type or cannot be shrunk so, or there are more or fewer
            prompts than pictures.
    """
    if prompts is not None and len(prompts) != len(images):
        raise InputError(
            f"{counted(len(prompts), 'prompt')} for {counted(len(images), 'picture')}",
            field="prompts",
            remedy="Give one prompt for each picture.",
        )
    if len(images) == 0:
        return []
    whole = [_rgb(image) for image in images]
    sprites = np.stack([downscale(image[None], size, method)[0] for image in whole])
    unique = count_colors(sprites)
    asked = [None] * len(whole) if prompts is None else prompts
    return [
        _score(image, sprite, int(count), prompt, method, reference)
        for image, sprite, count, prompt in zip(whole, sprites, unique, asked, strict=True)
    ]


def score_picture(
    image: Picture,
    *,
    size: tuple[int, int] = (24, 24),
    method: str = "nearest",
    prompt: str | None = None,
    reference: ReferenceStatistics | None = None,
) -> Scores:
    """Score one picture, uint8 RGB or RGBA (H, W, 3 or 4); see `score_pictures`."""
    return score_pictures([image], size=size, method=method, prompts=[prompt], reference=reference)[0]


def _rgb(image: Picture) -> Picture:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        shown = getattr(image, "dtype", type(image).__name__)
        problem = f"pictures must be arrays of uint8, not {shown}"
        raise InputError(problem, field="images", remedy="Scale them to 0..255 and round.")
    if image.ndim != 3 or image.shape[2] not in (3, 4) or image.size == 0:
        raise InputError(
            f"pictures must be of shape (H, W, 3) or (H, W, 4), not {image.shape}",
            field="images",
            remedy="Convert them to RGB.",
        )
    return composite(image, WHITE) if image.shape[2] == 4 else image


def _score(
    image: Picture,
    sprite: Picture,
    unique: int,
    prompt: str | None,
    method: str,
    reference: ReferenceStatistics | None,
) -> Scores:
    size = (sprite.shape[1], sprite.shape[0])
    # Medians of the cells, whatever the method: a region's colour must not hang on one pixel.
    cells = image if image.shape == sprite.shape else sprite
    if cells is not image and method != "median":
        cells = downscale(image[None], size, "median")[0]
    background = find_background(cells)
    match, features = Match(NOT_MEASURED, None), None
    if prompt is not None:
        match = match_background(background, background_asked(prompt))
        features = match_features(cells, background, prompt)
    grid = grid_scores(image, size)
    return Scores(
        unique_colors=unique,
        perceptual_colors=count_perceptual_colors(sprite),
        background_match=match.verdict,
        background_distance=match.distance,
        background_color=format_hex(background.colors[0]) if len(background.colors) else None,
        **_feature_scores(features, match.verdict not in (NOT_ASKED, NOT_MEASURED)),
        grid_fidelity=grid.fidelity,
        variance_between=grid.variance_between,
        excess_colors=reference.excess_colors(unique) if reference else None,
        palette_distance=reference.palette_distance(sprite) if reference else None,
        edge_distance=reference.edge_distance(sprite) if reference else None,
    )


def _feature_scores(features: Features | None, behind: bool) -> dict[str, Any]:
    """Return the scores of the figure's features, None for a prompt that is not known.

    `behind` says whether the prompt gives the background a colour, too.
    """
    unknown = NOT_MEASURED if features is None else NOT_ASKED
    found = {match.feature: match for match in features.matches} if features is not None else {}
    scores: dict[str, Any] = {
        "feature_match": features.verdict if features is not None else NOT_MEASURED,
        "color_bleed": _bleed(features, behind),
    }
    for feature in ("hair", "skin", "clothing"):
        match = found.get(feature)
        scores[f"{feature}_match"] = unknown if match is None else match.verdict
        scores[f"{feature}_color"] = None if match is None else match.color
    return scores


def _bleed(features: Features | None, behind: bool) -> str:
    if features is None:
        return NOT_MEASURED
    if features.bleeds is None:
        asked = len(features.matches) + behind
        return NOT_ASKED if asked < 2 else NOT_MEASURED
    return "yes" if features.bleeds else "no"


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
            f"has {counted(len(lines), 'line')} for {counted(pictures, 'picture')}",
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
