"""The values that a pixel-art LoRA starts from: those of the experiment that Bespoke grew from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from .config import PATH_KEYS, TrainingConfig, describe, from_values
from .keys.judging import names_a_file

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
"""The keys that the node shows first, in its order, with the values that it starts from."""

MORE: Mapping[str, Any] = {
    "sample_prompts": "",
    "early_stopping_patience": 0,
    "early_stopping_metric": "unique_colors",
    "validation_split": 0.0,
    "optimizer_type": "AdamW",
    "network_dropout": 0.0,
    "flip_aug": False,
    "num_processes": 1,
    "sample_seeds": "",
    "early_stopping_rule": "patience",
}
"""Keys that the node shows after its TOML, in its order. Saved workflows hold values by their place, so a new
one is only ever put at the end."""

ALWAYS: Mapping[str, Any] = {"enable_bucket": True, "bucket_no_upscale": True, "cache_latents": True}
"""What every run of the node uses unless its TOML says otherwise."""


_STANDS_FOR = {
    "learning_rate": ("unet_lr", "text_encoder_lr"),
    "max_train_steps": ("max_train_epochs",),
    "epoch": ("max_train_epochs",),
}
"""A key that a TOML gives to the keys that it decides too, where the TOML leaves those out."""


SERVERS_OWN = (
    "pretrained_model_name_or_path",
    "train_data_dir",
    "output_dir",
    "logging_dir",
    "tokenizer_path",
    "resume",
)
"""Paths that a graph's TOML does not decide: the node has inputs for them, or the server's owner has."""

Resolve = Callable[[str, str], str]
"""`resolve(key, text)` returns the path that may be read in place of the text, or raises InputError."""


def combine(
    values: Mapping[str, Any],
    toml: Mapping[str, Any] | None,
    *,
    resolve: Resolve | None = None,
    file: str | os.PathLike[str] | None = None,
) -> TrainingConfig:
    """Return the configuration of the node's values and an optional TOML.

    A key that the TOML gives wins; the node's values fill in what it leaves out. A graph may come from
    anywhere, so it cannot name any file: `SERVERS_OWN` are dropped, other paths go through `resolve`.

    Args:
        values: of the node's widgets.
        toml: flat keys, as `toml_form.flatten` gives them.
        resolve: None drops every path.
        file: the TOML's file, for errors.

    Raises:
        InputError: the whole does not hold together, or a path may not be read.
    """
    given = dict(toml or {})
    shadowed = {key for given_key, keys in _STANDS_FOR.items() if given_key in given for key in keys}
    merged = {**PIXEL_ART, **ALWAYS, **_from_widgets(values), **given}
    merged = {key: value for key, value in merged.items() if key not in shadowed or key in given}
    merged = _contained(merged, resolve)
    return from_values(merged, file=file)


def _contained(merged: Mapping[str, Any], resolve: Resolve | None) -> dict[str, Any]:
    """Return the keys with every path dropped or resolved."""
    found = dict(merged)
    for key in PATH_KEYS:
        text = found.get(key)
        is_text = key == "sample_prompts" and isinstance(text, str) and not names_a_file(text)
        if text is None or text == "" or is_text:
            continue
        if key in SERVERS_OWN or resolve is None:
            del found[key]
        elif isinstance(text, str):  # anything else `from_values` refuses
            found[key] = resolve(key, text)
    return found


def _from_widgets(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn choices back into numbers: a list of choices on the canvas holds text only."""
    numbers = {option.name for option in describe() if option.choices and option.kind is int}
    return {
        name: int(value) if name in numbers and isinstance(value, str) and value.isdigit() else value
        for name, value in values.items()
    }
