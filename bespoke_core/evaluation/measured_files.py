"""The LoRA files that a sweep has measured: where its plan says, or among files and folders that one names.

A folder that was brought from a server, or that several servers filled, names files of other machines. Its
table has the hash of each, by which the file is known wherever it lies and whatever it is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..amounts import counted
from ..errors import InputError
from .checkpoints import Checkpoint
from .hashes import content_hash
from .opening import open_sweep
from .table import Row, read_csv

_SAY_WHERE = "Say where it lies: --lora with the file, or --loras with a folder that has it in it."


def rows_and_checkpoints(folder: Path) -> tuple[list[Row], tuple[Checkpoint, ...]]:
    """Return the rows of a sweep's folder and what it knows of its checkpoints.

    Args:
        folder: of a sweep on this machine, or of results that were brought here. The latter name no files:
            a checkpoint's path is then only its name.

    Raises:
        InputError: the folder holds no sweep.
    """
    if (folder / "plan.json").is_file():
        sweep = open_sweep(folder)
        return sweep.rows(), sweep.plan.checkpoints
    if not (folder / "table.csv").is_file():
        raise InputError(
            "holds no sweep (neither plan.json nor table.csv is there)",
            file=folder,
            remedy="Give a sweep's folder in ComfyUI's output/bespoke/sweeps, or fetched results.",
        )
    rows = read_csv(folder / "table.csv")
    found = {row.checkpoint: row for row in rows if not row.is_base}
    return rows, tuple(
        Checkpoint(
            name,
            row.epoch or 0,
            Path(f"{_plain(name)}.safetensors"),
            _text(row, "checkpoint_sha256"),
            _text(row, "run"),
        )
        for name, row in found.items()
    )


def with_file(checkpoint: Checkpoint, places: Sequence[Path], *, folder: Path) -> Checkpoint:
    """Return a checkpoint with the path of its file on this machine.

    Args:
        checkpoint: as `rows_and_checkpoints` gives it.
        places: files and folders to look in, with all folders in them; none takes the path that it has.
        folder: of the sweep, for errors.

    Raises:
        InputError: the file is not there, or the table has no hash to know it by.
    """
    if not places:
        if checkpoint.path.is_absolute() and checkpoint.path.is_file():
            return checkpoint
        known = f"lay at {checkpoint.path}" if checkpoint.path.is_absolute() else "is named by no path"
        raise InputError(
            f"tells of {checkpoint.name}, which {known}: there is no such file on this machine",
            file=folder,
            remedy=_SAY_WHERE,
        )
    if not checkpoint.sha256:
        raise InputError(
            f"has no hash of {checkpoint.name} by which its file could be known",
            file=folder,
            field="checkpoint_sha256",
            remedy="Use the table of a sweep, which has that column.",
        )
    looked = 0
    for path in _likeliest_first(places, _plain(checkpoint.name)):
        looked += 1
        if content_hash(path) == checkpoint.sha256:
            return replace(checkpoint, path=path)
    raise InputError(
        f"{checkpoint.name}, SHA-256 {checkpoint.sha256[:12]}, is none of {counted(looked, 'file')} there",
        file=places[0] if len(places) == 1 else None,
        field="lora",
        remedy="Name the file that was swept; one that was trained again is another.",
    )


def _likeliest_first(places: Sequence[Path], name: str) -> Iterator[Path]:
    """Yield the LoRA files of some places, those of the checkpoint's name first: others are seldom read."""
    files: list[Path] = []
    for place in places:
        if not place.exists():
            raise InputError("is not there", file=place, field="lora", remedy="Check the path.")
        files += sorted(place.rglob("*.safetensors")) if place.is_dir() else [place]
    yield from sorted(
        dict.fromkeys(path for path in files if path.is_file()), key=lambda one: one.stem != name
    )


def _plain(name: str) -> str:
    """Return a checkpoint's name without its run's label."""
    return name.rpartition("/")[2]


def _text(row: Row, column: str) -> str:
    return str(row.scores.get(column) or "")
