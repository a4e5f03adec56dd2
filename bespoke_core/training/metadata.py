"""The metadata of a LoRA file: what trained it, in the words that other tools read.

The ss_* keys are kohya's (readers: A1111 and its family, ComfyUI, Lora Manager, Civitai), the modelspec.*
keys those of the Stability AI model metadata standard. Two of kohya's are left out, and modelspec.date: they
are times of day, and equal runs, resumed or not, shall give equal bytes; the run's manifest holds the times.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ..files import key_of
from . import set_info
from .config import TrainingConfig
from .dataset import TrainingSet
from .keys.optimizers import optimizer_kind

_COPIED = (
    "learning_rate",
    "lr_scheduler",
    "lr_warmup_steps",
    "enable_bucket",
    "bucket_no_upscale",
    "min_bucket_reso",
    "max_bucket_reso",
    "gradient_accumulation_steps",
    "gradient_checkpointing",
    "mixed_precision",
    "cache_latents",
    "shuffle_caption",
    "flip_aug",
    "random_crop",
    "keep_tokens",
    "caption_dropout_rate",
    "caption_dropout_every_n_epochs",
    "caption_tag_dropout_rate",
    "multires_noise_discount",
    "noise_offset_random_strength",
    "ip_noise_gamma_random_strength",
    "zero_terminal_snr",
    "loss_type",
    "huber_schedule",
    "huber_scale",
    "huber_c",
    "prior_loss_weight",
    "max_grad_norm",
    "seed",
    "validation_seed",
    "validation_split",
    "max_validation_steps",
    "validate_every_n_epochs",
    "validate_every_n_steps",
    "resize_interpolation",
)
"""Keys that stand in the metadata under their own name with ss_ before it."""

_COPIED_OR_NONE = (
    "noise_offset",
    "multires_noise_iterations",
    "adaptive_noise_scale",
    "ip_noise_gamma",
    "min_snr_gamma",
    "network_dropout",
    "scale_weight_norms",
    "training_comment",
)
"""The same, but what is off is None."""

MINIMUM = ("ss_v2", "ss_base_model_version", "ss_network_module", "ss_network_dim", "ss_network_alpha")
"""What stays with no_metadata, and ss_network_args."""


def lora_metadata(
    config: TrainingConfig,
    training_set: TrainingSet,
    *,
    epoch: int,
    epochs: int,
    step: int,
    steps: int,
    batches: int,
    processes: int,
    base_sha256: str,
    optimizer: str,
) -> dict[str, str]:
    """Return the metadata of a checkpoint; every value is text, nested ones JSON, and None is "None".

    Args:
        epoch, epochs, step, steps: where the run is and how long it will be; steps are the optimizer's.
        batches: batches in an epoch.
        processes: how many share a batch, each with train_batch_size pictures of it.
        base_sha256: of the base model's file.
        optimizer: the class that was really used, with its arguments.
    """
    values = {
        **_model_values(config, base_sha256),
        **_training_values(config, processes),
        "ss_session_id": _session_id(config, training_set, base_sha256),
        "ss_optimizer": optimizer,
        "ss_num_train_images": set_info.number_of_pictures(training_set, is_reg=False),
        "ss_num_validation_images": len(training_set.held_out),
        "ss_num_reg_images": set_info.number_of_pictures(training_set, is_reg=True),
        "ss_num_batches_per_epoch": batches,
        "ss_num_epochs": epochs,
        "ss_epoch": epoch,
        "ss_steps": step,
        "ss_max_train_steps": steps,
        "ss_dataset_dirs": set_info.dataset_dirs(training_set),
        "ss_reg_dataset_dirs": set_info.dataset_dirs(training_set, is_reg=True),
        "ss_bucket_info": set_info.bucket_info(training_set),
        "ss_tag_frequency": set_info.tag_frequency(training_set),
    }
    if config.dataset_config:
        values["ss_datasets"] = set_info.datasets_info(training_set)
    if config.no_metadata:
        values = {key: value for key, value in values.items() if key in (*MINIMUM, "ss_network_args")}
    return {key: _text(value) for key, value in (values | _model_spec(config)).items()}


def _model_values(config: TrainingConfig, base_sha256: str) -> dict[str, Any]:
    base = config.pretrained_model_name_or_path
    values = {
        "ss_output_name": config.output_name,
        "ss_network_module": config.network_module,
        "ss_network_dim": config.network_dim,
        "ss_network_alpha": config.network_alpha or float(config.network_dim),
        "ss_base_model_version": "sd_v1_v" if config.v_parameterization else "sd_v1",
        "ss_v2": config.v2,
        "ss_sd_model_name": base.replace("\\", "/").split("/")[-1],
        "ss_new_sd_model_hash": base_sha256,
        "ss_sd_model_hash": _old_hash(base),
        "ss_clip_skip": None if config.clip_skip == 1 else config.clip_skip,
    }
    if config.network_args:
        pairs = (text.partition("=") for text in config.network_args)
        values["ss_network_args"] = {key: value for key, _, value in pairs}
    return values


def _training_values(config: TrainingConfig, processes: int) -> dict[str, Any]:
    """Return what kohya writes of the settings; what Bespoke does not do is told as off."""
    kind = optimizer_kind(config.optimizer_type)
    return {
        **{f"ss_{key}": getattr(config, key) for key in _COPIED},
        **{f"ss_{key}": getattr(config, key) or None for key in _COPIED_OR_NONE},
        "ss_lr_scheduler": "constant" if kind and kind.schedule_free else config.lr_scheduler,
        "ss_unet_lr": config.rate_of("unet") if config.trains_unet else None,
        "ss_text_encoder_lr": config.rate_of("text_encoder") if config.trains_text_encoder else None,
        "ss_batch_size_per_device": config.train_batch_size,
        "ss_total_batch_size": config.train_batch_size * config.gradient_accumulation_steps * processes,
        "ss_resolution": f"({config.size[0]}, {config.size[1]})",
        "ss_max_token_length": None if config.max_token_length == 75 else config.max_token_length,
        "ss_debiased_estimation": config.debiased_estimation_loss,
        "ss_face_crop_aug_range": None,
        **dict.fromkeys(
            ("ss_color_aug", "ss_full_fp16", "ss_fp8_base", "ss_fp8_base_unet", "ss_lowram"), False
        ),
    }


def _model_spec(config: TrainingConfig) -> dict[str, str]:
    """Return the modelspec.* keys, those with something to say."""
    given, (low, high) = [config.min_timestep, config.max_timestep], config.timestep_range
    told = {
        "sai_model_spec": "1.0.1",
        "architecture": "stable-diffusion-v1/lora",
        "implementation": "diffusers",
        "title": config.metadata_title or config.output_name,
        "resolution": f"{config.size[0]}x{config.size[1]}",
        "prediction_type": "v" if config.v_parameterization else "epsilon",
        "encoder_layer": "" if config.clip_skip == 1 else str(config.clip_skip),
        "timestep_range": "" if given == [None, None] else f"{low},{high}",
        "author": config.metadata_author,
        "description": config.metadata_description,
        "license": config.metadata_license,
        "tags": config.metadata_tags,
        "usage_hint": config.metadata_usage_hint,
        "trigger_phrase": config.metadata_trigger_phrase,
    }
    return {f"modelspec.{key}": value for key, value in told.items() if value}


def _session_id(config: TrainingConfig, training_set: TrainingSet, base_sha256: str) -> int:
    """Return a number that all files of a run share, and equal runs too; kohya draws one."""
    from .plan import config_key

    return int(key_of([config_key(config), training_set.key, base_sha256, config.output_name])[:8], 16)


def _old_hash(base: str) -> str:
    """Return A1111's former hash of the base's file: of 64 KiB from its first MiB on; NOFILE as in kohya."""
    path = Path(base)
    if not base or not path.is_file():
        return "NOFILE"
    with path.open("rb") as file:
        file.seek(0x100000)
        return hashlib.sha256(file.read(0x10000)).hexdigest()[:8]


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
