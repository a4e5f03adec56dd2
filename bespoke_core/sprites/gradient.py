"""Gradients: backgrounds whose colour follows from the place, so that hardly two cells are alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..color.spaces import srgb_to_oklab

LOCAL_STEP = 12.0
"""Neighbouring cells of a gradient are closer than this, in hundredths of OKLab."""
STOPS = 5
"""Colours that stand for a gradient, from end to end."""
_LEAST, _MOST = 0.15, 0.85  # of the picture, for a region to be a background
_LEAST_BORDER, _LEAST_PIECE = 0.6, 0.15  # of the border's cells
# Root mean square distance of the cells to the fitted surface: at most so many hundredths of OKLab for noise,
# such a share of the range for bands (two halves have a quarter), and never more than the last.
_NOISE_OFF, _BAND_OFF, _MOST_OFF = 2.0, 0.12, 4.0
_FAR_OFF, _ROUNDS, _EDGE = 6.0, 4, 2  # hundredths of OKLab; rounds of the fit; cells of an edge
_LEAST_BETWEEN = 0.25  # of the cells, with colours that are not those of the ends
_LEAST_RANGE = 6.0  # between the ends; less is a plain colour with noise

Found = tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.uint8]]


def find_gradient(cells: NDArray[np.uint8], border: NDArray[np.bool_]) -> Found | None:
    """Find a gradient that is connected to the border.

    It is grown from the border's cells in small steps, and has to be a smooth surface: a polynomial of the
    second degree in x and y for each coordinate of OKLab.

    Args:
        cells: uint8 (h, w, 3).
        border: where a background may begin, bool (h, w).

    Returns:
        its region, bool (h, w); the index of each cell's stop, int (h, w), -1 outside; the colours of its
        stops from end to end, uint8 (STOPS, 3). None where there is no gradient.
    """
    lab = 100 * srgb_to_oklab(cells).astype(np.float64)
    region = _grown(lab, border)
    if region[border].mean() < _LEAST_BORDER:
        return None
    region, surface = _on_surface(lab, region, border)
    if not _LEAST <= region.mean() <= _MOST or region[border].mean() < _LEAST_BORDER:
        return None
    fitted = surface[region]
    off = np.sqrt(((fitted - lab[region]) ** 2).sum(axis=1).mean())
    # The direction in which the colours differ most is the gradient's own.
    centred = fitted - fitted.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    along = centred @ axes[0]
    if np.ptp(along) < _LEAST_RANGE or off > min(_MOST_OFF, max(_NOISE_OFF, _BAND_OFF * np.ptp(along))):
        return None
    # Two halves lie at the ends alone; a gradient has colours between them.
    true = (lab[region] - fitted.mean(axis=0)) @ axes[0]
    share = (true - along.min()) / np.ptp(along)
    if ((share > 0.2) & (share < 0.8)).mean() < _LEAST_BETWEEN:
        return None
    place = np.minimum(((along - along.min()) / np.ptp(along) * STOPS).astype(np.int64), STOPS - 1)
    levels = cells[region]
    nearest = [np.argsort(np.abs(along - goal))[:5] for goal in np.linspace(along.min(), along.max(), STOPS)]
    colors = np.stack([np.median(levels[cells_], axis=0) for cells_ in nearest]).astype(np.uint8)
    which = np.full(region.shape, -1, dtype=np.int64)
    which[region] = place
    return region, which, colors


def _on_surface(
    lab: NDArray[np.float64], region: NDArray[np.bool_], border: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Fit the surface, leaving out what small steps reached of the figure.

    The edges of the picture are background first of all; what lies far off the surface through them is not.

    Returns:
        the cells on the surface that hang together with the border, and the surface, (h, w, 3).
    """
    height, width = border.shape
    y, x = np.indices(border.shape)
    across, down = x / width - 0.5, y / height - 0.5
    terms = np.stack([np.ones_like(across), across, down, across**2, down**2, across * down], axis=-1)
    edges = region.copy()
    edges[1:, _EDGE : width - _EDGE] = False
    chosen = edges if edges.sum() > terms.shape[-1] else region
    surface = lab
    for _ in range(_ROUNDS):
        factors, *_rest = np.linalg.lstsq(terms[chosen], lab[chosen], rcond=None)
        surface = terms @ factors
        chosen = region & (np.linalg.norm(surface - lab, axis=-1) <= _FAR_OFF)
        if chosen.sum() <= terms.shape[-1]:
            return chosen, surface
    return _touching(chosen, border), surface


def _touching(region: NDArray[np.bool_], border: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy.ndimage import label

    pieces, _ = label(region)
    there = np.unique(pieces[border & region])
    return np.asarray(np.isin(pieces, there[there > 0]))


def _grown(lab: NDArray[np.float64], border: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what small steps from cell to cell reach, from every larger smooth part of the border.

    There may be two such parts: a hat that leaves through the top divides the background.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    index = np.arange(border.size).reshape(border.shape)
    right = np.linalg.norm(lab[:, 1:] - lab[:, :-1], axis=-1) <= LOCAL_STEP
    down = np.linalg.norm(lab[1:] - lab[:-1], axis=-1) <= LOCAL_STEP
    one = np.concatenate([index[:, :-1][right], index[:-1][down]])
    other = np.concatenate([index[:, 1:][right], index[1:][down]])
    links = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(border.size, border.size))
    _, labels = connected_components(links, directed=False)
    pieces = labels.reshape(border.shape)
    sizes = np.bincount(pieces[border], minlength=pieces.max() + 1)
    return np.asarray(sizes[pieces] >= _LEAST_PIECE * border.sum())
