"""Writing the sample data set: pictures and captions in one folder, whole or not at all.

Its style is one that the base model has never seen (see `portraits.styles`).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..files import key_of, sha256_of_file, whole_folder
from ..portraits.caption import caption, fault_of
from ..portraits.draw import SIZE, Portrait, draw_portraits, enlarge
from ..portraits.styles import DUSK

VERSION = 2  # raise it when the same seed gives other pictures or captions
COUNT = 24
SEED = 0
HELD_OUT_SEED = 1_000
PICTURE_SIZE = 192  # eight pixels a cell: one latent pixel a cell
_STAMP = ".bespoke_sample.json"


@dataclass(frozen=True)
class Sample:
    """A written data set.

    Attributes:
        folder: holds ``NAME.png`` and ``NAME.txt``.
        names: the files' common names, in order.
        portraits: the truth about each, in the same order.
        made: whether it was written just now rather than found.
    """

    folder: Path
    names: tuple[str, ...]
    portraits: tuple[Portrait, ...]
    made: bool


def write_sample_dataset(
    folder: Path, count: int = COUNT, seed: int = SEED, *, size: int = PICTURE_SIZE
) -> Sample:
    """Write `count` portraits with captions into `folder`, or find them there.

    Args:
        folder: made when absent. One that this function wrote earlier with other settings, or whose files
            were changed since, is replaced as a whole.
        count: how many, at least 1.
        seed: of the drawing.
        size: width and height of a picture in pixels, at least 24; nearest-neighbour enlargement.

    Raises:
        InputError: `folder` holds files that are not from here, or a number is out of range.
        OSError: it cannot be written; nothing is changed.
    """
    if count < 1:
        raise InputError("is below 1", field="count", value=count, remedy="Ask for one portrait or more.")
    if size < SIZE:
        raise InputError(f"is below {SIZE}", field="size", value=size, remedy=f"Use {SIZE} pixels or more.")
    portraits = tuple(draw_portraits(count, seed, style=DUSK))
    names = tuple(f"punk_{number + 1:03d}_{one.figure}" for number, one in enumerate(portraits))
    settings = {"version": VERSION, "count": count, "seed": seed, "size": size}
    state = _state(folder, settings)
    if state == "ours":
        return Sample(folder, names, portraits, made=False)
    if state == "foreign":
        raise InputError(
            "holds files that are not the sample data set",
            file=folder,
            remedy="Choose a folder that is empty or does not exist.",
        )
    with whole_folder(folder) as building:
        _write(building, names, portraits, size, settings)
    return Sample(folder, names, portraits, made=True)


def write_held_out_set(folder: Path, count: int = COUNT, *, size: int = PICTURE_SIZE) -> Sample:
    """Write portraits that share no seed with the sample data set, to measure what training did not see."""
    return write_sample_dataset(folder, count, HELD_OUT_SEED, size=size)


def _write(
    folder: Path, names: tuple[str, ...], portraits: tuple[Portrait, ...], size: int, settings: dict[str, int]
) -> None:
    from PIL import Image

    for number, (name, portrait) in enumerate(zip(names, portraits, strict=True)):
        Image.fromarray(enlarge(portrait.pixels, size)).save(folder / f"{name}.png")
        text = caption(portrait, fault=fault_of(number))
        (folder / f"{name}.txt").write_text(text, encoding="utf-8", newline="\n")
    stamp = {**settings, "files": _hashes(folder)}
    (folder / _STAMP).write_text(json.dumps(stamp, indent=1), encoding="utf-8")


def _hashes(folder: Path) -> str:
    files = sorted(entry.name for entry in os.scandir(folder) if entry.name != _STAMP)
    return key_of({name: sha256_of_file(folder / name) for name in files})


def _state(folder: Path, settings: dict[str, int]) -> str:
    """Return "absent", "ours", "changed" (ours once) or "foreign"."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return "absent"
    stamp = folder / _STAMP
    if not stamp.is_file():
        return "foreign"
    try:
        told = json.loads(stamp.read_text(encoding="utf-8"))
    except ValueError:
        return "changed"
    return "ours" if told == {**settings, "files": _hashes(folder)} else "changed"
