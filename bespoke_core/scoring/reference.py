"""What the training set's own pictures look like: their number of colours, their palette and their edges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..color.spaces import srgb_to_oklab
from ..sprites.downscale import downscale
from ..sprites.pictures import list_pictures, read_picture
from .counting import count_colors
from .perceptual import perceptual_colors

_DIRECTIONS = 32
_QUANTILES = 64
LEAST_EDGE = 0.06
"""OKLab difference from which there is an edge between two neighbouring cells; the eye sees a third of it."""


@dataclass(frozen=True)
class ReferenceStatistics:
    """Colour statistics of a training set at one sprite size.

    Attributes:
        unique: exact colours of each picture, sorted, int64 (N,).
        perceptual: colours that can be told apart, of each picture, sorted, int64 (N,).
        profile: quantiles of the set's OKLab colours along fixed directions, float64 (directions, quantiles).
        edges: the same of the pairs of colours on both sides of its edges, see `edge_pairs`.
    """

    unique: NDArray[np.int64]
    perceptual: NDArray[np.int64]
    profile: NDArray[np.float64]
    edges: NDArray[np.float64]

    @cached_property
    def band(self) -> tuple[float, float]:
        """The 5 and 95 % quantiles of the exact colours."""
        low, high = np.quantile(self.unique, [0.05, 0.95])
        return float(low), float(high)

    def excess_colors(self, unique: int) -> float:
        """Return how far a count lies outside the band: 0 inside, positive above, negative below."""
        return float(self.excess_colors_of(np.array([unique]))[0])

    def excess_colors_of(self, unique: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how far each of many counts (N,) lies outside the band, float64 (N,)."""
        low, high = self.band
        return np.maximum(0.0, unique - high) + np.minimum(0.0, unique - low)

    def palette_distance(self, sprite: NDArray[np.uint8]) -> float:
        """Return the sliced Wasserstein distance of a sprite's colours to the set's, hundredths of OKLab."""
        return float(100 * np.abs(color_profile(sprite) - self.profile).mean())

    def palette_distances(self, sprites: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the `palette_distance` of each of many sprites, uint8 (N, h, w, 3); float64 (N,)."""
        return np.array([self.palette_distance(sprite) for sprite in sprites], dtype=np.float64)

    def edge_distance(self, sprite: NDArray[np.uint8]) -> float | None:
        """Return how far a sprite's edges are from the set's: its outlines, shading and speckle.

        The sliced Wasserstein distance of the colours on both sides of the edges, in hundredths of OKLab. A
        large background weighs little in it, as it has few edges. None where sprite or set has no edge.
        """
        if not self.edges.size:
            return None
        pairs = edge_pairs(sprite[None])
        return float(100 * np.abs(_profile(pairs) - self.edges).mean()) if len(pairs) else None

    def edge_distances(self, sprites: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the `edge_distance` of each of many sprites, float64 (N,); NaN means not measured."""
        found = (self.edge_distance(sprite) for sprite in sprites)
        return np.array([np.nan if one is None else one for one in found], dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return the statistics for a report, JSON-able."""
        low, high = self.band
        return {
            "pictures": len(self.unique),
            "unique_colors_median": float(np.median(self.unique)),
            "unique_colors_5_95": [low, high],
            "perceptual_colors_median": float(np.median(self.perceptual)),
        }


def measure_reference(sprites: NDArray[np.uint8]) -> ReferenceStatistics:
    """Measure a training set given as sprites, uint8 (N, h, w, 3)."""
    pairs = edge_pairs(sprites)
    return ReferenceStatistics(
        np.sort(count_colors(sprites)),
        np.sort(perceptual_colors(sprites)),
        color_profile(sprites),
        _profile(pairs) if len(pairs) else np.empty((0, 0)),
    )


def read_reference(
    folder: str | PathLike[str], *, size: tuple[int, int] = (24, 24), method: str = "nearest"
) -> ReferenceStatistics:
    """Read and measure the pictures of a training set's folder, shrunk to `size`.

    Raises:
        InputError: the folder is absent or without pictures, or a picture is broken or smaller than `size`.
    """
    sprites = [downscale(read_picture(path)[None], size, method)[0] for path in list_pictures([Path(folder)])]
    return measure_reference(np.stack(sprites))


def color_profile(sprites: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return quantiles of uint8 colours (..., 3) along fixed directions of OKLab, (directions, levels)."""
    return _profile(srgb_to_oklab(sprites.reshape(-1, 3)).astype(np.float64))


def edge_pairs(sprites: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the OKLab colours on both sides of every edge of sprites, the darker first, float64 (edges, 6).

    Args:
        sprites: uint8 (N, h, w, 3). An edge lies between two cells, side by side or one above the other, that
            differ by `LEAST_EDGE` or more.
    """
    lab = srgb_to_oklab(sprites).astype(np.float64)
    one = np.concatenate([lab[:, :, :-1].reshape(-1, 3), lab[:, :-1].reshape(-1, 3)])
    other = np.concatenate([lab[:, :, 1:].reshape(-1, 3), lab[:, 1:].reshape(-1, 3)])
    step = one - other
    edge = np.flatnonzero(np.einsum("ij,ij->i", step, step) >= LEAST_EDGE**2)
    one, other = one[edge], other[edge]
    darker = (one[:, 0] <= other[:, 0])[:, None]
    return np.concatenate([np.where(darker, one, other), np.where(darker, other, one)], axis=1)


@cache
def _directions(dimensions: int) -> NDArray[np.float64]:
    directions = np.random.default_rng(0).normal(size=(dimensions, _DIRECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    directions.setflags(write=False)
    return directions


def _profile(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quantiles of points (N, d) along fixed directions, (directions, levels)."""
    along = np.ascontiguousarray((points @ _directions(points.shape[1])).T)
    along.sort(axis=1)
    place = (np.arange(_QUANTILES) + 0.5) / _QUANTILES * (len(points) - 1)
    below = place.astype(np.intp)
    low, high = along[:, below], along[:, np.minimum(below + 1, len(points) - 1)]
    return low + (place - below) * (high - low)
