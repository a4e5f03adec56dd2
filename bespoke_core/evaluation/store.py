"""A sweep's results: every finished cell a picture on disk and a row in the store, found by content key.

Layout of a sweep folder::

    plan.json                     the latest plan, for people and for the command line
    plans/<plan key>.json         every plan that was run here
    plans/<plan key>.csv          its table, which no other plan of this folder replaces
    cells/<file stem>.png         the picture as it was decoded; its settings and its proof in its metadata
    sprites/<file stem>.png       the picture shrunk to a sprite; other sizes in a folder of their own
    table.csv                     one row a cell, written when a sweep ends: that of the latest plan

The numbers stand in ``results.sqlite``: one file for all sweeps of a ComfyUI, in ``output/bespoke``, so that
sweeps of many months can be compared and exported together; a folder that was brought from elsewhere keeps
one of its own. A row names the hash of the picture that it measures. A picture that was changed or lost makes
its cell missing again, so that no number ever stands beside another picture. What is read from a folder is
checked like any other input: a server lets others put files there.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import InputError
from ..files import key_of, sha256_of_file, whole_file, write_bytes, write_json
from .cells import Cell, Cells
from .finished import Piece, current, in_pieces
from .hashes import stamp_of
from .measuring import SCORING_VERSION, SpriteSettings, measure, shrunk
from .picture_file import png_bytes, read_png
from .places import relative_place, store_of
from .plan import SweepPlan
from .problems import weights_problem
from .records import CellRecord, ScoreRecord, put_rows
from .results import ResultsStore
from .store_errors import clear_errors
from .sweep_rows import row_of
from .table import Row, write_csv

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from .contact_sheet import ReportPicture

_AT_ONCE = 16  # pictures scored together: bounds the memory of a large sweep
_RUN_AGAIN = "Start the sweep again."


class SweepFolder:
    """One sweep on disk: a plan, its cells, its table.

    Two sweeps of one name share their pictures, but each object keeps the plan that it was made with.

    Args:
        root: the folder; made when the first thing is written.
        plan: what the sweep is.
        sprites: how the pictures are scored.
        store: where the numbers stand; by default the one found in or above the folder, see `store_of`.
        base_files: of the base model, name to SHA-256, for people; the plan's ``base`` is what counts.
    """

    def __init__(
        self,
        root: Path,
        plan: SweepPlan,
        sprites: SpriteSettings | None = None,
        store: ResultsStore | None = None,
        base_files: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self.plan = plan
        self.base_files = dict(base_files or {})
        self.sprites = sprites or SpriteSettings()
        self.store = store or store_of(root)
        self.folder = relative_place(root, self.store.path.parent)

    @cached_property
    def key(self) -> str:
        """Content key of the plan and of how it is scored: the name of its file in ``plans``."""
        return key_of([self.plan.to_dict(), self.sprites.to_dict()])

    def write_plan(self) -> None:
        """Record what the sweep is; the results of earlier plans stay and are used where they fit."""
        description = {
            "bespoke": __version__,
            "plan": self.plan.to_dict(),
            "sprites": self.sprites.to_dict(),
            "base_files": self.base_files,
        }
        with clear_errors(self.root):
            write_json(self.root / "plans" / f"{self.key}.json", description)
            write_json(self.root / "plan.json", description)
        self.store.note_plan(self.folder, self.key, description)

    def missing(self) -> Cells:
        """Return the cells of the plan that have no whole, unchanged picture yet."""
        return self.plan.cells.some(place for piece in self._pieces() for place in piece.missing)

    @cached_property
    def unfit(self) -> dict[str, str]:
        """Checkpoints of the plan that can only draw NaN, by name, with the reason."""
        told = {one.name: weights_problem(one) for one in self.plan.checkpoints}
        return {name: problem for name, problem in told.items() if problem is not None}

    def to_draw(self) -> Cells:
        """Return the missing cells without those of `unfit` checkpoints, which are not tried."""
        missing = self.missing()
        if not self.unfit:
            return missing
        return missing.some(
            place for place, cell in enumerate(missing) if cell.checkpoint_name not in self.unfit
        )

    def leave_out_unfit(self) -> None:
        """Keep for the table why the cells of `unfit` checkpoints are not drawn."""
        if self.unfit:
            missing = (cell for cell in self.missing() if cell.checkpoint_name in self.unfit)
            told = {cell.key: self.unfit[cell.checkpoint_name] for cell in missing}
            self.store.put_problems(self.folder, told)

    def leave_out(self, cell: Cell, problem: str) -> dict[str, Any]:
        """Keep for the table why a cell that was tried has no picture; it stays missing.

        Returns:
            What is told of it, in the form of `save`'s record.
        """
        self.store.put_problems(self.folder, {cell.key: problem})
        told = {"key": cell.key, "settings": cell.settings(), "picture": None, "picture_sha256": None}
        return {**told, "scores": {}, "problem": problem}

    def problems(self, cells: Cells | None = None) -> dict[str, str]:
        """Return why cells that were tried have no picture, by key."""
        return {
            key: problem for piece in self._pieces(cells) for key, problem in self._problems(piece).items()
        }

    def _problems(self, piece: Piece) -> dict[str, str]:
        keys = [cell.key for cell in piece.cells if cell.key not in piece.records]
        return self.store.problems(self.folder, keys) if keys else {}

    def unmeasured(self) -> Cells:
        """Return the cells of the plan that have no picture, or no sprite and scores of these settings."""

        def places() -> Iterator[int]:
            for piece in self._pieces():
                scored = self.store.scores(self.folder, self.sprites.key, list(piece.records))
                for place, cell in enumerate(piece.cells, piece.first):
                    record = piece.records.get(cell.key)
                    if record is None or cell.key not in scored or not self._has_sprite(record):
                        yield place

        return self.plan.cells.some(places())

    def cell(self, key: str) -> Cell:
        """Return the plan's cell of a key.

        Raises:
            InputError: the plan has no such cell.
        """
        cell = self.plan.cells.find(key)
        if cell is None:
            raise InputError(
                "is not a cell of this sweep's plan",
                file=self.root,
                field="key",
                value=key,
                remedy=_RUN_AGAIN,
            )
        return cell

    def record(self, cell: Cell) -> CellRecord | None:
        """Return a cell's record, or None when it is missing or its picture is no longer the measured one."""
        record = self.store.cells(self.folder, [cell.key]).get(cell.key)
        return current(self.root / "cells", record) if record is not None else None

    def finished(self, cells: Cells | None = None) -> Iterator[tuple[Cell, CellRecord]]:
        """Yield the cells whose pictures are whole and unchanged, with their records, in order.

        Args:
            cells: of the plan; None asks for all.

        Pictures without a record are taken up where they prove what they are, also from other sweeps of the
        store.
        """
        for piece in self._pieces(cells):
            yield from piece.finished

    def _pieces(self, cells: Cells | None = None) -> Iterator[Piece]:
        every = self.plan.cells if cells is None else cells
        return in_pieces(self.store, self.folder, self.root / "cells", every)

    def save(
        self,
        cell: Cell,
        picture: np.ndarray,
        *,
        versions: Mapping[str, str],
        device: str = "",
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """Put a finished picture on disk and score it.

        Args:
            cell: what was drawn.
            picture: uint8, shape (height, width, 3), sRGB.
            versions: of the programs that made it.
            device: what it was drawn on.
            seconds: that drawing took.

        Returns:
            The record with its scores. The picture is on disk before the row that names it. Where another
            process has saved the cell in the meantime, its picture stays.

        Raises:
            StoreError: the disk is full or cannot be written; nothing half-written is left.
        """
        versions = {"bespoke": __version__, **versions}
        made = {"versions": versions, "device": device, "seconds": seconds}
        data = png_bytes(picture, cell.settings(), made)
        path = self.root / "cells" / f"{cell.file_stem}.png"
        [scores], [sprite] = measure([picture], [cell.prompt.text], self.sprites)
        with clear_errors(self.root), self.store.writing() as connection:
            record = self.record(cell)
            if record is None:
                with clear_errors(self.root):  # which names this folder, and not the store's file
                    write_bytes(path, data)
                    record = CellRecord(cell.key, cell.settings(), path.name, sha256_of_file(path))
                    record = replace(record, versions=versions, device=device, seconds=seconds)
                    record = replace(record, stamp=stamp_of(path.stat()), created=time.time())
                    self._write_sprite(cell, record, sprite)
                put_rows(connection, self.folder, [record], [self._score(cell, record, scores)])
        return {**record.to_dict(), "scores": scores, "scored_with": self.sprites.key}

    def keep_scores(self, cell: Cell, scores: Mapping[str, Any]) -> None:
        """Keep the scores of a finished cell that its server has measured; the sprite is made here.

        Raises:
            InputError: the cell has no picture.
            StoreError: the disk is full or cannot be written.
        """
        record = self.record(cell)
        if record is None:
            raise InputError("has no picture", file=self.root, field="key", value=cell.key, remedy=_RUN_AGAIN)
        sprite = shrunk(read_png(self.root / "cells" / record.picture), self.sprites)
        with clear_errors(self.root):
            self._write_sprite(cell, record, sprite)
        self.store.put(self.folder, scores=[self._score(cell, record, scores)])

    def score_missing(self, cells: Cells | None = None) -> int:
        """Score the stored pictures without scores or with scores of other settings; return how many.

        Args:
            cells: of the plan; None asks for all.
        """
        count = 0
        for piece in self._pieces(cells):
            scored = self.store.scores(self.folder, self.sprites.key, list(piece.records))
            stale = [
                (cell, record)
                for cell, record in piece.finished
                if cell.key not in scored or not self._has_sprite(record)
            ]
            for first in range(0, len(stale), _AT_ONCE):
                self._score_pictures(stale[first : first + _AT_ONCE])
            count += len(stale)
        return count

    def _score_pictures(self, batch: Sequence[tuple[Cell, CellRecord]]) -> None:
        pictures = [read_png(self.root / "cells" / record.picture) for _, record in batch]
        scores, sprites = measure(pictures, [cell.prompt.text for cell, _ in batch], self.sprites)
        with clear_errors(self.root):
            for (cell, record), sprite in zip(batch, sprites, strict=True):
                self._write_sprite(cell, record, sprite)
        found = [self._score(*one, score) for one, score in zip(batch, scores, strict=True)]
        self.store.put(self.folder, scores=found)

    def _has_sprite(self, record: CellRecord) -> bool:
        path = self.root / self.sprites.folder / record.picture
        return path.is_file() and path.stat().st_size > 0

    def rows(self, cells: Cells | None = None) -> list[Row]:
        """Return one row for every cell that was drawn or tried in vain, in order.

        Args:
            cells: of the plan; None asks for all.
        """
        return [row for row, _ in self._finished(cells)]

    def pictures(self) -> list[ReportPicture]:
        """Return every finished cell's row, picture and sprite, in the plan's order."""
        from .contact_sheet import ReportPicture

        return [
            ReportPicture(
                row, self.root / "cells" / record.picture, self.root / self.sprites.folder / record.picture
            )
            for row, record in self._finished()
            if record is not None
        ]

    def settings(self) -> dict[str, Any]:
        """Return what is needed to make the sweep again: sampler, seeds, prompts, checkpoints, versions."""
        first = self.store.any_cell(self.folder)
        reference = self.sprites.reference
        known = reference is not None and (bool(self.sprites.elsewhere) or reference.is_dir())
        varied = {name: sorted({one.values[name] for one in self.plan.settings}) for name in self.plan.varied}
        return {
            "folder": self.root.name,
            **self.plan.settings[0].values,
            **varied,
            "seeds": list(self.plan.seeds),
            "prompts": {p.name: p.text for p in self.plan.prompts},
            "checkpoints": {c.name: c.sha256 for c in self.plan.checkpoints},
            "base": self.plan.base,
            "base_files": dict(self.base_files),
            "sprites": self.sprites.to_dict(),
            "hashes": {
                "base": self.plan.base,
                **{c.name: c.sha256 for c in self.plan.checkpoints},
                **({"training set": self.sprites.reference_key} if known else {}),
            },
            "versions": dict(first.versions) if first is not None else {},
        }

    @property
    def floor_key(self) -> str:
        """Content key of the control: what this base's VAE makes of the training set at these sizes."""
        size = self.plan.settings[0].width, self.plan.settings[0].height
        return key_of(["vae floor", self.plan.base, self.sprites.key, size])

    def floor(self) -> dict[str, Any] | None:
        """Return the control's scores, None where it was not measured."""
        return self.store.floor(self.floor_key) if self.sprites.reference is not None else None

    def write_table(self, rows: Sequence[Row]) -> Path:
        """Write ``table.csv``, and the same as this plan's own table; return the former's path."""
        path = self.root / "table.csv"
        with clear_errors(self.root):
            write_csv(self.root / self.own_table, rows)
            write_csv(path, rows)
        return path

    def write_contact_sheet(self, pictures: Sequence[ReportPicture]) -> tuple[Image, Path]:
        """Draw the sheet of some pictures, write ``contact_sheet.png``, and return both."""
        from .contact_sheet import contact_sheet

        sheet, path = contact_sheet(pictures), self.root / "contact_sheet.png"
        with clear_errors(self.root), whole_file(path) as temporary:
            sheet.save(temporary, format="PNG")
        return sheet, path

    @property
    def own_table(self) -> str:
        """Where this plan's table lies in the folder: another plan of the same name has another place."""
        return f"plans/{self.key}.csv"

    def _finished(self, cells: Cells | None = None) -> Iterator[tuple[Row, CellRecord | None]]:
        floor = self.floor()
        for piece in self._pieces(cells):
            scored = self.store.scores(self.folder, self.sprites.key, list(piece.records))
            problems = self._problems(piece)
            for cell in piece.cells:
                record, problem = piece.records.get(cell.key), problems.get(cell.key, "")
                if record is not None or problem:
                    scores = scored.get(cell.key, {})
                    yield row_of(self.plan, cell, record, scores, self.sprites.folder, floor, problem), record

    def _score(self, cell: Cell, record: CellRecord, scores: Mapping[str, Any]) -> ScoreRecord:
        return ScoreRecord(record.picture_sha256, cell.prompt.text, self.sprites.key, SCORING_VERSION, scores)

    def _write_sprite(self, cell: Cell, record: CellRecord, sprite: np.ndarray) -> None:
        # Not flushed, unlike the picture: a sprite that a power cut leaves empty is made again from it.
        path = self.root / self.sprites.folder / record.picture
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
        temporary.write_bytes(png_bytes(sprite, cell.settings()))
        temporary.replace(path)
