"""One parser of a caption: phrases, colour codes, brackets, the `palette:` section and the tail, with spans.

A caption is a comma-separated list of phrases, and a phrase may carry colour codes. Everything that looks
into a caption (audit, clean, repair) works on what is found here, so that all agree on what a code is.

Nearly all phrases are written in one regular way: words, then at most one code. One regular expression takes
a whole line of them apart in a single call; only what it does not know goes through the `Scanner`.

The cost is linear in the length of the text, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .caption import Caption, Code, Phrase
from .residue import removals, residue
from .scan import ALONE, AMONG_WORDS, UNBRACKETED, Scanner, Span, says_something
from .wording import (
    NOTHING,
    Wording,
    count_words,
    remembered_wording,
    remembered_wording_before_code,
    starts_palette,
    wording,
    wording_before_code,
)

__all__ = ["Caption", "Code", "Phrase", "parse"]

_BREAK = re.compile(r"\r\n?|\n")
_PLAIN = r"[^,#()\[\]{}（）【】\r\n]*"
_CODE = r"#[0-9a-fA-F]{6}"
# A run of codes as palettes are written; or one phrase, plain words (words in round brackets among them) and
# then "(#rrggbb)", "#rrggbb" or nothing; or whatever else stands before a comma. Each piece can be matched in
# one way only, so that the cost stays linear.
_PIECE = re.compile(
    rf"((?: {_CODE},)+)|({_PLAIN}(?:\([^\W_]{_PLAIN}\){_PLAIN})*)(?:\(({_CODE})\)|({_CODE})|),|([^,]*),",
)
# The words of a longer text are not remembered from one caption to the next: they could fill the memory.
_LONG = 1 << 11

_new = tuple.__new__  # several times faster than calling the NamedTuple


def parse(text: str) -> Caption:
    """Parse any text into a `Caption`; never fails, and `parse(text).render() == text`.

    Commas inside matched brackets do not split phrases; a bracket without a partner in its line is an
    ordinary character. Line breaks always split, and a palette section ends with its line, because trainers
    read one line a caption.
    """
    parser = _Parser(text)
    for number, (start, end, next_start) in enumerate(_lines(text)):
        parser.line(number, start, end, next_start)
    return Caption(text, tuple(parser.phrases), tuple(parser.codes), tuple(parser.strays))


def _lines(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield each line's start, its end, and where the next one starts."""
    start = 0
    if "\n" in text or "\r" in text:
        for found in _BREAK.finditer(text):
            yield start, found.start(), found.end()
            start = found.end()
    yield start, len(text), len(text)


def _length(piece: tuple[str, ...]) -> int:
    """Return how many characters a piece that `_PIECE` found takes up, its comma included."""
    bare_codes, _, bracketed, _, _ = piece
    return len(bare_codes) or sum(map(len, piece)) + len("()" if bracketed else "") + len(",")


def _section(zone: str, palette: bool, says: bool, has_code: bool) -> str:
    """Return the section of a phrase; `zone` is "text", or "palette" or "tail" once these have begun."""
    if zone == "tail" or palette:
        return "tail" if zone == "tail" else "palette"
    if zone == "palette":
        return "tail" if says else "palette"
    return "codes" if has_code and not says else "text"


class _Parser:
    """Phrases, codes and strays as they are found, line after line."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.phrases: list[Phrase] = []
        self.codes: list[Code] = []
        self.strays: list[int] = []
        self.zone = "text"
        short = len(text) < _LONG
        self.wording: Callable[[str], Wording] = remembered_wording if short else wording
        self.before_code: Callable[[str], Wording] = (
            remembered_wording_before_code if short else wording_before_code
        )

    def line(self, number: int, start: int, line_end: int, next_start: int) -> None:
        """Take one line apart."""
        phrases, codes, plain, before_code = self.phrases, self.codes, self.wording, self.before_code
        self.zone = zone = "text"
        whole = line_end - start == len(self.text)
        pieces = iter(_PIECE.findall((self.text if whole else self.text[start:line_end]) + ","))
        for bare_codes, words, bracketed, unbracketed, irregular in pieces:
            if bare_codes:
                self._bare_codes(bare_codes, number, start, "codes" if zone == "text" else zone)
                start += len(bare_codes)
                continue
            if irregular:
                stop = self._irregular(number, start, line_end)
                if phrases[-1].end == line_end:
                    break
                start += len(irregular) + 1
                while start < stop:  # the other pieces of the stretch are done, too
                    start += _length(next(pieces))
                zone = self.zone
                continue
            first = len(codes)
            end = start + len(words)
            code = bracketed or unbracketed
            wording = before_code(words) if code else plain(words)
            if zone != "text" or wording.palette or not wording.says:
                section = _section(zone, wording.palette, wording.says, bool(code))
                if section != "codes":
                    self.zone = zone = section
            else:
                section = "text"
            if code:
                owner = len(phrases) if section == "text" else None
                at = end + 1 if bracketed else end
                form = "regular" if bracketed or owner is None else "prose"
                codes.append(_new(Code, (at, at + 7, code.lower(), owner, form)))
                end += 9 if bracketed else 7
            phrase = (start, end, end + 1, section, number, first, len(codes), wording.word_count, wording)
            phrases.append(_new(Phrase, phrase))
            start = end + 1
        # The last phrase ends with the line, not with a comma.
        last = phrases[-1]
        phrases[-1] = _new(Phrase, (*last[:2], next_start, *last[3:]))

    def _bare_codes(self, run: str, number: int, start: int, section: str) -> None:
        """Add phrases that are one code each."""
        phrases, codes = self.phrases, self.codes
        index = len(codes)
        for value in run.lower()[1:-1].split(", "):
            end = start + len(" #rrggbb")
            codes.append(_new(Code, (start + 1, end, value, None, "regular")))
            phrase = (start, end, end + 1, section, number, index, index + 1, 0, NOTHING)
            phrases.append(_new(Phrase, phrase))
            start = end + 1
            index += 1

    def _irregular(self, number: int, start: int, line_end: int) -> int:
        """Take a stretch apart that holds brackets or codes in any form.

        Returns where the next phrase starts.
        """
        text = self.text
        scanner = Scanner(text)
        scanner.run(start, line_end)
        spans, strays = scanner.spans, frozenset(scanner.strays)
        self.strays.extend(sorted(scanner.strays))
        leaving = removals(text, spans, scanner.groups, strays)
        next_code = next_leaving = 0
        for end, separator_end in scanner.separators:
            first, next_code = next_code, _count_before(spans, next_code, end)
            first_leaving, next_leaving = next_leaving, _count_before(leaving, next_leaving, end)
            mine = spans[first:next_code]
            between = _without(text, start, end, mine)
            says = any(says_something(piece, 0, len(piece)) for piece in between)
            has_code = next_code > first
            section = _section(self.zone, starts_palette(text, start, end), says, has_code)
            if section != "codes":
                self.zone = section
            owner = len(self.phrases) if section == "text" else None
            first_code = len(self.codes)
            self.codes.extend(_code(scanner, index, owner, strays) for index in range(first, next_code))
            rest = NOTHING
            if says or not has_code:
                rest = self.wording(residue(text, (start, end), leaving[first_leaving:next_leaving]))
            words = sum(map(count_words, between))
            self.phrases.append(
                Phrase(start, end, separator_end, section, number, first_code, len(self.codes), words, rest)
            )
            start = separator_end
        return start


def _count_before(spans: list[Span], count: int, end: int) -> int:
    """Return how many spans start before `end`; `count` of them are known to."""
    while count < len(spans) and spans[count][0] < end:
        count += 1
    return count


def _without(text: str, start: int, end: int, spans: list[Span]) -> list[str]:
    """Return the pieces of text[start:end] before, between and after some spans."""
    edges = [start, *(edge for span in spans for edge in span), end]
    return [text[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2)]


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
