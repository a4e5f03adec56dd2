"""Which folder a run of the node gets: nothing is written over, nothing is trained twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bespoke_core.errors import InputError, UserCancelledError
from bespoke_core.training.config import PATH_KEYS, TrainingConfig, describe
from bespoke_core.training.place import place_run
from bespoke_core.training.preset import MORE, PIXEL_ART, SERVERS_OWN, combine
from bespoke_core.training.work import train_here

from .test_training import stop_after

Make = Callable[..., TrainingConfig]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def test_a_new_run_gets_the_folder_of_its_name(make_config: Make, runs: Path) -> None:
    place = place_run(make_config(), runs, "caf\u00e9 lads")
    assert place.folder == runs / "caf\u00e9 lads"
    assert place.config.output_name == "caf\u00e9 lads"
    assert not place.finished
    assert not place.resume


def test_the_same_run_is_not_trained_twice_and_another_one_gets_the_next_folder(
    make_config: Make, runs: Path
) -> None:
    config = make_config(max_train_epochs=1)
    first = place_run(config, runs, "lads")
    train_here(first.config, first.folder)
    again = place_run(config, runs, "lads")
    assert again.finished
    assert again.folder == first.folder
    other = place_run(make_config(max_train_epochs=1, seed=7), runs, "lads")
    assert not other.finished
    assert other.folder == runs / "lads-2"
    assert other.config.output_name == "lads-2"


def test_an_interrupted_run_goes_on_where_it_lies(
    make_config: Make, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config()
    place = place_run(config, runs, "lads")
    stop_after(monkeypatch, 4)
    with pytest.raises(UserCancelledError):
        train_here(place.config, place.folder)
    again = place_run(config, runs, "lads")
    assert again.folder == place.folder
    assert again.resume
    assert not again.finished


def test_a_folder_with_something_else_in_it_is_left_alone(make_config: Make, runs: Path) -> None:
    (runs / "lads").mkdir(parents=True)
    (runs / "lads" / "holiday.txt").touch()
    assert place_run(make_config(), runs, "lads").folder == runs / "lads-2"


def test_a_run_that_is_being_trained_is_neither_disturbed_nor_started_twice(
    make_config: Make, runs: Path
) -> None:
    config = make_config(max_train_epochs=50)
    place = place_run(config, runs, "lads")
    process = place.start()
    try:
        while process.running and not (place.folder / "events.jsonl").is_file():
            process.wait(0.05)
        with pytest.raises(InputError, match="being trained"):
            place_run(config, runs, "lads")
    finally:
        process.cancel(grace_s=0)
    assert not (runs / "lads-2").exists()


def test_a_file_in_the_run_folder_is_never_taken_for_a_part_of_the_program(
    make_config: Make, runs: Path
) -> None:
    place = place_run(make_config(max_train_epochs=1), runs, "lads")
    place.folder.mkdir(parents=True)
    for module in ("psutil", "torch", "bespoke_core"):
        (place.folder / f"{module}.py").write_text("raise SystemExit('taken over')", encoding="utf-8")
    assert len(place.start().finish().checkpoints) == 1


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "base"])
def test_a_name_that_leaves_its_folder_is_refused(make_config: Make, runs: Path, name: str) -> None:
    with pytest.raises(InputError, match="run_name"):
        place_run(make_config(), runs, name)


def test_a_key_of_the_toml_decides_the_keys_that_hang_on_it_too() -> None:
    rates = combine({}, {"learning_rate": 1e-3})
    assert (rates.rate_of("unet"), rates.rate_of("text_encoder")) == (1e-3, 1e-3)
    own = combine({}, {"learning_rate": 1e-3, "unet_lr": 2e-4})
    assert (own.rate_of("unet"), own.rate_of("text_encoder")) == (2e-4, 1e-3)
    steps = combine({"max_train_epochs": 9}, {"max_train_steps": 2000})
    assert (steps.max_train_epochs, steps.max_train_steps) == (None, 2000)


def test_a_toml_wins_over_the_widgets_which_fill_in_what_it_leaves_out() -> None:
    toml = {"network_dim": 8, "learning_rate": 1e-4, "logging_dir": "/somewhere"}
    config = combine({"network_dim": 32, "network_alpha": 16.0, "max_token_length": "225"}, toml)
    assert (config.network_dim, config.network_alpha, config.max_token_length) == (8, 16.0, 225)
    assert config.logging_dir == ""


@pytest.mark.parametrize("resolution", ["64,64", "192,192", "2048,1024"])
def test_any_resolution_fits_the_buckets_that_nobody_set(resolution: str) -> None:
    config = combine({"resolution": resolution, "learning_rate": 1e-4}, None)
    assert config.resolution == resolution
    assert config.enable_bucket


def test_no_path_of_a_graph_is_read_unless_the_server_resolves_it() -> None:
    paths = {key: f"/secret/{key}.txt" for key in PATH_KEYS}
    alone = combine({}, {**paths, "learning_rate": 1e-4})
    assert {getattr(alone, key) for key in PATH_KEYS} == {""}
    asked: list[str] = []

    def resolve(key: str, text: str) -> str:
        asked.append(key)
        return f"/allowed/{key}.txt"

    resolved = combine({}, {**paths, "learning_rate": 1e-4}, resolve=resolve)
    assert set(asked) == set(PATH_KEYS) - set(SERVERS_OWN)
    for key in PATH_KEYS:
        assert getattr(resolved, key) == ("" if key in SERVERS_OWN else f"/allowed/{key}.txt")


def test_every_key_that_names_a_file_or_folder_is_known_as_a_path() -> None:
    endings = ("_dir", "_path", "_file", "_weights", "_folder")
    named = {option.name for option in describe() if option.kind is str and option.name.endswith(endings)}
    assert named <= set(PATH_KEYS)


def test_prompts_written_into_the_node_are_no_path() -> None:
    config = combine({"sample_prompts": "a lad, green hair\na lady"}, None)
    assert config.sample_prompts == "a lad, green hair\na lady"


def test_every_key_that_the_node_shows_is_there_once_with_a_value_that_is_allowed() -> None:
    assert not set(PIXEL_ART) & set(MORE)
    config = combine({**PIXEL_ART, **MORE}, None)
    for key, value in {**PIXEL_ART, **MORE}.items():
        assert getattr(config, key) == value
