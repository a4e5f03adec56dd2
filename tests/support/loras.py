"""LoRA files for the small base."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np


def write_lora(path: Path, strength: float) -> None:
    """Write a LoRA for the small base that changes what it draws.

    The folder's name enters the weights: a sweep takes pictures of equal weights from any other sweep.
    """
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(zlib.crc32(path.parent.name.encode()))
    weights: dict[str, np.ndarray] = {}
    for part in ("attn1_to_v", "attn1_to_out_0", "ff_net_2"):
        name = f"lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_{part}"
        inputs = 1280 if part == "ff_net_2" else 320
        weights[f"{name}.lora_down.weight"] = chance.normal(size=(4, inputs)).astype("float32")
        weights[f"{name}.lora_up.weight"] = (strength * chance.normal(size=(320, 4))).astype("float32")
        weights[f"{name}.alpha"] = np.array(4.0, dtype="float32")
    save_file(weights, path)
