"""A picture with what was judged drawn over it, so that people can see why a score is what it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..color.codes import format_hex
from ..color.names import name_of
from ..color.phrases import background_asked
from ..color.skin import name_of_skin
from ..sprites.background import arrangement, find_background
from ..sprites.downscale import downscale
from .background import match_background
from .features import Features, match_features

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

    from ..sprites.figure import Area

EDGE = 288
"""Longer side of the picture on the sheet, in pixels."""
_PAPER, _INK, _FAINT = "#ffffff", "#1d2430", "#5d6672"
_OUTLINES = {"background": "#00b7ff", "hair": "#ff3bd4", "skin": "#ffd400", "clothing": "#7cff2b"}
_VERDICTS = {"yes": "#1b7f3b", "no": "#b3261e", "unclear": "#9a6700"}
_GAP, _LINE, _TEXT = 12, 58, 400


@dataclass(frozen=True)
class _Line:
    """One judged region: what is written beside the picture."""

    feature: str
    color: NDArray[np.uint8]
    says: str
    asked: str
    verdict: str


def explain(image: NDArray[np.uint8], *, prompt: str = "", size: tuple[int, int] = (24, 24)) -> Image:
    """Draw one picture with the outlines of the regions that were judged, and beside it what was found.

    Args:
        image: uint8 RGB (H, W, 3), at full size or a sprite.
        prompt: what was asked for; empty draws the regions without a verdict.
        size: (width, height) of the sprite in which the regions are looked for.

    Returns:
        An RGB picture. Swatches show the colours that were found, in the colour of the region's outline.

    Raises:
        InputError: the picture is smaller than the sprite.
    """
    from PIL import Image as Images
    from PIL import ImageDraw

    cells = downscale(image[None], size, "median")[0]
    background = find_background(cells)
    features = match_features(cells, background, prompt)
    lines = _lines(cells, prompt, features)
    factor = EDGE / max(image.shape[:2])
    width, height = (max(1, round(side * factor)) for side in (image.shape[1], image.shape[0]))
    sheet = Images.new("RGB", (width + 3 * _GAP + _TEXT, max(height, len(lines) * _LINE) + 2 * _GAP), _PAPER)
    sheet.paste(Images.fromarray(image).resize((width, height), Images.Resampling.NEAREST), (_GAP, _GAP))
    draw = ImageDraw.Draw(sheet)
    for feature, mask in _masks(background.region, features.areas).items():
        _outline(draw, mask, (width, height), _OUTLINES[feature])
    for place, line in enumerate(lines):
        _write_line(draw, line, width + 2 * _GAP, _GAP + place * _LINE)
    return sheet


def _masks(region: NDArray[np.bool_], areas: dict[str, Area]) -> dict[str, NDArray[np.bool_]]:
    found = {"background": region} if region.any() else {}
    return {**found, **{feature: area.mask for feature, area in areas.items()}}


def _lines(cells: NDArray[np.uint8], prompt: str, features: Features) -> list[_Line]:
    background = find_background(cells)
    asked = background_asked(prompt)
    match = match_background(background, asked)
    lines: list[_Line] = []
    if len(background.colors):
        color = background.colors[0]
        names = " and ".join(dict.fromkeys(name_of(one) for one in background.colors))
        wanted = asked.phrase if asked is not None else ""
        lines.append(_Line("background", color, f"{arrangement(background)}: {names}", wanted, match.verdict))
    for one in features.matches:
        area = features.areas.get(one.feature)
        if area is None:
            lines.append(_Line(one.feature, np.full(3, 255, np.uint8), "not located", one.asked, one.verdict))
        else:
            name = name_of_skin(area.color) if one.feature == "skin" else name_of(area.color)
            lines.append(_Line(one.feature, area.color, name, one.asked, one.verdict))
    return lines


def _outline(draw: ImageDraw, mask: NDArray[np.bool_], size: tuple[int, int], color: str) -> None:
    """Draw the border between a region's cells and all others, one segment a cell's side."""
    rows, columns = mask.shape
    xs = [_GAP + round(column * size[0] / columns) for column in range(columns + 1)]
    ys = [_GAP + round(row * size[1] / rows) for row in range(rows + 1)]
    padded = np.pad(mask, 1)
    for row, column in np.argwhere(padded[1:, 1:] != padded[:-1, 1:]):
        if column < columns:
            draw.line((xs[column], ys[row], xs[column + 1], ys[row]), fill=color, width=2)
    for row, column in np.argwhere(padded[1:, 1:] != padded[1:, :-1]):
        if row < rows:
            draw.line((xs[column], ys[row], xs[column], ys[row + 1]), fill=color, width=2)


def _write_line(draw: ImageDraw, line: _Line, x: int, y: int) -> None:
    from PIL import ImageFont

    draw.rectangle((x, y + 2, x + 30, y + 32), fill=format_hex(line.color), width=3)
    draw.rectangle((x, y + 2, x + 30, y + 32), outline=_OUTLINES.get(line.feature, _FAINT), width=3)
    large, small = ImageFont.load_default(15), ImageFont.load_default(13)
    draw.text((x + 42, y), f"{line.feature}: {line.says}"[:46], fill=_INK, font=large)
    if line.asked:
        draw.text((x + 42, y + 20), f"asked: {line.asked}"[:50], fill=_FAINT, font=small)
        draw.text((x + 42, y + 36), line.verdict, fill=_VERDICTS.get(line.verdict, _FAINT), font=small)
