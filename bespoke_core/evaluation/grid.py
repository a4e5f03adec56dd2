"""The rows of a sweep as a table: what is chosen among down, the cells that it is judged by across."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from .following import FOLLOW_COLUMNS
from .statistics import Floats
from .table import KEY_COLUMNS, RUN_COLUMN, SETTING_COLUMNS, Row, Value, score_columns

CHECKPOINT = "checkpoint"
FLOOR_COLUMN = "vae_floor"
_TWINS = {
    "strength_model": "strength_clip",
    "strength_clip": "strength_model",
    "width": "height",
    "height": "width",
}


@dataclass(frozen=True)
class Grid:
    """The scores of a sweep as a table.

    Attributes:
        names: of the checkpoints (or of another axis' values), in the order of the rows.
        epochs: of each name.
        scores: float64, shape (names, cells), NaN where missing.
        prompts: name of each cell's prompt.
        blocks: what each cell has besides its seed: the prompt and all settings, as one name.
        seeds: of each cell.
        rows: of each name, every cell once.
        repeated: rows that repeat a cell with the same scores; counted once.
        contradicting: cells that occur with different scores, as words; left out.
    """

    names: tuple[str, ...]
    epochs: Mapping[str, int | None]
    scores: Floats
    prompts: tuple[str, ...]
    blocks: tuple[str, ...]
    seeds: tuple[int, ...]
    rows: Mapping[str, Sequence[Row]]
    repeated: int = 0
    contradicting: tuple[str, ...] = ()

    def line(self, name: str) -> Floats:
        """Return one checkpoint's scores, shape (cells,)."""
        return self.scores[self.names.index(name)]

    @property
    def missing(self) -> int:
        """Cells without a score."""
        return int(np.count_nonzero(~np.isfinite(self.scores)))


def grid_of(rows: Sequence[Row], by: str, over: str = CHECKPOINT) -> Grid:
    """Arrange rows by what is chosen among and by cell (prompt, seed, all other settings).

    Args:
        rows: one a picture.
        by: the score.
        over: ``checkpoint``, or the column of a setting whose values are chosen among.

    A row that repeats a cell with the same scores counts once. Of rows that contradict each other none is
    used: nothing tells which of them is right.
    """
    aside = _together_with(rows, over)
    cells: dict[Any, int] = {}
    found: dict[str, dict[int, Row]] = {}
    wrong: dict[tuple[str, int], str] = {}
    repeated = 0
    for row in rows:
        name = name_on_axis(row, over)
        index = cells.setdefault(_cell(row, over, aside), len(cells))
        former = found.setdefault(name, {}).get(index)
        if former is None or (former.number(by) is None and row.number(by) is not None):
            found[name][index] = row
        elif row.number(by) is None or _said(row, by) == _said(former, by):
            repeated += _said(row, by) == _said(former, by)
        else:
            wrong[name, index] = f"{name}, {row.prompt}, seed {row.seed}"
    for name, index in wrong:
        del found[name][index]
    names = tuple(found)
    scores = np.full((len(names), len(cells)), np.nan)
    for line, name in zip(scores, names, strict=True):
        for index, row in found[name].items():
            value = row.number(by)
            line[index] = math.nan if value is None else value
    epochs: dict[str, int | None] = {}
    for row in rows:
        epochs.setdefault(name_on_axis(row, over), row.epoch if over == CHECKPOINT else None)
    return Grid(
        names,
        epochs,
        scores,
        prompts=tuple(cell[0] for cell in cells),
        blocks=tuple(repr((cell[0], cell[2:])) for cell in cells),
        seeds=tuple(cell[1] for cell in cells),
        rows={name: list(of_name.values()) for name, of_name in found.items()},
        repeated=repeated,
        contradicting=tuple(wrong.values()),
    )


def name_on_axis(row: Row, over: str) -> str:
    """Return what a row is a picture of: its checkpoint's name, or a setting and its value."""
    if over == CHECKPOINT:
        return row.checkpoint
    value = row.scores.get(over)
    words = over.replace("_", " ")
    return f"no {words}" if value in (None, "") else f"{words} {value}"


def check_axis(rows: Sequence[Row], over: str) -> None:
    """Refuse to rank by a column that is no setting of the rows.

    Raises:
        InputError: there is no such column, or it is the prompt, the seed or a score.
    """
    settings = axes(rows)
    if over != CHECKPOINT and over not in settings:
        known = ", ".join([CHECKPOINT, *settings])
        raise InputError(
            "is not a setting of this table",
            field="over",
            value=over,
            remedy=f"Choose one of: {known}.",
        )


def axes(rows: Sequence[Row]) -> list[str]:
    """Return the columns of a table that can be ranked over besides the checkpoint.

    Its settings, the label of the training run, and ``network_dim`` and the like where a table has them.
    """
    own = (*SETTING_COLUMNS, RUN_COLUMN, "network_dim", "network_alpha", "resolution", "captions", "label")
    return [name for name in score_columns(rows) if name in own and name not in KEY_COLUMNS]


def floor_of(rows: Sequence[Row], by: str) -> float | None:
    """Return the score of true art after one trip through the VAE, where the table has it and `by` is it.

    The column counts exact colours. The largest value stands where rows differ (by size, say).
    """
    if by != "unique_colors":
        return None
    values = [value for row in rows if (value := row.number(FLOOR_COLUMN)) is not None]
    return max(values, default=None)


def _together_with(rows: Sequence[Row], over: str) -> str:
    """Return the setting that changes only together with the one chosen among; empty where none does.

    A LoRA's strength is two settings, and so is a picture's size: 0.8 on both against 1.0 on both is one
    difference, and its pictures are compared. Where each goes with each, the other one is a part of the cell.
    """
    other = _TWINS.get(over, "")
    if not other:
        return ""
    pairs = {(row.scores.get(over), row.scores.get(other)) for row in rows if not row.is_base}
    values = {value for value, _ in pairs}
    return other if len(pairs) == len(values) else ""


def _cell(row: Row, over: str, aside: str) -> tuple[Any, ...]:
    settings = tuple(_plain(row.scores.get(name)) for name in SETTING_COLUMNS if name not in (over, aside))
    if over == CHECKPOINT:
        return (row.prompt, row.seed, settings)
    # Of two runs the same epochs are compared; with another setting, the same files.
    other = row.checkpoint if over != RUN_COLUMN or row.epoch is None else row.epoch
    return (row.prompt, row.seed, settings, other)


def _plain(value: Value) -> Value:
    return None if value == "" else value


def _said(row: Row, by: str) -> tuple[Value, ...]:
    return (row.number(by), *(row.scores.get(name) for name in FOLLOW_COLUMNS))
