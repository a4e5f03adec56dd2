"""The store of results: one SQLite file beside the sweeps, in which every sweep of every run stands for good.

A row of ``cells`` is one picture: which sweep's folder it lies in, its content key, everything that made it,
the hashes of checkpoint, base and picture, versions, device and time. A row of ``scores`` belongs to a
picture's hash, the prompt's text and the scorer's settings and version, not to a name: whatever is renamed,
moved or trained again, a number can only be found by the picture that it measures.

Several processes may write at once, and any of them may be killed: every change is one transaction, flushed
to the disk. SQLite's rollback journal is used and not its write-ahead log, because that needs memory shared
between the processes, which network drives do not give; a sweep writes a row in seconds, not in microseconds.
"""

from __future__ import annotations

import errno
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from ..errors import BespokeError, InputError
from .results_form import ADDED, APPLICATION, CELL_COLUMNS, FORM, SCHEMA, SETTING_NAMES

STORE_NAME = "results.sqlite"
_WAIT_S = 60.0  # for another writer
_KEYS_AT_ONCE = 500
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_KEPT = "What is finished is kept."


class StoreError(BespokeError):
    """The store or its folder cannot be written: the disk is full, read-only, or gives no locks."""


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


class ResultsStore:
    """The results of many sweeps in one file. Holds no connection between calls.

    Args:
        path: of the file; made when the first thing is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside one transaction, alone among all writers; commit, or leave no trace.

        Raises:
            InputError: the file is not a store, is damaged, or of a newer form.
            StoreError: it cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._clear_errors(), closing(self._open()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                new = _form_of(connection, self.path) == 0
                for statement in (*SCHEMA, *ADDED) if new else ADDED:
                    connection.execute(statement)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Yield a connection that sees one state of the store, or None where there is no store yet."""
        if not self.path.is_file() or self.path.stat().st_size == 0:
            yield None
            return
        with self._clear_errors(), closing(self._open()) as connection:
            connection.execute("BEGIN")
            yield connection if _form_of(connection, self.path) else None

    def note_plan(self, folder: str, plan: str, description: Mapping[str, Any]) -> None:
        """Note that a plan is run in a folder; the first time counts."""
        with self.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO sweeps VALUES (?, ?, ?, ?)",
                (folder, plan, time.time(), json.dumps(description, ensure_ascii=False)),
            )

    def cells(self, folder: str, keys: Sequence[str] | None = None) -> dict[str, CellRecord]:
        """Return the records of a folder by key; with `keys` only those."""
        select = f"SELECT {', '.join(CELL_COLUMNS)} FROM cells WHERE folder = ?"
        found = self._by_keys(select, "key", (folder,), keys)
        return {row[1]: record_of(row) for row in found}

    def any_cell(self, folder: str) -> CellRecord | None:
        """Return one record of a folder, None where it has none."""
        select = f"SELECT {', '.join(CELL_COLUMNS)} FROM cells WHERE folder = ? LIMIT 1"
        return next((record_of(row) for row in self._by_keys(select, "key", (folder,), None)), None)

    def elsewhere(self, keys: Sequence[str], folder: str) -> dict[str, list[tuple[str, CellRecord]]]:
        """Return (folder, record) of cells in other folders than this one, by key."""
        found: dict[str, list[tuple[str, CellRecord]]] = {}
        with self.reading() as connection:
            for first in range(0, len(keys) if connection is not None else 0, _KEYS_AT_ONCE):
                some = keys[first : first + _KEYS_AT_ONCE]
                rows = connection.execute(  # type: ignore[union-attr]
                    f"SELECT {', '.join(CELL_COLUMNS)} FROM cells "
                    f"WHERE folder != ? AND key IN ({', '.join('?' * len(some))})",
                    (folder, *some),
                )
                for row in rows:
                    found.setdefault(row[1], []).append((row[0], record_of(row)))
        return found

    def scores(
        self, folder: str, scored_with: str, keys: Sequence[str] | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return the scores of a folder's pictures by cell key, as one scorer gave them; see `cells`."""
        select = (
            "SELECT c.key, s.scores FROM cells c JOIN scores s ON s.picture_sha256 = c.picture_sha256 "
            "AND s.prompt = c.prompt WHERE c.folder = ? AND s.scored_with = ?"
        )
        found = self._by_keys(select, "c.key", (folder, scored_with), keys)
        return {key: json.loads(text) for key, text in found}

    def put(self, folder: str, cells: Iterable[CellRecord] = (), scores: Iterable[ScoreRecord] = ()) -> None:
        """Write records and scores in one transaction; those of the same cell or picture are replaced."""
        with self.writing() as connection:
            put_rows(connection, folder, cells, scores)

    def problems(self, folder: str, keys: Sequence[str]) -> dict[str, str]:
        """Return why cells of a folder that were tried gave no picture, by key."""
        with self.reading() as connection:
            there = connection is not None and connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'problems'"
            )
            if not there or there.fetchone() is None:  # written by an earlier version
                return {}
        return dict(
            self._by_keys("SELECT key, problem FROM problems WHERE folder = ?", "key", (folder,), keys)
        )

    def put_problems(self, folder: str, problems: Mapping[str, str]) -> None:
        """Keep why cells gave no picture, by key, until one is drawn."""
        with self.writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO problems VALUES (?, ?, ?, ?)",
                [(folder, key, problem, time.time()) for key, problem in problems.items()],
            )

    def seconds_for(self, settings: Mapping[str, Any], device: str) -> float | None:
        """Return how long a picture of this size and number of steps took on a device, None where unknown.

        The median of the last hundred.
        """
        with self.reading() as connection:
            if connection is None:
                return None
            rows = connection.execute(
                "SELECT seconds FROM cells WHERE width = ? AND height = ? AND steps = ? AND device = ? "
                "AND seconds IS NOT NULL ORDER BY created DESC LIMIT 100",
                (settings["width"], settings["height"], settings["steps"], device),
            ).fetchall()
        return float(median(row[0] for row in rows)) if rows else None

    def floor(self, key: str) -> dict[str, Any] | None:
        """Return the VAE's floor under a content key, see `scoring.vae_floor`."""
        with self.reading() as connection:
            row = (
                connection.execute("SELECT floor FROM floors WHERE key = ?", (key,)).fetchone()
                if connection is not None
                else None
            )
        return dict(json.loads(row[0])) if row else None

    def put_floor(self, key: str, floor: Mapping[str, Any]) -> None:
        """Keep the VAE's floor under a content key."""
        with self.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO floors VALUES (?, ?)", (key, json.dumps(floor, ensure_ascii=False))
            )

    def _by_keys(
        self, select: str, column: str, values: tuple[str, ...], keys: Sequence[str] | None
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a query, with `keys` only those whose `column` is one of them."""
        with self.reading() as connection:
            if connection is None:
                return []
            if keys is None:
                return connection.execute(select, values).fetchall()
            rows: list[tuple[Any, ...]] = []
            for first in range(0, len(keys), _KEYS_AT_ONCE):
                some = keys[first : first + _KEYS_AT_ONCE]
                marks = ", ".join("?" * len(some))
                rows += connection.execute(f"{select} AND {column} IN ({marks})", (*values, *some))
            return rows

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_mode = TRUNCATE")  # spares a flush of the folder
        return connection

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        with clear_errors(self.path):
            try:
                yield
            except sqlite3.Error as error:
                raise _explained(error, self.path) from error


@contextmanager
def clear_errors(path: Path) -> Iterator[None]:
    """Turn a failure to write below a folder into an error for people.

    Raises:
        StoreError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in _FULL
        remedy = "Free some space and queue the sweep again." if full else "Check the folder and its disk."
        raise StoreError(
            f"{path}: cannot be written ({error.strerror or error}). {_KEPT} {remedy}"
        ) from error


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


def _form_of(connection: sqlite3.Connection, path: Path) -> int:
    """Return the form of an open store, 0 for an empty file; nothing is changed.

    Raises:
        InputError: the file is another program's, or of a newer form.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    form = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application == 0 and form == 0 and tables == 0:
        return 0
    if application != APPLICATION:
        raise InputError(
            "is another program's database, not a store of results",
            file=path,
            remedy="Move it away; it was not changed.",
        )
    if form != FORM:
        age = "a newer" if form > FORM else "an older"
        raise InputError(
            f"was written by {age} Bespoke (form {form}; this one knows form {FORM})",
            file=path,
            remedy="Use that version, or move the file away; it was not changed.",
        )
    return form


def _explained(error: sqlite3.Error, path: Path) -> BespokeError:
    text = str(error)
    if "full" in text:
        return StoreError(f"{path}: the disk is full. {_KEPT} Free some space and queue the sweep again.")
    if "not a database" in text or "malformed" in text:
        return InputError(
            f"is damaged ({text})",
            file=path,
            remedy="Move it away: the sweeps' pictures say themselves what they are, and are taken up and "
            "scored again without being drawn again.",
        )
    if "locked" in text or "locking" in text:
        return StoreError(
            f"{path}: another program held the store for {_WAIT_S:g} s, or the drive gives no locks. {_KEPT} "
            "Queue the sweep again, or put ComfyUI's output folder on a local disk."
        )
    return StoreError(f"{path}: cannot be read or written ({text}). {_KEPT} Check the folder and its disk.")
