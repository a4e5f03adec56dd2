"""A sweep's results on disk: every finished cell a picture and a record, found again by content key.

Layout of a sweep folder::

    plan.json                     the latest plan, for people and for the command line
    plans/<plan key>.json         every plan that was run here
    cells/<file stem>.png         the picture as it was decoded, its settings in its metadata
    cells/<key>.json              the record: settings, hashes, versions, scores
    sprites/<file stem>.png       the picture shrunk to a sprite
    table.csv                     one row a cell, written when the sweep ends

A record names the hash of the picture that it measures. A picture that was changed or lost makes its cell
missing again, so that no number ever stands beside another picture. What is read from the folder is checked
like any other input: a server lets others put files there.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import InputError
from ..files import key_of, sha256_of_file, write_bytes, write_json
from .plan import Cell, SweepPlan, plan_from_dict
from .table import Row, write_csv

if TYPE_CHECKING:
    import numpy as np

    from ..scoring.reference import ReferenceStatistics
    from .contact_sheet import ReportPicture

SCORING_VERSION = 1
"""Raised when a score's meaning changes, so that stored pictures are scored again."""
_AT_ONCE = 16  # pictures scored together: bounds the memory of a large sweep
_RUN_AGAIN = "Start the sweep again."


@dataclass(frozen=True)
class SpriteSettings:
    """How a picture becomes a sprite and what its scores are compared with.

    Attributes:
        width: of the sprite in pixels.
        height: of the sprite in pixels.
        method: of downscaling; ``nearest`` is the experiment's.
        reference: folder of the training set's pictures, or None.
    """

    width: int = 24
    height: int = 24
    method: str = "nearest"
    reference: Path | None = None

    @property
    def key(self) -> str:
        """Content key of the settings and of the scores' version."""
        reference = _folder_key(self.reference) if self.reference else None
        return key_of([SCORING_VERSION, self.width, self.height, self.method, reference])

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able form, the folder with forward slashes."""
        return {**asdict(self), "reference": self.reference.as_posix() if self.reference else None}


class SweepFolder:
    """One sweep on disk: a plan, its cells, its table.

    Two sweeps of one name share their pictures, but each object keeps the plan that it was made with.

    Args:
        root: the folder; made when the first thing is written.
        plan: what the sweep is.
        sprites: how the pictures are scored.
    """

    def __init__(self, root: Path, plan: SweepPlan, sprites: SpriteSettings | None = None) -> None:
        self.root = root
        self.plan = plan
        self.sprites = sprites or SpriteSettings()
        self._cells = {cell.key: cell for cell in plan.cells}

    @property
    def key(self) -> str:
        """Content key of the plan and of how it is scored: the name of its file in ``plans``."""
        return key_of([self.plan.to_dict(), self.sprites.to_dict()])

    def write_plan(self) -> None:
        """Record what the sweep is; the results of earlier plans stay and are used where they fit."""
        description = {
            "bespoke": __version__,
            "plan": self.plan.to_dict(),
            "sprites": self.sprites.to_dict(),
        }
        write_json(self.root / "plans" / f"{self.key}.json", description)
        write_json(self.root / "plan.json", description)

    def missing(self) -> tuple[Cell, ...]:
        """Return the cells of the plan that have no whole, unchanged picture yet."""
        return tuple(cell for cell in self.plan.cells if self.record(cell) is None)

    def cell(self, key: str) -> Cell:
        """Return the plan's cell of a key.

        Raises:
            InputError: the plan has no such cell.
        """
        if key not in self._cells:
            raise InputError(
                "is not a cell of this sweep's plan",
                file=self.root,
                field="key",
                value=key,
                remedy=_RUN_AGAIN,
            )
        return self._cells[key]

    def record(self, cell: Cell) -> dict[str, Any] | None:
        """Return a cell's record, or None when it is missing or its picture is no longer the measured one."""
        try:
            record = json.loads(self._record_path(cell).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # absent, or not what we write: the cell is drawn again
            return None
        # The picture's name follows from the cell; whatever else a record says is not ours.
        if not isinstance(record, dict) or record.get("picture") != f"{cell.file_stem}.png":
            return None
        picture = self.root / "cells" / record["picture"]
        if not picture.is_file() or sha256_of_file(picture) != record.get("picture_sha256"):
            return None
        return record

    def save(self, cell: Cell, picture: np.ndarray, *, versions: Mapping[str, str]) -> dict[str, Any]:
        """Put a finished picture on disk and score it.

        Args:
            cell: what was drawn.
            picture: uint8, shape (height, width, 3), sRGB.
            versions: of the programs that made it.

        Returns:
            The record. The picture is on disk before the record that names it.
        """
        path = self.root / "cells" / f"{cell.file_stem}.png"
        write_bytes(path, _png(picture, cell.settings()))
        record = {
            "key": cell.key,
            "settings": cell.settings(),
            "picture": path.name,
            "picture_sha256": sha256_of_file(path),
            "versions": {"bespoke": __version__, **versions},
        }
        return self._score([(cell, record, picture)])[0]

    def score_missing(self) -> int:
        """Score the stored pictures without scores or with scores of other settings; return how many."""
        stale = [
            (cell, record)
            for cell in self.plan.cells
            if (record := self.record(cell)) is not None and record.get("scored_with") != self.sprites.key
        ]
        for first in range(0, len(stale), _AT_ONCE):
            batch = stale[first : first + _AT_ONCE]
            self._score([(c, r, _read_png(self.root / "cells" / r["picture"])) for c, r in batch])
        return len(stale)

    def rows(self) -> list[Row]:
        """Return one row for every finished cell of the plan, in the plan's order."""
        return [row for row, _ in self._finished()]

    def pictures(self) -> list[ReportPicture]:
        """Return every finished cell's row, picture and sprite, in the plan's order."""
        from .contact_sheet import ReportPicture

        return [
            ReportPicture(
                row, self.root / "cells" / record["picture"], self.root / "sprites" / record["picture"]
            )
            for row, record in self._finished()
        ]

    def settings(self) -> dict[str, Any]:
        """Return what is needed to make the sweep again: sampler, seeds, prompts, checkpoints, versions."""
        versions: dict[str, str] = next((record["versions"] for _, record in self._finished()), {})
        return {
            "folder": self.root.name,
            **asdict(self.plan.sampler),
            "seeds": list(self.plan.seeds),
            "prompts": {p.name: p.text for p in self.plan.prompts},
            "checkpoints": {c.name: c.sha256 for c in self.plan.checkpoints},
            "base": self.plan.base,
            "sprites": self.sprites.to_dict(),
            "versions": versions,
        }

    def write_table(self, rows: Sequence[Row]) -> Path:
        """Write ``table.csv`` with the rows of the finished cells and return its path."""
        path = self.root / "table.csv"
        write_csv(path, rows)
        return path

    def _finished(self) -> Iterator[tuple[Row, dict[str, Any]]]:
        for cell in self.plan.cells:
            record = self.record(cell)
            if record is not None:
                current = record.get("scored_with") == self.sprites.key
                scores = dict(record["scores"]) if current else {}
                scores["picture"] = f"cells/{record['picture']}"
                scores["picture_sha256"] = record["picture_sha256"]
                scores["checkpoint_sha256"] = cell.checkpoint.sha256 if cell.checkpoint else None
                row = Row(cell.checkpoint_name, cell.epoch, cell.prompt.name, cell.seed, scores)
                yield row, record

    def _score(self, cells: Sequence[tuple[Cell, dict[str, Any], np.ndarray]]) -> list[dict[str, Any]]:
        import numpy as np

        from ..scoring.score import score_pictures
        from ..sprites.downscale import downscale

        size, method = (self.sprites.width, self.sprites.height), self.sprites.method
        pictures = np.stack([picture for _, _, picture in cells])
        reference = self.sprites.reference
        scores = score_pictures(
            pictures,
            size=size,
            method=method,
            prompts=[cell.prompt.text for cell, _, _ in cells],
            reference=_reference(reference, size, _folder_key(reference)) if reference else None,
        )
        sprites = downscale(pictures, size=size, method=method)
        records = []
        for (cell, record, _), score, sprite in zip(cells, scores, sprites, strict=True):
            write_bytes(self.root / "sprites" / f"{cell.file_stem}.png", _png(sprite, cell.settings()))
            record = {**record, "scores": score.to_dict(), "scored_with": self.sprites.key}
            write_json(self._record_path(cell), record)
            records.append(record)
        return records

    def _record_path(self, cell: Cell) -> Path:
        return self.root / "cells" / f"{cell.key}.json"


def open_sweep(root: Path, key: str = "") -> SweepFolder:
    """Return a sweep in a folder with the plan and the sprite settings that it was made with.

    Args:
        root: the sweep's folder.
        key: of the plan; empty takes the latest.

    Raises:
        InputError: the folder holds no such plan, or its file is not one of ours.
    """
    path = root / "plans" / f"{key}.json" if key.isalnum() else root / "plan.json"
    if not path.is_file():
        raise InputError(
            f"holds no sweep ({path.name} is absent)", file=root, remedy="Give a folder that a sweep wrote."
        )
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        sprites = dict(description["sprites"])
        if sprites["reference"] is not None:
            sprites["reference"] = Path(sprites["reference"])
        return SweepFolder(root, plan_from_dict(description["plan"]), SpriteSettings(**sprites))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"is not a sweep's plan ({error!r})", file=path, remedy=_RUN_AGAIN) from None


def read_settings(root: Path) -> dict[str, Any]:
    """Return what a folder of results says of how it was made: a sweep's settings, or nothing."""
    if (root / "plan.json").is_file():
        return open_sweep(root).settings()
    path = root / "settings.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


@lru_cache(maxsize=8)
def _reference(folder: Path, size: tuple[int, int], key: str) -> ReferenceStatistics:
    """Measure the training set once for all cells; `key` changes when a file of it does."""
    from ..scoring.reference import read_reference

    return read_reference(folder, size=size)


def _png(picture: np.ndarray, settings: Mapping[str, Any]) -> bytes:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("bespoke", json.dumps(settings, ensure_ascii=False))
    target = io.BytesIO()
    Image.fromarray(picture).save(target, format="PNG", pnginfo=info)
    return target.getvalue()


def _read_png(path: Path) -> np.ndarray:
    import numpy as np
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def _folder_key(folder: Path) -> str:
    files = sorted(p for p in folder.iterdir() if p.is_file())
    return key_of([[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in files])
