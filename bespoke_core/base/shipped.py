"""The weights that are shipped, narrow as they were trained, and the record beside them.

Only their reading is here; NumPy suffices. `pack` makes them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEIGHTS_NAME = "denoiser.safetensors"
WEIGHTS = Path(__file__).resolve().parent / "weights" / WEIGHTS_NAME
_PACK = Path(__file__).resolve().parents[2]
_POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class Record:
    """How weights came about, and what they must be.

    Attributes:
        sha256: of the weights' file, lower-case hex.
        size: of the weights' file, in bytes.
        checkpoint_sha256: of the checkpoint that is made from them.
        checkpoint_size: of the checkpoint, in bytes.
        told: the whole record, JSON-able: command, recipe, data, machine, loss curve, held-out results.
    """

    sha256: str
    size: int
    checkpoint_sha256: str
    checkpoint_size: int
    told: dict[str, Any]


def record_path(weights: Path) -> Path:
    """Return where the record of weights lies."""
    return weights.with_suffix(".json")


def read_record(weights: Path = WEIGHTS) -> Record:
    """Read the record beside weights.

    Raises:
        InputError: it is missing or damaged.
    """
    path = record_path(weights)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        checkpoint = told["checkpoint"]
        return Record(
            str(told["sha256"]), int(told["size"]), str(checkpoint["sha256"]), int(checkpoint["size"]), told
        )
    except OSError as error:
        raise InputError(
            f"the record of the base model's weights cannot be read ({error.strerror or error})",
            file=path,
            remedy=remedy(path),
        ) from None
    except (ValueError, KeyError, TypeError):
        raise InputError(
            "the record of the base model's weights is damaged", file=path, remedy=remedy(path)
        ) from None


def read_weights(weights: Path = WEIGHTS) -> tuple[dict[str, NDArray[np.float16]], Record]:
    """Read weights after checking every byte of them against their record.

    Returns:
        The arrays under SD1.5's keys without prefix, narrow (see `slim.to_layout`), and the record.

    Raises:
        InputError: weights or record are missing, damaged, truncated, or others than recorded.
    """
    data, record = checked_bytes(weights)
    return parse_weights(data, weights), record


def checked_bytes(weights: Path = WEIGHTS) -> tuple[bytes, Record]:
    """Return a weights file's bytes and its record after comparing them; the standard library suffices.

    Raises:
        InputError: see `read_weights`.
    """
    record = read_record(weights)
    data = _read(weights)
    found = hashlib.sha256(data).hexdigest()
    if found != record.sha256:
        if data.startswith(_POINTER):
            problem = "is a pointer of Git LFS and not the base model's weights"
        elif len(data) < record.size:
            problem = f"is truncated: {len(data)} of {record.size} bytes are there"
        else:
            problem = "is damaged or another file"
        raise InputError(
            f"{problem} (SHA-256 is {found}, must be {record.sha256})", file=weights, remedy=remedy(weights)
        )
    return data, record


def read_unchecked(weights: Path) -> dict[str, NDArray[np.float16]]:
    """Read weights of one's own, which need no record.

    Raises:
        InputError: they are missing or no narrow denoiser.
    """
    return parse_weights(_read(weights), weights)


def parse_weights(data: bytes, path: Path) -> dict[str, NDArray[np.float16]]:
    """Return the arrays in a safetensors file's bytes; `path` is named when they are not."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
    except SafetensorError as error:
        raise InputError(
            f"is damaged, truncated or not a safetensors file ({error})", file=path, remedy=remedy(path)
        ) from None
    if "input_blocks.0.0.weight" not in arrays:
        raise InputError(
            "holds no weights of the small base model",
            file=path,
            remedy="Name a file that `bespoke base pack` wrote.",
        )
    return arrays


def remedy(path: Path) -> str:
    """Return how to get a shipped file back."""
    if not path.is_relative_to(_PACK):
        return "Copy it again, or make it again with: bespoke base pack"
    return f"Restore it: git checkout -- {path.relative_to(_PACK).as_posix()} (or fetch the pack again)."


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError("is missing", file=path, remedy=remedy(path)) from None
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror or error})", file=path, remedy=remedy(path)
        ) from None
