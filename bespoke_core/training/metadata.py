"""The ss_* metadata of a LoRA file: what trained it, in the words that other tools read."""

from __future__ import annotations

import json
from typing import Any

from . import set_info
from .config import TrainingConfig
from .dataset import TrainingSet

_COPIED = (
    "max_token_length",
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
    "keep_tokens",
    "caption_dropout_rate",
    "caption_dropout_every_n_epochs",
    "caption_tag_dropout_rate",
    "min_snr_gamma",
    "noise_offset",
    "multires_noise_discount",
    "prior_loss_weight",
    "max_grad_norm",
    "seed",
)
"""Keys that stand in the metadata under their own name with ss_ before it."""


def lora_metadata(
    config: TrainingConfig,
    training_set: TrainingSet,
    *,
    epoch: int,
    epochs: int,
    step: int,
    steps: int,
    batches: int,
    base_sha256: str,
    optimizer: str,
) -> dict[str, str]:
    """Return the metadata of a checkpoint; every value is text, nested ones JSON.

    It holds no time of day, so that the same run gives the same bytes; times stand in the run's manifest.

    Args:
        epoch, epochs, step, steps: where the run is and how long it will be; steps are the optimizer's.
        batches: batches in an epoch.
        base_sha256: of the base model's file.
        optimizer: the class that was really used.
    """
    values = {
        **_model_values(config, base_sha256),
        **_training_values(config),
        "ss_optimizer": optimizer,
        "ss_num_train_images": set_info.number_of_pictures(training_set, is_reg=False),
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
    return {key: _text(value) for key, value in values.items()}


def _model_values(config: TrainingConfig, base_sha256: str) -> dict[str, Any]:
    return {
        "ss_output_name": config.output_name,
        "ss_network_module": config.network_module,
        "ss_network_dim": config.network_dim,
        "ss_network_alpha": config.network_alpha or float(config.network_dim),
        "ss_network_args": {},
        "ss_base_model_version": "sd_v1",
        "ss_v2": config.v2,
        "ss_sd_model_name": config.pretrained_model_name_or_path.replace("\\", "/").split("/")[-1],
        "ss_new_sd_model_hash": base_sha256,
        "ss_sd_model_hash": base_sha256[:8],
        "ss_clip_skip": None if config.clip_skip == 1 else config.clip_skip,
    }


def _training_values(config: TrainingConfig) -> dict[str, Any]:
    return {
        **{f"ss_{key}": getattr(config, key) for key in _COPIED},
        "ss_unet_lr": config.rate_of("unet") if config.trains_unet else None,
        "ss_text_encoder_lr": config.rate_of("text_encoder") if config.trains_text_encoder else None,
        "ss_total_batch_size": config.train_batch_size,
        "ss_resolution": f"({config.size[0]}, {config.size[1]})",
        "ss_multires_noise_iterations": config.multires_noise_iterations or None,
    }


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
