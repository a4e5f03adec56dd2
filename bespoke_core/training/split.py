"""Which pictures are held out, and how often regularisation pictures come: kohya's rules."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def hold_out(items: Sequence[T], share: float, seed: int) -> tuple[list[T], list[T]]:
    """Return (trained on, held out), each in the order of `items`.

    The held-out ones are those that kohya's sd-scripts hold out for the same order of files, share and seed:
    the last round(share * count) of a shuffled list. There, one picture of them is sometimes trained on as
    well (both halves are rounded up); here none is.
    """
    places = list(range(len(items)))
    random.Random(seed).shuffle(places)
    kept = len(items) - round(len(items) * share)
    held = set(places[kept:])
    return (
        [item for place, item in enumerate(items) if place not in held],
        [item for place, item in enumerate(items) if place in held],
    )


def balanced_repeats(repeats: Sequence[int], wanted: int) -> list[int]:
    """Return how often each regularisation picture comes in an epoch, so that about `wanted` are shown.

    They are gone through in order with their own repeats until there are enough; those beyond are left out
    (0). While there are too few, each in turn comes once more. So it is in kohya's DreamBoothDataset.

    Args:
        repeats: of each picture, at least 1.
        wanted: how many pictures to learn an epoch shows.
    """
    found = [0] * len(repeats)
    shown = 0
    for place, own in enumerate(repeats):
        if shown >= wanted:
            break
        found[place] = own
        shown += own
    while repeats and shown < wanted:
        for place in range(len(repeats)):
            found[place] += 1
            shown += 1
            if shown >= wanted:
                break
    return found
