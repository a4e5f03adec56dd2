"""A caption taken apart: its phrases and colour codes, with spans, as `parse` returns it."""

from __future__ import annotations

from typing import NamedTuple

from .scan import Span
from .wording import Wording


class Code(NamedTuple):
    """One colour code (a NamedTuple because a data set holds hundreds of thousands).

    Attributes:
        start, end: its span in the caption, the number sign included.
        hex: its value as "#rrggbb" in lower case; three digits are doubled, alpha is dropped.
        phrase: index of the phrase that it belongs to; None where it belongs to none: in the palette
            section, in the tail, or as a phrase that holds nothing but codes.
        form: "regular" (alone in its parentheses, or in a list of bare codes), "list" (several codes in one
            pair of brackets), "prose" (among words), "unclosed" (a bracket is missing), "digits" (not six
            hexadecimal digits, or run together with a word).
    """

    start: int
    end: int
    hex: str
    phrase: int | None
    form: str


class Phrase(NamedTuple):
    """What stands between two commas that are outside brackets, or between a comma and a line's end.

    Attributes:
        start, end: its span, surrounding blanks included.
        separator_end: end of the comma or line break that follows it; equal to `end` at the text's end.
        section: "text", "codes" (nothing but codes), "palette" or "tail" (after the palette, to the
            line's end).
        line: 0-based line.
        first_code, end_code: the slice of `Caption.codes` that lies in it.
        words: how many words stand in it, its codes not among them.
        wording: what it says without its codes.
    """

    start: int
    end: int
    separator_end: int
    section: str
    line: int
    first_code: int
    end_code: int
    words: int
    wording: Wording

    @property
    def bare(self) -> bool:
        """Whether it has codes, and besides them nothing but blanks and punctuation."""
        return self.end_code > self.first_code and not self.wording.says


class Caption(NamedTuple):
    """A parsed caption. Spans are character offsets into `text`; the phrases and separators cover it all.

    Attributes:
        text: the text as given.
        phrases: in order; at least one, even for an empty text.
        codes: in order.
        strays: offsets of brackets without a partner in their line, in order.
    """

    text: str
    phrases: tuple[Phrase, ...]
    codes: tuple[Code, ...]
    strays: tuple[int, ...]

    def render(self) -> str:
        """Return the text put together again from the phrases and their separators; equals `text`."""
        return "".join(self.text[p.start : p.end] + self.text[p.end : p.separator_end] for p in self.phrases)

    @property
    def palette(self) -> Span | None:
        """The span of the first line's `palette:` section: the word and the codes that follow it."""
        return self._section("palette")

    @property
    def tail(self) -> Span | None:
        """The span of what follows the first line's palette section, up to the end of the line."""
        return self._section("tail")

    def _section(self, section: str) -> Span | None:
        found = [p for p in self.phrases if p.section == section and p.line == 0]
        return (found[0].start, found[-1].end) if found else None

    def codes_of(self, phrase: Phrase) -> tuple[Code, ...]:
        """Return the codes that lie in `phrase`."""
        return self.codes[phrase.first_code : phrase.end_code]
