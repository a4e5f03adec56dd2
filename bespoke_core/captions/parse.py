"""One parser of a caption: phrases, colour codes, brackets, the `palette:` section and the tail, with spans.

A caption is a comma-separated list of phrases, and a phrase may carry colour codes. Everything that looks
into a caption (audit, clean, repair) works on what is found here, so that all agree on what a code is.

The cost is linear in the length of the text, whatever the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from .scan import ALONE, AMONG_WORDS, UNBRACKETED, Group, Scanner, Span, says_something

_PALETTE = re.compile(r"\s*palette\s*:", re.IGNORECASE)


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
        bare: it has codes, and besides them nothing but blanks and punctuation.
    """

    start: int
    end: int
    separator_end: int
    section: str
    line: int
    first_code: int
    end_code: int
    bare: bool


@dataclass(frozen=True)
class Caption:
    """A parsed caption. Spans are character offsets into `text`; the phrases and separators cover it all.

    Attributes:
        text: the text as given.
        phrases: in order; at least one, even for an empty text.
        codes: in order.
        groups: matched brackets in the order of their closing.
        strays: offsets of brackets without a partner in their line, in order.
    """

    text: str
    phrases: tuple[Phrase, ...]
    codes: tuple[Code, ...]
    groups: tuple[Group, ...]
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


def starts_palette(text: str, start: int = 0, end: int | None = None) -> bool:
    """Return whether a phrase opens a palette section: "palette:" in any case, blanks before it or not."""
    return _PALETTE.match(text, start, len(text) if end is None else end) is not None


def parse(text: str) -> Caption:
    """Parse any text into a `Caption`; never fails, and `parse(text).render() == text`.

    Commas inside matched brackets do not split phrases; a bracket without a partner in its line is an
    ordinary character. Line breaks always split, and a palette section ends with its line, because trainers
    read one line a caption.
    """
    scanner = Scanner(text)
    scanner.run()
    strays = frozenset(scanner.strays)
    may_have_palette = "palette" in text.lower()
    phrases: list[Phrase] = []
    codes: list[Code] = []
    spans, count = scanner.spans, len(scanner.spans)
    position = next_code = line = 0
    zone = "text"
    for start, end in scanner.separators:
        first = next_code
        while next_code < count and spans[next_code][0] < start:
            next_code += 1
        bare = next_code > first and _is_bare(text, position, start, spans[first:next_code])
        if zone == "tail":
            section = "tail"
        elif may_have_palette and starts_palette(text, position, start):
            section = "palette"
        elif bare:
            section = "palette" if zone == "palette" else "codes"
        elif zone == "palette" and says_something(text, position, start):
            section = "tail"
        else:
            section = zone
        zone = section if section in ("palette", "tail") else zone
        owner = len(phrases) if section == "text" else None
        for index in range(first, next_code):
            codes.append(_code(scanner, index, owner, strays))
        phrases.append(Phrase(position, start, end, section, line, first, next_code, bare))
        position = end
        if text[start:end] != ",":
            line, zone = line + 1, "text"
    return Caption(text, tuple(phrases), tuple(codes), tuple(scanner.groups), tuple(scanner.strays))


def _is_bare(text: str, start: int, end: int, spans: list[Span]) -> bool:
    if end - start == 8 and spans[0][0] == start + 1 and text[start] == " " and spans[0][1] == end:
        return True  # " #rrggbb", as palettes are written
    edges = [start, *(edge for span in spans for edge in span), end]
    return not any(says_something(text, edges[i], edges[i + 1]) for i in range(0, len(edges), 2))


def _code(scanner: Scanner, index: int, owner: int | None, strays: frozenset[int]) -> Code:
    text = scanner.text
    start, end = scanner.spans[index]
    digits = scanner.values[index].lower()
    value = "".join(c + c for c in digits) if len(digits) == 3 else digits[:6]
    company = scanner.company[index]
    if end - start != 7 or (end < len(text) and (text[end].isalnum() or text[end] == "_")):
        form = "digits"
    elif company not in (ALONE, UNBRACKETED):
        form = "prose" if company == AMONG_WORDS else "list"
    elif company == ALONE or owner is None:
        form = "regular"
    elif start - 1 in strays or end in strays:
        form = "unclosed"
    else:
        form = "prose"
    return Code(start, end, "#" + value, owner, form)
