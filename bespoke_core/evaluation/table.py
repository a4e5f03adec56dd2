"""The table of results: one row a picture, read from and written to CSV.

Columns: ``checkpoint,epoch,prompt,seed`` and one column a score (``unique_colors``, ``background_match``).
A row whose checkpoint is ``base`` and whose epoch is empty is the control: the base model without any LoRA.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from os import PathLike
from pathlib import Path

from ..amounts import counted
from ..errors import InputError
from ..files import read_text, write_text

Value = int | float | str | None

KEY_COLUMNS = ("checkpoint", "epoch", "prompt", "seed")
# Further coordinates of a cell: rows may share checkpoint, prompt and seed when they differ in one of these.
_NUMERIC_SETTINGS = (
    "strength_model",
    "strength_clip",
    "cfg",
    "steps",
    "width",
    "height",
    "strength",
    "guidance",
)
_TEXT_SETTINGS = ("negative_prompt", "sampler_name", "scheduler", "negative", "sampler")
SETTING_COLUMNS = (*_NUMERIC_SETTINGS, *_TEXT_SETTINGS)
RUN_COLUMN = "run"
"""Label of the training run that a checkpoint belongs to, where a sweep compares several."""
COUNT_COLUMNS = ("unique_colors", "perceptual_colors", "vae_floor", "excess_colors")
SCORE_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("unique_colors", "perceptual_colors", "vae_floor"), (0.0, math.inf)),
    **dict.fromkeys(("palette_distance", "edge_distance", "background_distance"), (0.0, math.inf)),
    "grid_fidelity": (0.0, math.inf),
    "variance_between": (0.0, 1.0),
}
"""Between what a score can lie; one that is not named here may be any number."""
VERDICT_COLUMNS = ("background_match", "feature_match", "color_bleed")
MATCH_VALUES = ("yes", "no", "unclear", "not asked", "not measured")
BASE = "base"
_TEXT_COLUMNS = (
    *VERDICT_COLUMNS,
    *_TEXT_SETTINGS,
    RUN_COLUMN,
    "picture",
    "sprite",
    "sweep",
    "device",
    "problem",
)
_TEXT_ENDINGS = ("_sha256", "_color", "_match", "_path")
_MISSING = {"", "nan", "na", "n/a", "none", "null", "not measured", "not asked"}
_LAST = {"final", "last"}


@dataclass(frozen=True)
class Row:
    """One measured picture.

    Attributes:
        checkpoint: the LoRA file's name without ``.safetensors``; ``base`` for the base model's control row.
        epoch: epoch after which the checkpoint was saved (1, 2, ...); None for the control row, and for a
            checkpoint whose epoch is not known.
        prompt: the prompt's name (not its text).
        seed: the sampler's seed.
        scores: column name -> value; None where a number was not measured. Verdict columns hold one of
            `MATCH_VALUES`. Other columns of the table (paths, hashes, settings) are kept here too.
    """

    checkpoint: str
    epoch: int | None
    prompt: str
    seed: int
    scores: dict[str, Value] = field(default_factory=dict)

    @property
    def is_base(self) -> bool:
        """Whether this row is the control: the base model without a LoRA."""
        return self.epoch in (None, 0) and self.checkpoint.strip().casefold() == BASE

    @property
    def cell(self) -> tuple[str, int, tuple[Value, ...]]:
        """What pairs this row with the same picture of another checkpoint: prompt, seed, settings."""
        return (self.prompt, self.seed, tuple(self.scores.get(name) for name in SETTING_COLUMNS))

    def number(self, column: str) -> float | None:
        """Return a score as a float, or None where it is missing, text or not a number."""
        value = self.scores.get(column)
        if value is None or isinstance(value, str) or not math.isfinite(value):
            return None
        return float(value)


def labels(epochs: Mapping[str, int | None]) -> dict[str, str]:
    """Return what people call each checkpoint: its epoch, or its name where two share an epoch.

    Args:
        epochs: checkpoint name to epoch; None for the base model and where the epoch is not known.
    """
    shared = list(epochs.values())
    return {
        name: f"epoch {epoch}" if epoch is not None and shared.count(epoch) == 1 else name
        for name, epoch in epochs.items()
    }


def read_csv(path: str | PathLike[str]) -> list[Row]:
    """Read a table of results, rows in file order.

    An empty cell, ``nan`` or ``n/a`` in a number's column is a missing value (None). ``final`` or ``last`` in
    the epoch column stands for one more than the highest number in that column. A word in a score's column is
    kept as it is, and so are rows that repeat a cell: whoever decides by the table says what it left out.

    Raises:
        InputError: the file is absent, empty or not UTF-8; a required column is missing or named twice; a row
            is too short or too long; a value is of the wrong kind; a checkpoint has two epochs. The message
            names the file, the line, the column and the value.
    """
    source = Path(path)
    text = read_text(source, remedy="Give a CSV table of results.")
    return parse_csv(text, name=str(source))


def parse_csv(text: str, *, name: str = "table") -> list[Row]:
    """Read a table of results from text; `name` stands for the file in errors. See `read_csv`."""
    # An artist's spreadsheet may write semicolons; the header decides.
    header_line = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = next((mark for mark in (",", ";", "\t") if f"checkpoint{mark}" in header_line), ",")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        records = [(lines.line_num, record) for record in lines if any(cell.strip() for cell in record)]
    except csv.Error as error:
        raise InputError(
            f"line {lines.line_num} is not CSV ({error})", file=name, remedy="Save it as CSV."
        ) from None
    if not records:
        raise InputError("the table is empty", file=name, remedy="Give at least a header and one row.")
    columns = _checked_header([cell.strip() for cell in records[0][1]], name)
    if len(records) == 1:
        raise InputError("the table has a header and no row", file=name, remedy="Add a row for each picture.")
    cells = [(line, _cells(columns, record, name, line)) for line, record in records[1:]]
    last = 1 + max(
        (int(c["epoch"]) for _, c in cells if c["epoch"].isascii() and c["epoch"].isdigit()), default=0
    )
    rows = [_row(c, columns, last, name, line) for line, c in cells]
    _refuse_two_epochs(rows, [line for line, _ in cells], name)
    return rows


def score_columns(rows: Iterable[Row]) -> list[str]:
    """Return the names of all score columns of `rows`, in order of first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row.scores))


def to_csv(rows: Sequence[Row]) -> str:
    """Return the table as CSV text; a missing value is an empty cell. `parse_csv` reads it back equal."""
    columns = score_columns(rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*KEY_COLUMNS, *columns])
    for row in rows:
        epoch = "" if row.epoch is None else row.epoch
        scores = [_shown(row.scores.get(column)) for column in columns]
        writer.writerow([row.checkpoint, epoch, row.prompt, row.seed, *scores])
    return out.getvalue()


def write_csv(path: str | PathLike[str], rows: Sequence[Row]) -> None:
    """Write the table to `path`, whole or not at all."""
    write_text(path, to_csv(rows))


def require_column(rows: Sequence[Row], column: str) -> None:
    """Check that at least one row has a number in `column`.

    Raises:
        InputError: there is no such column, or it holds no number; the message names the nearest column.
    """
    if any(row.number(column) is not None for row in rows):
        return
    numeric = [name for name in score_columns(rows) if any(row.number(name) is not None for row in rows)]
    near = get_close_matches(column, numeric, 1)
    hint = f"Did you mean {near[0]}?" if near else f"Columns with numbers: {', '.join(numeric) or 'none'}."
    problem = "holds no number" if column in score_columns(rows) else "is not a column of this table"
    raise InputError(problem, field="by", value=column, remedy=hint)


def _shown(value: Value) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return repr(value) if isinstance(value, float) else str(value)


def _checked_header(header: list[str], name: str) -> list[str]:
    columns = [cell.casefold() if cell.casefold() in KEY_COLUMNS else cell for cell in header]
    for column in KEY_COLUMNS:
        if column not in columns:
            near = get_close_matches(column, columns, 1, 0.7)
            raise InputError(
                f"the column {column} is missing" + (f" ({near[0]!r} looks like it)" if near else ""),
                file=name,
                field=column,
                remedy="The first line must name: checkpoint,epoch,prompt,seed and the scores.",
            )
    for index, column in enumerate(columns):
        if not column:
            raise InputError(f"column {index + 1} has no name", file=name, remedy="Name it or remove it.")
        if column in columns[:index]:
            raise InputError("the column is named twice", file=name, field=column, remedy="Keep one of them.")
    if len(columns) == len(KEY_COLUMNS):
        raise InputError("there is no score column", file=name, remedy="Add one, such as unique_colors.")
    return columns


def _cells(columns: list[str], record: list[str], name: str, line: int) -> dict[str, str]:
    if len(record) != len(columns):
        raise InputError(
            f"line {line} has {counted(len(record), 'cell')}, the header has {len(columns)}",
            file=name,
            remedy='Quote a value that holds a comma: "like, this".',
        )
    return {column: cell.strip() for column, cell in zip(columns, record, strict=True)}


def _row(cells: dict[str, str], columns: list[str], last: int, name: str, line: int) -> Row:
    for column in ("checkpoint", "prompt"):
        if not cells[column]:
            raise _bad(name, line, column, "", "is empty", "Write its name.")
    written = cells["epoch"].casefold()
    epoch: int | None
    if written in _LAST:
        epoch = last
    elif written in _MISSING:
        epoch = None
    else:
        epoch = _whole(cells["epoch"], name, line, "epoch", "Write 1, 2, ..., or nothing for the base model.")
        if epoch < 0:
            raise _bad(name, line, "epoch", cells["epoch"], "is negative", "Count epochs from 1.")
    seed = _whole(cells["seed"], name, line, "seed", "Write the sampler's seed, 0 where none was fixed.")
    scores = {c: _value(c, cells[c], name, line) for c in columns if c not in KEY_COLUMNS}
    return Row(cells["checkpoint"], epoch, cells["prompt"], seed, scores)


def _value(column: str, cell: str, name: str, line: int) -> Value:
    if column in VERDICT_COLUMNS:
        lowered = cell.casefold()
        if lowered in ("", "nan"):
            return "not measured"
        if lowered not in MATCH_VALUES:
            raise _bad(
                name, line, column, cell, "is not a verdict", f"Write one of: {', '.join(MATCH_VALUES)}."
            )
        return lowered
    if column in _TEXT_COLUMNS or column.endswith(_TEXT_ENDINGS):
        return cell or None
    if cell.casefold() in _MISSING:
        return None
    try:
        value = float(cell)
    except ValueError:
        if column in _NUMERIC_SETTINGS:
            raise _bad(
                name, line, column, cell, "is not a number", "Write a number, or nothing if not measured."
            ) from None
        return cell
    if not math.isfinite(value):
        raise _bad(name, line, column, cell, "is infinite", "Leave the cell empty if it was not measured.")
    if value < 0 and column in ("unique_colors", "perceptual_colors"):
        raise _bad(name, line, column, cell, "is negative", "A count of colours is 1 or more.")
    return int(value) if value.is_integer() and not set(cell) & set(".eE") else value


def _whole(cell: str, name: str, line: int, column: str, remedy: str) -> int:
    try:
        value = float(cell)
        whole = int(cell) if cell.lstrip("+-").isdigit() else int(value)
    except (ValueError, OverflowError):
        raise _bad(name, line, column, cell, "is not a whole number", remedy) from None
    if whole != value and not cell.lstrip("+-").isdigit():
        raise _bad(name, line, column, cell, "is not a whole number", remedy)
    return whole


def _bad(name: str, line: int, column: str, value: str, problem: str, remedy: str) -> InputError:
    return InputError(f"line {line}: {problem}", file=name, field=column, value=value, remedy=remedy)


def _refuse_two_epochs(rows: list[Row], lines: list[int], name: str) -> None:
    epochs: dict[str, tuple[int | None, int]] = {}
    for row, line in zip(rows, lines, strict=True):
        epoch, first = epochs.setdefault(row.checkpoint, (row.epoch, line))
        if epoch != row.epoch:
            raise InputError(
                f"line {line} gives {row.checkpoint} another epoch than line {first}",
                file=name,
                field="epoch",
                value=row.epoch,
                remedy="Give every checkpoint one epoch, and every file its own name.",
            )
