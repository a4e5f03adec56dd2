"""Enlarging a sprite for the eye, without inventing a pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError


def enlarge(sprites: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Repeat each pixel of sprites (N, h, w, C) or (h, w, C) `factor` times down and across.

    Raises:
        InputError: the factor is under 1.
    """
    if factor < 1:
        raise InputError("must be at least 1", field="factor", value=factor, remedy="Give a whole factor.")
    return sprites.repeat(factor, axis=-3).repeat(factor, axis=-2)
