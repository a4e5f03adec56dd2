"""Checks of a caption against its picture's colours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..color.difference import ciede2000
from ..color.spaces import pack, srgb_to_lab
from .checks import Reading
from .findings import Finding, finding

_NEAR = 5.0  # CIEDE2000; a code further from every pixel names a colour that is not there
_AT_ONCE = 1 << 16  # colours compared in one step, so that a photograph's do not fill the memory


def picture_colors(path: Path) -> NDArray[np.uint8]:
    """Return the distinct colours of a picture's first frame, uint8 (N, 3), invisible pixels left out.

    Raises:
        OSError, ValueError, SyntaxError: the picture cannot be decoded.
    """
    from PIL import Image

    with Image.open(path) as picture:
        rgba = picture.convert("RGBA")
    few = rgba.getcolors(1 << 12)  # pixel art has few; counting them so is many times faster
    if few is None:
        colors = np.asarray(rgba).reshape(-1, 4)
    else:
        colors = np.array([color for _, color in few], dtype=np.uint8)
    seen = np.ascontiguousarray(colors[colors[:, 3] > 0, :3])
    _, first = np.unique(pack(seen), return_index=True)
    return seen[first]


def check_pixels(reading: Reading, picture: Path) -> Iterator[Finding]:
    """Find `phantom_code`: one finding for every distinct code that no pixel of the picture is near to.

    Near is a CIEDE2000 difference of 5 or less. A picture that cannot be decoded is a `broken_picture`.
    """
    first = {code.hex: (code.start, code.end) for code in reversed(reading.caption.codes)}
    if not first:
        return
    try:
        colors = picture_colors(picture)
    except (OSError, ValueError, SyntaxError) as error:
        advice = f"The picture cannot be decoded ({error}). Replace it or remove it with its caption."
        yield finding(picture.name, "broken_picture", advice)
        return
    codes = np.array([[int(value[i : i + 2], 16) for i in (1, 3, 5)] for value in first], dtype=np.uint8)
    absent = ~np.isin(pack(codes), pack(colors))
    for value, is_absent, code in zip(list(first), absent, codes, strict=True):
        if is_absent and not _is_near(code, colors):
            span = first[value]
            text = reading.caption.text[span[0] : span[1]]
            advice = "The picture has no pixel near this colour. Remove the code by cleaning."
            yield finding(reading.file, "phantom_code", advice, span=span, text=text)


def _is_near(code: NDArray[np.uint8], colors: NDArray[np.uint8]) -> bool:
    lab = srgb_to_lab(code)
    parts = (colors[start : start + _AT_ONCE] for start in range(0, len(colors), _AT_ONCE))
    return any(bool((ciede2000(lab, srgb_to_lab(part)) <= _NEAR).any()) for part in parts)
