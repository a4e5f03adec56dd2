"""Every sprite of a sweep on one sheet: checkpoints down, prompts across, seeds side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..amounts import counted, score_text
from ..errors import InputError
from .table import SETTING_COLUMNS, Row, labels, score_columns

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

SPRITE_EDGE = 96
MAX_PIXELS = 40_000_000
_PAPER, _INK, _FAINT = "#ffffff", "#1d2430", "#6b7480"
_GAP, _HEAD, _LINE = 10, 40, 18
_NEAR = 2
_WIDEST = 4  # times the height


@dataclass(frozen=True)
class ReportPicture:
    """One picture of a sweep.

    Attributes:
        row: its row in the table.
        path: the full-size PNG.
        sprite_path: the shrunk PNG, or None.
    """

    row: Row
    path: Path
    sprite_path: Path | None = None


def contact_sheet(pictures: Sequence[ReportPicture], *, score: str = "unique_colors") -> Image:
    """Draw the sheet.

    Args:
        pictures: of a sweep, in any order; a cell without a picture stays empty.
        score: the column that is written under each sprite.

    Each cell shows the picture and its sprite side by side, the score beneath. Sprites are enlarged by
    whole factors. What would be a long thin strip, such as many prompts of one checkpoint, goes on in further
    bands below the first. When the sheet would have more than `MAX_PIXELS`, fewer seeds are shown, and it
    says so.

    Returns:
        An RGB picture.
    """
    from PIL import Image as Images
    from PIL import ImageDraw

    rows = _in_order(pictures)
    called = labels(dict(rows))
    varied = varied_settings([p.row for p in pictures])
    prompts = list(dict.fromkeys(columns_of(p.row, varied) for p in pictures))
    seeds = list(dict.fromkeys(p.row.seed for p in pictures))
    label = max([70, *(8 * len(text) for text in called.values())])
    pair = 1 + any(p.sprite_path not in (None, p.path) for p in pictures)
    width = pair * SPRITE_EDGE + (pair - 1) * _NEAR
    shown = _seeds_that_fit(len(rows), len(prompts), len(seeds), label, width)
    cell_width = shown * (width + _GAP) + _GAP
    cell_height = SPRITE_EDGE + _LINE + _GAP
    note = _LINE if shown < len(seeds) else 0
    band = _HEAD + max(1, len(rows)) * cell_height
    across = _prompts_across(len(prompts), label, cell_width, band)
    bands = max(1, math.ceil(len(prompts) / across))
    size = (label + across * cell_width, bands * band + note)
    sheet = Images.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    corners = [(label + at % across * cell_width, at // across * band) for at in range(len(prompts))]
    for (left, top), prompt in zip(corners, prompts, strict=True):
        _write(draw, (left + _GAP, top + 12), prompt, 14, _INK, cell_width - _GAP)
    for top in range(0, bands * band, band):
        for line, (name, _) in enumerate(rows):
            at = (8, top + _HEAD + line * cell_height + SPRITE_EDGE // 2)
            _write(draw, at, called[name], 14, _INK, label)
    for picture in pictures:
        position = seeds.index(picture.row.seed)
        if position >= shown:
            continue
        left, top = corners[prompts.index(columns_of(picture.row, varied))]
        x = left + _GAP + position * (width + _GAP)
        y = top + _HEAD + rows.index((picture.row.checkpoint, picture.row.epoch)) * cell_height
        if pair > 1:
            sheet.paste(fitted(picture.path, SPRITE_EDGE), (x, y))
        sheet.paste(enlarged(picture, SPRITE_EDGE), (x + width - SPRITE_EDGE, y))
        value = picture.row.scores.get(score)
        shown_value = "" if value is None else score_text(value) if isinstance(value, float) else value
        text = f"{shown_value}{_mark(picture.row.scores.get('background_match'))}"
        _write(draw, (x, y + SPRITE_EDGE + 2), text, 12, _FAINT, width)
    if note:
        text = f"Shown: {shown} of {counted(len(seeds), 'seed')}; the report's folder has all."
        _write(draw, (8, size[1] - _LINE), text, 12, _FAINT, size[0])
    return sheet


def enlarged(picture: ReportPicture, edge: int) -> Image:
    """Return the sprite, or the picture where there is none, fitted into a square of `edge` pixels.

    A sprite is enlarged by a whole factor without blending; a larger picture is shrunk.
    """
    from PIL import Image as Images

    small = fitted(picture.sprite_path or picture.path, edge)
    factor = max(1, edge // max(small.size))
    small = small.resize((small.width * factor, small.height * factor), Images.Resampling.NEAREST)
    square = Images.new("RGB", (edge, edge), _PAPER)
    square.paste(small, ((edge - small.width) // 2, (edge - small.height) // 2))
    return square


def fitted(path: Path, edge: int) -> Image:
    """Return a picture file as RGB, shrunk where its longer side has more than `edge` pixels.

    Raises:
        InputError: there is no such picture, or it is broken.
    """
    from PIL import Image as Images

    try:
        with Images.open(path) as opened:
            source = opened.convert("RGB")
    except (OSError, SyntaxError) as error:
        raise InputError(
            f"is not a readable picture ({error})", file=path, remedy="Run the sweep again."
        ) from None
    scale = edge / max(source.size)
    if scale >= 1:
        return source
    size = (max(1, round(source.width * scale)), max(1, round(source.height * scale)))
    return source.resize(size, Images.Resampling.LANCZOS)


def varied_settings(rows: Sequence[Row]) -> list[str]:
    """Return the settings in which the rows differ."""
    present = [name for name in score_columns(rows) if name in SETTING_COLUMNS]
    return [name for name in present if len({row.scores.get(name) for row in rows}) > 1]


def columns_of(row: Row, varied: Sequence[str]) -> str:
    """Return what a picture shows besides its checkpoint and seed: the prompt, and settings that vary."""
    values = [f"{name.replace('_', ' ')} {row.scores.get(name) or 'none'}" for name in varied]
    return ", ".join([row.prompt, *values])


def _in_order(pictures: Sequence[ReportPicture]) -> list[tuple[str, int | None]]:
    found = dict.fromkeys((p.row.checkpoint, p.row.epoch) for p in pictures)
    return sorted(found, key=lambda row: (-1 if row[1] is None else row[1], row[0]))


def _seeds_that_fit(rows: int, prompts: int, seeds: int, label: int, width: int) -> int:
    height = _HEAD + max(1, rows) * (SPRITE_EDGE + _LINE + _GAP)
    shown = max(1, seeds)
    while shown > 1 and (label + prompts * (shown * (width + _GAP) + _GAP)) * height > MAX_PIXELS:
        shown -= 1
    return shown


def _prompts_across(prompts: int, label: int, cell_width: int, band: int) -> int:
    """Return how many prompts stand side by side: all, unless the sheet would be a strip."""
    for bands in range(1, max(1, prompts) + 1):
        across = math.ceil(max(1, prompts) / bands)
        if label + across * cell_width <= _WIDEST * math.ceil(max(1, prompts) / across) * band:
            return across
    return 1


def _mark(match: object) -> str:
    return {"yes": "  follows", "no": "  does not", "unclear": "  unclear"}.get(str(match), "")


def _write(draw: ImageDraw, at: tuple[int, int], text: str, size: int, color: str, width: int) -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(size)
    while text and draw.textlength(text, font=font) > width - 4:
        text = text[:-2] + "\u2026" if len(text) > 2 else ""
    draw.text(at, text, fill=color, font=font)
