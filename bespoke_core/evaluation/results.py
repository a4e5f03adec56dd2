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

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from .records import CellRecord, ScoreRecord, put_rows, record_of
from .results_form import ADDED, CELL_COLUMNS, SCHEMA, form_of
from .store_errors import WAIT_S, clear_errors, explained

STORE_NAME = "results.sqlite"
_KEYS_AT_ONCE = 500


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
                new = form_of(connection, self.path) == 0
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
            yield connection if form_of(connection, self.path) else None

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
        connection = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_mode = TRUNCATE")  # spares a flush of the folder
        return connection

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        with clear_errors(self.path):
            try:
                yield
            except sqlite3.Error as error:
                raise explained(error, self.path) from error
