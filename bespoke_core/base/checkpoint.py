"""The embedded default: a small checkpoint in Stable Diffusion 1.5's layout that draws portraits.

Stock ComfyUI (``CheckpointLoaderSimple``) and diffusers load it. Its trained denoiser is shipped, narrow; the
text encoder and the autoencoder are remade, and nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..files import sha256_of_file, whole_file, write_json
from ..memory import require_memory
from .shipped import WEIGHTS, Record, read_record, read_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 2  # raise it when the same weights give another checkpoint
FILE_NAME = "bespoke_base.safetensors"

_TYPES = {"float16": "F16", "float32": "F32"}
_WORK_BYTES = 300_000_000  # for the libraries, and for one array while it is made


@dataclass(frozen=True)
class BaseModel:
    """A base model on disk.

    Attributes:
        path: the checkpoint.
        version: of how it is put together.
        size: in bytes.
        sha256: of the whole file, lower-case hex.
        made: whether it was made just now rather than found.
    """

    path: Path
    version: int
    size: int
    sha256: str
    made: bool = False


def obtain_base_model(folder: Path, *, weights: Path = WEIGHTS) -> BaseModel:
    """Return the base model in `folder`, made when it is absent, damaged or of other weights.

    The file is checked against the stamp beside it: size, SHA-256, and the hash of its weights' origin.

    Args:
        folder: where checkpoints lie; made when absent.
        weights: the trained denoiser; the shipped one by default.

    Raises:
        InputError: the weights or their record are missing, damaged or others than recorded, or there is too
            little free disk or memory; nothing is changed.
        OSError: the folder cannot be written or the disk is full; no half file is left.
    """
    path = folder / FILE_NAME
    record = read_record(weights)
    found = _read_stamp(path, record)
    if found is not None:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    _require_space(folder, record.checkpoint_size)
    require_memory(record.checkpoint_size + _WORK_BYTES, "making the base model")
    narrow, record = read_weights(weights)
    with whole_file(path) as temporary:
        write_checkpoint(temporary, narrow, record.told)
    model = BaseModel(path, VERSION, path.stat().st_size, sha256_of_file(path), made=True)
    write_json(
        _stamp(path),
        {"version": VERSION, "size": model.size, "sha256": model.sha256, "weights": record.sha256},
    )
    return model


def write_checkpoint(path: Path, narrow: Mapping[str, NDArray], told: Mapping[str, Any]) -> None:
    """Write the checkpoint: the same bytes for the same weights and record on every machine.

    Args:
        path: of the file.
        narrow: the trained denoiser, see `shipped.read_weights`.
        told: its record; what decided the weights goes into the file's metadata.
    """
    write_safetensors(path, _weights(narrow), _metadata(told))


def checkpoint_hash(narrow: Mapping[str, NDArray], told: Mapping[str, Any]) -> tuple[str, int]:
    """Return the SHA-256 and the size in bytes of the file that `write_checkpoint` writes."""
    digest, size = hashlib.sha256(), 0
    for piece in _safetensors(_weights(narrow), _metadata(told)):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def write_safetensors(path: Path, arrays: Iterable[tuple[str, NDArray]], metadata: Mapping[str, str]) -> None:
    """Write float16 or float32 arrays by name: the same bytes for the same values, whatever their order."""
    with path.open("wb") as target:
        for piece in _safetensors(arrays, metadata):
            target.write(piece)


def _safetensors(arrays: Iterable[tuple[str, NDArray]], metadata: Mapping[str, str]) -> Iterator[bytes]:
    # Written here and not by the safetensors library, which orders metadata at random.
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    ordered = sorted(arrays, key=lambda named: named[0])
    position = 0
    for key, array in ordered:
        header[key] = {
            "dtype": _TYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [position, position + array.nbytes],
        }
        position += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)  # the data starts on an eight-byte boundary
    yield struct.pack("<Q", len(text)) + text
    for _, array in ordered:
        yield array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def _weights(narrow: Mapping[str, NDArray]) -> Iterator[tuple[str, NDArray]]:
    # NumPy, which is not there before the set-up
    from .autoencoder import autoencoder
    from .layout import Draws, widen
    from .recipe import TEXT_SEED
    from .text_encoder import text_encoder

    yield from widen(narrow)
    yield from text_encoder(Draws(TEXT_SEED))
    yield from autoencoder()


def _metadata(told: Mapping[str, Any]) -> dict[str, str]:
    return {
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "stable-diffusion-v1",
        "modelspec.implementation": "sgm",
        "modelspec.title": "Bespoke base",
        "modelspec.author": "Bespoke",
        "modelspec.license": "Apache-2.0",
        "modelspec.description": (
            "A small model in the layout of Stable Diffusion 1.5, trained from scratch on drawings of our "
            "own: 24x24 pixel-art portraits and simple scenes. It knows nothing else."
        ),
        "modelspec.resolution": "192x192",
        "modelspec.prediction_type": "epsilon",
        "bespoke.version": str(VERSION),
        "bespoke.weights_sha256": str(told["sha256"]),
        "bespoke.recipe": json.dumps(told["recipe"], sort_keys=True),
        "bespoke.data_version": str(told["data_version"]),
        "bespoke.text_seed": str(told["text_seed"]),
        "bespoke.steps": str(told["steps"]),
    }


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(
            f"has {free / 1e6:.0f} MB free and the base model needs {needed / 1e6:.0f} MB",
            file=folder,
            remedy="Free some space, or choose a folder on another disk.",
        )


def _stamp(path: Path) -> Path:
    return path.with_suffix(".json")


def _read_stamp(path: Path, record: Record) -> BaseModel | None:
    """Return the model at `path` when it is whole and made of the recorded weights as we make it now."""
    if not _stamp(path).is_file() or not path.is_file():
        return None
    try:
        told = json.loads(_stamp(path).read_text(encoding="utf-8"))
        model = BaseModel(path, told["version"], told["size"], told["sha256"])
        current = (told["weights"], model.version) == (record.sha256, VERSION)
    except (ValueError, KeyError, TypeError):
        return None
    if not current or path.stat().st_size != model.size or sha256_of_file(path) != model.sha256:
        return None
    return model
