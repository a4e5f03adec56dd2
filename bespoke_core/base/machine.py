"""The machine that the base model is trained on: its name, and the memory that it must have."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

from .recipe import Recipe
from .slim import slim_denoiser


def needed_memory(recipe: Recipe) -> int:
    """Return the bytes of the machine's memory that training takes at its peak, about.

    Measured: a caption's context is 118 kB and its picture 11 kB; libraries and text encoder take 1.1 GB; of
    the weights there are at most seven copies (themselves, mean, gradient, two of the optimizer, a state).
    """
    with torch.device("meta"):
        weights = sum(parameter.numel() for parameter in slim_denoiser(recipe.widths).parameters())
    activations = 12_000_000 * recipe.train_batch_size * recipe.widths[0] // 40
    return 1_100_000_000 + 130_000 * recipe.drawings + 7 * 4 * weights + activations


def device_name(device: str) -> str:
    """Return the name of the GPU, or of the processor with its cores."""
    if device != "cpu":
        return str(torch.cuda.get_device_name(device))
    told = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in _lines(told) if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
