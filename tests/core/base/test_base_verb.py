"""`bespoke base`: train, pack and measure from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bespoke_core import memory
from bespoke_core.base.shipped import read_record
from bespoke_core.cli import main

torch = pytest.importorskip("torch")

TINY = ["--steps", "4", "--widths", "40,40,40", "--drawings", "8", "--batch-size", "2", "--device", "cpu"]


def test_a_finished_training_is_packed_and_told_as_json(
    trained: Path, packed: Path, tokenizer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["base", "train", "--folder", str(trained), *TINY, "--tokenizer", tokenizer, "--json"]
    assert main(words) == 0
    out = capsys.readouterr()
    told = json.loads(out.out)
    assert "goes on after step 4" in out.err
    assert Path(told["weights"]).read_bytes() == packed.read_bytes()
    assert told["record"] == read_record(packed).told


def test_pack_says_what_it_wrote(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["base", "pack", "--folder", str(trained), "--out", str(tmp_path / "new")]) == 0
    assert "7.6 MB after 4 steps" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "denoiser.json",
        "denoiser.safetensors",
    ]


def test_measure_writes_a_contact_sheet_and_the_record(
    own_weights: Path, tokenizer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    page = tmp_path / "sheet.png"
    words = ["base", "measure", "--weights", str(own_weights), "--count", "2", "--steps", "2", "--compare"]
    words += ["--out", str(page), "--record", "--device", "cpu", "--tokenizer", tokenizer]
    assert main([*words, "--json"]) == 0
    held_out = json.loads(capsys.readouterr().out)["held_out"]
    assert [one["cfg"] for one in held_out] == [4.0, 1.0]
    assert read_record(own_weights).told["held_out"] == held_out
    with Image.open(page) as picture:
        assert picture.size == (12 * 96, 96)
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "guidance 4: the background is right in" in text
    assert "red " in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--widths", "40,80"], "--widths: '40,80': is not three widths"),
        (["train", "--widths", "40,x,80"], "is not three widths"),
        (["train", "--widths", "40,80,90"], "multiples of 40"),
        (["train", "--steps", "0"], "steps: 0: is out of range"),
        (["train", "--drawings", "4"], "drawings: 4: is less than the 32 pictures"),
        (["train", "--tokenizer", "nowhere"], "tokenizer"),
        (["pack", "--folder", "nowhere"], "nowhere: holds no state"),
        (["measure", "--weights", "nowhere.safetensors"], "nowhere.safetensors: is missing"),
        (["measure", "--count", "0"], "--count: 0: is out of range"),
        (["measure", "--steps", "0"], "--steps: 0: is out of range"),
        (["measure", "--cfg", "nan"], "--cfg"),
    ],
)
def test_bad_input_is_refused_before_any_work(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BESPOKE_HOME", str(tmp_path / "home"))
    assert main(["base", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"not weights", None])
def test_what_is_no_weights_file_is_refused_by_name(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np
    from safetensors.numpy import save

    path = tmp_path / "odd.safetensors"
    path.write_bytes(save({"x": np.zeros(3, np.float16)}) if content is None else content)
    assert main(["base", "measure", "--weights", str(path)]) == 2
    assert "odd.safetensors" in capsys.readouterr().err


def test_half_a_network_is_refused_by_name(
    packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.numpy import load_file, save_file

    arrays = load_file(packed)
    del arrays["middle_block.0.in_layers.2.weight"]
    path = tmp_path / "half.safetensors"
    save_file(arrays, path)
    assert main(["base", "measure", "--weights", str(path)]) == 2
    error = capsys.readouterr().err
    assert "half.safetensors" in error
    assert "middle_block.0.in_layers.2.weight" in error


def test_too_little_memory_is_told_before_the_training(
    tokenizer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 2_000_000_000)
    words = ["base", "train", "--folder", str(tmp_path / "new"), "--device", "cpu", "--tokenizer", tokenizer]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert "and 2.0 GB are available" in error
    assert "--drawings" in error
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_not_taken_for_granted(
    tokenizer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["base", "train", "--folder", str(tmp_path / "new"), "--device", "cuda"]
    assert main([*words, "--tokenizer", tokenizer]) == 2
    assert "--device" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_json_may_stand_before_or_after_the_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["base", "--json", "pack"], ["base", "pack", "--json"]):
        assert main([*words, "--folder", str(tmp_path / "none")]) == 2
        assert json.loads(capsys.readouterr().out)["error"]["file"] == str(tmp_path / "none")
