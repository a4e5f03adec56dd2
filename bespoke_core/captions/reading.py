"""A caption file as training reads it: its first line, parsed, with its descriptive phrases singled out."""

from __future__ import annotations

from typing import NamedTuple

from .caption import Caption
from .caption_file import first_line
from .parse import parse
from .scan import Span
from .wording import Wording

_new = tuple.__new__  # several times faster than calling the NamedTuple


class Part(NamedTuple):
    """One descriptive phrase of a caption, its codes left out.

    Attributes:
        index: the phrase's index in `Caption.phrases`.
        span: where its words and codes stand, surrounding blanks left out.
        wording: what it says.
        feature: the feature that it is about, if any; none in the tail.
    """

    index: int  # type: ignore[assignment]  # in place of tuple.index, which nobody asks a phrase for
    span: Span
    wording: Wording
    feature: str | None

    @property
    def text(self) -> str:
        """Its words as written."""
        return self.wording.text

    @property
    def form(self) -> str:
        """Its words as they are compared."""
        return self.wording.form

    @property
    def words(self) -> tuple[str, ...]:
        """Its words in lower case."""
        return self.wording.words


class Reading(NamedTuple):
    """A caption's first line, parsed and with its descriptive phrases singled out."""

    file: str
    caption: Caption
    parts: tuple[Part, ...]
    more_lines: bool

    @property
    def features(self) -> dict[int, str]:
        """The features by the index of the phrase that is about them."""
        return {part.index: part.feature for part in self.parts if part.feature is not None}


def read_caption(file: str, text: str) -> Reading:
    """Parse the line of a caption file that training reads; spans stay offsets into the whole file."""
    several = "\n" in text or "\r" in text
    line = first_line(text) if several else text
    caption = parse(line)
    parts = []
    for index, (start, end, _, section, _, _, _, _, wording) in enumerate(caption.phrases):
        if wording.form and section != "palette":
            # The phrase without the blanks around it: one before it, nearly always.
            start += line[start] == " "
            if line[start].isspace() or line[end - 1].isspace():
                start, end = _trimmed(line, start, end)
            feature = wording.feature if section == "text" else None
            parts.append(_new(Part, (index, (start, end), wording, feature)))
    return Reading(file, caption, tuple(parts), several and not text[len(line) :].isspace())


def _trimmed(text: str, start: int, end: int) -> Span:
    while text[start].isspace():
        start += 1
    while text[end - 1].isspace():
        end -= 1
    return start, end
