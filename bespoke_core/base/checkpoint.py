"""The embedded default: a small checkpoint in Stable Diffusion 1.5's layout, made from a seed.

Stock ComfyUI (``CheckpointLoaderSimple``) and diffusers load it. Nothing is downloaded, nothing is trained:
its pictures are abstract, and its purpose is to run every part of the loop in seconds on any machine.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import sha256_of_file, whole_file, write_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1  # raise it when the same seed gives other bytes
SEED = 20251
SHA256 = "3a0d2d74cde80337deff588ed69c9c82eab0ce7096098f0089af1bf051c534dc"  # of that version and seed
FILE_NAME = "bespoke_base.safetensors"

_TYPES = {"float16": "F16", "float32": "F32"}


@dataclass(frozen=True)
class BaseModel:
    """A base model on disk.

    Attributes:
        path: the checkpoint.
        seed: what its weights were made from.
        version: of the recipe.
        size: in bytes.
        sha256: of the whole file, lower-case hex.
        made: whether it was made just now rather than found.
    """

    path: Path
    seed: int
    version: int
    size: int
    sha256: str
    made: bool = False


def obtain_base_model(folder: Path, *, seed: int = SEED) -> BaseModel:
    """Return the base model in `folder`, made when it is absent, damaged or of another seed or version.

    The file is checked against the stamp beside it: size and SHA-256. Takes a few seconds and about 310 MB.

    Raises:
        OSError: the folder cannot be written or the disk is full; no half file is left.
    """
    path = folder / FILE_NAME
    stamp = path.with_suffix(".json")
    found = _read_stamp(stamp, path)
    if found is not None and (found.seed, found.version) == (seed, VERSION):
        return found
    with whole_file(path) as temporary:
        write_checkpoint(temporary, seed=seed)
    model = BaseModel(path, seed, VERSION, path.stat().st_size, sha256_of_file(path), made=True)
    write_json(stamp, {key: value for key, value in asdict(model).items() if key not in {"path", "made"}})
    return model


def write_checkpoint(path: Path, *, seed: int = SEED) -> None:
    """Write the checkpoint's safetensors file: the same bytes for the same seed on every machine."""
    # The header is written here and not by the safetensors library, which orders metadata at random.
    header: dict[str, object] = {"__metadata__": dict(sorted(_metadata(seed).items()))}
    arrays = []
    position = 0
    for key, array in sorted(_weights(seed)):
        header[key] = {
            "dtype": _TYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [position, position + array.nbytes],
        }
        position += array.nbytes
        arrays.append(array)
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)  # the data starts on an eight-byte boundary
    with path.open("wb") as target:
        target.write(struct.pack("<Q", len(text)) + text)
        for array in arrays:
            target.write(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())


def _weights(seed: int) -> Iterator[tuple[str, NDArray]]:
    from ..base import autoencoder as base_autoencoder
    from . import base_layout  # NumPy, which is not there before the set-up

    draws = base_layout.Draws(seed)
    yield from base_layout.denoiser(draws)
    yield from base_layout.text_encoder(draws)
    yield from base_autoencoder.autoencoder()


def _metadata(seed: int) -> dict[str, str]:
    return {
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "stable-diffusion-v1",
        "modelspec.implementation": "sgm",
        "modelspec.title": "Bespoke base (untrained)",
        "modelspec.author": "Bespoke",
        "modelspec.license": "Apache-2.0",
        "modelspec.description": "Small checkpoint in the layout of Stable Diffusion 1.5, made from a seed.",
        "modelspec.resolution": "192x192",
        "modelspec.prediction_type": "epsilon",
        "bespoke.seed": str(seed),
        "bespoke.version": str(VERSION),
    }


def _read_stamp(stamp: Path, path: Path) -> BaseModel | None:
    """Return the model that the stamp describes when the file is that one."""
    if not stamp.is_file() or not path.is_file():
        return None
    try:
        told = json.loads(stamp.read_text(encoding="utf-8"))
        model = BaseModel(path, told["seed"], told["version"], told["size"], told["sha256"])
    except (ValueError, KeyError, TypeError):
        return None
    if path.stat().st_size != model.size or sha256_of_file(path) != model.sha256:
        return None
    return model
