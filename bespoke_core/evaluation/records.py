"""What the store of results holds of a picture: its record and its scores, and their rows in the tables."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .results_form import CELL_COLUMNS, SETTING_NAMES


@dataclass(frozen=True)
class CellRecord:
    """One finished picture.

    Attributes:
        key: the cell's content key.
        settings: as `plan.Cell.settings` gives them.
        picture: the file's name in the sweep's ``cells`` folder.
        picture_sha256: of the file.
        stamp: of the file when it was hashed, see `hashes.stamp_of`.
        versions: of the programs that made it.
        device: what it was drawn on; empty where not known.
        seconds: that drawing took; None where not known.
        created: seconds since 1970, UTC.
    """

    key: str
    settings: Mapping[str, Any]
    picture: str
    picture_sha256: str
    stamp: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    seconds: float | None = None
    created: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able form without what only this machine understands."""
        return {
            "key": self.key,
            "settings": dict(self.settings),
            "picture": self.picture,
            "picture_sha256": self.picture_sha256,
            "versions": dict(self.versions),
            "device": self.device,
            "seconds": self.seconds,
            "created": self.created,
        }


@dataclass(frozen=True)
class ScoreRecord:
    """What was measured on one picture.

    Attributes:
        picture_sha256: of the picture's file.
        prompt: the text that it was judged by.
        scored_with: content key of sprite settings, training set and the scorer's version.
        scorer: the scorer's version.
        scores: by name, JSON-able.
    """

    picture_sha256: str
    prompt: str
    scored_with: str
    scorer: int
    scores: Mapping[str, Any]


def put_rows(
    connection: sqlite3.Connection,
    folder: str,
    cells: Iterable[CellRecord] = (),
    scores: Iterable[ScoreRecord] = (),
) -> None:
    """Write records and scores through an open transaction."""
    marks = ", ".join("?" * len(CELL_COLUMNS))
    cells = list(cells)
    connection.executemany(
        f"INSERT OR REPLACE INTO cells ({', '.join(CELL_COLUMNS)}) VALUES ({marks})",
        (_row_of(folder, cell) for cell in cells),
    )
    connection.executemany(
        "DELETE FROM problems WHERE folder = ? AND key = ?", [(folder, cell.key) for cell in cells]
    )
    connection.executemany(
        "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?, ?, ?)",
        (
            (
                *(one.picture_sha256, one.prompt, one.scored_with, one.scorer),
                *(json.dumps(one.scores, ensure_ascii=False, allow_nan=False), time.time()),
            )
            for one in scores
        ),
    )


def record_of(row: Sequence[Any]) -> CellRecord:
    """Return the record of a row in the order of `CELL_COLUMNS`."""
    values = dict(zip(CELL_COLUMNS, row, strict=True))
    settings = {name: values[name] for name in SETTING_NAMES}
    settings["seed"] = int(settings["seed"])
    return CellRecord(
        key=values["key"],
        settings=settings,
        picture=values["picture"],
        picture_sha256=values["picture_sha256"],
        stamp=values["stamp"],
        versions=json.loads(values["versions"]),
        device=values["device"],
        seconds=values["seconds"],
        created=values["created"],
    )


def restamped(record: CellRecord, stamp: str) -> CellRecord:
    """Return a record whose file has another stamp and the same content."""
    return replace(record, stamp=stamp)


def _row_of(folder: str, record: CellRecord) -> tuple[Any, ...]:
    values: dict[str, Any] = {name: record.settings.get(name) for name in SETTING_NAMES}
    values["seed"] = str(values["seed"])  # up to 2^64 - 1, which SQLite's integers do not hold
    values |= {"folder": folder, "key": record.key, "versions": json.dumps(dict(record.versions))}
    for name in ("picture", "picture_sha256", "stamp", "device", "seconds", "created"):
        values[name] = getattr(record, name)
    return tuple(values[name] for name in CELL_COLUMNS)
