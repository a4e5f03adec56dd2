"""The pixel grid of an enlarged picture: where its lines lie, and how much of its edges lie on them.

A picture of W pixels that shows w cells has its lines at round(k W / w) for k = 1 .. w - 1, plus a shift.
The edge energy of a line is the mean squared step, over channels and along the line, between the pixels
before and after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Energies = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Where a picture's cells lie.

    Attributes:
        columns: the cells' borders along x in pixels, w + 1 rising numbers, the first may be below 0 and the
            last beyond the width when the grid is shifted.
        rows: the same along y.
        shift: (x, y) by which the grid lies off its regular place, in pixels.
        fidelity: edge energy on the lines over the mean; 1 for a picture that knows no grid.
    """

    columns: NDArray[np.int64]
    rows: NDArray[np.int64]
    shift: tuple[float, float]
    fidelity: float


def edge_energy(picture: NDArray[np.uint8], *, stride: int = 1) -> tuple[Energies, Energies]:
    """Return the edge energy before each column 1 .. W - 1 and each row 1 .. H - 1 of a picture (H, W, C).

    A `stride` of n looks at every n-th row for the columns and every n-th column for the rows.
    """
    across = np.diff(picture[::stride].astype(np.int16), axis=1).astype(np.float32)
    down = np.diff(picture[:, ::stride].astype(np.int16), axis=0).astype(np.float32)
    return (
        np.einsum("ijk,ijk->j", across, across).astype(np.float64) / (across.shape[0] * across.shape[2]),
        np.einsum("ijk,ijk->i", down, down).astype(np.float64) / (down.shape[1] * down.shape[2]),
    )


def regular_lines(pixels: int, cells: int, shift: float = 0.0) -> NDArray[np.int64]:
    """Return the cells + 1 borders of a regular grid over `pixels` pixels, moved by `shift`."""
    exact = np.arange(cells + 1) * (pixels / cells) + shift
    # The first pixel whose centre lies in cell k, which is how nearest neighbour enlarges.
    return np.ceil(exact - 0.5).astype(np.int64)


def find_grid(
    picture: NDArray[np.uint8], size: tuple[int, int], *, reach: float = 0.47, stride: int = 1
) -> Grid:
    """Find the shift of a grid of known size in a picture (H, W, C).

    The shift is searched along x and y separately, in steps of half a pixel, or a forty-eighth of a cell
    where that is more, up to `reach` of a cell either way; the energy of a line is taken over it and its two
    neighbours, because a blurred line is three wide. Ties go to the smaller shift, and a shift is believed
    only when it holds more energy than none. `stride` is that of `edge_energy`.
    """
    height, width = picture.shape[:2]
    across, down = edge_energy(picture, stride=stride)
    shift_x = _best_shift(across, width, size[0], reach)
    shift_y = _best_shift(down, height, size[1], reach)
    columns = regular_lines(width, size[0], shift_x)
    rows = regular_lines(height, size[1], shift_y)
    return Grid(columns, rows, (shift_x, shift_y), _fidelity(across, columns, down, rows))


def _best_shift(energy: Energies, pixels: int, cells: int, reach: float) -> float:
    pitch = pixels / cells
    step = max(0.5, pitch / 48)
    steps = int(reach * pitch / step)
    if cells < 2 or steps < 1:
        return 0.0
    # A line's own step counts whole, its neighbours' a quarter: sharp grids are found exactly, soft ones too.
    padded = np.concatenate([[0.0], energy, [0.0]])
    soft = padded[1:-1] + 0.25 * (padded[:-2] + padded[2:])
    shifts = step * np.array(sorted(range(-steps, steps + 1), key=lambda k: (abs(k), k)))
    lines = np.ceil(np.arange(cells + 1) * pitch + shifts[:, None] - 0.5).astype(np.int64)
    inner = (lines > 0) & (lines <= len(energy))
    on = np.where(inner, soft[np.clip(lines - 1, 0, len(energy) - 1)], 0.0).sum(axis=1)
    totals = on / np.maximum(inner.sum(axis=1), 1)
    best = int(np.argmax(totals))
    return float(shifts[best]) if totals[best] > 1.02 * totals[0] else 0.0


def _energy_on(energy: Energies, lines: NDArray[np.int64]) -> float:
    inner = lines[(lines > 0) & (lines <= len(energy))]
    return float(energy[inner - 1].mean()) if len(inner) else 0.0


def _fidelity(across: Energies, columns: NDArray[np.int64], down: Energies, rows: NDArray[np.int64]) -> float:
    """Return the energy on the lines over the mean, both axes together; 1 where there is no edge at all.

    A line's energy is the mean of its own step and both neighbours': a decoder softens edges by that much.
    """
    on, everywhere = 0.0, 0.0
    for energy, lines in ((across, columns), (down, rows)):
        if len(energy) == 0:
            continue
        padded = np.concatenate([[0.0], energy, [0.0]])
        on += _energy_on((padded[:-2] + padded[1:-1] + padded[2:]) / 3, lines)
        everywhere += float(energy.mean())
    return on / everywhere if everywhere > 0 else 1.0
