"""Merging colours that look the same: average linkage in OKLab, the same whatever the order of the colours.

Average linkage is agglomerative: the two groups whose members lie closest on average are joined until the
next join would reach the threshold. Distances are 100 times OKLab's, where about 2 is just noticeable.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def linkage_tree(oklab: NDArray[Any]) -> NDArray[np.float64]:
    """Return scipy's linkage table, (n - 1, 4), of n OKLab colours (n, 3) under average linkage.

    Args:
        oklab: distinct colours in a fixed order; sort them to make ties independent of the picture.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist

    return np.asarray(linkage(100 * pdist(oklab.astype(np.float64)), method="average"))


def labels_at(tree: NDArray[np.float64], threshold: float) -> NDArray[np.int64]:
    """Return each colour's group, 0-based (n,), when the tree is cut below `threshold`."""
    from scipy.cluster.hierarchy import fcluster

    return np.asarray(fcluster(tree, np.nextafter(threshold, 0), criterion="distance"), dtype=np.int64) - 1


def largest_gap(heights: NDArray[np.float64], low: float, high: float, fallback: float) -> float:
    """Return where to cut: in the middle of the largest relative gap of merge heights in `low`..`high`.

    Heights below `low` are joined anyway and those above `high` never; where the heights leave no gap to
    choose from, `fallback`.
    """
    inside = np.sort(heights[(heights > low) & (heights < high)])
    edges = np.concatenate([[low], inside, [high]])
    if len(inside) == 0:
        return fallback
    ratios = edges[1:] / edges[:-1]
    widest = int(np.argmax(ratios))
    return float(np.sqrt(edges[widest] * edges[widest + 1]))
