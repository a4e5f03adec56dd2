"""The user's own data set and checkpoint in the demo: checked before any work, then put where ComfyUI looks.

The checks need the standard library only, because they come before the set-up.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path

from ..errors import InputError

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
_ENTRANCE = "model.diffusion_model.input_blocks.0.0.weight"
_HEADER_LIMIT = 100_000_000


def check_data(folder: Path) -> list[tuple[Path, Path]]:
    """Return the (picture, caption) pairs of a data set folder, sorted by name.

    Raises:
        InputError: it is no folder, has no picture, or a picture has no caption.
    """
    if not folder.is_dir():
        raise InputError(
            "is not a folder", field="--data", value=str(folder), remedy="Give the folder of your pictures."
        )
    pictures = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in PICTURES)
    if not pictures:
        below = sorted(
            {entry.parent.name for entry in folder.glob("*/*") if entry.suffix.lower() in PICTURES}
        )
        remedy = f"Did you mean its folder {below[0]!r}?" if below else "Put PNG or JPEG files there."
        raise InputError("holds no pictures", field="--data", value=str(folder), remedy=remedy)
    for picture in pictures:
        if not picture.with_suffix(".txt").is_file():
            raise InputError(
                "has no caption beside it",
                file=picture,
                field="--data",
                remedy=f"Write {picture.stem}.txt in the same folder.",
            )
    return [(picture, picture.with_suffix(".txt")) for picture in pictures]


def check_checkpoint(path: Path) -> None:
    """Raise InputError unless `path` is a whole safetensors file in Stable Diffusion 1.5's layout."""
    if not path.is_file():
        raise InputError(
            "there is no such file", field="--checkpoint", value=str(path), remedy="Give a .safetensors file."
        )
    header = _header(path)
    shape = header.get(_ENTRANCE, {}).get("shape")
    contexts = {
        entry["shape"][1]
        for key, entry in header.items()
        if key.startswith("model.diffusion_model.") and key.endswith("attn2.to_k.weight")
    }
    if shape is None or shape[:2] != [320, 4] or contexts != {768}:
        raise InputError(
            "is not a Stable Diffusion 1.5 checkpoint",
            file=path,
            field="--checkpoint",
            remedy="Give a whole SD1.5 checkpoint in one .safetensors file; SDXL, SD2 and LoRA do not fit.",
        )


def _header(path: Path) -> dict:
    """Return the header of a safetensors file after checking that the file is whole."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size, _HEADER_LIMIT):
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
        if 8 + length + max(ends, default=0) != size:
            raise ValueError("it is truncated, or has something behind its end")
    except (ValueError, struct.error, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            f"is not a whole safetensors file ({error})",
            file=path,
            field="--checkpoint",
            remedy="Give a .safetensors file, and download it again if it should be one.",
        ) from None
    return header


def place_data(pairs: list[tuple[Path, Path]], target: Path) -> None:
    """Copy a data set into a folder below ComfyUI's input, so that it holds these files and no others.

    A copy and not a link: what a link leads to lies outside the folders that the server may read.
    """
    target.mkdir(parents=True, exist_ok=True)
    wanted = {file.name: file for pair in pairs for file in pair}
    for entry in target.iterdir():
        if entry.is_file() and entry.name not in wanted:
            entry.unlink()
    for name, source in wanted.items():
        place = target / name
        told = source.stat()
        if not place.is_file() or (place.stat().st_size, place.stat().st_mtime_ns) != (
            told.st_size,
            told.st_mtime_ns,
        ):
            shutil.copy2(source, place)


def place_checkpoint(source: Path, folder: Path) -> str:
    """Link a checkpoint into ComfyUI's checkpoint folder (a copy where links fail); return its name there."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / source.name
    source = source.resolve()
    if place.exists() and place.resolve() == source:
        return place.name
    place.unlink(missing_ok=True)
    try:
        place.symlink_to(source)
    except OSError:  # Windows without the right to make links, or another kind of disk
        try:
            os.link(source, place)
        except OSError:
            shutil.copy2(source, place)
    return place.name
