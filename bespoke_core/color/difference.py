"""How different two colours look: CIEDE2000, and the plain distance in OKLab.

Source: Sharma, Wu and Dalal 2005, "The CIEDE2000 color-difference formula".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_NO_CHROMA = 1e-3
"""CIELAB chroma that is a gray's rounding in single precision; its hue would count and means nothing."""


def ciede2000(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Return the CIEDE2000 difference of CIELAB colours; both (..., 3), broadcast against each other.

    Under 1 is invisible to most people, under 2 hardly visible, over 10 plainly another colour.
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    l1, a1, b1 = one[..., 0], one[..., 1], one[..., 2]
    l2, a2, b2 = two[..., 0], two[..., 1], two[..., 2]
    mean_chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    power = mean_chroma**7
    stretch = 1.5 - 0.5 * np.sqrt(power / (power + 25.0**7))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = (np.where(c < _NO_CHROMA, 0.0, c) for c in (np.hypot(a1, b1), np.hypot(a2, b2)))
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360

    turn = (h2 - h1 + 180) % 360 - 180
    turn = np.where(np.isclose(turn, -180) & (h2 > h1), 180.0, turn)
    grey = c1 * c2 == 0
    turn = np.where(grey, 0.0, turn)
    d_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    mean_hue = np.where(np.abs(h1 - h2) <= 180, (h1 + h2) / 2, ((h1 + h2 + 360) / 2) % 360)
    mean_hue = np.where(grey, h1 + h2, mean_hue)

    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * np.cos(np.radians(mean_hue - 30))
        + 0.24 * np.cos(np.radians(2 * mean_hue))
        + 0.32 * np.cos(np.radians(3 * mean_hue + 6))
        - 0.20 * np.cos(np.radians(4 * mean_hue - 63))
    )
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    s_c = 1 + 0.045 * mean_c
    s_h = 1 + 0.015 * mean_c * t
    power = mean_c**7
    rotation = (
        -2
        * np.sqrt(power / (power + 25.0**7))
        * np.sin(np.radians(60 * np.exp(-(((mean_hue - 275) / 25) ** 2))))
    )
    light, chroma, hue = (l2 - l1) / s_l, (c2 - c1) / s_c, d_hue / s_h
    result: NDArray[Any] = np.sqrt(np.maximum(light**2 + chroma**2 + hue**2 + rotation * chroma * hue, 0))
    return result


def oklab_distance(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Return 100 times the Euclidean distance of OKLab colours (..., 3); about 2 is just noticeable."""
    result: NDArray[Any] = 100 * np.sqrt(((first - second) ** 2).sum(axis=-1))
    return result
