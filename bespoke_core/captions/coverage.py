"""Which colours the pictures of a data set have, and which they have seldom or never.

A LoRA learns the colours that it sees: one that hardly any picture has, it can only guess.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..color.codes import format_hex
from ..color.names import names_of
from ..color.spaces import srgb_to_lab

SEEN = 0.01
"""Share of a picture's pixels from which on it is said to have a colour."""
SELDOM = 0.02
"""Share of the pictures below which a colour is rare."""

_BITS = 5  # of each channel: finer than what a name tells apart
_LEVELS = 1 << _BITS
_STEP = 256 // _LEVELS
_TOGETHER = 128  # pictures whose colours are named in one go
_UNIVERSE_BITS = 4
_LEAST_OF_ALL = 0.004  # a name that hardly any colour bears is not missed
_ENDS = np.array([[0, 0, 0], [255, 255, 255]], dtype=np.uint8)  # few colours are black or white
_MOST_SIZES = 1000


class Look(Protocol):
    """What is asked of a picture; `pixels.Look` has it.

    Attributes:
        size: (width, height) in pixels.
        colors: its distinct colours, uint8 (N, 3).
        counts: how many pixels have each, int64 (N,).
        arrangement: how its background is arranged.
    """

    @property
    def size(self) -> tuple[int, int]: ...  # noqa: D102
    @property
    def colors(self) -> NDArray[np.uint8]: ...  # noqa: D102
    @property
    def counts(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def arrangement(self) -> str: ...  # noqa: D102


class NamedShare(NamedTuple):
    """How much of the set has the colours of one name.

    Attributes:
        name: the plain name, "dark brown".
        hex: the commonest of them in the set; where the set has none, a typical one of that name.
        share: mean share of a picture's pixels, 0..1.
        pictures: pictures of which it takes `SEEN` or more.
    """

    name: str
    hex: str
    share: float
    pictures: int


@dataclass(frozen=True)
class Coverage:
    """The colours of a set's pictures.

    Attributes:
        pictures: how many were looked at.
        colours: the names that some picture has (`NamedShare.pictures` > 0), the largest share first.
        rare: those of them that fewer than `SELDOM` of the pictures have.
        missing: plain names that no picture has.
        sizes: the pictures' (width, height, how many), the commonest first, at most 20.
        arrangements: how the backgrounds are arranged, with how many pictures.
        colours_each: mean number of distinct colours of a picture.
    """

    pictures: int
    colours: tuple[NamedShare, ...]
    rare: tuple[NamedShare, ...]
    missing: tuple[NamedShare, ...]
    sizes: tuple[tuple[int, int, int], ...]
    arrangements: dict[str, int]
    colours_each: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "pictures": self.pictures,
            "colours": [one._asdict() for one in self.colours],
            "rare": [one.name for one in self.rare],
            "missing": [one.name for one in self.missing],
            "sizes": [{"width": w, "height": h, "pictures": count} for w, h, count in self.sizes],
            "backgrounds": dict(self.arrangements),
            "colours_each": self.colours_each,
        }


class CoverageCollector:
    """Collects the colours of pictures one by one, in memory that does not grow with their number.

    Colours are taken in steps of 8 of each channel (32768 in all), which is finer than their names.
    """

    def __init__(self) -> None:
        self._pictures = 0
        self._distinct = 0
        self._shares = np.zeros(_LEVELS**3)
        self._names = np.full(_LEVELS**3, -1, dtype=np.int64)
        self._known: dict[str, int] = {}
        self._seen: Counter[int] = Counter()
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._arrangements: Counter[str] = Counter()
        self._waiting: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []

    def add(self, look: Look) -> None:
        """Take in one picture; one without any visible pixel counts for its size alone."""
        self._pictures += 1
        if look.size in self._sizes or len(self._sizes) < _MOST_SIZES:
            self._sizes[look.size] += 1
        self._arrangements[look.arrangement] += 1
        self._distinct += len(look.colors)
        if not len(look.colors):
            return
        low = look.colors.astype(np.int64) // _STEP
        bins, where = np.unique((low[:, 0] * _LEVELS + low[:, 1]) * _LEVELS + low[:, 2], return_inverse=True)
        shares = np.bincount(where, weights=look.counts) / look.counts.sum()
        self._shares[bins] += shares
        self._waiting.append((bins, shares))
        if len(self._waiting) >= _TOGETHER:
            self._name_waiting()

    def result(self) -> Coverage | None:
        """Return the colours so far; None where no picture was looked at."""
        if not self._pictures:
            return None
        self._name_waiting()
        named = [self._named(name, index) for name, index in self._known.items()]
        colours = sorted((one for one in named if one.pictures), key=lambda one: (-one.share, one.name))
        have = {one.name for one in colours}
        return Coverage(
            pictures=self._pictures,
            colours=tuple(colours),
            rare=tuple(one for one in colours if one.pictures < SELDOM * self._pictures),
            missing=tuple(
                NamedShare(name, typical, 0.0, 0) for name, typical in all_names().items() if name not in have
            ),
            sizes=tuple((*size, count) for size, count in self._sizes.most_common(20)),
            arrangements=dict(self._arrangements.most_common()),
            colours_each=self._distinct / self._pictures,
        )

    def _name_waiting(self) -> None:
        if not self._waiting:
            return
        bins = np.unique(np.concatenate([bins for bins, _ in self._waiting]))
        new = bins[self._names[bins] < 0]
        for place, name in zip(new, names_of(_centres(new, _BITS)), strict=True):
            self._names[place] = self._known.setdefault(name, len(self._known))
        for bins, shares in self._waiting:
            of_name = np.bincount(self._names[bins], weights=shares)
            self._seen.update(np.flatnonzero(of_name >= SEEN).tolist())
        self._waiting.clear()

    def _named(self, name: str, index: int) -> NamedShare:
        mine = np.flatnonzero(self._names == index)
        commonest = mine[np.argmax(self._shares[mine])]
        share = float(self._shares[mine].sum()) / self._pictures
        return NamedShare(name, format_hex(_centres(commonest, _BITS)), share, self._seen[index])


def _centres(bins: NDArray[np.int64], bits: int) -> NDArray[np.uint8]:
    step, mask = 256 >> bits, (1 << bits) - 1
    levels = np.stack([bins >> 2 * bits, bins >> bits & mask, bins & mask], axis=-1)
    return (levels * step + step // 2).astype(np.uint8)


@lru_cache(maxsize=1)
def all_names() -> dict[str, str]:
    """Return the plain names that a fair share of all colours bear, each with a typical colour of that name.

    All colours of the screen are asked for their names, in steps of 16 of each channel.
    """
    colors = np.concatenate([_ENDS, _centres(np.arange(1 << 3 * _UNIVERSE_BITS), _UNIVERSE_BITS)])
    lab = srgb_to_lab(colors)
    by_name: dict[str, list[int]] = {}
    for place, name in enumerate(names_of(colors)):
        by_name.setdefault(name, []).append(place)
    found = {}
    for name, places in sorted(by_name.items()):
        if places[0] < len(_ENDS):
            found[name] = format_hex(colors[places[0]])
        elif len(places) >= _LEAST_OF_ALL * len(colors):
            centre = lab[places].mean(axis=0)
            nearest = places[int(np.argmin(((lab[places] - centre) ** 2).sum(axis=1)))]
            found[name] = format_hex(colors[nearest])
    return found
