"""A kohya user's keys brought to Bespoke's: old names, keys without effect, keys that are refused."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from os import PathLike
from typing import Any

from ...errors import InputError
from .elsewhere import REFUSED, WITHOUT_EFFECT

_RENAMED = {"caption_extention": "caption_extension"}
_OLD_OPTIMIZERS = {"use_8bit_adam": "AdamW8bit", "use_lion_optimizer": "Lion"}
_ALIASES = {
    **dict.fromkeys(("lr", "learning_rates", "lr_unet"), "learning_rate"),
    **dict.fromkeys(("rank", "dim", "lora_rank", "lora_dim", "network_rank"), "network_dim"),
    **dict.fromkeys(("alpha", "lora_alpha"), "network_alpha"),
    **dict.fromkeys(("epochs", "num_epochs", "num_train_epochs", "max_epochs"), "max_train_epochs"),
    **dict.fromkeys(("steps", "max_steps", "num_steps", "num_train_steps"), "max_train_steps"),
    **dict.fromkeys(("batch_size", "batch", "per_device_train_batch_size"), "train_batch_size"),
    **dict.fromkeys(("optimizer", "optimiser", "optimizer_name"), "optimizer_type"),
    **dict.fromkeys(("scheduler", "lr_schedule"), "lr_scheduler"),
    **dict.fromkeys(("lr_warmup", "warmup", "warmup_steps"), "lr_warmup_steps"),
    **dict.fromkeys(("max_resolution", "size", "image_size"), "resolution"),
    **dict.fromkeys(("repeats", "repeat"), "num_repeats"),
    **dict.fromkeys(
        ("model", "base", "base_model", "checkpoint", "ckpt", "model_path", "pretrained_model"),
        "pretrained_model_name_or_path",
    ),
    **dict.fromkeys(("image_dir", "data_dir", "dataset_dir", "instance_data_dir"), "train_data_dir"),
    **dict.fromkeys(("name", "lora_name"), "output_name"),
    **dict.fromkeys(("output", "output_folder"), "output_dir"),
    **dict.fromkeys(("precision", "dtype"), "mixed_precision"),
    **dict.fromkeys(("prompts", "validation_prompt", "validation_prompts"), "sample_prompts"),
    "report_to": "log_with",
    "checkpointing_steps": "save_every_n_steps",
    "snr_gamma": "min_snr_gamma",
    "resume_from_checkpoint": "resume",
}
"""What other trainers and people call a key of kohya's, where that is not told by its letters."""
_File = str | PathLike[str] | None


def translate(
    values: Mapping[str, Any], *, known: Collection[str], file: _File = None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the values of known keys alone, and sentences about what became of the others.

    A key that is switched off (false, 0, empty) asks for nothing and is left out without a word.

    Args:
        values: any keys of a file.
        known: Bespoke's keys.
        file: that they come from, for errors.

    Raises:
        InputError: a key asks for something that is not supported, contradicts another, or is unknown; then
            the nearest known key is named.
    """
    found, notices = dict(values), []
    notices += _rename(found, file)
    notices += _old_optimizer(found, file)
    notices += _epoch(found)
    notices += _first_rate(found)
    silent: dict[str, list[str]] = {}
    for key in [key for key in found if key not in known]:
        value = found.pop(key)
        if key in REFUSED and _asks(value):
            refusal = REFUSED[key]
            shown = {} if refusal.secret else {"value": value}
            raise InputError(refusal.problem, file=file, field=key, remedy=refusal.remedy, **shown)
        if key not in REFUSED and key not in WITHOUT_EFFECT:
            remedy = nearest(key, known)
            raise InputError("there is no such key", file=file, field=key, value=value, remedy=remedy)
        if key in WITHOUT_EFFECT and _asks(value):
            silent.setdefault(WITHOUT_EFFECT[key], []).append(key)
    for why, keys in silent.items():
        notices.append(f"{', '.join(keys)} {'has' if len(keys) == 1 else 'have'} no effect: {why}.")
    return found, tuple(notices)


def nearest(key: str, known: Collection[str]) -> str:
    """Return a sentence that names the known key nearest to a misspelt one, kohya's others among them."""
    every = [*known, *WITHOUT_EFFECT, *REFUSED, *_RENAMED, *_OLD_OPTIMIZERS]
    plain = key.strip().lower().replace("-", "_")
    near = (
        [_ALIASES[plain]] if plain in _ALIASES else difflib.get_close_matches(plain, every, n=1, cutoff=0.6)
    )
    return f"Did you mean {near[0]}?" if near else "Remove it; `bespoke keys` lists all that there are."


def _asks(value: object) -> bool:
    """Return whether a value asks for something; -1 is "off" in the graphical front end."""
    return bool(value) and value != -1


def _rename(found: dict[str, Any], file: _File) -> list[str]:
    notices = []
    for old, new in _RENAMED.items():
        if old in found:
            value = found.pop(old)
            if not _asks(value):
                continue
            if new in found and found[new] != value:
                raise InputError(
                    f"contradicts {new} = {found[new]!r}",
                    file=file,
                    field=old,
                    value=value,
                    remedy=f"Keep {new} alone.",
                )
            found[new] = value
            notices.append(f"{old} is read as {new}.")
    return notices


def _old_optimizer(found: dict[str, Any], file: _File) -> list[str]:
    asked = [key for key in _OLD_OPTIMIZERS if _asks(found.pop(key, None))]
    if not asked:
        return []
    if len(asked) > 1 or found.get("optimizer_type"):
        raise InputError(
            f"contradicts {asked[1] if len(asked) > 1 else 'optimizer_type'}",
            file=file,
            field=asked[0],
            value=True,
            remedy="Keep optimizer_type alone.",
        )
    found["optimizer_type"] = _OLD_OPTIMIZERS[asked[0]]
    return [f"{asked[0]} is read as optimizer_type = {found['optimizer_type']}."]


def _epoch(found: dict[str, Any]) -> list[str]:
    """Let the front end's epoch count where nothing else says how long the run is."""
    if "epoch" not in found:
        return []
    value = found.pop("epoch")
    if not _asks(value):
        return []
    for key in ("max_train_epochs", "max_train_steps"):
        if found.get(key):
            return [f"epoch has no effect: {key} says how long the run is, as in kohya's trainer."]
    found["max_train_epochs"] = value
    return [f"epoch is read as max_train_epochs = {value}."]


def _first_rate(found: dict[str, Any]) -> list[str]:
    rates = found.get("text_encoder_lr")
    if isinstance(rates, (list, tuple)) and len(rates) > 1:
        return ["text_encoder_lr: the first rate is used; Stable Diffusion 1.5 has one text encoder."]
    return []
