"""Finding and loading the CLIP tokenizer from local files; nothing is ever downloaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import InputError

_FILES = ("vocab.json", "merges.txt")
_NAME = "openai/clip-vit-large-patch14"


def find_tokenizer(folder: str = "") -> Path:
    """Return a local folder with CLIP's vocab.json and merges.txt.

    Looked for in this order: `folder`; the environment's BESPOKE_TOKENIZER; the ComfyUI under COMFYUI_PATH or
    this pack's own; the cache of model downloads, as it is.

    Raises:
        InputError: none has both files, or `folder` or BESPOKE_TOKENIZER was given and has not.
    """
    for text, field in (
        (folder, "tokenizer_path"),
        (os.environ.get("BESPOKE_TOKENIZER"), "BESPOKE_TOKENIZER"),
    ):
        if text:
            if not _complete(Path(text)):
                raise InputError(
                    "the folder lacks vocab.json or merges.txt",
                    field=field,
                    value=text,
                    remedy="Name a folder with both, such as comfy/sd1_tokenizer in ComfyUI.",
                )
            return Path(text)
    for comfyui in _comfyuis():
        candidate = comfyui / "comfy" / "sd1_tokenizer"
        if _complete(candidate):
            return candidate
    cached = _cached()
    if cached is not None:
        return cached
    raise InputError(
        "no CLIP tokenizer was found",
        field="tokenizer_path",
        remedy="Set COMFYUI_PATH to your ComfyUI, or tokenizer_path to its comfy/sd1_tokenizer folder.",
    )


def load_tokenizer(folder: Path) -> Any:
    """Load transformers' CLIPTokenizer; it pads with the end token, as SD1.5 was trained."""
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(
        str(folder),
        local_files_only=True,
        pad_token="<|endoftext|>",
        model_max_length=77,
    )


def _comfyuis() -> list[Path]:
    """Return where a ComfyUI may be: named by the environment, this pack's own, and the one we run in."""
    pack = Path(__file__).resolve().parents[2]
    home = Path(os.environ.get("BESPOKE_HOME") or pack / ".bespoke")
    named = os.environ.get("COMFYUI_PATH")
    around = pack.parent.parent if pack.parent.name == "custom_nodes" else None
    return [p for p in (Path(named) if named else None, home / "ComfyUI", around) if p is not None]


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _FILES)


def _cached() -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = [try_to_load_from_cache(_NAME, name) for name in _FILES]
    return Path(str(found[0])).parent if all(isinstance(path, str) for path in found) else None
