"""Captions against the text encoder's windows: how many CLIP tokens they have, and what is cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..amounts import counted
from ..errors import InputError
from .checks import Reading
from .clean import clean_parsed
from .findings import Finding, finding

if TYPE_CHECKING:
    from ..tokenizer import TokenCounter

WINDOW = 75
"""Tokens of text that CLIP's encoder reads at once."""
LIMITS = (75, 150, 225)
"""What training may be set to read: one, two or three windows (kohya's max_token_length)."""
BIN = 15
"""Width of the bars of a histogram; five make a window."""

_BINS = 31  # the last one is for all that are longer
_CUT_SHOWN = 60  # characters of what is lost, in a piece of advice


def token_counter(folder: str = "") -> Callable[[Sequence[str]], list[int]] | None:
    """Return what counts the CLIP tokens of many texts, those of start and end left out.

    Args:
        folder: with CLIP's vocab.json and merges.txt; by default it is looked for as `find_tokenizer` does.

    Returns:
        None where there is no tokenizer on this machine: then lengths cannot be told, which is not 0.

    Raises:
        InputError: the folder that was named, here or in BESPOKE_TOKENIZER, lacks a file.
    """
    from ..tokenizer import look_for_tokenizer

    found = look_for_tokenizer(folder)
    return None if found is None or find_spec("tokenizers") is None else _counter_of(found)


@lru_cache(maxsize=2)
def _counter_of(folder: Path) -> TokenCounter:
    from ..tokenizer import TokenCounter

    return TokenCounter(folder)


def check_limit(limit: int) -> int:
    """Return `limit` where training may be set to it.

    Raises:
        InputError: it is none of `LIMITS`.
    """
    if limit not in LIMITS:
        raise InputError(
            "is no number of tokens that training reads",
            field="max_token_length",
            value=limit,
            remedy=f"Use {', '.join(map(str, LIMITS[:-1]))} or {LIMITS[-1]}.",
        )
    return limit


def check_length(
    reading: Reading, tokens: int, limit: int = LIMITS[-1], *, folder: str = ""
) -> Iterator[Finding]:
    """Find `over_token_limit`: one finding for a caption of more tokens than training reads.

    Counted is the first line as it is, with its codes, because that is what training would read. The span is
    what is lost: from the first token outside to the line's end.

    Args:
        reading: the caption.
        tokens: as `token_counter` counts them in `reading.caption.text`.
        limit: tokens that training reads, one of `LIMITS`.
        folder: of the tokenizer, as for `token_counter`.
    """
    if tokens <= limit:
        return
    text = reading.caption.text
    start, left = len(text), None
    counter = token_counter(folder)
    if counter is not None:
        start = _place(counter, text, limit)
        (left,) = counter([clean_parsed(reading.caption).text])
    lost = text[start:]
    windows = f"{limit // WINDOW} window{'s' if limit > WINDOW else ''} of {WINDOW}"
    shown = lost if len(lost) <= _CUT_SHOWN else lost[: _CUT_SHOWN - 3] + "..."
    lost_are = counted(tokens - limit, "is", "are")
    advice = (
        f"The caption has {tokens} tokens and training reads {limit} ({windows}); the last {lost_are} "
        f'lost, from "{shown}" on. {_remedy(left, limit)}'
    )
    yield finding(reading.file, "over_token_limit", advice, span=(start, len(text)), text=lost)


def _place(counter: Any, text: str, token: int) -> int:
    place = counter.place_of(text, token)
    return len(text) if place is None else place


def _remedy(left: int | None, limit: int) -> str:
    if left is None:
        return "Shorten it."
    if left <= limit:
        return f"Clean it: {counted(left, 'is', 'are')} left without codes and boilerplate."
    larger = [other for other in LIMITS if other >= left]
    longer = f", or train with max_token_length = {larger[0]}" if larger else ""
    return f"Cleaning leaves {left}: shorten it{longer}."


@dataclass(frozen=True)
class TokenLengths:
    """How long captions are, in CLIP tokens without start and end.

    Attributes:
        captions: how many were counted.
        windows: captions by what they need: "1-75", "76-150", "151-225", ">225".
        bars: captions by length in steps of `BIN`: 0-15, 16-30, ... tokens; the last bar holds all longer.
        mean, median, longest: in tokens.
        longest_file: the first caption of that length.
    """

    captions: int
    windows: dict[str, int]
    bars: tuple[int, ...]
    mean: float
    median: float
    longest: int
    longest_file: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**vars(self), "windows": dict(self.windows), "bars": list(self.bars), "bar": BIN}


class LengthCollector:
    """Collects lengths one by one; memory is bounded by how many distinct lengths there are."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._longest = -1
        self._longest_file = ""

    def add(self, file: str, tokens: int) -> None:
        """Take in one caption's length."""
        self._counts[tokens] += 1
        if tokens > self._longest:
            self._longest, self._longest_file = tokens, file

    def result(self) -> TokenLengths | None:
        """Return the lengths so far; None where there are none."""
        captions = self._counts.total()
        if not captions:
            return None
        bars = [0] * _BINS
        windows = dict.fromkeys((f"1-{LIMITS[0]}", *_later_windows(), f">{LIMITS[-1]}"), 0)
        names = list(windows)
        for tokens, count in self._counts.items():
            bars[min(max(0, tokens - 1) // BIN, _BINS - 1)] += count
            windows[names[min(max(0, tokens - 1) // WINDOW, len(LIMITS))]] += count
        return TokenLengths(
            captions=captions,
            windows=windows,
            bars=tuple(bars),
            mean=sum(tokens * count for tokens, count in self._counts.items()) / captions,
            median=(self._at((captions - 1) // 2) + self._at(captions // 2)) / 2,
            longest=self._longest,
            longest_file=self._longest_file,
        )

    def _at(self, place: int) -> int:
        passed = 0
        for tokens in sorted(self._counts):
            passed += self._counts[tokens]
            if passed > place:
                return tokens
        raise IndexError(place)


def _later_windows() -> list[str]:
    return [f"{low + 1}-{high}" for low, high in pairwise(LIMITS)]
