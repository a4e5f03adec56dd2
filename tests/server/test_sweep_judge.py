"""A whole run whose epochs are swept on a real server as they appear."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bespoke_core.cli import main
from bespoke_core.comfyui.sweep_judge import SweepJudge

if TYPE_CHECKING:
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.server, pytest.mark.slow]

PLAN = """
name = "as it trains"
base_checkpoint = "bespoke_base.safetensors"
seeds = [5]
[prompts]
green = "pixel art portrait, bright green background"
[sampler]
steps = 2
width = 64
height = 64
"""
CONFIG = """
pretrained_model_name_or_path = "{base}"
train_data_dir = "{data}"
output_name = "early"
resolution = 64
network_dim = 2
max_train_epochs = 2
train_batch_size = 8
network_train_unet_only = true
max_token_length = 75
tokenizer_path = "{tokenizer}"
"""

BURNT_PLAN = """
name = "burns"
base_checkpoint = "bespoke_base.safetensors"
seeds = "1-3"
training_set = "bespoke_sample"
by = "edge_distance"
with_base = false
with_vae_floor = false
[prompts]
green = "pixel art, 24x24, portrait of bespoke punk lad, bright green background"
blue = "pixel art, 24x24, portrait of bespoke punk lad, blue background"
pink = "pixel art, 24x24, portrait of bespoke punk lady, pink background"
[sampler]
steps = 4
cfg = 5.0
width = 128
height = 128
"""
BURNS = {
    '"early"': '"burns"',
    "resolution = 64": "resolution = 128",
    "network_dim = 2": "network_dim = 8\nnetwork_alpha = 8",
    "max_train_epochs = 2": "max_train_epochs = 3\ndataset_repeats = 3",
    "train_batch_size = 8": "train_batch_size = 4",
    # It climbs without end: the first epoch learns the style, the second one burns it.
    "network_train_unet_only = true": "network_train_unet_only = true\nlearning_rate = 0.03\n"
    'lr_scheduler = "constant_with_warmup"\nlr_warmup_steps = 48\nseed = 1',
}


def test_every_epoch_is_swept_also_one_that_was_missed_and_the_best_is_marked(
    server: ComfyServer,
    base_checkpoint: Path,
    sample_dataset: Path,
    comfyui_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from bespoke_core.comfyui.job import ServerGoneError

    plan, config = tmp_path / "plan.toml", tmp_path / "config.toml"
    tokenizer = comfyui_folder / "comfy" / "sd1_tokenizer"
    plan.write_text(PLAN, encoding="utf-8")
    text = CONFIG.format(base=base_checkpoint, data=sample_dataset, tokenizer=tokenizer)
    config.write_text(text, encoding="utf-8")
    command = ["train", str(config), "--sweep", str(plan), "--server", server.url, "--run-folder"]

    assert main([*command, str(tmp_path / "unseen")]) == 2
    assert "LoraLoader" in capsys.readouterr().err
    assert not (tmp_path / "unseen").exists()

    drawn, run = SweepJudge._run, server.base / "models" / "loras" / "early"

    def away_at_first(self: SweepJudge, epoch: int, step: int, tell: Any) -> Any:
        if epoch == 1:
            raise ServerGoneError("the server does not answer.")
        return drawn(self, epoch, step, tell)

    monkeypatch.setattr(SweepJudge, "_run", away_at_first)

    def stopped(*given: Any, **more: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as until_the_second:
        until_the_second.setattr(SweepJudge, "after_epoch", stopped)
        assert main([*command, str(run)]) == 130
    plan.unlink()
    assert main(["resume", str(run)]) == 0
    out = capsys.readouterr().out
    assert f"every epoch is swept on {server.url}" in out
    assert "early-000001 was not judged" in out and "best: epoch" in out
    told = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert told["status"] == "finished"
    assert told["best"]["file"] in {"early-000001.safetensors", "early.safetensors"}
    assert told["best"]["metric"] == "unique_colors"
    assert (run / told["best"]["file"]).is_file()
    rows = (run / "samples" / "table.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 4, "the base model and both epochs"
    assert len(list((run / "samples" / "cells").glob("*.png"))) == 3
    assert main(["verdict", str(run / "samples" / "table.csv")]) == 0


def test_a_run_whose_pictures_get_worse_stops_early_and_goes_on_when_it_is_asked_for_more_patience(
    server: ComfyServer,
    base_checkpoint: Path,
    sample_dataset: Path,
    comfyui_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan, config = tmp_path / "plan.toml", tmp_path / "config.toml"
    plan.write_text(BURNT_PLAN, encoding="utf-8")
    tokenizer = comfyui_folder / "comfy" / "sd1_tokenizer"
    text = CONFIG.format(base=base_checkpoint, data=sample_dataset, tokenizer=tokenizer)
    for former, now in BURNS.items():
        assert former in text
        text = text.replace(former, now)
    config.write_text(text, encoding="utf-8")
    run = server.base / "models" / "loras" / "burns"
    command = ["train", str(config), "--sweep", str(plan), "--server", server.url, "--run-folder", str(run)]

    assert main([*command, "--patience", "1"]) == 0
    assert (
        "stopped early: The last epoch is worse than an earlier one, beyond chance" in capsys.readouterr().out
    )
    told = json.loads((run / "run.json").read_text(encoding="utf-8"))
    stopped = told["stopped_early"]
    assert (told["status"], stopped["epoch"], stopped["patience"]) == ("finished", 2, 1)
    assert (told["best"]["epoch"], told["best"]["file"]) == (1, "burns-000001.safetensors")
    means = epoch_means(run / "samples" / "table.csv")
    assert means[2] > 1.2 * means[1], "the pictures are truly worse"
    first = {path.name: path.read_bytes() for path in run.glob("*.safetensors")}
    assert sorted(first) == ["burns-000001.safetensors", "burns-000002.safetensors"]
    drawn = {path.name: path.stat().st_mtime_ns for path in (run / "samples" / "cells").glob("*.png")}
    assert len(drawn) == 18
    there = server.base / "output" / "bespoke" / "sweeps" / "burns" / "cells"
    on_server = {path.name: path.stat().st_mtime_ns for path in there.glob("*.png")}

    assert main([*command, "--patience", "3"]) == 0
    told = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert told["stopped_early"] is None and (run / "burns.safetensors").is_file()
    assert told["best"]["epoch"] == 1
    assert {name: (run / name).read_bytes() for name in first} == first
    for folder, before in ((run / "samples" / "cells", drawn), (there, on_server)):
        now = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.png")}
        assert len(now) == 27 and {name: now[name] for name in before} == before, "nothing is drawn twice"


def epoch_means(table: Path) -> dict[int | None, float]:
    from bespoke_core.evaluation.table import read_csv

    rows = read_csv(table)
    scores = {epoch: [r.number("edge_distance") or 0.0 for r in rows if r.epoch == epoch] for epoch in (1, 2)}
    return {epoch: sum(found) / len(found) for epoch, found in scores.items()}
