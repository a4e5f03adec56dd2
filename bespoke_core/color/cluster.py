"""Merging colours that look the same: average linkage in OKLab, the same whatever the order of the colours.

Average linkage is agglomerative: the two groups whose members lie closest on average are joined until the
next join would reach the threshold. Distances are 100 times OKLab's, where about 2 is just noticeable.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .spaces import Bytes, levels_to_oklab, pack, srgb_to_oklab, unpack

# The table of distances grows with the square; 4,096 colours need 67 MB. A picture with more distinct
# colours than that is a photograph, and neighbours in its colour cube are joined before.
MOST_COLORS = 4096


@dataclass(frozen=True)
class Tree:
    """The joins of distinct colours under average linkage.

    Attributes:
        colors: the distinct colours, uint8 (n, 3), sorted by 0xRRGGBB.
        coarse: which leaf of the tree each colour belongs to, (n,); the colour itself unless there are
            more than `MOST_COLORS`.
        joins: scipy's linkage table over the leaves, (leaves - 1, 4).
    """

    colors: Bytes
    coarse: NDArray[np.intp]
    joins: NDArray[np.float64]

    @property
    def heights(self) -> NDArray[np.float64]:
        """The rising distances at which groups are joined, in hundredths of OKLab."""
        return self.joins[:, 2]

    def cut(self, threshold: float) -> NDArray[np.intp]:
        """Return each colour's group (n,), 0-based: groups closer than `threshold` are one."""
        return self._labels(np.nextafter(threshold, 0), "distance")

    def count(self, threshold: float) -> int:
        """Return how many groups `cut` makes, without saying which colour belongs to which."""
        return len(self.joins) + 1 - int(np.count_nonzero(self.heights < threshold))

    def into(self, groups: int) -> NDArray[np.intp]:
        """Return each colour's group (n,) in a cut into at most `groups` groups."""
        return self._labels(groups, "maxclust")

    def _labels(self, at: float, criterion: str) -> NDArray[np.intp]:
        from scipy.cluster.hierarchy import fcluster

        if len(self.joins) == 0:
            return np.zeros(len(self.colors), dtype=np.intp)
        leaves = np.asarray(fcluster(self.joins, at, criterion=criterion), dtype=np.intp) - 1
        return leaves[self.coarse]


def grow_tree(rgb: Bytes, *, flare: float = 0.0) -> Tree:
    """Build the tree of the distinct colours in uint8 (..., 3); counts and order do not matter.

    `flare` is that of `spaces.levels_to_oklab`.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist

    packed = np.unique(pack(rgb))
    colors = unpack(packed)
    coarse = np.arange(len(colors), dtype=np.intp)
    leaves = colors
    bits = 0
    while len(leaves) > MOST_COLORS:
        bits += 1
        rounded = pack(((colors >> bits) << bits).astype(np.uint8))
        kept, coarse = np.unique(rounded, return_inverse=True)
        leaves = unpack(kept) + np.uint8((1 << bits) >> 1)
    if len(leaves) == 1:
        return Tree(colors, coarse, np.zeros((0, 4)))
    lab = levels_to_oklab(leaves, flare=flare) if flare else srgb_to_oklab(leaves)
    distances = 100 * pdist(lab.astype(np.float64))
    return Tree(colors, coarse, np.asarray(linkage(distances, method="average")))


def recolor(rgb: Bytes, tree: Tree, labels: NDArray[np.intp]) -> Bytes:
    """Give every pixel of uint8 (..., 3) the median colour of its group's pixels, channel by channel."""
    flat = rgb.reshape(-1, 3)
    group = labels[np.searchsorted(pack(tree.colors), pack(flat))]
    order = np.argsort(group, kind="stable")
    borders = np.flatnonzero(np.diff(group[order], prepend=-1, append=-1))
    result = np.empty_like(flat)
    for start, stop in pairwise(borders):
        members = order[start:stop]
        middle = (stop - start - 1) // 2
        result[members] = np.sort(flat[members], axis=0)[middle]
    return result.reshape(rgb.shape)


def largest_gap(heights: NDArray[Any], low: float, high: float, fallback: float) -> float:
    """Return where to cut: the middle of the largest relative gap of the heights between `low` and `high`.

    Joins under `low` are made in any case and those over `high` never; where no join lies between, there is
    nothing to choose and the answer is `fallback`.
    """
    inside = np.sort(heights[(heights > low) & (heights < high)])
    if len(inside) == 0:
        return fallback
    edges = np.concatenate([[low], inside, [high]])
    widest = int(np.argmax(edges[1:] / edges[:-1]))
    return float(np.sqrt(edges[widest] * edges[widest + 1]))
