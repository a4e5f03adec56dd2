"""sample_prompts as people write them, rightly and wrongly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bespoke_core.errors import InputError
from bespoke_core.sampling.prompts import GUIDANCE, STEPS, SamplePrompt, read_sample_prompts
from bespoke_core.training.config import TrainingConfig, from_values, read_toml, to_toml, with_absolute_paths
from bespoke_core.training.keys.judging import names_a_file


def config_of(prompts: str, **changes: Any) -> TrainingConfig:
    return from_values({"sample_prompts": prompts, "resolution": "192,256", "seed": 40, **changes})


def read(prompts: str, **changes: Any) -> tuple[SamplePrompt, ...]:
    return read_sample_prompts(config_of(prompts, **changes))


def refusal(prompts: str, **changes: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(prompts, **changes)
    return str(caught.value)


def test_a_line_holds_a_prompt_and_kohyas_options() -> None:
    (prompt,) = read("a lad, hat --n blurry, --w 512 --H 768 --d 7 --s 12 --l 4.5 --ss ddim")
    assert prompt == SamplePrompt("a lad, hat", "blurry,", 512, 768, 7, 12, 4.5, "ddim")


def test_what_a_prompt_leaves_open_comes_from_the_run_and_is_the_same_every_time() -> None:
    prompts = read("# the first is a lad\na lad\n\n  a lady --d 3\nthird")
    assert prompts[0] == SamplePrompt("a lad", "", 192, 256, 40, STEPS, GUIDANCE, "euler")
    assert [prompt.seed for prompt in prompts] == [40, 3, 42]
    assert prompts == read("a lad\na lady --d 3\nthird")


def test_an_option_alone_draws_without_a_prompt() -> None:
    assert read("--n blurry --d 1")[0].negative == "blurry"


def test_kohyas_three_kinds_of_files_say_the_same(tmp_path: Path) -> None:
    texts = {
        "p.txt": "\ufeff# mine\r\na lad --n red --w 64 --h 128 --d 5 --s 9 --l 3\r\na lady --d 6\r\n",
        "p.toml": '[prompt]\nseed = 5\n[[prompt.subset]]\nprompt = "a lad"\nnegative_prompt = "red"\nwidth = '
        '64\nheight = 128\nsample_steps = 9\nscale = 3.0\n[[prompt.subset]]\nprompt = "a lady"\nseed = 6\n',
        "p.JSON": json.dumps(
            [
                {"prompt": "a lad", "negative_prompt": "red", "width": 64, "height": 128, "seed": 5}
                | {"sample_steps": 9, "scale": 3},
                "a lady --d 6",
            ]
        ),
    }
    found = []
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
        found.append(read(str(tmp_path / name)))
    assert found[0] == found[1] == found[2]
    assert found[0][0] == SamplePrompt("a lad", "red", 64, 128, 5, 9, 3.0, "euler")


def test_no_prompts_draw_nothing() -> None:
    assert read("") == read("  \n ") == ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("p.txt", True),
        ("/some where/p.TOML", True),
        ("p.json\n", True),
        ("a cat", False),
        ("a cat\np.txt", False),
        ("a sign that says p.txt --d 3", False),
        ("", False),
        ("a file --n p.txt", False),
    ],
)
def test_a_file_is_told_from_a_prompt(text: str, names: bool) -> None:
    assert names_a_file(text) is names


def test_prompts_as_text_survive_the_runs_own_file_and_are_not_taken_for_a_path() -> None:
    config = config_of('a "lad"\nC:\\new\\table, lady --d 3')
    assert read_toml(to_toml(config)) == config
    assert with_absolute_paths(config).sample_prompts == config.sample_prompts
    assert Path(with_absolute_paths(config_of("p.txt")).sample_prompts).is_absolute()


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("a lad --q 3", ("line 1", "--q", "--n, --w")),
        ("a lad --g 3", ("--g", "another kind of model")),
        ("a lad --w 500", ("line 1", "width", "multiple of 8", "500")),
        ("a lad --w 56", ("width", "64")),
        ("a lad --h 8000", ("height", "4096")),
        ("a lad --s 0", ("sample_steps", "0")),
        ("a lad --s many", ("--s", "whole number", "many")),
        ("a lad --d -1", ("seed", "-1")),
        ("a lad --d", ("--d", "whole number")),
        ("a lad --l nan", ("scale",)),
        ("a lad --ss pndm --s 3", ("line 1", "pndm", "--s 4")),
        ("a lad --ss dpm++ 9m", ("sampler", "dpm++ 9m", "euler_a")),
        ("fine\na lad, (embedding:bad)", ("line 2", "embedding")),
        ("# nothing", ("no prompt",)),
    ],
)
def test_a_wrong_line_is_named_with_what_to_do(line: str, parts: tuple[str, ...]) -> None:
    message = refusal(line)
    assert all(part in message for part in ("sample_prompts", *parts)), message


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("p.txt", "", ("p.txt", "no prompt")),
        ("p.toml", "[prompt", ("p.toml", "TOML")),
        ("p.toml", 'prompt = "a"', ("[[prompt.subset]]",)),
        ("p.toml", '[prompt]\n[[prompt.subset]]\npromt = "a"', ("prompt 1", "promt", "Did you mean prompt?")),
        ("p.toml", '[prompt]\n[[prompt.subset]]\nprompt = "a"\nwidth = "64"', ("width", "prompt 1")),
        ("p.json", "{", ("p.json", "JSON")),
        ("p.json", '{"prompt": "a"}', ("not a list",)),
        ("p.json", "[3]", ("prompt 1",)),
        ("p.json", '[{"prompt": "a", "guidance_scale": 3.5}]', ("another kind of model",)),
    ],
)
def test_a_wrong_file_is_named_with_what_to_do(
    tmp_path: Path, name: str, text: str, parts: tuple[str, ...]
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    message = refusal(str(tmp_path / name))
    assert all(part in message for part in (name, *parts)), message


def test_an_absent_file_and_wrong_bytes_are_named(tmp_path: Path) -> None:
    assert "no such file" in refusal(str(tmp_path / "absent.txt"))
    (tmp_path / "p.txt").write_bytes(b"a l\xe4d")
    assert "byte 3" in refusal(str(tmp_path / "p.txt"))


def test_a_sprite_larger_than_the_picture_is_refused() -> None:
    assert "sample_sprite_size" in refusal("a lad --w 64 --h 64", sample_sprite_size=72)


@pytest.mark.parametrize("size", [24, "24", "24, 24", [24, 24]])
def test_the_sprites_size_is_written_as_people_like(size: Any) -> None:
    assert config_of("a", sample_sprite_size=size).sprite_size == (24, 24)


@pytest.mark.parametrize("size", [0, "24,24,24", "a", "24x24", 2000])
def test_an_impossible_sprite_size_is_refused(size: Any) -> None:
    with pytest.raises(InputError, match="sample_sprite_size"):
        config_of("a", sample_sprite_size=size)


def test_samples_come_every_epoch_unless_told_otherwise() -> None:
    def every(**keys: Any) -> tuple[int, int]:
        config = config_of("a", **keys)
        return config.epochs_between_samples, config.steps_between_samples

    assert every() == (1, 0)
    assert every(sample_every_n_epochs=3) == (3, 0)
    assert every(sample_every_n_steps=50) == (0, 50)
    assert every(sample_every_n_epochs=2, sample_every_n_steps=50) == (2, 0)  # as in kohya
    assert every(sample_every_n_epochs=0) == (0, 0)
    assert config_of("").epochs_between_samples == 0


@pytest.mark.parametrize(
    ("keys", "remedy"),
    [
        ({"sample_prompts": ""}, "sample_prompts"),
        ({"sample_prompts": "a", "sample_every_n_steps": 5}, "sample_every_n_epochs"),
        ({"sample_prompts": "a", "sample_every_n_epochs": 0}, "sample_every_n_epochs"),
    ],
)
def test_patience_without_anything_to_wait_for_is_refused(
    make_config: Callable[..., TrainingConfig], keys: dict[str, Any], remedy: str
) -> None:
    with pytest.raises(InputError, match="early_stopping_patience") as caught:
        make_config(early_stopping_patience=2, **keys)
    assert remedy in caught.value.remedy


def test_every_prompt_without_a_seed_is_drawn_with_each_of_the_given_seeds() -> None:
    drawn = read_sample_prompts(config_of("a lad\na lady --d 9", sample_seeds="1-3"))
    assert [(one.text, one.seed) for one in drawn] == [
        ("a lad", 1),
        ("a lad", 2),
        ("a lad", 3),
        ("a lady", 9),
    ]
    assert "sample_seeds" in refusal("a lad", sample_seeds="three")


def test_the_verdict_needs_pictures_to_stop_a_run() -> None:
    with pytest.raises(InputError, match="early_stopping_rule"):
        config_of(
            "a lad",
            early_stopping_rule="verdict",
            early_stopping_patience=3,
            early_stopping_metric="held_out_loss",
            validation_split=0.2,
        )
