"""What an audit finds when it holds a caption against its picture."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..color.codes import format_hex, parse_hex
from ..color.difference import ciede2000
from ..color.spaces import pack, srgb_to_lab, unpack
from .checks import Reading
from .features import should_differ
from .findings import Finding, finding
from .parse import Code
from .pixels import Look

NEAR = 5.0
"""CIEDE2000; a code further from every pixel names a colour that is not there."""
LEAST_SHARE = 0.05
"""A colour that fewer of the background's cells have is not the background's."""
_ONLY = 0.95
_AT_ONCE = 1 << 16  # colours compared in one step, so that a photograph's do not fill the memory
_MOST_CODES = (
    256  # distinct ones of a caption that are looked for; a file of nothing but codes would take hours
)


def check_picture(reading: Reading, look: Look) -> Iterator[Finding]:
    """Find `phantom_code` and `misplaced_code`.

    - `phantom_code`: one finding for every distinct code that no pixel of the picture is near to (a CIEDE2000
      difference of 5 or less), at its first place.
    - `misplaced_code`: one finding for every code of a phrase about the background that fewer than 5 % of the
      background's cells are near to; and one for every code of another feature's phrase that is the
      background's colour, when nothing but the background (95 % of the cells) has it. A code that is a
      phantom is not misplaced, too; where the background has no colours in common nothing is said.

    The first 256 distinct codes of a caption are looked for.
    """
    codes: dict[str, Code] = {}
    for code in reading.caption.codes:
        if len(codes) < _MOST_CODES:
            codes.setdefault(code.hex, code)
    if not codes:
        return
    near = _Nearness(list(codes), look)
    for value, code in codes.items():
        if near.is_phantom(value):
            advice = "The picture has no pixel near this colour. Remove the code by cleaning."
            yield _found(reading, "phantom_code", code, advice)
    if look.arrangement == "unknown":
        return
    features = reading.features
    told: set[tuple[int, str]] = set()
    for code in reading.caption.codes:
        feature = None if code.phrase is None else features.get(code.phrase)
        if feature is None or code.phrase is None or code.hex not in codes or near.is_phantom(code.hex):
            continue
        if (code.phrase, code.hex) not in told:
            told.add((code.phrase, code.hex))
            advice = _misplaced(feature, near.shares(code.hex), look)
            if advice:
                yield _found(reading, "misplaced_code", code, advice)


def _misplaced(feature: str, shares: tuple[float, float], look: Look) -> str:
    """Return what is wrong with a code that has these shares (see `_Nearness.shares`), or nothing."""
    of_background, inside = shares
    if feature == "background":
        if of_background >= LEAST_SHARE:
            return ""
        colors = ", ".join(format_hex(color) for color in look.background.colors)
        return f"The background has another colour ({colors}). Remove the code by cleaning."
    if should_differ("background", feature) and inside >= _ONLY:
        return f"Only the background has this colour, not the {feature}. Remove the code by cleaning."
    return ""


def is_near(value: str, colors: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which colours, uint8 (..., 3), a code is near to."""
    lab = srgb_to_lab(np.array(parse_hex(value), dtype=np.uint8))
    return np.asarray(ciede2000(srgb_to_lab(colors), lab) <= NEAR)


class _Nearness:
    """Which codes are near to which of a picture's colours, compared once for all codes."""

    def __init__(self, codes: list[str], look: Look) -> None:
        self._index = {value: index for index, value in enumerate(codes)}
        self._levels = np.array([parse_hex(value) for value in codes], dtype=np.uint8)
        self._look = look
        self._lab = srgb_to_lab(self._levels)
        exact = np.isin(pack(self._levels), pack(look.colors))
        self._phantom = [not found and not self._is_somewhere(i) for i, found in enumerate(exact)]

    def is_phantom(self, value: str) -> bool:
        """Return whether no pixel of the picture is near to a code."""
        return self._phantom[self._index[value]]

    def shares(self, value: str) -> tuple[float, float]:
        """Return which share of the background's cells is near to a code, and of those near it lies there."""
        behind, everywhere = self._counts
        index = self._index[value]
        total = everywhere[index]
        inside = behind[index] / total if total else 0.0
        return float(behind[index] / max(1, self._look.background.region.sum())), float(inside)

    @cached_property
    def _counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How many cells of the background, and of the whole picture, are near to each code."""
        colors, which = np.unique(pack(self._look.cells), return_inverse=True)
        lab = srgb_to_lab(unpack(colors))
        step = max(1, _AT_ONCE // len(colors))
        parts = (self._lab[start : start + step, None] for start in range(0, len(self._lab), step))
        near = np.concatenate([ciede2000(lab[None], part) <= NEAR for part in parts])
        cells = which.reshape(-1)
        behind = cells[self._look.background.region.reshape(-1)]
        return near @ np.bincount(behind, minlength=len(colors)), near @ np.bincount(cells)

    def _is_somewhere(self, index: int) -> bool:
        colors = self._look.colors
        parts = (colors[start : start + _AT_ONCE] for start in range(0, len(colors), _AT_ONCE))
        return any(bool((ciede2000(srgb_to_lab(part), self._lab[index]) <= NEAR).any()) for part in parts)


def _found(reading: Reading, kind: str, code: Code, advice: str) -> Finding:
    span = (code.start, code.end)
    return finding(reading.file, kind, advice, span=span, text=reading.caption.text[span[0] : span[1]])
