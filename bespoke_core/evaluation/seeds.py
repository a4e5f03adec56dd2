"""The seeds of a sweep as people write them."""

from __future__ import annotations

import re

from ..errors import InputError


def parse_seeds(text: str, *, field: str = "seeds") -> tuple[int, ...]:
    """Read seeds such as ``1, 2, 3`` or ``1-5, 42``; doubles are dropped, the order is kept.

    Args:
        text: what was written.
        field: where, for errors.

    Raises:
        InputError: not numbers, negative, over 64 bits, or more than 1000 of them.
    """
    seeds: dict[int, None] = {}
    for part in re.split(r"[,;\s]+", text.strip()):
        if not part:
            continue
        span = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if span is None:
            raise InputError(
                "is not a seed or a range of seeds",
                field=field,
                value=part,
                remedy="Write whole numbers, such as: 1, 2, 3 or 1-5.",
            )
        first, last = int(span.group(1)), int(span.group(2) or span.group(1))
        if last < first or last - first >= 1000 or last > 0xFFFF_FFFF_FFFF_FFFF:
            raise InputError(
                "is not a usable range of seeds",
                field=field,
                value=part,
                remedy="Give at most 1000 seeds from 0 to 2^64-1, the smaller first.",
            )
        seeds.update(dict.fromkeys(range(first, last + 1)))
    if not seeds:
        raise InputError("there is no seed", field=field, value=text, remedy="Write one, such as: 1.")
    return tuple(seeds)
