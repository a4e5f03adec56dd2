"""From a training's state to what is shipped: the narrow weights in 16 bits, and their record."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..files import sha256_of_file, whole_file, write_json
from . import drawings
from .checkpoint import checkpoint_hash, write_safetensors
from .recipe import TEXT_SEED, Recipe
from .shipped import WEIGHTS_NAME, Record, parse_weights, read_record, record_path

if TYPE_CHECKING:
    from .measure import Measurement

VERSION = 1  # of the record's form

_OPTIONS = {
    "steps": "--steps",
    "widths": "--widths",
    "drawings": "--drawings",
    "train_batch_size": "--batch-size",
    "seed": "--seed",
}


def pack(folder: Path, out: Path) -> Record:
    """Write the running mean of a training's weights, and their record, for shipping.

    The largest float16 rounding error is far below what the eye sees, and the file is the same for the same
    state everywhere.

    Args:
        folder: of the training, with its state.
        out: takes ``denoiser.safetensors`` and ``denoiser.json``; made when absent.

    Raises:
        InputError: there is no state, it is damaged, or it does not belong to the recipe that is told beside
            it (the standard one where none is).
    """
    from .slim import to_layout
    from .train import STATE, read_state

    state = folder / STATE
    if not state.is_file():
        raise InputError(
            "holds no state of a training", file=folder, remedy="Train first: bespoke base train --folder ..."
        )
    told, tensors = read_state(state)
    run = _run_of(folder)
    recipe: Recipe = run["recipe"]
    if told["fingerprint"] != recipe.fingerprint:
        raise InputError(
            "belongs to another recipe or other drawings than those of now",
            file=state,
            remedy="Pack it with the version of Bespoke that trained it.",
        )
    mean = {key.removeprefix("mean."): value for key, value in tensors.items() if key.startswith("mean.")}
    weights = out / WEIGHTS_NAME
    out.mkdir(parents=True, exist_ok=True)
    with whole_file(weights) as temporary:
        write_safetensors(temporary, to_layout(mean), {"bespoke.part": "denoiser, narrow"})
    record = {
        "version": VERSION,
        "command": command_of(recipe, "cpu" if run["on_cpu"] else "cuda"),
        "data_version": drawings.VERSION,
        "text_seed": TEXT_SEED,
        "recipe": recipe.to_dict(),
        "steps": told["progress"]["step"],
        "seconds": round(told["progress"]["seconds"]),
        "device": run["device"],
        "torch": run["torch"],
        "parameters": sum(value.numel() for value in mean.values()),
        "loss": told["progress"]["curve"],
        "sha256": sha256_of_file(weights),
        "size": weights.stat().st_size,
        "held_out": [],
    }
    sha256, size = checkpoint_hash(parse_weights(weights.read_bytes(), weights), record)
    record["checkpoint"] = {"sha256": sha256, "size": size}
    write_json(record_path(weights), record)
    return read_record(weights)


def add_measurements(weights: Path, found: list[Measurement]) -> None:
    """Write held-out results into the record beside weights, in place of earlier ones.

    Raises:
        InputError: the record is missing or damaged, or tells of other weights.
    """
    record = read_record(weights)
    if record.sha256 != sha256_of_file(weights):
        raise InputError(
            "does not tell of the weights beside it",
            file=record_path(weights),
            remedy="Pack the weights again: bespoke base pack",
        )
    write_json(record_path(weights), {**record.told, "held_out": [one.to_dict() for one in found]})


def command_of(recipe: Recipe, device: str) -> str:
    """Return the command that trains by that recipe."""
    words = ["python3 -m bespoke_core base train"]
    for field in fields(recipe):
        value = getattr(recipe, field.name)
        if field.name in _OPTIONS:
            shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words.append(f"{_OPTIONS[field.name]} {shown}")
    return " ".join([*words, f"--device {device}"])


def _run_of(folder: Path) -> dict[str, Any]:
    """Return recipe and machine of a training; those of this machine where it tells nothing."""
    import torch

    from .machine import device_name
    from .train import RUN

    path = folder / RUN
    if not path.is_file():
        told: dict[str, Any] = {"device": device_name("cpu"), "torch": torch.__version__, "on_cpu": True}
        return told | {"recipe": Recipe()}
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return {
            "recipe": Recipe.from_dict(told["recipe"]),
            "device": str(told["device"]),
            "torch": str(told["torch"]),
            "on_cpu": bool(told["on_cpu"]),
        }
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            "is damaged", file=path, remedy="Start `bespoke base train` once more with the same settings."
        ) from None
