"""The values that a pixel-art LoRA starts from: those of the experiment that Bespoke grew from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .config import PATH_KEYS, TrainingConfig, describe, from_values

PIXEL_ART: Mapping[str, Any] = {
    "network_dim": 32,
    "network_alpha": 16.0,
    "max_train_epochs": 9,
    "train_batch_size": 4,
    "resolution": "512,512",
    "unet_lr": 1e-4,
    "text_encoder_lr": 5e-5,
    "lr_scheduler": "cosine_with_restarts",
    "lr_warmup_steps": 100,
    "lr_scheduler_num_cycles": 3,
    "shuffle_caption": True,
    "keep_tokens": 1,
    "caption_dropout_rate": 0.02,
    "max_token_length": 225,
    "min_snr_gamma": 5.0,
    "noise_offset": 0.05,
    "multires_noise_iterations": 6,
    "multires_noise_discount": 0.3,
    "mixed_precision": "bf16",
    "save_precision": "fp16",
    "gradient_checkpointing": False,
    "seed": 42,
}
"""The keys that the node shows, in its order, with the values that it starts from."""

ALWAYS: Mapping[str, Any] = {"enable_bucket": True, "bucket_no_upscale": True, "cache_latents": True}
"""What every run of the node uses unless its TOML says otherwise."""


_STANDS_FOR = {
    "learning_rate": ("unet_lr", "text_encoder_lr"),
    "max_train_steps": ("max_train_epochs",),
}
"""A key that a TOML gives to the keys that it decides too, where the TOML leaves those out."""


def combine(values: Mapping[str, Any], toml: TrainingConfig | None) -> TrainingConfig:
    """Return the configuration of the node's values and an optional TOML file.

    A key that the TOML gives wins; the node's values fill in what it leaves out. Paths in the TOML are
    dropped: a graph may come from anywhere, and only the server's own choices say which files are touched.

    Raises:
        InputError: the whole does not hold together.
    """
    keys = set() if toml is None else toml.model_fields_set - set(PATH_KEYS)
    given = {key: getattr(toml, key) for key in keys}
    shadowed = {key for given_key, keys in _STANDS_FOR.items() if given_key in given for key in keys}
    merged = {**PIXEL_ART, **ALWAYS, **_from_widgets(values), **given}
    merged = {key: value for key, value in merged.items() if key not in shadowed or key in given}
    width, height = from_values({"resolution": merged["resolution"]}).size
    # A bucket range that does not hold the resolution is not the user's wish but a default's.
    if "min_bucket_reso" not in given:
        merged["min_bucket_reso"] = min(256, width, height)
    if "max_bucket_reso" not in given:
        merged["max_bucket_reso"] = max(1024, width, height)
    return from_values(merged)


def _from_widgets(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn choices back into numbers: a list of choices on the canvas holds text only."""
    numbers = {option.name for option in describe() if option.choices and option.kind is int}
    return {
        name: int(value) if name in numbers and isinstance(value, str) and value.isdigit() else value
        for name, value in values.items()
    }
