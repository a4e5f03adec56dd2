"""Counting the colours that people can tell apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..color.cluster import grow_tree
from ..errors import InputError

JUST_NOTICEABLE = 2.0
"""In hundredths of OKLab; follows CIEDE2000 of 2 on pixel art at a fraction of the cost."""


def perceptual_colors(images: NDArray[np.uint8], *, threshold: float = JUST_NOTICEABLE) -> NDArray[np.int64]:
    """Count the colours of each picture of uint8 (N, H, W, 3) after merging all that look the same.

    Colours are merged by average linkage in OKLab until every two groups are at least `threshold` apart on
    average. Neither the order nor the number of a colour's pixels matters. Returns int64 (N,).

    Raises:
        InputError: the array is not of that shape and type.
    """
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise InputError(
            f"pictures must be uint8 of shape (N, H, W, 3), not {images.dtype} {images.shape}",
            field="images",
            remedy="Convert them to 8-bit RGB.",
        )
    counts = [count_perceptual_colors(image, threshold=threshold) for image in images]
    return np.array(counts, dtype=np.int64)


def count_perceptual_colors(image: NDArray[np.uint8], *, threshold: float = JUST_NOTICEABLE) -> int:
    """Count the colours of one picture, uint8 (H, W, 3), that people can tell apart."""
    if image.size == 0:
        return 0
    return grow_tree(image).count(threshold)
