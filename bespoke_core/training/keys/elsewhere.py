"""Keys that other trainers of the kohya family know and that are no keys here, with the reason of each.

They stand in the argument parsers of sd-scripts and in the files that its graphical front end writes. A file
with one of them either trains all the same, saying why the key changes nothing, or is refused with what to do
instead; no key is passed over in silence while it asks for something.
"""

from __future__ import annotations

from dataclasses import dataclass

_OTHER_MODELS = "belongs to other model families; Bespoke trains Stable Diffusion 1.5"


def _each(why: str, keys: str) -> dict[str, str]:
    return dict.fromkeys(keys.split(), why)


WITHOUT_EFFECT: dict[str, str] = {
    **_each(
        "pictures are read once and their latents kept, so there are no loader processes",
        "max_data_loader_n_workers persistent_data_loader_workers",
    ),
    **_each(
        "memory is used as the run needs it; the estimate before the run says how much",
        "lowram highvram cpu_offload_checkpointing fused_backward_pass disable_mmap_load_safetensors "
        "unsloth_offload_checkpointing",
    ),
    **_each(
        "torch's own attention (SDPA) is used",
        "mem_eff_attn attn_mode split_attn use_flash_attn use_sage_attn",
    ),
    "no_half_vae": "pictures are always encoded in 32 bits",
    **_each("cached latents are named by their content and checked each time", "cache_info skip_cache_check"),
    "debug_dataset": "the plan and the audit of captions show what a data set holds",
    **_each(
        "no checkpoint is ever deleted, and of states the newest is kept",
        "save_last_n_epochs save_last_n_steps save_last_n_epochs_state save_last_n_steps_state",
    ),
    **_each(
        "the run's log is events.jsonl in its folder, beside its whole configuration",
        "log_config log_tracker_config console_log_level console_log_file console_log_simple",
    ),
    **_each("it says where a configuration is read or written", "config_file output_config"),
    "tokenizer_cache_dir": "the tokenizer is ComfyUI's own, or the one that tokenizer_path names",
    "use_safetensors": "files are always safetensors",
    **_each(
        "captions that are encoded with a text encoder that is not trained are kept anyway",
        "cache_text_encoder_outputs cache_text_encoder_outputs_to_disk text_encoder_batch_size",
    ),
    **_each(
        "processes exchange their gradients in Bespoke's own way",
        "ddp_timeout ddp_gradient_as_bucket_view ddp_static_graph",
    ),
    **_each(
        "it sets up accelerate launch, which is told on its own command line; or set num_processes",
        "dynamo_mode dynamo_use_fullgraph dynamo_use_dynamic num_machines multi_gpu gpu_ids "
        "main_process_port num_cpu_threads_per_process extra_accelerate_launch_args",
    ),
    **_each(
        "it sets up DeepSpeed, which is not used",
        "zero_stage offload_optimizer_device offload_optimizer_nvme_path offload_param_device "
        "offload_param_nvme_path zero3_init_flag zero3_save_16bit_model fp16_master_weights_and_gradients",
    ),
    **_each(
        "nothing is uploaded",
        "huggingface_path_in_repo huggingface_repo_type huggingface_repo_visibility async_upload",
    ),
    "noise_offset_type": "noise_offset and multires_noise_iterations say themselves which noise is used",
    "stop_text_encoder_training": "kohya's LoRA trainer does not read it either",
    **_each(
        "Bespoke writes no such field",
        "metadata_thumbnail metadata_merged_from metadata_preprocessor metadata_is_negative_embedding",
    ),
    **_each(
        "torch_compile and dynamo_backend say whether and how to compile",
        "compile compile_backend compile_mode compile_dynamic compile_fullgraph compile_cache_size_limit",
    ),
    **_each(
        _OTHER_MODELS,
        "apply_lg_attn_mask apply_t5_attn_mask blocks_to_swap single_blocks_to_swap double_blocks_to_swap "
        "clip_g_dropout_rate clip_l_dropout_rate t5_dropout_rate discrete_flow_shift enable_scaled_pos_embed "
        "gemma2_max_token_length t5xxl_max_token_length t5_max_token_length qwen3_max_token_length "
        "guidance_scale logit_mean logit_std mode_scale weighting_scheme sigmoid_scale timestep_sampling "
        "training_shift model_prediction_type pos_emb_random_crop_rate sample_batch_size save_clip "
        "save_t5xxl split_mode system_prompt t5xxl_device t5xxl_dtype mem_eff_save show_timesteps "
        "show_timesteps_resolution text_encoder_cpu vae_chunk_size vae_disable_cache qwen_image_vae_2d "
        "fp8_scaled fp8_vl",
    ),
}
"""Keys that are accepted: key to why it changes nothing here."""


@dataclass(frozen=True)
class Refusal:
    """Why a key is refused.

    Attributes:
        problem: as a clause.
        remedy: what to do instead, as a sentence.
        secret: its value must not be shown.
    """

    problem: str
    remedy: str
    secret: bool = False


_OTHER_MODEL_FILE = Refusal(
    f"names a part of another model: it {_OTHER_MODELS}", "Use an SD1.5 configuration."
)
_SIXTEEN_BITS = Refusal(
    "would train the LoRA's own weights in 16 bits, which lose small updates, to save some 60 MB",
    "Leave it out; mixed_precision keeps the base in 16 bits, and gradient_checkpointing saves far more.",
)
_EIGHT_BITS = Refusal(
    "would round the base to 8 bits, and so change what is learned, to save less than 1 GB",
    'Leave it out; mixed_precision = "bf16" and gradient_checkpointing save memory without that.',
)
_NO_UPLOAD = Refusal(
    "asks to upload or download runs, which Bespoke does not", "Leave it out; upload files yourself."
)
_NO_SECRETS = "A configuration is copied into every run's folder; leave the secret out of it."
_MASKS = Refusal(
    "takes masks from a second folder, which is not supported",
    "Use alpha_mask = true: a picture's own transparency is its mask.",
)
_OTHER_PARTS = (
    *("ae", "byt5", "clip_g", "clip_l", "gemma2", "llm_adapter_path", "model_type", "qwen3"),
    *("t5_tokenizer_path", "t5xxl", "text_encoder"),
)

REFUSED: dict[str, Refusal] = {
    "full_fp16": _SIXTEEN_BITS,
    "full_bf16": _SIXTEEN_BITS,
    "fp8_base": _EIGHT_BITS,
    "fp8_base_unet": _EIGHT_BITS,
    "deepspeed": Refusal("is not supported", "Leave it out; several GPUs work with accelerate launch alone."),
    "color_aug": Refusal("would change the pictures' colours, and with them the palette", "Leave it out."),
    "face_crop_aug_range": Refusal(
        "needs a face detector's marks in file names and is not supported",
        "Leave it out, or crop beforehand.",
    ),
    "masked_loss": _MASKS,
    "conditioning_data_dir": _MASKS,
    "in_json": Refusal(
        "takes captions from one file of metadata, which is not supported",
        "Put each picture's caption beside it in a .txt file, and name the folder in train_data_dir.",
    ),
    "metadata_file": Refusal(
        "takes captions from one file of metadata, which is not supported",
        "Put each picture's caption beside it in a .txt file, and name the folder in train_data_dir.",
    ),
    "dataset_class": Refusal("loads code by its name, which a configuration must not", "Leave it out."),
    "vae": Refusal(
        "replaces the base's autoencoder, which is not supported",
        "Use a base model's file that has that autoencoder inside, or leave it out.",
    ),
    "weighted_captions": Refusal(
        "reads (word:1.3) in captions as weights, which is not supported",
        "Leave it out and write the captions without weights.",
    ),
    "base_weights": Refusal(
        "merges other LoRAs into the base first, which is not supported",
        "Merge them into a checkpoint beforehand, or go on from one with network_weights.",
    ),
    "base_weights_multiplier": Refusal("belongs to base_weights, which is not supported", "Leave it out."),
    "train_inpainting": Refusal("trains an inpainting model, which is not supported", "Leave it out."),
    "controlnet_model_name_or_path": Refusal("trains a ControlNet, which is not supported", "Leave it out."),
    "huggingface_repo_id": _NO_UPLOAD,
    "save_state_to_huggingface": _NO_UPLOAD,
    "resume_from_huggingface": _NO_UPLOAD,
    "huggingface_token": Refusal("is a secret, and nothing is uploaded", _NO_SECRETS, secret=True),
    "wandb_api_key": Refusal("is a secret", _NO_SECRETS + " Sign in with wandb login instead.", secret=True),
    **dict.fromkeys(_OTHER_PARTS, _OTHER_MODEL_FILE),
}
"""Keys that would change the result and are not supported, unless they are switched off."""
