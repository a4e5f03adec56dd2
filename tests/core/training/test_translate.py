"""Files of kohya's users: each trains, saying what changed nothing, or is told precisely why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.errors import InputError
from bespoke_core.training import config
from bespoke_core.training.keys import TrainingConfig, translate
from bespoke_core.training.keys.elsewhere import REFUSED, WITHOUT_EFFECT

FRONT_END = """
bucket_no_upscale = true
bucket_reso_steps = 64
cache_latents = true
cache_latents_to_disk = true
caption_extension = ".txt"
clip_skip = 1
dynamo_backend = "no"
enable_bucket = true
epoch = 10
gradient_accumulation_steps = 1
huber_c = 0.1
huber_scale = 1
huber_schedule = "snr"
learning_rate = 0.0001
logging_dir = "/logs"
loss_type = "l2"
lr_scheduler = "cosine"
lr_scheduler_args = []
lr_scheduler_num_cycles = 1
lr_scheduler_power = 1
lr_warmup_steps = 160
max_bucket_reso = 2048
max_data_loader_n_workers = 2
max_grad_norm = 1
max_timestep = 1000
max_token_length = 75
max_train_steps = 1600
min_bucket_reso = 256
mixed_precision = "bf16"
multires_noise_discount = 0.3
network_alpha = 1
network_args = []
network_dim = 8
network_module = "networks.lora"
noise_offset_type = "Original"
optimizer_args = ["weight_decay=0.1", "betas=.9,.99"]
optimizer_type = "AdamW8bit"
output_dir = "/out"
output_name = "punks"
persistent_data_loader_workers = 0
pretrained_model_name_or_path = "/models/sd15.safetensors"
prior_loss_weight = 1
resolution = "512,512"
sample_prompts = "/out/sample/prompt.txt"
sample_sampler = "euler_a"
save_every_n_epochs = 1
save_last_n_epochs = 3
save_model_as = "safetensors"
save_precision = "fp16"
text_encoder_lr = [ 5e-5, 5e-5,]
train_batch_size = 4
train_data_dir = "/data"
unet_lr = 0.0001
vae_batch_size = 4
wandb_run_name = "punks"
xformers = true
"""

COMMAND_LINE = """
[model_arguments]
v2 = false
v_parameterization = false
pretrained_model_name_or_path = "sd15.safetensors"
tokenizer_cache_dir = "cache"
[dataset_arguments]
cache_latents = true
color_aug = false
random_crop = false
debug_dataset = false
resolution = "512,768"
caption_extention = ".caption"
[optimizer_arguments]
use_8bit_adam = true
learning_rate = 1e-4
max_grad_norm = 1.0
lr_scheduler = "constant_with_warmup"
lr_warmup_steps = 0.05
[training_arguments]
max_train_epochs = 4
lowram = true
highvram = true
no_half_vae = true
mem_eff_attn = true
full_bf16 = false
fp8_base = false
masked_loss = false
huggingface_token = ""
max_data_loader_n_workers = 8
persistent_data_loader_workers = true
noise_offset = 0
seed = 1234
"""


def test_a_file_of_the_graphical_front_end_trains_and_says_what_changed_nothing() -> None:
    made = config.read_toml(FRONT_END)
    assert (made.optimizer_type, made.optimizer_args) == ("AdamW8bit", ("weight_decay=0.1", "betas=.9,.99"))
    assert (made.max_train_steps, made.max_train_epochs, made.text_encoder_lr) == (1600, None, 5e-5)
    said = "\n".join(made.notices)
    for key in ("max_data_loader_n_workers", "noise_offset_type", "epoch", "save_last_n_epochs"):
        assert f"{key} has no effect" in said
    assert "text_encoder_lr: the first rate" in said
    assert "persistent_data_loader_workers" not in said
    assert len(made.notices) == 5


def test_a_file_in_the_command_lines_words_trains_with_its_old_names() -> None:
    made = config.read_toml(COMMAND_LINE)
    assert (made.optimizer_type, made.caption_extension, made.size) == ("AdamW8bit", ".caption", (512, 768))
    said = "\n".join(made.notices)
    assert "caption_extention is read as caption_extension" in said
    assert "use_8bit_adam is read as optimizer_type = AdamW8bit" in said
    assert "max_data_loader_n_workers, persistent_data_loader_workers have no effect" in said
    for off in ("color_aug", "full_bf16", "huggingface_token", "debug_dataset"):
        assert off not in said


def test_what_was_said_goes_with_the_configuration_and_decides_no_weights() -> None:
    made = config.read_toml(FRONT_END)
    again = config.read_toml(config.to_toml(made))
    assert again == made
    assert config.with_values(made, seed=3).notices == made.notices
    assert "notices" in config.KEYS_WITHOUT_EFFECT_ON_WEIGHTS
    assert "notices" not in {option.name for option in config.describe()}


@pytest.mark.parametrize("key", sorted(REFUSED))
def test_a_key_that_would_change_the_result_is_refused_with_what_to_do(key: str) -> None:
    with pytest.raises(InputError) as caught:
        config.from_values({key: "sk-1234567"}, file="a.toml")
    assert (caught.value.field, caught.value.file) == (key, "a.toml")
    assert caught.value.remedy.endswith(".")
    assert config.from_values({key: False}) == config.from_values({key: ""}) == config.from_values({})


@pytest.mark.parametrize("key", ["wandb_api_key", "huggingface_token"])
def test_a_secret_is_never_shown(key: str) -> None:
    with pytest.raises(InputError) as caught:
        config.from_values({key: "sk-1234567"})
    assert "sk-1234567" not in str(caught.value)


def test_every_key_without_effect_says_why() -> None:
    made = config.from_values(dict.fromkeys(WITHOUT_EFFECT, "on"))
    said = "\n".join(made.notices)
    for key in WITHOUT_EFFECT:
        assert key in said


def test_no_key_is_both_ours_and_another_trainers() -> None:
    ours = TrainingConfig.model_fields.keys()
    assert not ours & WITHOUT_EFFECT.keys()
    assert not ours & REFUSED.keys()
    assert not WITHOUT_EFFECT.keys() & REFUSED.keys()


@pytest.mark.parametrize(
    ("key", "near"),
    [
        *[("max_data_loader_n_worker", "max_data_loader_n_workers"), ("lerning_rate", "learning_rate")],
        *[("NETWORK_DIM", "network_dim"), ("network-dim", "network_dim"), ("rank", "network_dim")],
        *[("lr", "learning_rate"), ("batch_size", "train_batch_size"), ("epochs", "max_train_epochs")],
    ],
)
def test_a_misspelt_key_gets_the_nearest_among_all_that_are_known(key: str, near: str) -> None:
    with pytest.raises(InputError, match=f"Did you mean {near}"):
        config.from_values({key: 1})


def test_old_names_that_contradict_new_ones_are_refused() -> None:
    for values in (
        {"use_8bit_adam": True, "optimizer_type": "Lion"},
        {"use_8bit_adam": True, "use_lion_optimizer": True},
        {"caption_extention": ".txt", "caption_extension": ".caption"},
    ):
        with pytest.raises(InputError, match="contradicts"):
            config.from_values(values)
    assert config.from_values({"use_lion_optimizer": True}).optimizer_type == "Lion"


def test_the_front_ends_epoch_counts_where_nothing_else_says_how_long() -> None:
    made = config.from_values({"epoch": 7})
    assert made.max_train_epochs == 7
    assert "max_train_epochs = 7" in made.notices[0]
    assert config.from_values({"epoch": 7, "max_train_epochs": 2}).max_train_epochs == 2


@pytest.mark.parametrize(
    ("value", "expected"), [(5e-5, 5e-5), ([5e-5], 5e-5), ([], None), ([1e-4, 5e-5], 1e-4)]
)
def test_the_text_encoders_rate_may_be_a_list(value: Any, expected: float | None) -> None:
    assert config.from_values({"text_encoder_lr": value}).text_encoder_lr == expected


def test_the_name_that_people_say_leads_to_a_key_that_there_is() -> None:
    assert set(translate._ALIASES.values()) <= TrainingConfig.model_fields.keys()
    assert not translate._ALIASES.keys() & TrainingConfig.model_fields.keys()


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("learning_rate", "", "is empty. Leave it out: its default is 2e-06."),
        ("cache_latents", "", "Leave it out: its default is true."),
        ("save_every_n_steps", "", "is empty. Leave it out."),
        ("save_every_n_steps", 0, "or leave it out."),
        ("keep_tokens", "1", "Write it without quotes: 1."),
        ("bucket_reso_steps", 64.0, "Write it without a point: 64."),
        ("resolution", 512.0, 'as in "512,512"'),
        ("caption_extension", "txt", "with its dot"),
        *[("lr_warmup_steps", value, "whole") for value in (1.5, float("inf"))],
        *[("lr_warmup_steps", value, "below 100%") for value in ("100%", "-5%", "nan%")],
        *[
            ("learning_rate", value, "Use a number from 0 to 10.")
            for value in (float("nan"), float("inf"), -1)
        ],
        *[("network_dim", value, "Use a number from 1 to 1024.") for value in (0, True, [8], 10**30, "wide")],
    ],
)
def test_a_value_that_cannot_be_is_told_with_what_to_write(key: str, value: object, says: str) -> None:
    with pytest.raises(InputError) as caught:
        config.from_values({key: value}, file="a.toml")
    assert (caught.value.field, caught.value.file) == (key, "a.toml")
    assert says in str(caught.value)


def test_what_is_switched_off_needs_no_company() -> None:
    assert config.from_values({"adaptive_noise_scale": 0.0}).noise_offset == 0


def test_arguments_in_one_text_may_stand_in_quotes() -> None:
    quoted = config.from_values({"optimizer_args": '"weight_decay=0.1" "betas=0.9,0.99"'})
    assert quoted.optimizer_args == ("weight_decay=0.1", "betas=0.9,0.99")


ODD = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.dates()),
    *(
        st.sampled_from(
            ["", "0", "1e-4", "10%", "a=b", "512,512", "AdamW", "cosine", [], [""], {}, {"a": 1}]
        ),
    ),
    st.lists(st.one_of(st.integers(), st.text(max_size=3), st.none()), max_size=3),
)
KEYS = st.sampled_from([*TrainingConfig.model_fields, *REFUSED, *WITHOUT_EFFECT, "epoch", "use_8bit_adam"])


@given(st.dictionaries(KEYS, ODD, max_size=3))
def test_any_value_of_any_key_is_taken_or_refused_with_what_to_do(values: dict[str, Any]) -> None:
    try:
        made = config.from_values(values)
    except InputError as error:
        assert error.remedy
    else:
        assert config.read_toml(config.to_toml(made)) == made


def test_null_in_json_is_a_key_that_is_not_given() -> None:
    assert config.read_toml('{"network_dim": null,\n"unet_lr": null}') == config.from_values({})


@pytest.mark.parametrize("text", ["a = " + "[" * 10_000, '{"a":' * 10_000])
def test_a_file_of_brackets_alone_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="brackets"):
        config.read_toml(text + "\n")


def test_lists_of_arguments_survive_the_toml_file(tmp_path: Path) -> None:
    made = config.from_values({"optimizer_args": ["betas=0.9,0.99", 'a="b c"'], "lr_warmup_steps": "10%"})
    path = tmp_path / "a.toml"
    path.write_text(config.to_toml(made), encoding="utf-8")
    assert config.read_toml(path) == made
    assert made.lr_warmup_steps == 0.1
