"""Which cells of a sweep have a whole, unchanged picture: asked piece by piece, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..files import sha256_of_file
from .cells import Cell, Cells
from .hashes import stamp_of
from .records import CellRecord, restamped
from .results import ResultsStore
from .store_errors import clear_errors
from .takeover import from_disk, from_elsewhere

AT_ONCE = 500
"""Cells of a piece."""


class Piece(NamedTuple):
    """Some cells, and the records of those that are finished.

    Attributes:
        first: place of the first of them among all that were asked for.
        cells: in order.
        records: of those with a picture, by key.
    """

    first: int
    cells: list[Cell]
    records: dict[str, CellRecord]

    @property
    def finished(self) -> Iterator[tuple[Cell, CellRecord]]:
        """The finished cells, in order."""
        return ((cell, self.records[cell.key]) for cell in self.cells if cell.key in self.records)

    @property
    def missing(self) -> Iterator[int]:
        """Places of the others."""
        return (self.first + i for i, cell in enumerate(self.cells) if cell.key not in self.records)


def in_pieces(store: ResultsStore, folder: str, place: Path, cells: Cells) -> Iterator[Piece]:
    """Yield all cells in their order, so many at a time, with the records of the finished ones.

    Args:
        store: where the records stand.
        folder: of the sweep, as the store names it.
        place: where its pictures lie.
        cells: what is asked for.

    Pictures without a record are taken up where they prove what they are, also from other sweeps of the
    store.

    Raises:
        StoreError: something is to be taken up, and the disk is full or cannot be written.
    """
    first = 0
    for some in cells.pieces(AT_ONCE):
        made = list(some)
        yield Piece(first, made, _records(store, folder, place, made))
        first += len(made)


def current(place: Path, record: CellRecord) -> CellRecord | None:
    """Return a record as it stands now, or None when its picture is gone or no longer the measured one."""
    path = place / record.picture
    if path.name != record.picture:
        return None
    try:
        stamp = stamp_of(path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stamp == record.stamp:
        return record
    return restamped(record, stamp) if sha256_of_file(path) == record.picture_sha256 else None


def _records(store: ResultsStore, folder: str, place: Path, cells: list[Cell]) -> dict[str, CellRecord]:
    found: dict[str, CellRecord] = {}
    mended: list[CellRecord] = []
    for key, known in store.cells(folder, [cell.key for cell in cells]).items():
        record = current(place, known)
        if record is None:
            continue
        found[key] = record
        if record is not known:
            mended.append(record)
    mended += _taken_up(store, folder, place, [cell for cell in cells if cell.key not in found])
    if mended:
        store.put(folder, mended)
    return found | {record.key: record for record in mended}


def _taken_up(store: ResultsStore, folder: str, place: Path, cells: list[Cell]) -> list[CellRecord]:
    taken = {cell.key: record for cell, record in from_disk(place, cells)}
    still = [cell for cell in cells if cell.key not in taken]
    with clear_errors(place.parent):
        taken |= {cell.key: record for cell, record in from_elsewhere(store, folder, place, still)}
    return list(taken.values())
