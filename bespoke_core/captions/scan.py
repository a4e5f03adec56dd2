"""The scan of a caption: one pass that finds codes, matched brackets, strays, and where phrases end.

The cost is linear in the length of the text, whatever the text: every bracket, comma and code is looked at a
bounded number of times, and no stretch between them is searched more than twice.
"""

from __future__ import annotations

import re
from typing import NamedTuple

Span = tuple[int, int]

BRACKETS = {"(": ")", "[": "]", "{": "}", "（": "）", "【": "】"}
_CLOSING = {close: opening for opening, close in BRACKETS.items()}
# The commonest form by far, "(#rrggbb)", is one token. The look-behind keeps a long run of "#" linear: only
# its first character can start a match.
_TOKEN = re.compile(r"\(#([0-9a-fA-F]{6})\)|(?<!#)#+([0-9a-fA-F]{3,})|[,()\[\]{}（）【】]")
_WHOLE = len("(#rrggbb)")
# What may stand around codes without saying anything: blanks and punctuation.
_GLUE = r"\s!-/:-@\[-`{-~–—·•…“”‘’（）【】"
_REAL = re.compile(rf"[^{_GLUE}]|_")
_NOT_BLANK = re.compile(r"[^\s,]")

# Punctuation that only binds a code to its neighbour: "hair: #...", "#... / #...", "brown, #...".
BINDING = ",;:/|&+-–—~=\\"
# One set, so that blanks and punctuation in turns are trimmed in one go.
TRIMMED = BINDING + "".join(chr(c) for c in range(0x3001) if chr(c).isspace())

# How much stands in a stretch of text.
_BLANK, _PUNCTUATION, _WORDS = 0, 1, 2

# In whose company a code stands inside its innermost brackets.
UNBRACKETED, ALONE, AMONG_CODES, AMONG_WORDS = 0, 1, 2, 3


class Group(NamedTuple):
    """A matched pair of brackets; `hollow` when nothing but punctuation is left inside once codes leave."""

    start: int
    end: int
    hollow: bool


def says_something(text: str, start: int, end: int) -> bool:
    """Return whether text[start:end] holds anything else than blanks and punctuation."""
    return _REAL.search(text, start, end) is not None


def code_span(text: str, start: int, digits: Span) -> Span | None:
    """Return the span of the code whose digits the tokenizer found, or None where they are no code.

    Three, six or eight hexadecimal digits are a code. Seven, or more than eight, are one that was mistyped.
    Six at the beginning of a longer word are one that a word was glued to. Four or five digits, and three
    glued to a word, are left alone: a number ("punk #1234") is likelier than a colour.
    """
    count, end = digits[1] - digits[0], digits[1]
    glued = end < len(text) and (text[end].isalnum() or text[end] == "_")
    if count < 6:
        return (start, end) if count == 3 and not glued else None
    return (start, digits[0] + 6) if glued else (start, end)


class _Frame:
    """An open bracket, or the outermost level: what has been seen in it so far."""

    __slots__ = ("codes", "commas", "content", "hollow_inside", "opening", "position")

    def __init__(self, position: int, opening: str) -> None:
        self.position = position
        self.opening = opening
        self.codes: list[int] = []
        self.commas: list[int] = []
        self.content = _BLANK
        self.hollow_inside = False


class Scanner:
    """The one pass over a stretch of a line that is not written in the regular way; for `parse` alone.

    Attributes:
        spans, values: span and hexadecimal digits of each code.
        company: for each code, ALONE, AMONG_CODES or AMONG_WORDS inside its brackets, or UNBRACKETED.
        groups: the matched brackets in the order of their closing.
        strays: the brackets without a partner, in any order.
        separators: spans of the commas outside brackets; the last one ends the stretch (it is empty where
            the line ends).
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: list[Span] = []
        self.values: list[str] = []
        self.company: list[int] = []
        self.groups: list[Group] = []
        self.strays: list[int] = []
        self.separators: list[Span] = []
        self.stack = [_Frame(-1, "")]
        self.open_count = dict.fromkeys(BRACKETS, 0)
        self.done = 0

    def run(self, start: int, line_end: int) -> None:
        """Scan from a phrase's start to the first comma that no bracket holds, or to the line's end."""
        text = self.text
        self.done = start
        for match in _TOKEN.finditer(text, start, line_end):
            start, end = match.span()
            token = text[start]
            if token == "#":
                span = code_span(text, start, match.span(2))
                if span is None:
                    continue  # plain text, seen with the stretch that it stands in
                if len(self.stack) > 1:
                    self._stretch(start)
                self.stack[-1].codes.append(len(self.spans))
                self._add_code(span, match[2], UNBRACKETED)
                self.done = span[1]
                continue
            if len(self.stack) > 1:
                self._stretch(start)
            elif token == ",":
                self.separators.append((start, end))
                return
            self.done = end
            if end - start == _WHOLE:
                self.stack[-1].hollow_inside = True
                self.groups.append(Group(start, end, True))
                self._add_code((start + 1, end - 1), match[1], ALONE)
            elif token == ",":
                self.stack[-1].commas.append(start)
            elif token in BRACKETS:
                self.stack.append(_Frame(start, token))
                self.open_count[token] += 1
            else:
                self._close(start, token)
        # What is still open has no partner, and the commas in it split phrases.
        self.separators.extend((comma, comma + 1) for frame in self.stack for comma in frame.commas)
        self.separators.append((line_end, line_end))
        self.strays.extend(frame.position for frame in self.stack[1:])

    def _add_code(self, span: Span, digits: str, company: int) -> None:
        self.spans.append(span)
        self.values.append(digits)
        self.company.append(company)

    def _stretch(self, end: int) -> None:
        """Note what stands between the last token and this one; only brackets need to know."""
        frame = self.stack[-1]
        if frame.content == _WORDS or self.done >= end:
            return
        if _REAL.search(self.text, self.done, end):
            frame.content = _WORDS
        elif frame.content == _BLANK and _NOT_BLANK.search(self.text, self.done, end):
            frame.content = _PUNCTUATION

    def _close(self, position: int, token: str) -> None:
        opening = _CLOSING[token]
        if not self.open_count[opening]:
            self.strays.append(position)
            if self.stack[-1].content == _BLANK:
                self.stack[-1].content = _PUNCTUATION
            return
        codes: list[int] = []
        content, hollow_inside = _BLANK, False
        while True:
            frame = self.stack.pop()
            self.open_count[frame.opening] -= 1
            codes.extend(frame.codes)
            content = max(content, frame.content)
            hollow_inside |= frame.hollow_inside
            if frame.opening == opening:
                break
            self.strays.append(frame.position)
            content = max(content, _PUNCTUATION)
        hollow = content != _WORDS and bool(codes or hollow_inside or content == _BLANK)
        for index in codes:
            self.company[index] = (
                AMONG_WORDS if content == _WORDS else ALONE if len(codes) == 1 else AMONG_CODES
            )
        self.groups.append(Group(frame.position, position + 1, hollow))
        outer = self.stack[-1]
        if hollow:
            outer.hollow_inside = True
        else:
            outer.content = max(outer.content, content)
