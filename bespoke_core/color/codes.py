"""Colour codes: ``#03dc73`` and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import SupportsInt

from ..errors import InputError

Color = tuple[int, int, int]

_HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")


def parse_hex(code: str) -> Color:
    """Turn ``#03dc73``, ``03dc73`` or ``#0d7`` into (red, green, blue), 0..255 each.

    Raises:
        InputError: it is not such a code.
    """
    match = _HEX.fullmatch(code.strip())
    if match is None:
        raise InputError("is not a colour code", field="color", value=code, remedy="Write it as #03dc73.")
    digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def format_hex(rgb: Iterable[SupportsInt]) -> str:
    """Turn (red, green, blue), 0..255 each, into ``#rrggbb`` in lower case."""
    return "#" + "".join(f"{int(level):02x}" for level in rgb)
