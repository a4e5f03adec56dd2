"""sRGB to linear light, OKLab and CIELAB (D65, 2 degrees), in numpy.

Sources: IEC 61966-2-1 for sRGB; Ottosson 2020 for OKLab; CIE 15 for CIELAB.
All functions take arrays of any leading shape with the channels last.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_RGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=np.float32,
)
_LMS_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=np.float32,
)
_RGB_TO_XYZ = np.array(
    [
        [0.41239079926595934, 0.357584339383878, 0.1804807884018343],
        [0.21263900587151027, 0.715168678767756, 0.07219231536073371],
        [0.01933081871559182, 0.11919477979462598, 0.9505321522496607],
    ],
    dtype=np.float32,
)
_WHITE_D65 = np.array([0.3127 / 0.3290, 1.0, (1 - 0.3127 - 0.3290) / 0.3290], dtype=np.float32)
_EPSILON = (6 / 29) ** 3


@cache
def _linear_table() -> Floats:
    level = np.arange(256, dtype=np.float64) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)


def srgb_to_linear(rgb: Bytes) -> Floats:
    """Turn sRGB levels, uint8 (..., 3), into linear light, float32 in 0..1.

    Raises:
        TypeError: the array is not uint8; a table of 256 entries serves exactly those.
    """
    if rgb.dtype != np.uint8:
        raise TypeError(f"sRGB levels must be uint8, not {rgb.dtype}")
    return _linear_table()[rgb]


def srgb_to_oklab(rgb: Bytes) -> Floats:
    """Turn sRGB levels, uint8 (..., 3), into OKLab, float32 (..., 3): L in 0..1, a and b about -0.4..0.4.

    A just-noticeable difference is about 0.02 here; the library's thresholds are given in hundredths.
    """
    return _linear_to_oklab(srgb_to_linear(rgb))


def levels_to_oklab(levels: NDArray[Any], *, flare: float = 0.0) -> Floats:
    """Turn sRGB levels with fractions, (..., 3) in 0..255, into OKLab as `srgb_to_oklab` does.

    Between whole levels the light is interpolated linearly. `flare` is light that is added to every pixel, 1
    being white's: without any, black and the level above it lie six hundredths of OKLab apart, which no
    screen in a lit room shows.
    """
    linear = np.interp(levels, np.arange(256), _linear_table()).astype(np.float32)
    return _linear_to_oklab(linear + np.float32(flare))


def _linear_to_oklab(linear: Floats) -> Floats:
    return np.cbrt(linear @ _RGB_TO_LMS.T) @ _LMS_TO_OKLAB.T


def srgb_to_lab(rgb: Bytes) -> Floats:
    """Turn sRGB levels, uint8 (..., 3), into CIELAB under D65, float32 (..., 3): L* in 0..100."""
    xyz = (srgb_to_linear(rgb) @ _RGB_TO_XYZ.T) / _WHITE_D65
    f = np.where(xyz > _EPSILON, np.cbrt(xyz), xyz * (841 / 108) + 4 / 29)
    lightness = 116 * f[..., 1] - 16
    lab = np.stack([lightness, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)
    return lab.astype(np.float32)


def chroma_and_hue(lab: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return chroma and hue angle (degrees in 0..360) of Lab-like colours (..., 3)."""
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360
    return np.hypot(lab[..., 1], lab[..., 2]), hue


def pack(rgb: Bytes) -> NDArray[np.uint32]:
    """Pack uint8 (..., 3) into one integer a pixel, 0xRRGGBB: equal integers are equal colours."""
    wide = rgb.astype(np.uint32)
    return ((wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]).astype(np.uint32, copy=False)


def unpack(packed: NDArray[np.uint32]) -> Bytes:
    """Undo `pack`: uint32 (...) into uint8 (..., 3)."""
    return np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], axis=-1).astype(np.uint8)
