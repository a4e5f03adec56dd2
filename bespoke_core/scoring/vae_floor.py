"""The floor under every score: what one trip through the model's VAE makes of true art.

A control, not a score of a picture. The training set's own pictures, encoded and decoded once and scored as
generated pictures are, show what the VAE alone adds: perfect art of 27 colours may come back with hundreds. A
generated picture that lies at or under that says nothing about the LoRA.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .score import Scores, score_pictures

Pictures = NDArray[np.uint8]
RoundTrip = Callable[[Pictures], Pictures]
"""Encodes and decodes pictures, uint8 (N, H, W, 3) both ways."""

FLOOR_SCORES = ("unique_colors", "perceptual_colors", "grid_fidelity", "variance_between")


@dataclass(frozen=True)
class VaeFloor:
    """Scores of true art before and after one trip through a VAE, medians over the pictures.

    Attributes:
        pictures: how many were measured.
        before: medians of `FLOOR_SCORES` as the pictures are; None where a score could not be measured.
        after: the same once they have been encoded and decoded.
    """

    pictures: int
    before: dict[str, float | None]
    after: dict[str, float | None]

    def says(self, score: Scores) -> str:
        """Return ``above`` or ``at the floor``, for a picture's unique colours against the art's."""
        floor = self.after["unique_colors"]
        assert floor is not None  # a count is always measured
        return "above" if score.unique_colors > floor else "at the floor"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"pictures": self.pictures, "before": dict(self.before), "after": dict(self.after)}


def measure_vae_floor(
    art: Iterable[Pictures],
    round_trip: RoundTrip,
    *,
    shape: tuple[int, int],
    size: tuple[int, int] = (24, 24),
    method: str = "nearest",
    at_once: int = 4,
) -> VaeFloor:
    """Measure the floor for pictures of one shape.

    Args:
        art: the training set's pictures, uint8 (H, W, 3) each, of any size.
        round_trip: the VAE, encoding and decoding once.
        shape: (width, height) of the generated pictures; the art is enlarged to it by nearest neighbour.
        size, method: as the generated pictures are scored, see `score.score_pictures`.
        at_once: pictures that the VAE gets in one call.

    Raises:
        InputError: there is no picture, or the VAE gives back another shape than it got.
    """
    before: list[Scores] = []
    after: list[Scores] = []
    for batch in _batches((_enlarged(picture, shape) for picture in art), at_once):
        back = round_trip(batch)
        if back.shape != batch.shape:
            got, made = (f"{one.shape[2]} x {one.shape[1]}" for one in (batch, back))
            raise InputError(
                f"the VAE made {made} of {got} pixels",
                field="size",
                remedy="Use pictures whose sides are multiples of 8.",
            )
        before += score_pictures(batch, size=size, method=method)
        after += score_pictures(back, size=size, method=method)
    if not before:
        raise InputError("holds no picture", field="training_set", remedy="Name a folder with pictures.")
    return VaeFloor(len(before), _medians(before), _medians(after))


def _enlarged(picture: Pictures, shape: tuple[int, int]) -> Pictures:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize(shape, Image.Resampling.NEAREST))


def _batches(pictures: Iterable[Pictures], count: int) -> Iterable[Pictures]:
    waiting: list[Pictures] = []
    for picture in pictures:
        waiting.append(picture)
        if len(waiting) == count:
            yield np.stack(waiting)
            waiting = []
    if waiting:
        yield np.stack(waiting)


def _medians(scores: list[Scores]) -> dict[str, float | None]:
    result: dict[str, float | None] = {}
    for name in FLOOR_SCORES:
        values = [value for score in scores if (value := getattr(score, name)) is not None]
        result[name] = float(np.median(values)) if values else None
    return result
