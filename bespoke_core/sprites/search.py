"""Finding the pixel grid of a picture whose sprite size nobody has told.

The steps between neighbouring columns (and rows) of an enlarged sprite are large on the grid's lines and
small elsewhere. The spectrum of these steps names the pitches that may be meant; each is fitted to the steps
by least squares, which gives it to a few hundredths of a pixel, and judged by the share of the steps that
lie on its lines beyond what as many lines anywhere would hold. A grid's halves and thirds hold as much:
the widest of those that hold about the most is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from .grid import Energies, edge_energy

LEAST_CONFIDENCE = 0.3
"""Below this share of edges on the grid, nothing is said to be found."""
LEAST_PITCH = 2.0
LEAST_CELLS = 8
"""Along the longer side; fewer lines are met by chance."""

_HARDLY = 0.15  # of all edges
_PEAKS = 16  # of the spectrum that are fitted, an axis
_ABOUT_THE_MOST = 0.88
_SAMPLED = 128  # rows (columns) that suffice to know the steps
_FAINT = 1.0  # a gradient of 8 bits has steps of one level at equal distances
_BLOCK, _MORE_THAN_BLOCKS = 8.0, 0.45  # JPEG's blocks are a grid, too, that begins in the corner


@dataclass(frozen=True)
class FoundGrid:
    """The pixel grid that was found in a picture.

    Attributes:
        cell: (width, height) of a cell in pixels, with fractions.
        offset: (x, y) of the first line, 0 up to a cell's side; 0 where the grid begins at the border.
        size: (width, height) in cells; a cell counts when at least half of it is in the picture.
        box: (left, top, right, bottom) of these cells in whole pixels; may go beyond the picture by less
            than half a cell.
        confidence: share of the picture's edges on the grid's lines, beyond chance: 1 for exact
            enlargements, 0 for none; under `LEAST_CONFIDENCE` the grid is not to be trusted.
    """

    cell: tuple[float, float]
    offset: tuple[float, float]
    size: tuple[int, int]
    box: tuple[int, int, int, int]
    confidence: float


@dataclass(frozen=True)
class _Fit:
    pitch: float
    offset: float
    share: float


class _Axis:
    """The steps along one axis: `steps[i]` lies between pixel i and i + 1, which is line i + 1."""

    def __init__(self, energy: Energies) -> None:
        self.pixels = len(energy) + 1
        strength = np.sqrt(energy)
        floor = max(_FAINT, float(np.percentile(strength, 20))) if len(energy) else 0.0
        self.steps = np.clip(strength - floor, 0, None)
        self.lines = np.arange(1, self.pixels)
        self.total = float(self.steps.sum())
        self._sums = np.concatenate([[0.0], np.cumsum(self.steps)])

    def peaks(self) -> list[_Fit]:
        """Return the pitches that the spectrum names, fitted, the best first, of equals the widest."""
        if self.total <= 0 or self.pixels < LEAST_CELLS * LEAST_PITCH:
            return []
        bins = 1 << int(np.ceil(np.log2(8 * self.pixels)))
        size = np.abs(np.fft.rfft(np.concatenate([[0.0], self.steps]), bins))
        first, last = max(1, int(bins * (LEAST_CELLS - 1) / self.pixels)), int(bins / LEAST_PITCH)
        part = size[first - 1 : last + 2]
        tops = np.flatnonzero((part[1:-1] >= part[:-2]) & (part[1:-1] >= part[2:])) + first
        tops = tops[np.argsort(-size[tops], kind="stable")][:_PEAKS]
        fits = (self.fit(bins / top) for top in tops)
        return sorted(fits, key=lambda fit: (-round(10 * fit.share), -fit.pitch))

    def fit(self, pitch: float, *, fixed: bool = False) -> _Fit:
        """Fit a grid of about this pitch, or with `fixed` of exactly this one, to the steps."""
        turn = -2 * np.pi / pitch
        wave = complex((self.steps * np.exp(1j * turn * self.lines)).sum())
        offset = float(np.angle(wave) / turn) % pitch
        for _ in range(0 if fixed else 3):
            number = np.round((self.lines - offset) / pitch)
            near = np.abs(self.lines - offset - number * pitch) <= min(2.0, pitch / 3)
            weight = np.where(near, self.steps, 0.0)
            if np.count_nonzero(weight) < 3:
                break
            middle, place = (float(np.average(v, weights=weight)) for v in (number, self.lines))
            spread = float((weight * (number - middle) ** 2).sum())
            slope = float((weight * (number - middle) * (self.lines - place)).sum()) / spread if spread else 0
            if not 0.9 * pitch < slope < 1.1 * pitch:
                break
            pitch, offset = slope, (place - middle * slope) % slope
        return _Fit(pitch, offset, self.share(pitch, offset))

    def share(self, pitch: float, offset: float) -> float:
        """Return the share of the steps on the lines, beyond chance: 1 for all, 0 for as many as anywhere."""
        if self.total <= 0:
            return 0.0
        reach = min(1.5, pitch / 4) if pitch >= 4 else 0.5
        places = np.arange(
            np.ceil((0.5 - offset) / pitch), np.floor((self.pixels - 0.5 - offset) / pitch) + 1
        )
        places = offset + places * pitch
        low = np.clip(np.ceil(places - reach - 1e-9), 1, self.pixels).astype(int)
        high = np.clip(np.floor(places + reach + 1e-9), low - 1, self.pixels - 1).astype(int)
        chance = float((high - low + 1).sum()) / (self.pixels - 1)
        on = float((self._sums[high] - self._sums[low - 1]).sum()) / self.total
        return (on - chance) / (1 - chance) if chance < 0.9 else 0.0


def search_grid(picture: NDArray[np.uint8]) -> FoundGrid | None:
    """Find the pixel grid of a picture (H, W, 3): cell size in fractions of a pixel, offset, confidence.

    Cells are `LEAST_PITCH` pixels or wider, about square or up to a third longer one way than the other.

    Returns:
        The grid that holds the most edges, however few those are: see its `confidence`. None where a
        picture has no edges at all or is too small for `LEAST_CELLS` cells.
    """
    height, width = picture.shape[:2]
    across, down = edge_energy(picture, stride=max(1, min(height, width) // _SAMPLED))
    x_axis, y_axis = _Axis(across), _Axis(down)
    pairs = _pairs(x_axis, y_axis)
    total = x_axis.total + y_axis.total
    if not pairs or total <= 0:
        return None
    shares = [(x.share * x_axis.total + y.share * y_axis.total) / total for x, y in pairs]
    worth = [share * _likely(x, y) for share, (x, y) in zip(shares, pairs, strict=True)]
    enough = _ABOUT_THE_MOST * max(worth)
    widest = max(x.pitch + y.pitch for (x, y), value in zip(pairs, worth, strict=True) if value >= enough)
    best = max(
        (i for i, (x, y) in enumerate(pairs) if abs(x.pitch + y.pitch - widest) <= 0.06 * widest),
        key=lambda i: worth[i],
    )
    axes = tuple(zip(pairs[best], (x_axis, y_axis), strict=True))
    columns, rows = (_lay(axis, fit) for fit, axis in axes)
    return FoundGrid(
        (columns.pitch, rows.pitch),
        (columns.offset, rows.offset),
        (columns.cells, rows.cells),
        (columns.first, rows.first, columns.last, rows.last),
        _confidence(shares[best], *((fit.share, axis.total / total) for fit, axis in axes)),
    )


def _confidence(together: float, *axes: tuple[float, float]) -> float:
    """Return the share of edges of the worse axis, unless that one has hardly an edge."""
    worst = min(share for share, weight in axes if weight >= _HARDLY)
    return min(1.0, max(0.0, min(together, worst)))


def crop_to_grid(picture: NDArray[np.uint8], found: FoundGrid) -> NDArray[np.uint8]:
    """Cut a picture (H, W, C) to the cells that were found; what they lack at a border repeats the border."""
    left, top, right, bottom = found.box
    rows = np.clip(np.arange(top, bottom), 0, picture.shape[0] - 1)
    columns = np.clip(np.arange(left, right), 0, picture.shape[1] - 1)
    return picture.take(rows, axis=0).take(columns, axis=1)


def _pairs(x_axis: _Axis, y_axis: _Axis) -> list[tuple[_Fit, _Fit]]:
    """Pair the pitches of both axes: each with about the same on the other axis, the best with the best."""
    across, down = x_axis.peaks(), y_axis.peaks()
    pairs = [(fit, _same(y_axis, fit.pitch)) for fit in across]
    pairs += [(_same(x_axis, fit.pitch), fit) for fit in down]
    pairs += [
        (x, y)
        for x, y in product(across[:8], down[:8])
        if 0.74 <= x.pitch / y.pitch <= 1.35 and min(x.share, y.share) > 0.3
    ]
    least = LEAST_CELLS - 0.5
    return [(x, y) for x, y in pairs if max(x_axis.pixels / x.pitch, y_axis.pixels / y.pitch) >= least]


def _same(axis: _Axis, pitch: float) -> _Fit:
    fit = axis.fit(pitch)
    return fit if abs(fit.pitch / pitch - 1) <= 0.03 else axis.fit(pitch, fixed=True)


def _likely(x: _Fit, y: _Fit) -> float:
    """Return what a grid's share of edges counts: cells that are not square nine tenths, JPEG's own half.

    Cells may well be as wide as JPEG's blocks and begin in the same corner; but then they hold more edges.
    """
    if all(_like_blocks(fit) for fit in (x, y)):
        return 0.5
    return 1.0 if abs(x.pitch / y.pitch - 1) <= 0.05 else 0.9


def _like_blocks(fit: _Fit) -> bool:
    blocks = _BLOCK / max(1, round(_BLOCK / fit.pitch))
    in_corner = min(fit.offset, fit.pitch - fit.offset) < 0.6
    return abs(fit.pitch - blocks) < 0.06 and in_corner and fit.share < _MORE_THAN_BLOCKS


@dataclass(frozen=True)
class _Laid:
    pitch: float
    offset: float
    cells: int
    first: int
    last: int


def _lay(axis: _Axis, fit: _Fit) -> _Laid:
    """Lay a grid over an axis: as whole cells from border to border where the steps allow, else as fitted."""
    pixels, pitch = axis.pixels, fit.pitch
    whole = max(1, round(pixels / pitch))
    # So far off is a fit of blurred steps at the far end.
    if abs(pixels - whole * pitch) <= 0.5 + 0.1 * pitch:
        even = axis.fit(pixels / whole, fixed=True)
        if even.share >= 0.9 * axis.share(pitch, fit.offset):
            return _Laid(even.pitch, even.offset, whole, 0, pixels)
    before = 1 if fit.offset >= pitch / 2 else 0
    cells = max(1, round((pixels - fit.offset) / pitch)) + before
    start = fit.offset - before * pitch
    first, last = (int(np.ceil(edge - 0.5)) for edge in (start, start + cells * pitch))
    return _Laid(pitch, fit.offset, cells, first, last)
