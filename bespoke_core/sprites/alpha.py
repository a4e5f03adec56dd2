"""Transparency: composited on a stated colour, or kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Rgb = tuple[int, int, int]


def composite(picture: Picture, background: Rgb) -> Picture:
    """Lay RGBA (H, W, 4) on a colour and return RGB; what lies under transparent pixels does not count."""
    alpha = picture[..., 3:].astype(np.uint32)
    mixed = picture[..., :3] * alpha + np.array(background, dtype=np.uint32) * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)


def blank(picture: Picture) -> Picture:
    """Return RGBA (H, W, 4) with black under the pixels that are wholly transparent."""
    result = picture.copy()
    result[picture[..., 3] == 0] = 0
    return result
