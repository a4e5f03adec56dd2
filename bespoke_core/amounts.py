"""Numbers as people read them: counts with their noun, first names of many, scores, no needless exponents."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from .shown import on_one_line


def counted(count: float, one: str, many: str | None = None) -> str:
    """Return a count with its noun: "1 caption", "1,203 captions"; the mean or median of counts as well.

    Args:
        count: how many.
        one: what one of them is called, with its verb where one follows: "picture is".
        many: what several are called; `one` with an s where it is not given.
    """
    number = f"{count:,}" if isinstance(count, int) else f"{count:,.6g}"
    return f"{number} {one if count == 1 else many or one + 's'}"


def first_of(names: Iterable[str], most: int) -> str:
    """Return the first names of many, each on one line, with commas between them: "a, b and 3 more".

    Args:
        names: each is told once.
        most: how many are told.
    """
    told = [on_one_line(name) for name in dict.fromkeys(names)]
    rest = len(told) - most
    return ", ".join(told[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def plain(value: float) -> str:
    """Return a number as a configuration writes it: 10000000 and 1e-06, never 1e+07."""
    whole = float(value).is_integer() and abs(value) < 1e15
    return str(int(value)) if whole else f"{value:g}"


def score_text(value: float) -> str:
    """Return a score at its own scale: 216.6, 4.12 and 0.0312; a whole count as it is.

    At least one digit after the point and three that say something, so that small distances do not all read
    0.0 and long counts do not look more exact than they are. A half is rounded away from zero, as at school
    and as the canvas does it: 253.25 is 253.3.
    """
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size < 1e-4:
        return f"{value:.3g}" if value else "0.0"
    if size >= 1e15:
        return f"{value:.1f}"
    digits = max(1, 2 - math.floor(math.log10(size)))
    # `format` rounds a half to the even digit; means of two or four counts end in one often.
    return str(Decimal(float(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def span_text(low: float, high: float) -> str:
    """Return an interval of a score: "0.0312 to 0.0451"."""
    return f"{score_text(low)} to {score_text(high)}"
