"""Cleaning one caption: every colour code, the palette section and the style phrases go, no word is lost."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from ..errors import InputError
from .parse import Caption, Phrase, parse, starts_palette
from .residue import removals, residue
from .scan import Span, says_something
from .style import DEFAULT_STYLE_PHRASES, normal_form, normal_set

Strategy = Literal["smart", "2025"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class CleanedCaption:
    """A cleaned caption.

    Attributes:
        text: the cleaned text.
        codes_removed: codes of the original that are gone, those of the palette section and tail included.
        codes_left: codes that `parse` still finds in `text`; always 0 with "smart".
        phrases_removed: phrases with words that are gone: style phrases, and whatever stood after the
            palette section, as written.
        words: words that cleaning has to keep: all but codes, style phrases and the word "palette".
        words_kept: how many of those are still in `text`; fewer than `words` only where words stood after
            `palette:`, which is removed with all that follows it on its line.
    """

    text: str
    codes_removed: int
    codes_left: int
    phrases_removed: tuple[str, ...]
    words: int
    words_kept: int

    @property
    def text_kept(self) -> float:
        """The share of words kept, 0.0 to 1.0; 1.0 where there was none to keep."""
        return min(1.0, self.words_kept / self.words) if self.words else 1.0


def clean_caption(
    text: str,
    *,
    strategy: str = "smart",
    style_phrases: Collection[str] = DEFAULT_STYLE_PHRASES,
) -> CleanedCaption:
    """Remove colour codes and boilerplate from a caption.

    Args:
        text: any text; several lines are cleaned each for itself.
        strategy: "smart" removes every code in every form with the blank that it leaves, hollow brackets,
            the `palette:` section with all after it on its line, the style phrases and empty phrases; every
            other character stays in its order, and cleaning a cleaned text changes nothing. "2025" repeats
            what the original experiment's script did and left: only single codes in parentheses and the
            palette section go. It is kept to compare with.
        style_phrases: phrases to remove (case and surrounding punctuation do not matter), "smart" only.

    Raises:
        InputError: no such strategy.
    """
    if strategy not in STRATEGIES:
        raise InputError(
            "is no cleaning strategy",
            field="strategy",
            value=strategy,
            remedy=f"Use one of: {', '.join(STRATEGIES)}.",
        )
    caption = parse(text)
    if strategy == "2025":
        return _clean_2025(caption)
    return _clean_smart(caption, _styles(tuple(style_phrases)))


@lru_cache(maxsize=16)
def _styles(phrases: tuple[str, ...]) -> frozenset[str]:
    return normal_set(phrases)


def _clean_smart(caption: Caption, styles: frozenset[str]) -> CleanedCaption:
    text = caption.text
    out: list[str] = []
    gone: list[str] = []
    exempt = 0  # words that cleaning is meant to remove
    kept_on_line = line_is_over = False
    spans = removals(caption)
    next_span = 0
    for phrase in caption.phrases:
        mine, next_span = _spans_of(phrase, spans, next_span)
        rest = "" if phrase.bare else residue(caption, phrase, mine)
        said = bool(rest) and not rest.isspace()
        opens_palette = phrase.section == "palette" or (said and starts_palette(rest))
        if opens_palette and not line_is_over and said:
            rest = _after_palette(rest)
            exempt += 1
        if said and normal_form(rest) in styles:
            exempt += len(_WORD.findall(rest))
            gone.append(rest.strip())
        elif line_is_over or opens_palette:
            if says_something(rest, 0, len(rest)):
                gone.append(rest.strip())
        elif said:
            out.append("," + rest.rstrip() if kept_on_line else _first(rest, phrase, caption))
            kept_on_line = True
        line_is_over |= opens_palette
        if phrase.separator_end > phrase.end and text[phrase.end] != ",":
            out.append(text[phrase.end : phrase.separator_end])
            kept_on_line = line_is_over = False
    cleaned = "".join(out)
    words = _count_words(caption) - exempt
    return CleanedCaption(cleaned, len(caption.codes), 0, tuple(gone), words, len(_WORD.findall(cleaned)))


def _count_words(caption: Caption) -> int:
    """Count the words of a caption, its codes not among them."""
    pieces = []
    position = 0
    for code in caption.codes:
        pieces.append(caption.text[position : code.start])
        position = code.end
    pieces.append(caption.text[position:])
    return len(_WORD.findall(" ".join(pieces)))


def _after_palette(rest: str) -> str:
    """Return what follows the word that opens a palette section (its colon may have left with the codes)."""
    head, colon, words = rest.partition(":")
    return words if colon else head.strip()[len("palette") :]


def _spans_of(phrase: Phrase, spans: list[Span], first: int) -> tuple[list[Span], int]:
    last = first
    while last < len(spans) and spans[last][0] < phrase.end:
        last += 1
    return spans[first:last], last


def _first(rest: str, phrase: Phrase, caption: Caption) -> str:
    """A line's first kept phrase: its leading blanks stay only if it was the line's first before."""
    starts_line = phrase.start == 0 or caption.text[phrase.start - 1] in "\r\n"
    return rest.rstrip() if starts_line else rest.strip()


def _clean_2025(caption: Caption) -> CleanedCaption:
    """The original script's result: single six-digit codes in tight parentheses, and the palette, go."""
    text = caption.text
    palette = next((p for p in caption.phrases if p.section == "palette"), None)
    end = palette.start if palette else len(text)
    tight = {(g.start, g.end) for g in caption.groups if g.end - g.start == 9 and text[g.start] == "("}
    out: list[str] = []
    position = left = 0
    for code in caption.codes:
        if code.end > end:
            break
        if (code.start - 1, code.end + 1) not in tight:
            left += 1
            continue
        out.append(text[position : code.start - 1].rstrip())
        position = code.end + 1
    out.append(text[position:end])
    phrases = [part.strip() for part in "".join(out).split(",")]
    cleaned = ", ".join(part for part in phrases if part)
    styles = normal_set(DEFAULT_STYLE_PHRASES)
    gone = [text[p.start : p.end].strip() for p in caption.phrases if p.section == "tail"]
    gone = [phrase for phrase in gone if normal_form(phrase) in styles]
    exempt = sum(len(_WORD.findall(phrase)) for phrase in gone) + (palette is not None)
    kept = _count_words(parse(cleaned))
    return CleanedCaption(
        cleaned, len(caption.codes) - left, left, tuple(gone), _count_words(caption) - exempt, kept
    )
