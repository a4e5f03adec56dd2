from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.metadata import lora_metadata
from bespoke_core.training.reading import read_set

# What a file of sd-scripts 2026-02 has, for SD1.5 and folders of pictures.
KOHYAS = """
session_id output_name learning_rate text_encoder_lr unet_lr num_train_images num_validation_images
num_reg_images num_batches_per_epoch num_epochs gradient_checkpointing gradient_accumulation_steps
max_train_steps lr_warmup_steps lr_scheduler network_module network_dim network_alpha network_dropout
mixed_precision full_fp16 v2 base_model_version clip_skip max_token_length cache_latents seed lowram
noise_offset multires_noise_iterations multires_noise_discount adaptive_noise_scale zero_terminal_snr
training_comment optimizer max_grad_norm caption_dropout_rate caption_dropout_every_n_epochs
caption_tag_dropout_rate face_crop_aug_range prior_loss_weight min_snr_gamma scale_weight_norms ip_noise_gamma
debiased_estimation noise_offset_random_strength ip_noise_gamma_random_strength loss_type huber_schedule
huber_scale huber_c fp8_base fp8_base_unet validation_seed validation_split max_validation_steps
validate_every_n_epochs validate_every_n_steps resize_interpolation batch_size_per_device total_batch_size
resolution color_aug flip_aug random_crop shuffle_caption enable_bucket bucket_no_upscale min_bucket_reso
max_bucket_reso keep_tokens dataset_dirs reg_dataset_dirs tag_frequency bucket_info sd_model_hash
new_sd_model_hash sd_model_name steps epoch
"""
TIMES_OF_DAY = {"ss_training_started_at", "ss_training_finished_at", "modelspec.date"}
Make = Callable[..., TrainingConfig]


def metadata(config: TrainingConfig, **changes: Any) -> dict[str, str]:
    place = {"epoch": 1, "epochs": 2, "step": 3, "steps": 6, "batches": 3, "processes": 1}
    told = {"base_sha256": "ab" * 32, "optimizer": "torch.optim.adamw.AdamW", **place, **changes}
    return lora_metadata(config, read_set(config), **told)


def test_a_file_says_all_that_kohyas_says_and_no_time_of_day(make_config: Make) -> None:
    told = metadata(make_config())
    assert {f"ss_{key}" for key in KOHYAS.split()} <= told.keys()
    assert not TIMES_OF_DAY & told.keys()
    assert all(isinstance(value, str) for value in told.values())
    assert told == metadata(make_config())


def test_a_batch_counts_as_all_processes_share_it_however_they_were_started(make_config: Make) -> None:
    config = make_config(train_batch_size=2, gradient_accumulation_steps=3)
    told = metadata(config, processes=4)
    assert (told["ss_batch_size_per_device"], told["ss_total_batch_size"]) == ("2", "24")


@pytest.mark.parametrize(
    ("keys", "told"),
    [({}, None), ({"min_timestep": 100}, "100,1000"), ({"max_timestep": 900}, "0,900")],
)
def test_the_trained_range_of_timesteps_is_told(make_config: Make, keys: dict[str, int], told: str) -> None:
    assert metadata(make_config(**keys)).get("modelspec.timestep_range") == told


def test_readers_find_what_they_read(make_config: Make, dataset: Path) -> None:
    told = metadata(make_config(training_comment="für mich", network_args=["conv_dim=4"]))
    assert told["ss_base_model_version"] == "sd_v1"
    assert told["ss_v2"] == "False"
    assert told["ss_clip_skip"] == "None"
    assert told["ss_max_token_length"] == "150"
    assert told["ss_resolution"] == "(64, 64)"
    assert told["ss_training_comment"] == "für mich"
    assert json.loads(told["ss_network_args"]) == {"conv_dim": "4"}
    assert json.loads(told["ss_dataset_dirs"]) == {f"1_{dataset.name}": {"n_repeats": 1, "img_count": 6}}
    assert json.loads(told["ss_tag_frequency"])[f"1_{dataset.name}"]["red hair"] == 6
    bucket = json.loads(told["ss_bucket_info"])["buckets"]["0"]
    assert bucket == {"resolution": [64, 64], "count": 6}
    assert told["modelspec.architecture"] == "stable-diffusion-v1/lora"
    assert told["modelspec.title"] == "punks"
    assert told["modelspec.prediction_type"] == "epsilon"


def test_what_is_off_is_none_as_in_kohyas_files(make_config: Make) -> None:
    told = metadata(
        make_config(noise_offset=0.0, min_snr_gamma=None, multires_noise_iterations=0, max_token_length=75)
    )
    for key in ("noise_offset", "min_snr_gamma", "multires_noise_iterations", "max_token_length"):
        assert told[f"ss_{key}"] == "None"
    assert "ss_network_args" not in told
    assert metadata(make_config(v_parameterization=True))["ss_base_model_version"] == "sd_v1_v"


def test_the_bases_hashes_are_both_of_its_file(make_config: Make, tmp_path: Path) -> None:
    base = tmp_path / "big.safetensors"
    base.write_bytes(bytes(range(256)) * 8192)
    told = metadata(make_config(pretrained_model_name_or_path=str(base)))
    expected = hashlib.sha256(base.read_bytes()[0x100000:0x110000]).hexdigest()[:8]
    assert told["ss_sd_model_hash"] == expected
    assert told["ss_new_sd_model_hash"] == "ab" * 32
    assert told["ss_sd_model_name"] == "big.safetensors"


def test_files_of_one_run_share_a_session_and_other_runs_have_another(make_config: Make) -> None:
    one = metadata(make_config())["ss_session_id"]
    assert one == metadata(make_config(), epoch=2, step=6)["ss_session_id"]
    assert one != metadata(make_config(seed=7))["ss_session_id"]


def test_a_file_without_metadata_keeps_what_loaders_need(make_config: Make) -> None:
    told = metadata(make_config(no_metadata=True, network_args=["conv_dim=4"], metadata_author="me"))
    kept = {key for key in told if key.startswith("ss_")}
    assert kept == {
        "ss_v2",
        "ss_base_model_version",
        "ss_network_module",
        "ss_network_dim",
        "ss_network_alpha",
        "ss_network_args",
    }
    assert told["modelspec.author"] == "me"


@pytest.mark.parametrize("ends", [(None, None, None), (200, None, "200,1000"), (None, 500, "0,500")])
def test_trained_timesteps_are_told_where_they_are_not_all(
    make_config: Make, ends: tuple[int | None, int | None, str | None]
) -> None:
    told = metadata(make_config(min_timestep=ends[0], max_timestep=ends[1]))
    assert told.get("modelspec.timestep_range") == ends[2]
