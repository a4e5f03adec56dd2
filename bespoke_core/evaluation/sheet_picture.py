"""The inference sheet as one picture, to send or to put on a model's page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import __version__
from ..amounts import counted, score_text, span_text
from .choice import DECIDED, ONLY, Choice
from .contact_sheet import enlarged
from .sheet import Sheet
from .sheet_words import about, example_lines, recipe, result_line, words

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

WIDTH = 1600
_PAPER, _INK, _FAINT, _LINE = "#ffffff", "#1d2430", "#5a6472", "#dfe3e8"
_BEST, _BAR, _SOFT, _YES, _UNSURE = "#a84300", "#0072b2", "#eef0f3", "#0b6b3a", "#7a5200"
_MARGIN, _GAP = 48, 32
_COLUMN = (WIDTH - 2 * _MARGIN - _GAP) // 2
_ACROSS, _FULL, _SPRITE = 4, 256, 96
_MOST_NOTES, _MOST_LINES = 8, 4


def draw_sheet(sheet: Sheet) -> Image:
    """Draw the sheet: the answer, the settings with their intervals, words and files, examples.

    Returns:
        An RGB picture, 1,600 pixels wide and as high as it needs.

    Raises:
        InputError: one of the examples is broken.
    """
    from PIL import Image as Images
    from PIL import ImageDraw

    rows = -(-len(sheet.examples) // _ACROSS)
    tried = sum(len(one.tried) for one in sheet.choices)
    tall = 2400 + 130 * len(sheet.choices) + 60 * tried + rows * (_FULL + 120)
    paper = Images.new("RGB", (WIDTH, tall), _PAPER)
    pen = _Pen(ImageDraw.Draw(paper))
    inside = WIDTH - 2 * _MARGIN
    y = pen.write((_MARGIN, 40), sheet.headline, 34, _INK, inside)
    y = pen.write((_MARGIN, y + 6), f"{sheet.sureness} {result_line(sheet)}", 18, _FAINT, inside)
    top = pen.rule(y + 16)
    left = _settings(pen, sheet, (_MARGIN, top))
    right = _facts(pen, sheet, (_MARGIN + _COLUMN + _GAP, top))
    y = max(left, right)
    if sheet.examples:
        y = _examples(paper, pen, sheet, pen.rule(y + 12))
    y = _notes(pen, sheet.notes, pen.rule(y + 8))
    y = pen.write(
        (_MARGIN, y + 14), f"Made by Bespoke {__version__} from measured pictures.", 14, _FAINT, inside
    )
    return paper.crop((0, 0, WIDTH, min(tall, y + 28)))


class _Pen:
    """Writes wrapped text; every method returns the y below what it drew."""

    def __init__(self, draw: ImageDraw) -> None:
        self.draw = draw

    def write(self, at: tuple[int, int], text: str, size: int, color: str, width: int, most: int = 6) -> int:
        """Write text in lines of at most `width` pixels, at most `most` of them."""
        from PIL import ImageFont

        font = ImageFont.load_default(size)
        lines = _wrapped(text, lambda one: self.draw.textlength(one, font=font) <= width)
        if len(lines) > most:
            lines = [*lines[: most - 1], lines[most - 1] + " \u2026"]
        x, y = at
        for line in lines:
            self.draw.text((x, y), line, fill=color, font=font)
            y += round(size * 1.35)
        return y

    def rule(self, y: int) -> int:
        """Draw a line across."""
        self.draw.line((_MARGIN, y, WIDTH - _MARGIN, y), fill=_LINE, width=2)
        return y + 18


def _wrapped(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Break text at its blanks; a word that alone is too long is broken within."""
    lines, line = [], ""
    for word in text.split():
        if line and fits(f"{line} {word}"):
            line = f"{line} {word}"
            continue
        if line:
            lines.append(line)
        while len(word) > 1 and not fits(word):
            cut = next((n for n in range(len(word) - 1, 1, -1) if fits(word[:n])), 1)
            lines.append(word[:cut])
            word = word[cut:]
        line = word
    return [*lines, line] if line or not lines else lines


def _settings(pen: _Pen, sheet: Sheet, at: tuple[int, int]) -> int:
    """Draw each setting with its value, how sure it is, and the values that were compared."""
    x, y = at
    for one in sheet.choices:
        if one.state == ONLY:
            continue
        color = _YES if one.state == DECIDED else _UNSURE
        y = pen.write((x, y), one.title, 16, _FAINT, _COLUMN)
        y = pen.write((x, y), one.label, 25, _INK, _COLUMN, 2)
        y = pen.write((x, y + 1), f"{one.state}: {one.sentence}", 15, color, _COLUMN, 3)
        y = _bars(pen, one, (x, y + 6)) + 16
    alone = [one for one in sheet.choices if one.state == ONLY]
    for one in alone:
        bottom = pen.write((x + 190, y), one.label, 18, _INK, _COLUMN - 190, 3)
        pen.write((x, y + 1), one.title, 16, _FAINT, 180, 1)
        y = bottom + 4
    if alone:
        y = pen.write((x, y + 2), "Of the last, only these values were drawn.", 14, _FAINT, _COLUMN)
    return y


def _bars(pen: _Pen, choice: Choice, at: tuple[int, int]) -> int:
    """Draw the 95 % interval and the mean of each value that was compared."""
    x, y = at
    ends = [end for one in choice.tried for end in (one.low, one.mean, one.high) if end is not None]
    if not ends:
        return y
    low, span = min(ends), (max(ends) - min(ends)) or 1.0
    begin, width = x + 170, _COLUMN - 170 - 210

    def place(value: float) -> int:
        return begin + round((value - low) / span * width)

    for one in choice.tried:
        color = _BEST if one.mark == "chosen" else _BAR
        pen.write((x, y + 1), one.label, 15, _INK, 160, 1)
        pen.draw.rectangle((begin - 4, y + 2, begin + width + 4, y + 20), fill=_SOFT)
        if one.low is not None and one.high is not None:
            pen.draw.rectangle((place(one.low), y + 9, place(one.high), y + 13), fill=color)
        if one.mean is not None:
            pen.draw.rectangle((place(one.mean) - 2, y + 4, place(one.mean) + 2, y + 18), fill=color)
            told = "" if one.low is None or one.high is None else f"  ({span_text(one.low, one.high)})"
            pen.write((begin + width + 16, y + 1), f"{score_text(one.mean)}{told}", 15, _INK, 200, 1)
        y += 26
    return y


def _facts(pen: _Pen, sheet: Sheet, at: tuple[int, int]) -> int:
    """Draw words, files and how to make it again."""
    x, y = at
    for title, lines in (("Words", words(sheet)), ("Files", about(sheet)), ("In ComfyUI", recipe(sheet))):
        y = pen.write((x, y), title, 20, _INK, _COLUMN) + 2
        for name, text in lines:
            bottom = pen.write((x + 190, y), text, 16, _INK, _COLUMN - 190, _MOST_LINES)
            y = max(bottom, pen.write((x, y), name, 16, _FAINT, 182, 2)) + 3
        y += 14
    return y


def _examples(paper: Image, pen: _Pen, sheet: Sheet, y: int) -> int:
    """Draw the examples: the picture, its sprite enlarged by a whole factor, the score."""
    width = (WIDTH - 2 * _MARGIN + 16) // _ACROSS
    bottom = y
    for number, picture in enumerate(sheet.examples):
        if number and number % _ACROSS == 0:
            y = bottom + 14
        x = _MARGIN + number % _ACROSS * width
        paper.paste(enlarged(replace(picture, sprite_path=None), _FULL), (x, y))
        if picture.sprite_path is not None:
            paper.paste(enlarged(picture, _SPRITE), (x + _FULL + 8, y))
        name, told = example_lines(sheet, picture)
        under = pen.write((x, y + _FULL + 6), name, 17, _INK, width - 24, 1)
        bottom = max(bottom, pen.write((x, under), told, 14, _FAINT, width - 24, 2))
    return bottom


def _notes(pen: _Pen, notes: Sequence[str], y: int) -> int:
    if not notes:
        return y
    y = pen.write((_MARGIN, y), "Not measured", 20, _INK, WIDTH)
    for note in notes[:_MOST_NOTES]:
        y = pen.write((_MARGIN, y + 2), f"- {note}", 15, _FAINT, WIDTH - 2 * _MARGIN, 2)
    if len(notes) > _MOST_NOTES:
        rest = counted(len(notes) - _MOST_NOTES, "more stands", "more stand")
        more = f"{rest} in the page beside this picture."
        y = pen.write((_MARGIN, y + 2), more, 15, _FAINT, WIDTH)
    return y
