"""Scored pictures on one sheet: the sprite enlarged, its scores under it, its main colours as swatches."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..amounts import counted, score_text
from ..errors import InputError
from .main_colors import main_colors
from .score import Scores

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

MOST_CARDS = 300
ORDERS = ("first", "worst")

_PAPER, _CARD, _INK, _FAINT, _LINE = "#ffffff", "#f6f7f9", "#1d2430", "#5d6672", "#dfe3e8"
_VERDICTS = {"yes": "#1b7f3b", "no": "#b3261e", "unclear": "#9a6700"}
_COLUMNS, _SPRITE, _PAD, _GAP, _HEAD, _ROW = 6, 168, 10, 12, 56, 17
_SWATCHES, _LINES = 8, 6
_WIDTH = _SPRITE + 2 * _PAD
_HEIGHT = _PAD + _SPRITE + 30 + _LINES * _ROW + _PAD


@dataclass(frozen=True)
class Card:
    """One picture of the sheet: its name, its sprite, uint8 (h, w, 3), and its scores."""

    name: str
    sprite: NDArray[np.uint8]
    scores: Scores


def badness(scores: Scores) -> tuple[float, ...]:
    """Return what to sort by for the worst first: wrong colours, then colours beyond the training set's.

    Without a training set to compare with, the colours that can be told apart count.
    """
    weights = {"no": 3, "unclear": 1}
    wrong = sum(weights.get(verdict, 0) for verdict in (scores.background_match, scores.feature_match))
    wrong += 2 * (scores.color_bleed == "yes")
    colors = scores.perceptual_colors if scores.excess_colors is None else abs(scores.excess_colors)
    return (float(wrong), float(colors))


class Picked:
    """Keeps the cards of the first or the worst pictures of a long row, in memory that does not grow.

    Args:
        most: how many, 1 to `MOST_CARDS`.
        order: one of `ORDERS`.

    Raises:
        InputError: the number or the order is none of these.
    """

    def __init__(self, most: int = 60, order: str = "first") -> None:
        if not 1 <= most <= MOST_CARDS:
            remedy = f"Give 1 to {MOST_CARDS}."
            raise InputError("is out of range", field="sheet count", value=most, remedy=remedy)
        if order not in ORDERS:
            remedy = f"Use {' or '.join(ORDERS)}."
            raise InputError("is not an order", field="sheet order", value=order, remedy=remedy)
        self._most, self._worst = most, order == "worst"
        self._kept: list[tuple[tuple[float, ...], int, Card]] = []
        self._seen = 0

    def offer(self, name: str, scores: Scores, sprite: Callable[[], NDArray[np.uint8]]) -> None:
        """Keep the picture if it is among them; only then is `sprite` called."""
        self._seen += 1
        # What came earlier is kept before what came later and is as bad.
        rank = (*(badness(scores) if self._worst else ()), -self._seen)
        if len(self._kept) < self._most:
            heapq.heappush(self._kept, (rank, -self._seen, Card(name, sprite(), scores)))
        elif rank > self._kept[0][0]:
            heapq.heapreplace(self._kept, (rank, -self._seen, Card(name, sprite(), scores)))

    @property
    def title(self) -> str:
        """Say what is shown, and of how many."""
        if len(self._kept) == self._seen:
            return counted(self._seen, "picture")
        which = "worst" if self._worst else "first"
        return f"The {which} {len(self._kept):,} of {counted(self._seen, 'picture')}"

    @property
    def cards(self) -> list[Card]:
        """The cards, the first or the worst first."""
        return [card for _, _, card in sorted(self._kept, key=lambda kept: kept[0], reverse=True)]


def draw_score_sheet(cards: Sequence[Card], title: str = "") -> Image:
    """Draw cards on one sheet, six a row; an RGB picture 1,212 pixels wide.

    Sprites are enlarged by whole factors, without blending. Swatches are the sprite's commonest colours.

    Raises:
        InputError: there are no cards, or more than `MOST_CARDS`.
    """
    from PIL import Image as Images
    from PIL import ImageDraw

    if not 1 <= len(cards) <= MOST_CARDS:
        remedy = f"Give 1 to {MOST_CARDS} pictures."
        raise InputError("is out of range", field="cards", value=len(cards), remedy=remedy)
    rows = -(-len(cards) // _COLUMNS)
    size = (_GAP + _COLUMNS * (_WIDTH + _GAP), _HEAD + rows * (_HEIGHT + _GAP))
    sheet = Images.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    _write(draw, (_GAP, 16), title, 20, _INK, size[0] - 2 * _GAP)
    for place, card in enumerate(cards):
        x = _GAP + place % _COLUMNS * (_WIDTH + _GAP)
        y = _HEAD + place // _COLUMNS * (_HEIGHT + _GAP)
        draw.rectangle((x, y, x + _WIDTH - 1, y + _HEIGHT - 1), fill=_CARD, outline=_LINE)
        _draw_card(sheet, draw, card, x + _PAD, y + _PAD)
    return sheet


def _draw_card(sheet: Image, draw: ImageDraw, card: Card, x: int, y: int) -> None:
    from PIL import Image as Images

    picture = Images.fromarray(card.sprite)
    longest = max(picture.size)
    factor = _SPRITE // longest if longest <= _SPRITE else _SPRITE / longest
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    picture = picture.resize(size, Images.Resampling.NEAREST)
    sheet.paste(picture, (x + (_SPRITE - size[0]) // 2, y + (_SPRITE - size[1]) // 2))
    y += _SPRITE + 6
    step = _SPRITE // _SWATCHES
    for place, main in enumerate(main_colors(card.sprite[None], _SWATCHES)[0]):
        left = x + place * step
        draw.rectangle((left, y, left + step - 4, y + 15), fill=main.color, outline=_LINE)
    y += 22
    for line, (text, color) in enumerate(card_lines(card)[:_LINES]):
        _write(draw, (x, y + line * _ROW), text, 14 if line == 0 else 12, color, _SPRITE)


def card_lines(card: Card) -> list[tuple[str, str]]:
    """Return the lines under a sprite, each with the colour that it is written in."""
    scores = card.scores
    lines = [(card.name, _INK)]
    lines.append((f"{counted(scores.unique_colors, 'colour')}, {scores.perceptual_colors} told apart", _INK))
    behind = f"background {scores.background_color}" if scores.background_color else "background"
    lines.append((f"{behind}: {scores.background_match}", _VERDICTS.get(scores.background_match, _FAINT)))
    told = f"features: {scores.feature_match}"
    color = _VERDICTS.get(scores.feature_match, _FAINT)
    if scores.color_bleed == "yes":
        told, color = f"{told}, colours ran", _VERDICTS["no"]
    lines.append((told, color))
    grid = "not measured" if scores.grid_fidelity is None else score_text(scores.grid_fidelity)
    lines.append((f"grid {grid}", _FAINT))
    if scores.excess_colors is not None:
        more = "more" if scores.excess_colors > 0 else "fewer"
        beyond = f"{counted(round(abs(scores.excess_colors)), 'colour')} {more} than"
        lines.append((f"{beyond if scores.excess_colors else 'as many colours as'} the set", _FAINT))
    return lines


def _write(draw: ImageDraw, at: tuple[int, int], text: str, size: int, color: str, width: int) -> None:
    """Write one line, cut off at its beginning with an ellipsis where it is wider than `width`."""
    font = _font(size)
    text = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    if draw.textlength(text, font=font) > width:
        while len(text) > 1 and draw.textlength(f"\u2026{text}", font=font) > width:
            text = text[max(1, len(text) // 16) :]
        text = f"\u2026{text}"
    draw.text(at, text, fill=color, font=font)


def _font(size: int) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont as Fonts

    return Fonts.load_default(size)
