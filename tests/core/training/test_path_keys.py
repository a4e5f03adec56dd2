"""A file or folder that a key names and that cannot be used is told by the key and by its TOML file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bespoke_core.cli import main
from bespoke_core.training.config import TrainingConfig, to_toml

Make = Callable[..., TrainingConfig]
FILES = ("pretrained_model_name_or_path", "dataset_config", "sample_prompts", "network_weights")
FOLDERS = ("train_data_dir", "reg_data_dir", "tokenizer_path")


@pytest.fixture
def refused(make_config: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return what a dry run of a file with one more key says, the file's name and the key in front."""

    def run(key: str, value: Path, *more: str) -> str:
        toml = tmp_path / "lads.toml"
        toml.write_text(to_toml(make_config(**{key: str(value)})), encoding="utf-8")
        before = sorted(tmp_path.rglob("*"))
        assert main(["train", str(toml), "--dry-run", *more]) == 2
        assert sorted(tmp_path.rglob("*")) == before
        told = capsys.readouterr().err.strip()
        head = f"error: {toml}: {key}: '{value}': "
        assert told.startswith(head), told
        return told.removeprefix(head)

    return run


@pytest.mark.parametrize("key", [*FILES, *FOLDERS, "resume"])
def test_a_path_to_nowhere_is_told_by_key_and_file(
    key: str, refused: Callable[..., str], tmp_path: Path
) -> None:
    told = refused(key, tmp_path / "nowhere" / "at.txt")
    assert told.startswith(("there is no such ", "holds no training state")), told
    assert "nowhere" not in told


@pytest.mark.parametrize("key", ["network_weights", "logging_dir"])
def test_a_path_at_which_one_may_not_look_is_told(
    key: str, refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat, locked = Path.stat, tmp_path / "locked"

    def denied(path: Path, **how: bool) -> object:
        if path == locked:
            raise PermissionError(13, "Permission denied")
        return stat(path, **how)

    monkeypatch.setattr(Path, "stat", denied)
    assert refused(key, locked).startswith("may not be looked at")


@pytest.mark.parametrize("key", [*FILES, "resume"])
def test_a_folder_in_the_place_of_a_file_is_told(
    key: str, refused: Callable[..., str], tmp_path: Path
) -> None:
    folder = tmp_path / "some.txt"
    folder.mkdir()
    assert refused(key, folder).startswith(("is a folder, not a file", "holds no training state"))


@pytest.mark.parametrize("key", [*FOLDERS, "logging_dir", "output_dir"])
def test_a_file_in_the_place_of_a_folder_is_told(
    key: str, refused: Callable[..., str], dataset: Path
) -> None:
    assert refused(key, dataset / "punk0.txt").startswith("is a file, not a folder")
    if key in ("logging_dir", "output_dir"):  # these are made where they are not there
        told = refused(key, dataset / "punk0.txt" / "below")
        assert told.startswith("is a file, not a folder (") and "punk0.txt)" in told


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("pretrained_model_name_or_path", "is damaged, truncated or not a safetensors file"),
        ("network_weights", "is damaged, truncated or not a safetensors file"),
        ("resume", "is not a whole training state"),
        ("dataset_config", "is no"),
    ],
)
def test_a_file_of_another_kind_is_told_by_its_key(
    key: str, problem: str, refused: Callable[..., str], dataset: Path
) -> None:
    assert refused(key, dataset / "punk0.txt").startswith(problem)


def test_a_folder_without_what_is_wanted_is_told_by_its_key(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no picture" in refused("train_data_dir", empty)
    assert "lacks vocab.json or merges.txt" in refused("tokenizer_path", empty)


def test_a_vae_is_refused_by_key_and_file(
    make_config: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toml = tmp_path / "lads.toml"
    toml.write_text(to_toml(make_config()) + '\n[more]\nvae = "vae.safetensors"\n', encoding="utf-8")
    assert main(["train", str(toml), "--dry-run"]) == 2
    assert f"{toml}: vae: 'vae.safetensors'" in capsys.readouterr().err


def test_a_key_of_the_command_line_is_not_blamed_on_the_file(
    make_config: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toml = tmp_path / "lads.toml"
    toml.write_text(to_toml(make_config()), encoding="utf-8")
    assert main(["train", str(toml), "--dry-run", "--set", "train_data_dir=/nowhere"]) == 2
    assert capsys.readouterr().err.startswith("error: train_data_dir: '/nowhere': there is no such folder")


def test_an_output_folder_that_is_not_written_to_is_not_looked_at(
    make_config: Make, dataset: Path, tmp_path: Path
) -> None:
    toml = tmp_path / "lads.toml"
    toml.write_text(to_toml(make_config(output_dir=str(dataset / "punk0.txt"))), encoding="utf-8")
    assert main(["train", str(toml), "--dry-run", "--run-folder", str(tmp_path / "run")]) == 0
