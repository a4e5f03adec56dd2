"""The commonest colours of pictures."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..color.codes import format_hex
from ..color.spaces import pack, unpack
from ..errors import InputError


class MainColor(NamedTuple):
    """One colour of a picture.

    Attributes:
        color: ``#rrggbb``.
        share: of the picture's pixels, 0..1.
    """

    color: str
    share: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, the share rounded to four digits after the point."""
        return {"color": self.color, "share": round(self.share, 4)}


def main_colors(images: NDArray[np.uint8], most: int = 8) -> list[list[MainColor]]:
    """Return the commonest colours of each picture, uint8 (N, H, W, 3), the commonest first.

    Args:
        images: with at least one pixel each.
        most: at most so many a picture, at least 1. Of equally common ones the darkest in red, green, blue
            comes first.

    Raises:
        InputError: `most` is below 1.
    """
    if most < 1:
        raise InputError("must be at least 1", field="most", value=most, remedy="Use 8.")
    return [_main_colors(image, most) for image in images]


def _main_colors(image: NDArray[np.uint8], most: int) -> list[MainColor]:
    packed, counts = np.unique(pack(image), return_counts=True)
    first = np.argsort(-counts, kind="stable")[:most]
    shares = counts[first] / counts.sum()
    return [
        MainColor(format_hex(rgb), float(share))
        for rgb, share in zip(unpack(packed[first]), shares, strict=True)
    ]
