"""The chosen checkpoint under a name of its own, its verdict in its metadata, its weights byte for byte.

A safetensors file is the length of its header, the header (names, shapes, places, metadata) and the weights.
Only the header is written anew: hashes of the weights, such as kohya's ``sshs_model_hash``, still hold.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import clear_errors, whole_file
from ..weights_file import read_header
from .checkpoints import Checkpoint, inspect_lora
from .hashes import require_unchanged

VERDICT_KEY = "bespoke_verdict"
SOURCE_KEY = "bespoke_chosen_from"
HASH_KEY = "bespoke_source_sha256"
_LEAST = 8  # bytes of the header's length


def keep_chosen(checkpoint: Checkpoint, target: Path, verdict: Mapping[str, Any]) -> Path:
    """Copy a checkpoint to a clear name, with the verdict that chose it.

    Args:
        checkpoint: the chosen one, as the sweep measured it.
        target: the new file, ``.safetensors``; an earlier chosen one there is replaced.
        verdict: JSON-able, as `Verdict.to_dict` gives it.

    Returns:
        The new file's path.

    Raises:
        InputError: the checkpoint is no longer the file that was measured, the target is a file of another
            kind, its ending is another, or the disk is full or cannot be written.
    """
    if target.suffix.lower() != ".safetensors":
        raise InputError(
            "does not end in .safetensors", field="name", value=target.name, remedy="Give it that ending."
        )
    require_unchanged(checkpoint.path, checkpoint.sha256)
    if target.exists() and HASH_KEY not in inspect_lora(target).metadata:
        raise InputError(
            "is there already and was not put there as a chosen checkpoint",
            file=target,
            remedy="Choose another name; a LoRA that was trained is never written over.",
        )
    told = {
        VERDICT_KEY: json.dumps(dict(verdict), ensure_ascii=False, default=str),
        SOURCE_KEY: checkpoint.name,
        HASH_KEY: checkpoint.sha256,
    }
    with clear_errors(target, "an earlier chosen one there stays as it is"):
        write_with_metadata(checkpoint.path, target, told)
    return target


def write_with_metadata(source: Path, target: Path, metadata: Mapping[str, str]) -> None:
    """Copy a safetensors file with further metadata; the weights are copied byte for byte.

    Raises:
        InputError: the source is not a whole safetensors file.
    """
    read_header(source, remedy="Give a LoRA saved as .safetensors.")
    with source.open("rb") as old:
        length = int.from_bytes(old.read(_LEAST), "little")
        header = json.loads(old.read(length))
        header["__metadata__"] = {**header.get("__metadata__", {}), **metadata}
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        text += b" " * (-len(text) % 8)  # weights begin at a multiple of eight bytes
        with whole_file(target) as temporary, temporary.open("wb") as new:
            new.write(len(text).to_bytes(_LEAST, "little"))
            new.write(text)
            shutil.copyfileobj(old, new, 1 << 20)
            new.flush()
            os.fsync(new.fileno())


def verdict_of(path: Path) -> dict[str, Any] | None:
    """Return the verdict in a chosen checkpoint's metadata, None where there is none."""
    text = inspect_lora(path).metadata.get(VERDICT_KEY)
    return None if text is None else dict(json.loads(text))
