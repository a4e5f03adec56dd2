"""The worst files of a data set on one sheet: picture, name, what is wrong, the codes as swatches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..amounts import counted
from ..errors import InputError
from .thumbnail import thumbnail
from .worst_parts import Swatch, kinds_of, offending

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

    from .audit import Audit
    from .tally import WorstFile

_PAPER, _CARD, _INK, _FAINT, _LINE = "#ffffff", "#f6f7f9", "#1d2430", "#5d6672", "#dfe3e8"
_MARKS = {"wrong": "#b3261e", "shared": "#e39a2d", "": "#8f98a3"}
_COLUMNS = 3
_PICTURE, _PAD, _GAP = 144, 12, 12
_TEXT = 232  # width of what stands beside a picture
_WIDTH = _PAD + _PICTURE + _PAD + _TEXT + _PAD
_HEIGHT = 218
_HEAD = 58
_KINDS, _SWATCHES = 6, 7
_LEGEND = (("wrong", "not its colour"), ("shared", "on several phrases"), ("", "on none"))


def draw_worst_sheet(audit: Audit, *, count: int = 12) -> Image:
    """Draw the files with the weightiest findings, worst first.

    Args:
        audit: what was found; one without findings gives a sheet that says so.
        count: files to show, 1 to 20.

    Returns:
        An RGB picture, 1,280 pixels wide. A swatch is ringed red where the picture shows that the code is not
        its phrase's colour, amber where several phrases share it, grey where it belongs to none.

    Raises:
        InputError: the count is out of range.
    """
    from PIL import Image as Images
    from PIL import ImageDraw

    if not 1 <= count <= 20:
        raise InputError("must be 1 to 20", field="count", value=count, remedy="Give such a number.")
    shown = audit.worst[:count]
    rows = max(1, -(-len(shown) // _COLUMNS))
    width = _COLUMNS * (_WIDTH + _GAP) + _GAP
    height = _HEAD + rows * (_HEIGHT + _GAP) if shown else _HEAD + 60
    sheet = Images.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    _write(draw, (_GAP, 16), _title(audit), 20, _INK, width - 2 * _GAP)
    if not shown:
        _write(draw, (_GAP, _HEAD), "Nothing to mend.", 16, _FAINT, width)
    else:
        _draw_legend(draw, width - _GAP)
    for place, worst in enumerate(shown):
        x = _GAP + place % _COLUMNS * (_WIDTH + _GAP)
        y = _HEAD + place // _COLUMNS * (_HEIGHT + _GAP)
        draw.rectangle((x, y, x + _WIDTH - 1, y + _HEIGHT - 1), fill=_CARD, outline=_LINE)
        _draw_picture(sheet, draw, worst, x + _PAD, y + _PAD)
        _draw_words(draw, worst, x + _PAD + _PICTURE + _PAD, y + _PAD - 2)
        _draw_swatches(draw, offending(worst), x + _PAD, y + _PAD + _PICTURE + 10)
    return sheet


def _title(audit: Audit) -> str:
    if not audit.worst:
        return counted(audit.captions, "caption")
    return f"The worst of {counted(audit.captions, 'caption')} ({counted(audit.total, 'finding')} in all)"


def _draw_legend(draw: ImageDraw, right: int) -> None:
    for degree, says in reversed(_LEGEND):
        right -= round(draw.textlength(says, font=_font(13))) + 4
        _write(draw, (right, 22), says, 13, _FAINT, right)
        right -= 22
        draw.rectangle((right, 22, right + 15, 37), outline=_MARKS[degree], width=3)
        right -= 14


def _draw_picture(sheet: Image, draw: ImageDraw, worst: WorstFile, x: int, y: int) -> None:
    picture = None
    if worst.image_path is not None:
        try:
            picture = thumbnail(worst.image_path, _PICTURE)
        except InputError:  # a broken picture is among the findings; its place stays empty
            picture = None
    if picture is None:
        draw.rectangle((x, y, x + _PICTURE - 1, y + _PICTURE - 1), outline=_LINE)
        _write(draw, (x + 34, y + _PICTURE // 2 - 8), "no picture", 14, _FAINT, _PICTURE)
        return
    sheet.paste(picture, (x + (_PICTURE - picture.width) // 2, y + (_PICTURE - picture.height) // 2))


def _draw_words(draw: ImageDraw, worst: WorstFile, x: int, y: int) -> None:
    _write(draw, (x, y), worst.file, 16, _INK, _TEXT)
    what = counted(worst.total, "finding")
    _write(draw, (x, y + 21), what, 13, _FAINT, _TEXT)
    kinds = kinds_of(worst)
    shown = _KINDS if len(kinds) <= _KINDS else _KINDS - 1
    for line, (kind, number) in enumerate(kinds[:shown]):
        _write(draw, (x, y + 42 + 17 * line), f"{number}  {kind.replace('_', ' ')}", 13, _INK, _TEXT)
    if len(kinds) > shown:
        rest = counted(len(kinds) - shown, "more kind")
        _write(draw, (x, y + 42 + 17 * shown), f"and {rest}", 13, _FAINT, _TEXT)


def _draw_swatches(draw: ImageDraw, swatches: tuple[Swatch, ...], x: int, y: int) -> None:
    step = (_WIDTH - 2 * _PAD) // _SWATCHES
    for place, swatch in enumerate(swatches[:_SWATCHES]):
        left = x + place * step
        draw.rectangle((left, y, left + step - 6, y + 21), fill=swatch.hex, outline=_PAPER)
        draw.rectangle((left - 2, y - 2, left + step - 4, y + 23), outline=_MARKS[swatch.degree], width=2)
        _write(draw, (left - 2, y + 26), swatch.hex, 11, _FAINT, step + 2)


def _write(draw: ImageDraw, at: tuple[int, int], text: str, size: int, color: str, width: int) -> None:
    """Write one line, cut off with an ellipsis where it is wider than `width`."""
    font = _font(size)
    text = " ".join(text.split())
    while text and draw.textlength(text, font=font) > width:
        text = text[:-2] + "\u2026" if len(text) > 2 else ""
    draw.text(at, text, fill=color, font=font)


def _font(size: int) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont as Fonts

    return Fonts.load_default(size)
