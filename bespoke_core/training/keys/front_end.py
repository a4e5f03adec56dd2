"""The settings that kohya_ss, the graphical front end of kohya's trainer, saves: as the trainer's own keys.

The front end saves its form as JSON, with names of its own and with a value for every field, those of other
model families among them. What it makes of them when it starts the trainer (kohya_gui/lora_gui.py there) is
made of them here.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any, NoReturn

from ...errors import InputError
from . import TrainingConfig

MARK = "LoRA_type"
"""The key by which the front end's settings for a LoRA are known; the trainer has no such key."""

_File = str | PathLike[str] | None
_KINDS = ("Standard", "Kohya LoCon")
_RENAMED = {
    "max_resolution": "resolution",
    "optimizer": "optimizer_type",
    "lora_network_weights": "network_weights",
    "stop_text_encoder_training_pct": "stop_text_encoder_training",
}
_NUMBERS = (
    *("learning_rate", "unet_lr", "text_encoder_lr", "lr_warmup", "lr_warmup_steps", "lr_scheduler_power"),
    *("lr_scheduler_num_cycles", "epoch", "max_train_epochs", "max_train_steps", "train_batch_size", "seed"),
    *("gradient_accumulation_steps", "clip_skip", "keep_tokens", "max_token_length", "noise_offset"),
    *("adaptive_noise_scale", "min_snr_gamma", "max_data_loader_n_workers", "caption_dropout_rate"),
    *("caption_dropout_every_n_epochs", "save_every_n_epochs", "save_every_n_steps", "vae_batch_size"),
    *("network_dim", "network_alpha", "conv_dim", "conv_alpha", "bucket_reso_steps", "num_processes"),
)
"""Fields that some versions of the front end save as text."""
_LISTS = ("optimizer_args", "lr_scheduler_args")
_LENGTH = ("epoch", "max_train_epochs", "max_train_steps")
_NETWORK = (
    *("block_dims", "block_alphas", "conv_block_dims", "conv_block_alphas", "rank_dropout", "module_dropout"),
    *("down_lr_weight", "mid_lr_weight", "up_lr_weight", "block_lr_zero_threshold", "loraplus_lr_ratio"),
    *("loraplus_unet_lr_ratio", "loraplus_text_encoder_lr_ratio"),
)
"""Fields that become the trainer's network_args."""
_FAMILIES = {
    "sdxl": "SDXL",
    "flux1_checkbox": "Flux.1",
    "sd3_checkbox": "Stable Diffusion 3",
    "hunyuan_image_checkbox": "HunyuanImage",
    "anima_checkbox": "Anima",
    "lumina_checkbox": "Lumina",
}
_ONE_NOISE = {
    "Original": ("multires_noise_iterations", "multires_noise_discount"),
    "Multires": ("noise_offset", "adaptive_noise_scale", "noise_offset_random_strength"),
}
"""The kind of noise that is chosen to the fields that then do not count."""
_FOREIGN = ("sdxl_", "flux1_", "sd3_", "hunyuan_", "anima_", "lumina_")
# Most are of other kinds of LoRA and of other model families, some of which the trainer knows too, but which
# the front end leaves out for SD1.5; the last ones say how accelerate is started, and always have values.
_UNUSED_TEXT = """
LyCORIS_preset model_list factor bypass_mode dora_wd use_cp use_tucker use_scalar rank_dropout_scale constrain
rescaled train_norm decompose_both train_on_input unit conv_dim conv_alpha lowvram t5xxl_lr train_lora_ggpo
ggpo_sigma ggpo_beta train_blocks split_qkv train_t5xxl enable_all_linear img_attn_dim img_mlp_dim img_mod_dim
single_dim txt_attn_dim txt_mlp_dim txt_mod_dim single_mod_dim in_dims train_double_block_indices
train_single_block_indices no_token_padding use_wandb noise_offset_type
ae apply_t5_attn_mask blocks_to_swap clip_g clip_g_dropout_rate clip_l cpu_offload_checkpointing
discrete_flow_shift double_blocks_to_swap fp8_base_unet guidance_scale logit_mean logit_std mem_eff_save
mode_scale model_prediction_type model_type pos_emb_random_crop_rate save_clip save_t5xxl show_timesteps
show_timesteps_resolution single_blocks_to_swap split_mode t5xxl t5xxl_device t5xxl_dtype
t5xxl_max_token_length timestep_sampling weighting_scheme
dynamo_mode num_cpu_threads_per_process num_machines
"""
_UNUSED = frozenset(_UNUSED_TEXT.split())
"""Fields of the form that count only for other kinds of LoRA, other model families or another program."""
_FORM = "additional_parameters"
"""A field of every form of the front end, those for other trainings than a LoRA's among them."""


def unfold(values: Mapping[str, Any], *, file: _File = None) -> dict[str, Any]:
    """Return the front end's settings as the trainer's keys; other values come back as they are.

    Args:
        values: flat keys; those of the front end have `MARK` among them.
        file: that they come from, for errors.

    Raises:
        InputError: another training, kind of LoRA or model family is chosen, or there are additional
            parameters of the command line.
    """
    found = dict(values)
    if MARK not in found and _FORM not in found:
        return found
    if MARK not in found:
        if "network_dim" not in found:
            raise InputError(
                "holds settings of kohya's front end for another training than a LoRA's",
                file=file,
                remedy=f"Save the settings of its LoRA tab, which have {MARK} among them.",
            )
        found[MARK] = _KINDS[0]  # as old as the front end's first versions
    _check(found, file)
    found = {key: _number(value) if key in _NUMBERS else value for key, value in found.items()}
    made = {**_rates(found), **_warmup(found), **_attention(found), **_length(found)}
    made["network_args"] = _network_arguments(found)
    made |= dict.fromkeys(_ONE_NOISE.get(str(found.get("noise_offset_type")), ()))
    for key in _LISTS:
        if isinstance(text := found.get(key), str):
            made[key] = _words(text)
    taken = (
        *_rates({}),
        *_warmup({}),
        *_attention({}),
        *_LENGTH,
        *_LISTS,
        *_NETWORK,
        *_FAMILIES,
        MARK,
        _FORM,
    )
    for key in found:
        if key not in taken and key not in _UNUSED and not key.startswith(_FOREIGN):
            made.setdefault(_RENAMED.get(key, key), _whole(found[key]))
    # The front end passes on nothing that is empty, off or 0: the trainer's own values count then, also where
    # a node's widgets would fill in what is left out.
    own = {key: field.default for key, field in TrainingConfig.model_fields.items()}
    nothing: tuple[object, ...] = ("", None, False, [])
    asked = {k: own[k] if v in nothing else v for k, v in made.items() if v not in nothing or k in own}
    return {**asked, "notices": ["The settings of kohya's front end are read as it would start its trainer."]}


def _check(found: dict[str, Any], file: _File) -> None:
    def refuse(key: str, problem: str, remedy: str) -> NoReturn:
        raise InputError(problem, file=file, field=key, value=found[key], remedy=remedy)

    if found[MARK] not in _KINDS:
        refuse(MARK, "is a kind of LoRA that is not trained here", f"Choose one of {', '.join(_KINDS)}.")
    for key, family in _FAMILIES.items():
        if found.get(key):
            refuse(key, f"asks for {family}; Bespoke trains Stable Diffusion 1.5", "Use an SD1.5 base.")
    if str(found.get(_FORM) or "").strip():
        remedy = "Empty that field in the file, and give what it says as keys (--set KEY=VALUE)."
        refuse(_FORM, "is text for another program's command line", remedy)


def _rates(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the learning rates; a part of which the rate is 0 is not trained, unless both are."""
    unet, text = found.get("unet_lr") or 0, found.get("text_encoder_lr") or 0
    return {
        "unet_lr": unet,
        "text_encoder_lr": text,
        "network_train_unet_only": bool(unet and not text),
        "network_train_text_encoder_only": bool(text and not unet),
    }


def _warmup(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the warm-up: steps, or else the share that the form tells in per cent."""
    steps, percent = found.get("lr_warmup_steps") or 0, found.get("lr_warmup") or 0
    share = percent / 100 if isinstance(percent, (int, float)) else percent
    return {"lr_warmup_steps": _whole(steps) if steps else share, "lr_warmup": None}


def _length(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return how long the run is; the form's epoch counts where it tells neither epochs nor steps at most."""
    told = {key: found[key] for key in _LENGTH[1:] if found.get(key)}
    return told or ({"max_train_epochs": found["epoch"]} if found.get("epoch") else {})


def _attention(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return which attention is chosen; older versions save xformers as true or false."""
    chosen = found.get("xformers")
    return {"xformers": chosen in (True, "xformers"), "sdpa": chosen == "sdpa"}


def _network_arguments(found: Mapping[str, Any]) -> list[str]:
    keys = ("conv_dim", "conv_alpha", *_NETWORK) if found[MARK] == "Kohya LoCon" else _NETWORK
    return [f"{key}={_whole(found[key])}".replace(" ", "") for key in keys if found.get(key)]


def _words(text: str) -> list[str]:
    """Split text such as `"weight_decay=0.1" "betas=0.9,0.99"`; the marks count for nothing, as there."""
    return text.replace('"', "").split()


def _number(value: object) -> object:
    """Return the number that text holds; other text as it is, for the check that follows."""
    if not isinstance(value, str) or not value.strip():
        return value
    try:
        return int(value)
    except ValueError:
        try:
            return float(value)
        except ValueError:
            return value


def _whole(value: object) -> object:
    """Return 64 for 64.0: the form saves whole numbers either way."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
