"""A palette as people type it."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from ..color.codes import parse_hex
from ..errors import InputError

MOST_COLORS = 4096

_BETWEEN = re.compile(r"[\s,;]+")


def parse_palette(text: str, *, field: str = "palette") -> NDArray[np.uint8] | None:
    """Turn colour codes with blanks, commas or new lines between them into uint8 (k, 3), each once, in order.

    Args:
        text: such as ``#112233, #445566``; None comes back for one without any code.
        field: the input's name, for the error.

    Raises:
        InputError: a word is no colour code, or there are more than `MOST_COLORS`.
    """
    colors = dict.fromkeys(_parse(word, field) for word in _BETWEEN.split(text) if word)
    if not colors:
        return None
    if len(colors) > MOST_COLORS:
        raise InputError(
            f"has more than {MOST_COLORS} colours", field=field, value=len(colors), remedy="Give fewer."
        )
    return np.array(list(colors), dtype=np.uint8)


def _parse(word: str, field: str) -> tuple[int, int, int]:
    try:
        return parse_hex(word)
    except InputError as error:
        raise InputError(error.problem, field=field, value=word, remedy=error.remedy) from None
