"""Settings saved by kohya's graphical front end: each means what it makes of it, or is told why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.errors import InputError
from bespoke_core.training import config
from bespoke_core.training.config import PATH_KEYS, TrainingConfig
from bespoke_core.training.preset import MORE, combine
from bespoke_core.training.toml_form import flatten, names_file, unquoted

OLD: dict[str, Any] = {
    **{"LoRA_type": "Standard", "additional_parameters": "", "block_alphas": "", "block_dims": ""},
    **{"bucket_no_upscale": True, "bucket_reso_steps": 64.0, "cache_latents": True, "clip_skip": "2"},
    **{"caption_dropout_every_n_epochs": 0.0, "caption_dropout_rate": 0, "caption_extension": ".txt"},
    **{"color_aug": False, "conv_alpha": 1, "conv_dim": 1, "down_lr_weight": "", "enable_bucket": True},
    **{"epoch": 3, "flip_aug": False, "full_fp16": False, "gradient_accumulation_steps": 1.0},
    **{"keep_tokens": "1", "learning_rate": "0.0001", "lora_network_weights": "", "lr_scheduler": "cosine"},
    **{"lr_scheduler_num_cycles": "", "lr_scheduler_power": "", "lr_warmup": "10", "max_train_epochs": ""},
    **{"max_data_loader_n_workers": "0", "max_resolution": "512,768", "max_token_length": "75"},
    **{"min_snr_gamma": 0, "mixed_precision": "bf16", "network_alpha": 64, "network_dim": 64},
    **{"no_token_padding": False, "noise_offset": "0.05", "num_cpu_threads_per_process": 2},
    **{"optimizer": "AdamW8bit", "optimizer_args": '"weight_decay=0.1" "betas=0.9,0.99"', "sdxl": False},
    **{"persistent_data_loader_workers": False, "prior_loss_weight": 1.0, "save_precision": "bf16"},
    **{"seed": "1234", "stop_text_encoder_training": 0, "text_encoder_lr": "5e-05", "train_batch_size": 3},
    **{"training_comment": "", "unet_lr": "0.0001", "v2": False, "vae_batch_size": 0, "xformers": True},
}
NEW: dict[str, Any] = {
    **OLD,
    **{
        "LyCORIS_preset": "full",
        "anima_attn_mode": "torch",
        "clip_l": "/models/clip.safetensors",
        "factor": -1,
    },
    **{"discrete_flow_shift": 3, "flux1_checkbox": False, "guidance_scale": 3.5, "img_attn_dim": ""},
    **{"max_train_steps": 0, "model_list": "custom", "model_type": "dev", "num_processes": 1, "vae": ""},
    **{"noise_offset_type": "Original", "multires_noise_iterations": 0, "multires_noise_discount": 0.3},
    **{"sample_every_n_epochs": 0, "scale_weight_norms": 0, "timestep_sampling": "sigma", "unit": 1},
    **{"xformers": "xformers", "lr_warmup_steps": 0, "train_norm": False, "network_dropout": 0},
}


def read(folder: Path, **values: Any) -> TrainingConfig:
    """Read the settings of the new form with some of them changed; None leaves one out."""
    told = {key: value for key, value in {**NEW, **values}.items() if value is not None}
    path = folder / "settings.json"
    path.write_text(json.dumps(told, indent=2), encoding="utf-8")
    return config.read_toml(path)


def test_the_trainer_gets_what_the_front_end_would_give_it(tmp_path: Path) -> None:
    made = read(tmp_path)
    expected = config.from_values(
        {
            **{"resolution": "512,768", "enable_bucket": True, "bucket_no_upscale": True, "clip_skip": 2},
            **{"max_train_epochs": 3, "keep_tokens": 1, "learning_rate": 1e-4, "unet_lr": 1e-4},
            **{"text_encoder_lr": 5e-5, "lr_scheduler": "cosine", "lr_warmup_steps": 0.1, "seed": 1234},
            **{"mixed_precision": "bf16", "save_precision": "bf16", "network_dim": 64, "network_alpha": 64},
            **{"noise_offset": 0.05, "optimizer_type": "AdamW8bit", "train_batch_size": 3, "xformers": True},
            **{"optimizer_args": ["weight_decay=0.1", "betas=0.9,0.99"], "max_token_length": 75},
        }
    )
    assert made.model_copy(update={"notices": ()}) == expected
    assert made.notices == ("The settings of kohya's front end are read as it would start its trainer.",)


def test_the_nodes_widgets_change_nothing_that_the_form_tells(tmp_path: Path) -> None:
    off = {"shuffle_caption": False, "keep_tokens": 0, "caption_dropout_rate": 0, "enable_bucket": False}
    told = flatten(json.dumps({**NEW, **off}), file=None)
    made = combine({"max_train_epochs": 9, "multires_noise_iterations": 6, "min_snr_gamma": 5.0}, told)
    alone = read(tmp_path, **off)
    changed = {key for key in alone.model_dump() if getattr(made, key) != getattr(alone, key)}
    assert changed <= {*MORE, *PATH_KEYS} - {"flip_aug", "optimizer_type"}


def test_old_and_new_versions_of_the_form_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps(OLD), encoding="utf-8")
    assert config.read_toml(path) == read(tmp_path)
    assert read(tmp_path, LoRA_type=None) == read(tmp_path)


@pytest.mark.parametrize(
    ("given", "key", "expected"),
    [
        ({"xformers": "sdpa"}, "sdpa", True),
        ({"xformers": "none"}, "xformers", False),
        ({"seed": ""}, "seed", config.from_values({}).seed),
        ({"lr_warmup": 10, "lr_warmup_steps": 70}, "lr_warmup_steps", 70),
        ({"lr_warmup": 0}, "lr_warmup_steps", 0),
        ({"text_encoder_lr": 0}, "network_train_unet_only", True),
        ({"unet_lr": "0"}, "network_train_text_encoder_only", True),
        ({"unet_lr": 0, "text_encoder_lr": 0.0}, "trains_text_encoder", True),
        ({"noise_offset_type": "Multires", "multires_noise_iterations": 6}, "noise_offset", 0),
        ({"noise_offset_type": "Multires", "multires_noise_iterations": 6}, "multires_noise_iterations", 6),
        ({"multires_noise_iterations": 6}, "multires_noise_iterations", 0),
        ({"LoRA_type": "Kohya LoCon", "conv_dim": 8}, "network_args", ("conv_dim=8", "conv_alpha=1")),
        (
            {"rank_dropout": 0.1, "module_dropout": "0"},
            "network_args",
            ("rank_dropout=0.1", "module_dropout=0"),
        ),
        ({"max_train_steps": "1600"}, "max_train_steps", 1600),
        ({"max_train_epochs": "50"}, "max_train_epochs", 50),
        ({"max_train_epochs": 0, "epoch": "7"}, "max_train_epochs", 7),
        ({"sample_prompts": "a punk --n blurry"}, "sample_prompts", "a punk --n blurry"),
    ],
)
def test_a_field_means_what_the_front_end_makes_of_it(
    tmp_path: Path, given: dict[str, Any], key: str, expected: object
) -> None:
    assert getattr(read(tmp_path, **given), key) == expected


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"LoRA_type": "LyCORIS/LoHa"}, "LoRA_type", "Standard, Kohya LoCon"),
        ({"sdxl": True}, "sdxl", "SDXL"),
        ({"flux1_checkbox": True}, "flux1_checkbox", "Flux"),
        ({"additional_parameters": "--weighted_captions"}, "additional_parameters", "--set"),
        ({"network_dim": "many"}, "network_dim", "valid integer"),
        ({"masked_loss": True}, "masked_loss", "alpha_mask"),
        ({"vae": "/vae.safetensors"}, "vae", "autoencoder"),
        ({"save_model_as": "ckpt"}, "save_model_as", "safetensors"),
        ({"optimiser": "AdamW"}, "optimiser", "optimizer"),
        ({"LoRA_type": None, "network_dim": None}, None, "another training"),
    ],
)
def test_what_is_not_trained_here_is_told_with_its_field(
    tmp_path: Path, given: dict[str, Any], field: str | None, says: str
) -> None:
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path, **given)
    assert (caught.value.field, caught.value.file) == (field, str(tmp_path / "settings.json"))


@given(
    st.dictionaries(
        st.sampled_from(sorted(NEW)),
        st.one_of(
            *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
            *(st.lists(st.integers(), max_size=2), st.just({"a": 1})),
        ),
        max_size=3,
    )
)
def test_any_value_of_any_field_is_taken_or_refused(given_values: dict[str, Any]) -> None:
    try:
        config.from_values(flatten(json.dumps({**NEW, **given_values}), file=None))
    except InputError as error:
        assert error.remedy


def test_a_cut_off_file_is_called_json_not_toml(tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    path.write_text(json.dumps(NEW)[:-40], encoding="utf-8")
    with pytest.raises(InputError, match="not valid JSON"):
        config.read_toml(path)


@pytest.mark.parametrize(
    "text",
    [
        '{"network_dim": 8, "network_dim": 16}',
        '{"network_dim": 8, "network_dim": 8}',
        '{"network": {"network_dim": 8, "network_dim": 16}}',
        '{"datasets": [{"subsets": [{"network_dim": 8, "network_dim": 16}]}]}',
    ],
)
def test_a_key_written_twice_in_json_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "twice.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="given twice, first as 8") as caught:
        config.read_toml(path)
    assert (caught.value.field, caught.value.file) == ("network_dim", str(path))


def test_a_file_of_data_sets_is_told_to_be_named_as_one(tmp_path: Path) -> None:
    path = tmp_path / "data.toml"
    path.write_text("[[datasets]]\n[[datasets.subsets]]\nimage_dir = 'x'\n", encoding="utf-8")
    with pytest.raises(InputError, match="dataset_config"):
        config.read_toml(path)


@pytest.mark.parametrize(
    "path",
    ["run.toml", "runs/a.JSON", '"C:\\art\\my run.toml"', "  /data/run.toml\n", "C:\\art\\my=run.toml"],
)
def test_a_path_in_the_configuration_box_is_taken_for_a_file(path):
    assert names_file(path)
    assert unquoted(path) == path.strip().strip('"')


@pytest.mark.parametrize(
    "document",
    [
        'dataset_config = "set.toml"',
        "sample_prompts = 'prompts.json'\n",
        "network_dim = 8  # as in old.toml",
        'network_dim = 8\ndataset_config = "set.toml"',
        '{"network_dim": 8}',
        "",
    ],
)
def test_a_configuration_of_one_line_is_not_taken_for_a_file_though_it_ends_as_one(document):
    assert not names_file(document)
