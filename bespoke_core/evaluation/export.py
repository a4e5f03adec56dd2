"""The results of every sweep in one table, as CSV, JSON or Parquet.

A row is a picture with everything that made it and everything that was measured on it. The first columns are
those of a sweep's own table, so that the verdict reads an exported CSV, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import BespokeError, InputError
from ..files import clear_errors, whole_file, write_text
from .places import relative_place
from .records import record_of
from .results import STORE_NAME, ResultsStore
from .results_form import CELL_COLUMNS
from .table import Row, to_csv

FORMATS = ("csv", "json", "parquet")
_OWN = ("checkpoint", "epoch", "seed")


def find_store(place: Path) -> tuple[ResultsStore, str]:
    """Return a store, and the folder in it that a place means: ``.`` for all of it.

    Args:
        place: the store's file; ComfyUI's output folder, or another one with the store in it; or a folder in
            the store's, such as a sweep's, which means the sweeps in it alone.

    Raises:
        InputError: there is no store.
    """
    if place.is_file():
        return ResultsStore(place), "."
    near = (place, place / "bespoke", *place.absolute().parents[:2])
    found = [folder / STORE_NAME for folder in near if (folder / STORE_NAME).is_file()]
    if not found:
        raise InputError(
            f"holds no {STORE_NAME}",
            file=place,
            remedy="Give ComfyUI's output folder, a sweep's folder, or the file itself.",
        )
    above = found[0].parent.resolve() in place.resolve().parents
    return ResultsStore(found[0]), relative_place(place, found[0].parent) if above else "."


def export_rows(store: ResultsStore, *, sweep: str = "*", inside: str = ".") -> Iterator[Row]:
    """Yield a row for every picture of a store, sweep by sweep, with its latest scores.

    Args:
        store: to read.
        sweep: pattern on the name of a sweep's folder.
        inside: folder of a sweep, or of several, as `find_store` gives it.
    """
    select = ", ".join(f"c.{name}" for name in CELL_COLUMNS)
    with store.reading() as connection:
        if connection is None:
            return
        rows = connection.execute(
            f"SELECT {select}, s.scores, s.scored_with, s.scorer FROM cells c LEFT JOIN scores s ON "
            "s.picture_sha256 = c.picture_sha256 AND s.prompt = c.prompt "
            "AND s.created = (SELECT max(t.created) FROM scores t "
            "WHERE t.picture_sha256 = c.picture_sha256 AND t.prompt = c.prompt) "
            "ORDER BY c.folder, c.rowid"
        )
        for row in rows:
            name = Path(row[0]).name or "."
            if fnmatch(name, sweep) and (inside == "." or PurePosixPath(row[0]).is_relative_to(inside)):
                yield _row(name, row[: len(CELL_COLUMNS)], *row[len(CELL_COLUMNS) :])


def write_export(path: Path, rows: Sequence[Row], form: str) -> None:
    """Write rows to a file, whole or not at all.

    Args:
        path: of the file.
        rows: as `export_rows` gives them.
        form: one of `FORMATS`.

    Raises:
        InputError: an unknown form, no row, or the disk is full or cannot be written.
        BespokeError: Parquet is asked for and pyarrow is not installed.
    """
    if form not in FORMATS:
        raise InputError(
            "is not a form", field="format", value=form, remedy=f"Choose one of: {', '.join(FORMATS)}."
        )
    if not rows:
        remedy = "Run a sweep, or name another."
        raise InputError("there is no picture to export", field="sweep", remedy=remedy)
    with clear_errors(path, "an earlier table there stays as it is"):
        if form == "csv":
            write_text(path, to_csv(rows))
        elif form == "json":
            write_text(path, json.dumps([_flat(row) for row in rows], indent=1, ensure_ascii=False) + "\n")
        else:
            _write_parquet(path, [_flat(row) for row in rows])


def _row(sweep: str, cell: tuple[Any, ...], scores: str | None, scored_with: str | None, scorer: Any) -> Row:
    record = record_of(cell)
    settings = dict(record.settings)
    values: dict[str, Any] = {"sweep": sweep, "run": settings["run"] or None}
    values |= {name: value for name, value in settings.items() if name not in (*_OWN, "run", "prompt_name")}
    values["prompt_text"] = values.pop("prompt")
    values |= {"picture": f"{cell[0]}/cells/{record.picture}", "picture_sha256": record.picture_sha256}
    values |= {"device": record.device or None, "seconds": record.seconds}
    values["drawn"] = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="seconds")
    values |= {f"version_{name}": version for name, version in record.versions.items()}
    values |= {"scorer_version": scorer, "scored_with": scored_with}
    values |= json.loads(scores) if scores else {}
    return Row(settings["checkpoint"], settings["epoch"], settings["prompt_name"], settings["seed"], values)


def _flat(row: Row) -> dict[str, Any]:
    head = {"checkpoint": row.checkpoint, "epoch": row.epoch, "prompt": row.prompt, "seed": row.seed}
    return {**head, **row.scores}


def _write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise BespokeError(
            'Parquet needs the Python package pyarrow. Install it with: pip install "pyarrow>=15", or export '
            "CSV or JSON."
        ) from None
    names = list(dict.fromkeys(name for row in rows for name in row))
    # A seed may be larger than a signed 64-bit integer holds.
    columns = {name: [row.get(name) for row in rows] for name in names}
    arrays = {
        name: pyarrow.array(values, type=pyarrow.uint64() if name == "seed" else None)
        for name, values in columns.items()
    }
    with whole_file(path) as temporary:
        pyarrow.parquet.write_table(pyarrow.table(arrays), temporary)
