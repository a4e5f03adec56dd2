"""`bespoke train`, `resume` and `keys` as people and scripts use them."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bespoke_core.cli import main
from bespoke_core.commands.training_output import Progress
from bespoke_core.events import EventReader
from bespoke_core.training.config import TrainingConfig, describe, to_toml

Make = Callable[..., TrainingConfig]


@pytest.fixture
def toml(make_config: Make, tmp_path: Path) -> Path:
    path = tmp_path / "lads.toml"
    path.write_text(to_toml(make_config()), encoding="utf-8")
    return path


def test_a_run_tells_people_its_steps_its_files_and_its_end(
    toml: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(toml), "--set", "max_train_epochs=1"]) == 0
    told = capsys.readouterr().out
    assert "step 3/3" in told
    assert "saved punks.safetensors" in told
    assert told.rstrip().endswith(f"1 file in {tmp_path / 'out' / 'punks'}")
    assert main(["train", str(toml), "--set", "max_train_epochs=1"]) == 0
    assert "already finished" in capsys.readouterr().out


def test_json_is_one_document_for_scripts(toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(toml), "--json", "--set", "max_train_epochs=1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["checkpoints"] == ["punks.safetensors"]
    assert told["best"] is None


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(
    toml: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert main(["train", str(toml), "--dry-run", "--json", "--set", "max_train_epochs=7"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["epochs"], told["steps"], told["pictures"]) == (7, 21, 6)
    assert main(["train", str(toml), "--dry-run"]) == 0
    assert "2 epochs, 6 steps" in capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("network_dim", "--set"),
        ("network_dim=0", "--set network_dim: 0"),
        ("learning_rate=nan", "--set learning_rate: nan"),
        ("learning_rat=1", "Did you mean learning_rate?"),
        ("enable_bucket=maybe", "--set enable_bucket: 'maybe'"),
        ("enable_bucket='True'", "without quotes: true."),
        ("network_dim=08", "without quotes: 8."),
        ("netwrok_dim=8", "network_dim"),
        ("network_dim=eight", "network_dim"),
        ("network_dim=0", "network_dim"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(
    toml: Path, setting: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(toml), "--dry-run", "--set", setting]) == 2
    assert named in capsys.readouterr().err


def test_a_path_may_begin_at_the_home_folder(
    toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert main(["train", str(toml), "--dry-run", "--set", "output_dir=~/loras"]) == 0
    assert f"in {tmp_path / 'loras'}" in capsys.readouterr().out


def test_settings_are_read_as_toml_and_text_needs_no_quotes(toml: Path) -> None:
    settings = [
        "enable_bucket=False",
        "network_dim=8",
        "flip_aug=true",
        "unet_lr=1e-4",
        "output_name=other lads",
        "resolution=64,64",
    ]
    assert main(["train", str(toml), "--dry-run", "--set", *settings]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_stopped_run_ends_with_code_130_and_resume_goes_on(toml: Path, tmp_path: Path) -> None:
    run, events = tmp_path / "out" / "punks", tmp_path / "out" / "punks" / "events.jsonl"
    child = os.fork()  # a process of its own that need not import everything once more
    if child == 0:
        code = 1
        try:
            code = main(["train", str(toml), "--set", "max_train_epochs=15"])
        finally:
            os._exit(code)
    end = time.monotonic() + 120
    while not events.is_file() or '"step"' not in events.read_text(encoding="utf-8"):
        assert os.waitpid(child, os.WNOHANG) == (0, 0), "ended before its first step"
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(child, signal.SIGINT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["status"] == "cancelled"
    assert main(["resume", str(run), "--json"]) == 0
    told = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    assert "resumed" in {event["event"] for event in told}
    assert told[-1]["event"] == "finished"


def stopped_at(step: int) -> Callable[[Progress, dict[str, Any]], None]:
    def listen(self: Progress, event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == step:
            raise KeyboardInterrupt

    return listen


def test_the_same_command_after_a_stop_goes_on_and_only_anew_begins_again(
    toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "out" / "punks"
    words, first = ["train", str(toml), "--json"], run / "punks-000001.safetensors"
    for more, written in ([], True), ([], True), (["--anew"], False):
        with monkeypatch.context() as patch:
            patch.setattr(Progress, "__call__", stopped_at(1 if more else 5))
            assert main([*words, *more]) == 130
        assert first.is_file() is written
    steps = [event["step"] for event in EventReader(run / "events.jsonl").new() if event["event"] == "step"]
    assert steps == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_run_outlives_whoever_read_its_output(toml: Path, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            os.dup2(writer, 1)
            sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
            code = main(["train", str(toml)])
            sys.stdout.flush()
        finally:
            os._exit(code)
    os.close(writer)
    os.close(reader)  # before the first word
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    told = json.loads((tmp_path / "out" / "punks" / "run.json").read_text(encoding="utf-8"))
    assert told["status"] == "finished"


def test_resume_of_a_folder_without_a_run_says_what_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", str(tmp_path)]) == 2
    assert "config.toml" in capsys.readouterr().err


def test_every_key_is_listed_with_its_default_range_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "--json"]) == 0
    listed = {key["name"]: key for key in json.loads(capsys.readouterr().out)["keys"]}
    assert set(listed) == {option.name for option in describe()}
    assert all(key["help"] for key in listed.values())
    assert (listed["network_dim"]["minimum"], listed["network_dim"]["default"]) == (1, 4)
    assert main(["keys", "full_bf16"]) == 0
    assert "refused" in capsys.readouterr().out
    assert main(["keys", "noise_offset"]) == 0
    assert "noise_offset = 0" in capsys.readouterr().out
    assert main(["keys", "nosuchword"]) == 1


def test_steps_come_at_most_once_a_second_and_the_last_one_always(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress(quiet=False)
    for step in range(1, 101):
        place = {"step": step, "steps": 100, "epoch": 1, "epochs": 1}
        progress({"event": "step", **place, "loss": 0.1, "mean_loss": 0.1, "seconds": 0.01})
    told = capsys.readouterr().out.splitlines()
    assert 1 <= len(told) <= 4
    assert "step 100/100" in told[-1]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_with_a_line_break_never_splits_what_is_told_of_it(
    toml: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for ending in (".png", ".txt"):
        (dataset / f"punk0{ending}").rename(dataset / f"bad\nname\r{ending}")
    assert main(["train", str(toml), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert r"bad\nname\r.png" in told
    assert all(
        line.startswith(("would ", "on ", "6 p", "2 e", "about ", "note: ", "nothing "))
        for line in told.splitlines()
    )
    assert main(["train", str(toml), "--set", "max_train_epochs=1"]) == 0
    assert "\nname" not in capsys.readouterr().out
    run = tmp_path / "out" / "punks"
    notices = [
        event["text"] for event in EventReader(run / "events.jsonl").new() if event["event"] == "notice"
    ]
    assert any(r"bad\nname\r.png" in text for text in notices)
    assert "\nname" not in "".join(notices)
    (dataset / "bad\nname\r.txt").unlink()
    assert main(["train", str(toml), "--dry-run"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
