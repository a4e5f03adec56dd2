"""Cleaning one caption: every colour code, the palette section and the style phrases go, no word is lost."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from ..errors import InputError
from .parse import Caption, parse
from .scan import says_something
from .style import DEFAULT_STYLE_PHRASES, normal_form, normal_set
from .wording import count_words

Strategy = Literal["smart", "2025"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)


class CleanedCaption(NamedTuple):
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
    return clean_parsed(parse(text), strategy=strategy, style_phrases=style_phrases)


def clean_parsed(
    caption: Caption,
    *,
    strategy: str = "smart",
    style_phrases: Collection[str] = DEFAULT_STYLE_PHRASES,
) -> CleanedCaption:
    """Clean a caption that is parsed already, as `clean_caption` cleans its text.

    Raises:
        InputError: no such strategy.
    """
    if strategy == "smart":
        return _clean_smart(caption, _styles(tuple(style_phrases)))
    if strategy == "2025":
        return _clean_2025(caption)
    raise InputError(
        "is no cleaning strategy",
        field="strategy",
        value=strategy,
        remedy=f"Use one of: {', '.join(STRATEGIES)}.",
    )


@lru_cache(maxsize=16)
def _styles(phrases: tuple[str, ...]) -> frozenset[str]:
    return normal_set(phrases)


def _clean_smart(caption: Caption, styles: frozenset[str]) -> CleanedCaption:
    text, phrases = caption.text, caption.phrases
    lines: list[str] = []  # those that are finished, with their breaks
    kept: list[str] = []  # the phrases of the line so far
    gone: list[str] = []
    words = words_kept = 0
    line_is_over = False
    several_lines = phrases[-1].line > 0
    for start, end, separator_end, section, _, _, _, count, wording in phrases:
        words += count
        rest = wording.kept
        if rest:
            opens_palette = section == "palette" or wording.palette
            form = wording.form
            if opens_palette and not line_is_over:
                words -= 1  # the word "palette" is meant to go
                rest = _after_palette(rest)
                form = normal_form(rest)
            if form in styles:
                words -= count_words(rest)
                gone.append(rest.strip())
            elif line_is_over or opens_palette:
                if says_something(rest, 0, len(rest)):
                    gone.append(rest.strip())
            else:
                words_kept += wording.word_count
                # A line's first phrase keeps its leading blanks only if it was the first before.
                has_place = kept or start == 0 or text[start - 1] in "\r\n"
                kept.append(rest if has_place else rest.lstrip())
            line_is_over |= opens_palette
        elif section == "palette":
            line_is_over = True
        if several_lines and separator_end > end and text[end] != ",":
            lines.append(",".join(kept) + text[end:separator_end])
            kept.clear()
            line_is_over = False
    cleaned = "".join(lines) + ",".join(kept)
    return CleanedCaption(cleaned, len(caption.codes), 0, tuple(gone), words, words_kept)


def _after_palette(rest: str) -> str:
    """Return what follows the word that opens a palette section (its colon may have left with the codes)."""
    head, colon, words = rest.partition(":")
    return words if colon else head.strip()[len("palette") :]


def _clean_2025(caption: Caption) -> CleanedCaption:
    """The original script's result: single six-digit codes in tight parentheses, and the palette, go."""
    text = caption.text
    palette = next((p for p in caption.phrases if p.section == "palette"), None)
    end = palette.start if palette else len(text)
    out: list[str] = []
    position = left = 0
    for code in caption.codes:
        if code.end > end:
            break
        if (
            code.end - code.start != 7
            or text[code.start - 1 : code.start] != "("
            or text[code.end : code.end + 1] != ")"
        ):
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
    exempt = sum(map(count_words, gone)) + (palette is not None)
    words = sum(phrase.words for phrase in caption.phrases) - exempt
    kept = sum(phrase.words for phrase in parse(cleaned).phrases)
    return CleanedCaption(cleaned, len(caption.codes) - left, left, tuple(gone), words, kept)
