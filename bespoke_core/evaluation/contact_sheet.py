"""Every sprite of a sweep on one sheet: checkpoints down, prompts across, seeds side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .table import Row, labels

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

SPRITE_EDGE = 96
MAX_PIXELS = 40_000_000
_PAPER, _INK, _FAINT = "#ffffff", "#1d2430", "#6b7480"
_GAP, _HEAD, _LINE = 6, 40, 18


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

    Sprites are enlarged by a whole factor. When the sheet would have more than `MAX_PIXELS`, fewer seeds are
    shown and the sheet says so.

    Returns:
        An RGB picture.
    """
    from PIL import Image as Images
    from PIL import ImageDraw

    rows = _in_order(pictures)
    called = labels(dict(rows))
    prompts = list(dict.fromkeys(p.row.prompt for p in pictures))
    seeds = list(dict.fromkeys(p.row.seed for p in pictures))
    label = max([70, *(8 * len(text) for text in called.values())])
    shown = _seeds_that_fit(len(rows), len(prompts), len(seeds), label)
    cell_width = shown * (SPRITE_EDGE + _GAP) + _GAP
    cell_height = SPRITE_EDGE + _LINE + _GAP
    note = _LINE if shown < len(seeds) else 0
    size = (label + max(1, len(prompts)) * cell_width, _HEAD + max(1, len(rows)) * cell_height + note)
    sheet = Images.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, prompt in enumerate(prompts):
        _write(draw, (label + column * cell_width + _GAP, 12), prompt, 14, _INK, cell_width - _GAP)
    for line, (name, _) in enumerate(rows):
        _write(draw, (8, _HEAD + line * cell_height + SPRITE_EDGE // 2), called[name], 14, _INK, label)
    for picture in pictures:
        position = seeds.index(picture.row.seed)
        if position >= shown:
            continue
        x = label + prompts.index(picture.row.prompt) * cell_width + _GAP + position * (SPRITE_EDGE + _GAP)
        y = _HEAD + rows.index((picture.row.checkpoint, picture.row.epoch)) * cell_height
        sheet.paste(enlarged(picture, SPRITE_EDGE), (x, y))
        value = picture.row.scores.get(score)
        match = picture.row.scores.get("background_match")
        text = f"{'' if value is None else value}{_mark(match)}"
        _write(draw, (x, y + SPRITE_EDGE + 2), text, 12, _FAINT, SPRITE_EDGE)
    if note:
        text = f"{shown} of {len(seeds)} seeds are shown; the report's folder has all."
        _write(draw, (8, size[1] - _LINE), text, 12, _FAINT, size[0])
    return sheet


def enlarged(picture: ReportPicture, edge: int) -> Image:
    """Return the sprite, or the picture where there is none, fitted into a square of `edge` pixels.

    A sprite is enlarged by a whole factor without blending; a larger picture is shrunk.
    """
    from PIL import Image as Images

    with Images.open(picture.sprite_path or picture.path) as opened:
        source = opened.convert("RGB")
    longest = max(source.size)
    if longest <= edge:
        factor = edge // longest
        fitted = source.resize((source.width * factor, source.height * factor), Images.Resampling.NEAREST)
    else:
        scale = edge / longest
        size = (max(1, round(source.width * scale)), max(1, round(source.height * scale)))
        fitted = source.resize(size, Images.Resampling.LANCZOS)
    square = Images.new("RGB", (edge, edge), _PAPER)
    square.paste(fitted, ((edge - fitted.width) // 2, (edge - fitted.height) // 2))
    return square


def _in_order(pictures: Sequence[ReportPicture]) -> list[tuple[str, int | None]]:
    found = dict.fromkeys((p.row.checkpoint, p.row.epoch) for p in pictures)
    return sorted(found, key=lambda row: (-1 if row[1] is None else row[1], row[0]))


def _seeds_that_fit(rows: int, prompts: int, seeds: int, label: int) -> int:
    height = _HEAD + max(1, rows) * (SPRITE_EDGE + _LINE + _GAP)
    shown = max(1, seeds)
    while shown > 1 and (label + prompts * (shown * (SPRITE_EDGE + _GAP) + _GAP)) * height > MAX_PIXELS:
        shown -= 1
    return shown


def _mark(match: object) -> str:
    return {"yes": "  follows", "no": "  does not", "unclear": "  unclear"}.get(str(match), "")


def _write(draw: ImageDraw, at: tuple[int, int], text: str, size: int, color: str, width: int) -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(size)
    while text and draw.textlength(text, font=font) > width - 4:
        text = text[:-2] + "\u2026" if len(text) > 2 else ""
    draw.text(at, text, fill=color, font=font)
