"""Counting the distinct colours of pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..color.spaces import pack
from ..errors import InputError

# Sorting rows that fit the processor's cache together is fastest; larger batches are taken in slices.
_PIXELS_A_SLICE = 1 << 20


def count_colors(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count the distinct RGB triples of each picture of uint8 (N, H, W, 3); int64 (N,).

    Equals ``len(PIL.Image.getcolors(...))`` picture by picture. Each picture's packed pixels are sorted and
    the steps between neighbours counted.

    Raises:
        InputError: the array is not of that shape and type.
    """
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise InputError(
            f"pictures must be uint8 of shape (N, H, W, 3), not {images.dtype} {images.shape}",
            field="images",
            remedy="Convert them to 8-bit RGB.",
        )
    number, height, width = images.shape[:3]
    counts = np.zeros(number, dtype=np.int64)
    if height * width == 0:
        return counts
    step = max(1, _PIXELS_A_SLICE // (height * width))
    for start in range(0, number, step):
        packed = pack(images[start : start + step]).reshape(-1, height * width)
        packed.sort(axis=1)
        counts[start : start + step] = 1 + np.count_nonzero(packed[:, 1:] != packed[:, :-1], axis=1)
    return counts
