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
        names: of the checkpoints by epoch, or of another axis' values; cells are by prompt and seed.
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
    given: dict[str, dict[Any, list[Row]]] = {}
    epochs: dict[str, int | None] = {}
    for row in rows:
        name = name_on_axis(row, over)
        given.setdefault(name, {}).setdefault(_cell(row, over, aside), []).append(row)
        epochs.setdefault(name, row.epoch if over == CHECKPOINT else None)
    # In an order of their own: resampling draws cells by number, and the rows' order must not change it.
    cells = sorted({cell for of_name in given.values() for cell in of_name}, key=_place)
    names = tuple(sorted(given, key=lambda name: (epochs[name] is None, epochs[name] or 0, name)))
    found: dict[str, list[Row]] = {name: [] for name in names}
    wrong = []
    repeated = 0
    scores = np.full((len(names), len(cells)), np.nan)
    for line, name in zip(scores, names, strict=True):
        for index, cell in enumerate(cells):
            same = given[name].get(cell, [])
            told = [row for row in same if row.number(by) is not None] or same
            if len({_said(row, by) for row in told}) > 1:
                wrong.append(f"{name}, {cell[0]}, seed {cell[1]}")
            elif told:
                row = (
                    told[0] if len(told) == 1 else min(told, key=lambda one: repr(sorted(one.scores.items())))
                )
                repeated += len(told) - 1
                found[name].append(row)
                value = row.number(by)
                line[index] = math.nan if value is None else value
    return Grid(
        names,
        {name: epochs[name] for name in names},
        scores,
        prompts=tuple(cell[0] for cell in cells),
        blocks=tuple(repr((cell[0], cell[2:])) for cell in cells),
        seeds=tuple(cell[1] for cell in cells),
        rows=found,
        repeated=repeated,
        contradicting=tuple(wrong),
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


def _place(cell: tuple[Any, ...]) -> tuple[Any, ...]:
    return (cell[0], cell[1], repr(cell[2:]))


def _plain(value: Value) -> Value:
    """Return a setting so that 7 and 7.0 are the same, in this table and in an earlier one."""
    if value == "":
        return None
    return float(value) if isinstance(value, int) else value


def _said(row: Row, by: str) -> tuple[Value, ...]:
    return (row.number(by), *(row.scores.get(name) for name in FOLLOW_COLUMNS))
