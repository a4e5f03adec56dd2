"""Pictures that lie there without a record: from an earlier form of the store, a killed process, a carried
folder, or another sweep that drew the same cell. Each is taken up only where it proves what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..files import sha256_of_file, write_bytes
from ..paths import contained
from .cells import Cell
from .hashes import stamp_of
from .picture_file import made_of
from .records import CellRecord
from .results import ResultsStore


def from_disk(folder: Path, cells: Sequence[Cell]) -> Iterator[tuple[Cell, CellRecord]]:
    """Yield the cells whose picture lies in a sweep's ``cells`` folder and is provably theirs.

    Args:
        folder: the ``cells`` folder.
        cells: without a record.

    Earlier versions kept a record ``<key>.json`` beside each picture, with the picture's hash; pictures
    since then hold the proof themselves.
    """
    if not folder.is_dir():
        return
    for cell in cells:
        path = folder / f"{cell.file_stem}.png"
        if not path.is_file():
            continue
        record = _from_json(folder, cell) or _from_picture(path, cell)
        if record is not None:
            yield cell, record


def from_elsewhere(
    store: ResultsStore, folder: str, place: Path, cells: Sequence[Cell]
) -> Iterator[tuple[Cell, CellRecord]]:
    """Yield the cells that another sweep of the same store has drawn, their pictures copied to `place`."""
    known = store.elsewhere([cell.key for cell in cells], folder)
    for cell in cells:
        for other, record in known.get(cell.key, ()):
            source = store.path.parent / other / "cells" / record.picture
            if not contained(store.path.parent, source) or not source.is_file():
                continue
            data = source.read_bytes()
            target = place / f"{cell.file_stem}.png"
            if sha256_of_file(source) == record.picture_sha256:
                write_bytes(target, data)
                yield cell, replace(_stamped(record, target), settings=cell.settings(), picture=target.name)
                break


def _from_json(folder: Path, cell: Cell) -> CellRecord | None:
    try:
        old = json.loads((folder / f"{cell.key}.json").read_text(encoding="utf-8"))
        # The picture's name follows from the cell; whatever else such a record says is not ours.
        path = folder / f"{cell.file_stem}.png"
        if old["picture"] != path.name or old["picture_sha256"] != sha256_of_file(path):
            return None
        versions = _texts(old["versions"])
    except (OSError, ValueError, KeyError, TypeError):  # absent, or not what was written
        return None
    record = CellRecord(cell.key, cell.settings(), path.name, old["picture_sha256"], versions=versions)
    return _stamped(replace(record, created=path.stat().st_mtime), path)


def _from_picture(path: Path, cell: Cell) -> CellRecord | None:
    made = made_of(path, cell.settings())
    if made is None:
        return None
    seconds = made.get("seconds")
    record = CellRecord(
        key=cell.key,
        settings=cell.settings(),
        picture=path.name,
        picture_sha256=sha256_of_file(path),
        versions=_texts(made.get("versions", {})),
        device=str(made.get("device", "")),
        seconds=float(seconds) if isinstance(seconds, (int, float)) else None,
        created=path.stat().st_mtime,
    )
    return _stamped(record, path)


def _stamped(record: CellRecord, path: Path) -> CellRecord:
    return replace(record, stamp=stamp_of(path.stat()))


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in values.items()}
