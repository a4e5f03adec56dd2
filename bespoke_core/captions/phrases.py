"""How many captions of a data set say a phrase, counted in bounded memory while the captions go by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from heapq import nlargest
from typing import NamedTuple

from .checks import Part, Reading
from .findings import Finding, finding
from .scan import Span
from .style import normal_form

FREQUENT = 0.8
"""The share of the captions from which on a phrase is frequent."""
FEWEST = 5
"""Captions that a data set has at least before "most of them" says anything."""
WINDOW = 1000
"""Captions after which phrases that stayed rare are forgotten."""
_LONG = 200  # characters; a longer phrase is known by its hash
_KEPT = 2000  # characters of a phrase that are kept


class FrequentPhrase(NamedTuple):
    """A phrase that many captions say.

    Attributes:
        form: as it is compared (a hash where it is long).
        text, file, span: as written in the first caption that has it (its first 2,000 characters), and where.
        captions: how many captions say it.
    """

    form: str
    text: str
    file: str
    span: Span
    captions: int


class _Count:
    __slots__ = ("captions", "file", "missed", "span", "text")

    def __init__(self, part: Part, file: str, missed: int) -> None:
        self.text = part.text if len(part.text) <= _KEPT else part.text[: _KEPT - 3] + "..."
        self.file = file
        self.span = part.span
        self.captions = 0
        self.missed = missed


class PhraseCounter:
    """Counts in how many captions each phrase stands, by lossy counting (Manku and Motwani, 2002).

    Phrases are compared without codes, case and surrounding punctuation. After each window of 1,000 captions
    the phrases that stand in fewer than about one caption a window are forgotten. A phrase that 80 % of the
    captions say is never forgotten once it was met; its count is exact if it was met in the first window, and
    short by one for each window before it at worst.

    Attributes:
        captions: captions counted so far.
        error: how many captions a count may be short by; 0 until something was forgotten.
    """

    def __init__(self, *, window: int = WINDOW) -> None:
        self.captions = 0
        self.error = 0
        self._window = window
        self._counts: dict[str, _Count] = {}
        self._beginning: list[str] | None = None

    def add(self, reading: Reading) -> None:
        """Count the phrases of one caption, each once."""
        self.captions += 1
        first: dict[str, Part] = {}
        for part in reading.parts:
            form = part[2].form  # by its place: many times a caption
            first.setdefault(form if len(form) <= _LONG else _hash(form), part)
        for form, part in first.items():
            count = self._counts.get(form)
            if count is None:
                count = self._counts[form] = _Count(part, reading.file, self.error)
            count.captions += 1
        if first and self._beginning != []:  # an empty caption says nothing about the others' beginning
            self._shorten_beginning(list(first))
        if self.captions % self._window == 0:
            self._forget(self.captions // self._window)

    def _shorten_beginning(self, forms: list[str]) -> None:
        if self._beginning is None:
            self._beginning = forms
            return
        same = 0
        for one, other in zip(self._beginning, forms, strict=False):
            if one != other:
                break
            same += 1
        del self._beginning[same:]

    def _forget(self, windows: int) -> None:
        rare = [form for form, count in self._counts.items() if count.captions + count.missed <= windows]
        for form in rare:
            del self._counts[form]
        if rare:
            self.error = windows

    @property
    def beginning(self) -> tuple[str, ...]:
        """The phrases that all captions begin with, as they are compared; empty captions are not asked."""
        return tuple(self._beginning or ())

    def frequent(self, *, trigger: str | None, styles: frozenset[str]) -> list[FrequentPhrase]:
        """Return the phrases of at least 80 % of the captions, in the order in which they were met.

        Exempt are the style phrases (they are `boilerplate`), the trigger, and the phrases that all captions
        begin with. Sets of fewer than five captions are not asked.
        """
        if self.captions < FEWEST:
            return []
        exempt = {*styles, *self.beginning, normal_form(trigger or "")}
        return [
            FrequentPhrase(form, count.text, count.file, count.span, count.captions)
            for form, count in self._counts.items()
            if count.captions >= FREQUENT * self.captions and form not in exempt
        ]

    def common(self, most: int) -> list[tuple[str, int]]:
        """Return the phrases that most captions say, as first written, each with its number of captions."""
        counts = nlargest(most, self._counts.values(), key=lambda count: count.captions)
        return [(count.text, count.captions) for count in counts]


def check_phrases(frequent: list[FrequentPhrase], captions: int) -> Iterator[Finding]:
    """Find `frequent_phrase`: one finding for each such phrase, at the first caption that has it."""
    for phrase in frequent:
        advice = (
            f"{phrase.captions} of {captions} captions say this; training binds it to everything. "
            "Say what differs, or remove it."
        )
        yield finding(phrase.file, "frequent_phrase", advice, span=phrase.span, text=phrase.text)


def _hash(form: str) -> str:
    """A phrase as it is counted where it is so long that holding many would add up."""
    return hashlib.blake2b(form.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
