from __future__ import annotations

import importlib
import math
import pkgutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.errors import InputError
from bespoke_core.training import config, keys

EXPERIMENT = """
[general]
enable_bucket = true
bucket_resolution = 512
min_bucket_reso = 256
max_bucket_reso = 1024
bucket_no_upscale = true
[model_arguments]
pretrained_model_name_or_path = "base.safetensors"
v2 = false
v_parameterization = false
[network_arguments]
network_module = "networks.lora"
network_dim = 32
network_alpha = 16
network_train_unet_only = false
network_train_text_encoder_only = false
[training_arguments]
output_dir = "out"
output_name = "punks"
save_precision = "fp16"
save_model_as = "safetensors"
max_train_epochs = 9
train_batch_size = 4
gradient_accumulation_steps = 1
mixed_precision = "bf16"
xformers = true
sdpa = false
optimizer_type = "AdamW8bit"
learning_rate = 1e-4
unet_lr = 1e-4
text_encoder_lr = 5e-5
lr_scheduler = "cosine_with_restarts"
lr_warmup_steps = 100
lr_scheduler_num_cycles = 3
prior_loss_weight = 1.0
min_snr_gamma = 5.0
logging_dir = "logs"
log_prefix = "punks"
save_every_n_epochs = 1
save_state = true
gradient_checkpointing = true
cache_latents = true
cache_latents_to_disk = false
noise_offset = 0.05
multires_noise_iterations = 6
multires_noise_discount = 0.3
seed = 42
"""
DATA_KEYS = """
train_data_dir = "data"
shuffle_caption = true
keep_tokens = 1
caption_dropout_rate = 0.02
caption_dropout_every_n_epochs = 0
max_token_length = 225
caption_extension = ".txt"
"""
LONG = EXPERIMENT + DATA_KEYS + 'resolution = "512,512"\n'
SHORT = EXPERIMENT + "[dataset]" + DATA_KEYS + "resolution = 512\n"


def test_both_forms_of_the_experiments_file_mean_the_same() -> None:
    long, short = config.read_toml(LONG), config.read_toml(SHORT)
    assert long == short
    assert long.size == (512, 512)
    assert (long.network_dim, long.network_alpha) == (32, 16.0)
    assert (long.rate_of("unet"), long.rate_of("text_encoder")) == (1e-4, 5e-5)
    assert (long.keep_tokens, long.max_token_length, long.min_snr_gamma) == (1, 225, 5.0)
    assert (long.multires_noise_iterations, long.noise_offset) == (6, 0.05)


def test_a_configuration_written_as_toml_reads_back_the_same() -> None:
    one = config.read_toml(LONG)
    assert config.read_toml(config.to_toml(one)) == one


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_path_survives_the_toml_file(path: str) -> None:
    one = config.from_values({"train_data_dir": path})
    assert config.read_toml(config.to_toml(one)).train_data_dir == path


def test_a_misspelt_key_is_refused_and_the_nearest_named(tmp_path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(LONG.replace("keep_tokens", "keep_token"), encoding="utf-8")
    with pytest.raises(InputError, match="Did you mean keep_tokens") as caught:
        config.read_toml(file)
    assert (caught.value.file, caught.value.field, caught.value.value) == (str(file), "keep_token", 1)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("network_dim", "32", "without quotes: 32"),
        ("learning_rate", "1e-4", "without quotes: 1e-4"),
        ("shuffle_caption", "true", "without quotes: true"),
        ("network_dim", 0, "from 1 to 1024"),
        ("shuffle_caption", 1, "true or false"),
        ("train_batch_size", True, "from 1 to 1024"),
        ("caption_dropout_rate", 1.5, "from 0 to 1"),
        ("noise_offset", math.nan, "from 0 to 1"),
        ("max_token_length", 77, "75, 150, 225"),
        ("lr_scheduler", "cosin", "cosine_with_restarts"),
        ("save_model_as", "ckpt", "safetensors"),
        ("resolution", "wide", "one number"),
        ("resolution", 8, "16 to 4096"),
        ("background_color", "white", "letters"),
        ("output_name", "../up", "letters"),
        ("output_name", "..", "plain name"),
        ("output_name", "nul", "Windows reserves"),
        ("v2", True, "SD1.5"),
        ("lr_warmup_steps", 1.5, "whole"),
        ("bucket_resolution", 256, None),
    ],
)
def test_a_wrong_value_is_refused_by_name(key: str, value: object, says: str | None) -> None:
    values = {key: value}
    if says is None:
        values["resolution"] = 512
        says = "contradicts"
    with pytest.raises(InputError, match=says) as caught:
        config.from_values(values)
    assert caught.value.field == key
    assert caught.value.remedy


def test_a_float_warm_up_of_whole_steps_is_steps_and_a_small_one_a_share() -> None:
    assert config.from_values({"lr_warmup_steps": 100.0}).lr_warmup_steps == 100
    assert config.from_values({"lr_warmup_steps": 0.1}).lr_warmup_steps == 0.1


def test_a_key_given_twice_with_two_values_is_refused() -> None:
    with pytest.raises(InputError, match="given twice"):
        config.read_toml("[a]\nseed = 1\n[b]\nseed = 2\n")


def test_a_file_that_is_not_toml_or_not_utf8_is_refused_by_name(tmp_path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("seed = ", encoding="utf-8")
    latin = tmp_path / "latin.toml"
    latin.write_bytes('output_name = "é"'.encode("latin-1"))
    for file, says in [(broken, "not valid TOML"), (latin, "byte 15"), (tmp_path / "none.toml", "no such")]:
        with pytest.raises(InputError, match=says) as caught:
            config.read_toml(file)
        assert caught.value.file == str(file)


def test_buckets_that_the_resolution_does_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="min_bucket_reso"):
        config.from_values({"enable_bucket": True, "resolution": 128, "min_bucket_reso": 256})
    with pytest.raises(InputError, match="multiples of 8"):
        config.from_values({"resolution": 500})


def test_a_range_of_buckets_that_was_not_asked_for_follows_the_resolution() -> None:
    small = config.from_values({"enable_bucket": True, "resolution": 128})
    assert (small.min_bucket_reso, small.max_bucket_reso) == (128, 1024)
    large = config.from_values({"enable_bucket": True, "resolution": "1536,512"})
    assert (large.min_bucket_reso, large.max_bucket_reso) == (256, 1536)


def test_changing_a_key_checks_it() -> None:
    one = config.from_values({})
    assert config.with_values(one, seed=7).seed == 7
    with pytest.raises(InputError):
        config.with_values(one, seed=-1)


def test_every_key_has_a_help_text_and_numbers_have_a_range() -> None:
    for option in config.describe():
        assert option.help.endswith("."), option.name
        if option.kind in (int, float) and not option.choices:
            assert option.minimum is not None and option.maximum is not None, option.name
            assert option.default is None or option.minimum <= option.default <= option.maximum


def test_a_name_that_no_file_could_have_is_refused_in_words() -> None:
    with pytest.raises(InputError, match="too long for a file name"):
        config.from_values({"output_name": "x" * 300})
    with pytest.raises(InputError, match="letters that cannot stand there") as refused:
        config.from_values({"output_name": "a/b"})
    assert "pattern" not in str(refused.value)


def test_charts_that_would_lie_nowhere_are_refused() -> None:
    with pytest.raises(InputError, match=r"log_with: 'tensorboard': needs logging_dir"):
        config.from_values({"log_with": "tensorboard"})
    assert config.from_values({"log_with": "wandb"}).log_with == "wandb"


def test_what_every_topic_of_keys_refuses_is_refused() -> None:
    names = [f"{keys.__name__}.{one.name}" for one in pkgutil.iter_modules(keys.__path__)]
    topics = [importlib.import_module(name) for name in names]
    assert {topic.check for topic in topics if hasattr(topic, "check")} == set(keys.CHECKS)
