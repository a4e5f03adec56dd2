"""What the demo does with the small base model and the sample data set.

The settings show something in minutes, and training passes its best point: the learning rate climbs over the
whole run to one that is too high. The first epochs lack the style, the last ones burn it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..evaluation.prompts import TestPrompt

_STEM = "pixel art, 24x24, portrait of bespoke punk"

PROMPTS = (
    TestPrompt("green_background", f"{_STEM} lad, brown hair, brown eyes, bright green background"),
    TestPrompt("pink_background", f"{_STEM} lady, black hair, green eyes, pink background, white dress"),
    TestPrompt("wizard_lad", f"{_STEM} lad, red hair, purple wizard hat, yellow background"),
    TestPrompt("wizard_lady", f"{_STEM} lady, blonde hair, red wizard hat, light blue background"),
)
"""Two prompts of things that the base model knows, two with the hat that only the LoRA can draw."""

TRAINING: dict[str, Any] = {
    "network_dim": 16,
    "network_alpha": 16.0,
    "max_train_epochs": 5,
    "train_batch_size": 4,
    "unet_lr": 8e-3,
    "lr_scheduler": "constant_with_warmup",
    "lr_warmup_steps": 180,
    "shuffle_caption": False,
    "noise_offset": 0.1,
    "caption_dropout_rate": 0.05,
    "max_token_length": "75",
    "multires_noise_iterations": 0,
    "mixed_precision": "no",
    "toml": "network_train_unet_only = true\nnum_repeats = 6\n",
}
"""Values of Training Config. Only the UNet's LoRA is trained: the text encoder is arranged by hand."""

SWEEP: dict[str, Any] = {
    "steps": 10,
    "cfg": 3.0,
    "seeds": "1, 2, 3",
    "sampler_name": "euler",
    "scheduler": "normal",
}
"""Values of Sweep Checkpoints, and of the sampler that draws the chosen checkpoint's picture."""


def memory_needed(checkpoint: Path | None) -> int:
    """Return the bytes of memory that the demo takes at its peak, server and training together, about.

    Args:
        checkpoint: the user's own, which both hold in 32 bits; None is the small base model.
    """
    return 4_000_000_000 + (0 if checkpoint is None else 3 * checkpoint.stat().st_size)
