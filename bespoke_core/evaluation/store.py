"""A sweep's results on disk: every finished cell a picture and a record, found again by content key.

Layout of a sweep folder::

    plan.json                     what the sweep is
    cells/<file stem>.png         the picture as it was decoded, its settings in its metadata
    cells/<key>.json              the record: settings, hashes, versions, scores
    sprites/<file stem>.png       the picture shrunk to a sprite
    table.csv                     one row a cell, written when the sweep ends

A record names the hash of the picture that it measures. A picture that was changed or lost makes its cell
missing again, so that no number ever stands beside another picture.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import InputError
from ..files import key_of, sha256_of_file, write_bytes, write_json
from .plan import Cell, SweepPlan, plan_from_dict
from .table import Row, write_csv

if TYPE_CHECKING:
    import numpy as np

    from .contact_sheet import ReportPicture

SCORING_VERSION = 1
"""Raised when a score's meaning changes, so that stored pictures are scored again."""


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


class SweepFolder:
    """One sweep on disk: its plan, its cells, its table.

    Args:
        root: the folder; made when the first thing is written.
        sprites: how the pictures are scored.
    """

    def __init__(self, root: Path, sprites: SpriteSettings | None = None) -> None:
        self.root = root
        self.sprites = sprites or SpriteSettings()

    def write_plan(self, plan: SweepPlan) -> None:
        """Record what the sweep is; the results of an earlier plan stay and are used where they fit."""
        sprites = {**asdict(self.sprites), "reference": _posix(self.sprites.reference)}
        write_json(
            self.root / "plan.json", {"bespoke": __version__, "plan": plan.to_dict(), "sprites": sprites}
        )

    def read_plan(self) -> SweepPlan:
        """Return the plan on disk.

        Raises:
            InputError: the folder holds no sweep.
        """
        return plan_from_dict(_read_description(self.root)["plan"])

    def missing(self) -> tuple[Cell, ...]:
        """Return the cells of the plan that have no whole, unchanged picture yet."""
        return tuple(cell for cell in self.read_plan().cells if self.record(cell) is None)

    def cell(self, key: str) -> Cell:
        """Return the plan's cell of a key.

        Raises:
            InputError: the plan has no such cell.
        """
        for cell in self.read_plan().cells:
            if cell.key == key:
                return cell
        raise InputError(
            "is not a cell of this sweep's plan",
            file=self.root / "plan.json",
            field="key",
            value=key,
            remedy="Start the sweep again.",
        )

    def record(self, cell: Cell) -> dict[str, Any] | None:
        """Return a cell's record, or None when it is missing or its picture is no longer the measured one."""
        path = self._record_path(cell)
        if not path.is_file():
            return None
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        picture = self.root / "cells" / record["picture"]
        if not picture.is_file() or sha256_of_file(picture) != record["picture_sha256"]:
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
        data = _png(picture, cell.settings())
        path = self.root / "cells" / f"{cell.file_stem}.png"
        write_bytes(path, data)
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
        stale = []
        for cell in self.read_plan().cells:
            record = self.record(cell)
            if record is not None and record.get("scored_with") != self.sprites.key:
                stale.append((cell, record, _read_png(self.root / "cells" / record["picture"])))
        if stale:
            self._score(stale)
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
        description = _read_description(self.root)
        plan = description["plan"]
        versions: dict[str, str] = next((record["versions"] for _, record in self._finished()), {})
        return {
            "folder": self.root.name,
            **plan["sampler"],
            "seeds": plan["seeds"],
            "prompts": {p["name"]: p["text"] for p in plan["prompts"]},
            "checkpoints": {c["name"]: c["sha256"] for c in plan["checkpoints"]},
            "base": plan["base"],
            "sprites": description["sprites"],
            "versions": versions,
        }

    def write_table(self) -> Path:
        """Write ``table.csv`` for every finished cell and return its path."""
        path = self.root / "table.csv"
        write_csv(path, self.rows())
        return path

    def _finished(self) -> list[tuple[Row, dict[str, Any]]]:
        finished = []
        for cell in self.read_plan().cells:
            record = self.record(cell)
            if record is not None:
                scores = {**record.get("scores", {}), "picture": f"cells/{record['picture']}"}
                scores["picture_sha256"] = record["picture_sha256"]
                scores["checkpoint_sha256"] = cell.checkpoint.sha256 if cell.checkpoint else None
                row = Row(cell.checkpoint_name, cell.epoch, cell.prompt.name, cell.seed, scores)
                finished.append((row, record))
        return finished

    def _score(self, cells: Sequence[tuple[Cell, dict[str, Any], np.ndarray]]) -> list[dict[str, Any]]:
        import numpy as np

        from ..scoring.reference import read_reference
        from ..scoring.score import score_pictures
        from ..sprites.downscale import downscale

        size = (self.sprites.width, self.sprites.height)
        method = self.sprites.method
        pictures = np.stack([picture for _, _, picture in cells])
        reference = read_reference(self.sprites.reference, size=size) if self.sprites.reference else None
        prompts = [cell.prompt.text for cell, _, _ in cells]
        scores = score_pictures(pictures, size=size, method=method, prompts=prompts, reference=reference)
        sprites = downscale(pictures, size=size, method=method)
        records = []
        for (cell, record, _), score, sprite in zip(cells, scores, sprites, strict=True):
            write_bytes(self.root / "sprites" / record["picture"], _png(sprite, cell.settings()))
            record = {**record, "scores": score.to_dict(), "scored_with": self.sprites.key}
            write_json(self._record_path(cell), record)
            records.append(record)
        return records

    def _record_path(self, cell: Cell) -> Path:
        return self.root / "cells" / f"{cell.key}.json"


def read_settings(root: Path) -> dict[str, Any]:
    """Return what a folder of results says of how it was made: a sweep's settings, or nothing."""
    if (root / "plan.json").is_file():
        return open_sweep(root).settings()
    path = root / "settings.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def open_sweep(root: Path) -> SweepFolder:
    """Return the sweep in a folder with the sprite settings that it was made with.

    Raises:
        InputError: the folder holds no sweep.
    """
    sprites = dict(_read_description(root)["sprites"])
    sprites["reference"] = Path(sprites["reference"]) if sprites["reference"] else None
    return SweepFolder(root, SpriteSettings(**sprites))


def _read_description(root: Path) -> dict[str, Any]:
    path = root / "plan.json"
    if not path.is_file():
        raise InputError(
            "holds no sweep (no plan.json)", file=root, remedy="Give a folder that a sweep wrote."
        )
    description: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return description


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


def _posix(path: Path | None) -> str | None:
    return path.as_posix() if path else None
