"""LoRA files in kohya's form: names, keys, number format, hashes; written whole and read back."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

import torch

from ..files import write_bytes
from .errors import TrainingError
from .network import LoraNetwork

_DTYPES = {
    None: torch.float32,
    "float": torch.float32,
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}


def save_lora(
    path: Path, network: LoraNetwork, *, precision: str | None, metadata: Mapping[str, str]
) -> None:
    """Write the network as a kohya LoRA file, then read it back.

    Args:
        path: the file; it appears only when it is whole.
        network: what was trained.
        precision: "float", "fp32", "fp16" or "bf16" for every tensor, alphas too; None is float.
        metadata: ss_* keys; the two sshs_* hashes are added.

    Raises:
        TrainingError: a weight is not finite in this number format, or what was read back differs.
        OSError: the disk is full; nothing is left behind.
    """
    dtype = _DTYPES[precision]
    tensors = {key: value.to("cpu", dtype).contiguous() for key, value in network.tensors().items()}
    for name, layer in network.pairs.items():
        tensors[f"{name}.alpha"] = torch.tensor(layer.alpha, dtype=dtype)
    bad = [key for key, value in tensors.items() if not torch.isfinite(value).all()]
    if bad:
        raise TrainingError(
            f"{path.name} was not written: {bad[0]} is not finite as {precision or 'float'}. "
            'Lower the learning rate, or use save_precision = "float".'
        )
    # As in kohya's files, the hashes are those of the file with its ss_* metadata alone.
    plain = {key: value for key, value in metadata.items() if key.startswith("ss_")}
    hashed = serialise(tensors, plain)
    start = 8 + int.from_bytes(hashed[:8], "little")
    hashes = {
        "sshs_model_hash": hashlib.sha256(hashed[start:]).hexdigest(),
        "sshs_legacy_hash": hashlib.sha256(hashed[0x100000:0x110000]).hexdigest()[:8],
    }
    write_bytes(path, serialise(tensors, {**metadata, **hashes}))
    _verify(path, tensors)


def serialise(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> bytes:
    """Return a safetensors file's bytes, the same for the same content.

    The library writes metadata in an order that changes from run to run, so the header is written again.
    """
    from safetensors.torch import save

    data = save(dict(tensors))
    end = 8 + int.from_bytes(data[:8], "little")
    header = {"__metadata__": dict(sorted(metadata.items())), **json.loads(data[8:end])}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def _verify(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    from safetensors.torch import load_file

    stored = load_file(path)
    if stored.keys() != tensors.keys() or not all(torch.equal(stored[k], tensors[k]) for k in tensors):
        raise TrainingError(f"{path} does not hold what was written to it. Check the disk.")


def is_whole(path: Path) -> bool:
    """Return whether `path` opens as a safetensors file with LoRA keys."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return any(re.match(r"lora_(unet|te)_", key) for key in file.keys())  # noqa: SIM118
    except (SafetensorError, OSError):
        return False
