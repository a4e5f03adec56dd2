"""The comparison of trainers, run small: ours and the floor in processes of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "benchmarks"))

import train_bases as bases
import train_rivals as rivals

from bespoke_core.tokenizer import load_tokenizer


@pytest.fixture
def job(base_checkpoint: Path, comfyui_folder: Path, tmp_path: Path) -> rivals.Job:
    data = bases.write_sprites(tmp_path / "data", 4, 64, 1)
    tokenizer = comfyui_folder / "comfy" / "sd1_tokenizer"
    return rivals.Job(
        str(base_checkpoint),
        str(data),
        str(tokenizer),
        size=64,
        batch=1,
        dim=2,
        tokens=75,
        steps=3,
        threads=1,
    )


@pytest.mark.slow
def test_ours_and_the_floor_are_timed_step_by_step_in_processes_of_their_own(
    job: rivals.Job, tmp_path: Path
) -> None:
    trainers = [rivals.Trainer("ours", work="all"), rivals.Trainer("floor", work="bare")]
    timings = rivals.interleaved(trainers, job, tmp_path / "out", rounds=1)
    for timing in timings.values():
        assert len(timing.wall) == len(timing.cpu) == job.steps - 1  # the first warms up
        assert min(timing.cpu) > 0
        assert timing.peaks[0] > 500
    text = rivals.table(timings, trainers)
    assert [line.split("|")[1].strip() for line in text.splitlines()[2:]] == ["ours", "floor"]
    assert "| 1.00 | 1.00 |" in text.splitlines()[2]


def test_a_rival_that_fails_says_its_last_words_and_is_named_under_the_table(
    job: rivals.Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = rivals.Trainer("kohya", folder=str(tmp_path))
    timings = rivals.interleaved([broken], job, tmp_path / "out", rounds=2)
    assert timings == {}
    said = capsys.readouterr().err
    assert said.count("kohya ended with 1") == 1
    assert "No module named 'library'" in said
    ours = rivals.Timing()
    ours.add({"wall": [1.0], "cpu": [1.0], "peak_mb": 100, "before_first_step": 1.0})
    text = rivals.table({"ours": ours}, [rivals.Trainer("ours"), broken])
    assert text.splitlines()[-1] == "Failed, and not measured: kohya."


def test_the_ratios_are_those_of_the_medians() -> None:
    ours, other = rivals.Timing(), rivals.Timing()
    ours.add({"wall": [1.0, 2.0, 9.0], "cpu": [1.0, 1.0, 1.0], "peak_mb": 100, "before_first_step": 1.0})
    other.add({"wall": [3.0, 5.0, 4.0], "cpu": [2.5, 2.5, 2.5], "peak_mb": 300, "before_first_step": 1.0})
    trainers = [rivals.Trainer("ours"), rivals.Trainer("kohya", work="same")]
    last = rivals.table({"ours": ours, "kohya": other}, trainers).splitlines()[-1]
    assert last == "| kohya | 4.00 | 2.50 | 2.00 | 2.50 | 300 | same |"


def test_the_full_size_is_sd15s() -> None:
    shapes = dict(bases.unet_shapes())
    numbers = 0
    for shape in shapes.values():
        product = 1
        for side in shape:
            product *= side
        numbers += product
    assert numbers == 859_520_964
    assert len(shapes) == 686


@pytest.mark.parametrize(("windows", "low", "high"), [(1, 40, 75), (3, 150, 225)])
def test_captions_fill_the_windows_that_they_are_said_to(
    windows: int, low: int, high: int, tmp_path: Path, comfyui_folder: Path
) -> None:
    folder = bases.write_sprites(tmp_path, 3, 48, windows)
    tokenizer = load_tokenizer(comfyui_folder / "comfy" / "sd1_tokenizer")
    for path in folder.glob("*.txt"):
        ids = tokenizer(path.read_text(encoding="utf-8"), truncation=True, max_length=1000).input_ids
        assert low < len(ids) - 2 <= high
