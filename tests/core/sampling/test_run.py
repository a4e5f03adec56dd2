"""Whole runs that are judged while they train."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bespoke_core.errors import InputError
from bespoke_core.sampling import make_judge
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.work import train_here

Make = Callable[..., TrainingConfig]
PROMPTS = "a lad, hat --s 2 --l 2\na lady, hat --s 2 --d 5 --l 1"


def events(run: Path, name: str) -> list[dict[str, Any]]:
    lines = (run / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == name]


def manifest(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return found


def files(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.glob("*.safetensors")}


def test_a_run_with_samples_trains_the_same_bytes_as_one_without(make_config: Make, tmp_path: Path) -> None:
    keys = {"save_precision": "fp16", "network_dropout": 0.2, "gradient_checkpointing": True}
    train_here(make_config(**keys), tmp_path / "plain")
    sampled = make_config(
        **keys,
        sample_prompts=PROMPTS,
        sample_at_first=True,
        sample_every_n_epochs=1,
        sample_sampler="euler_a",
    )
    train_here(sampled, tmp_path / "sampled", make_judge=make_judge)
    assert files(tmp_path / "sampled") == files(tmp_path / "plain")
    assert len(events(tmp_path / "sampled", "samples")) == 3

    steps = make_config(**keys, sample_prompts=PROMPTS, sample_every_n_steps=2)
    train_here(steps, tmp_path / "steps", make_judge=make_judge)
    assert files(tmp_path / "steps") == files(tmp_path / "plain")
    assert [event["step"] for event in events(tmp_path / "steps", "samples")] == [2, 4, 6]


# No epoch can be better than the first by a thousand colours, so the patience is at its end after epoch 3.
STOPPING = {
    "max_train_epochs": 5,
    "sample_prompts": PROMPTS,
    "early_stopping_patience": 2,
    "early_stopping_threshold": 1000.0,
    "lr_warmup_steps": 0,
}


def test_a_run_stops_early_marks_the_best_epoch_and_deletes_nothing(
    make_config: Make, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    result = train_here(make_config(**STOPPING), run, make_judge=make_judge)
    names = ["punks-000001.safetensors", "punks-000002.safetensors", "punks-000003.safetensors"]
    assert [path.name for path in result.checkpoints] == names == sorted(files(run))
    told = manifest(run)
    assert told["status"] == "finished" and told["stopped_early"]["epoch"] == 3
    assert told["best"]["file"] in names and told["best"]["metric"] == "unique_colors"
    assert events(run, "early_stop")[0]["epoch"] == 3
    assert events(run, "best")[-1]["path"] == told["best"]["file"]

    before = files(run)
    heard: list[str] = []
    again = train_here(
        make_config(**STOPPING), run, make_judge=make_judge, listen=lambda event: heard.append(event["event"])
    )
    assert heard == ["reused"] and again == result, "an unchanged finished run returns at once"

    more = {**STOPPING, "early_stopping_patience": 0}
    longer = train_here(make_config(**more), run, resume=True, make_judge=make_judge)
    assert len(longer.checkpoints) == 5 and longer.checkpoints[-1].name == "punks.safetensors"
    assert {name: files(run)[name] for name in names} == before, "with more patience it goes on"


def test_prompts_that_cannot_be_read_stop_the_run_before_anything_is_written(
    make_config: Make, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="--q"):
        train_here(make_config(sample_prompts="a lad --q 3"), tmp_path / "run", make_judge=make_judge)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_while_an_epoch_is_judged_a_run_goes_on_to_the_same_end(
    make_config: Make, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    config = make_config(**STOPPING)
    train_here(config, whole, make_judge=make_judge)
    child = os.fork()  # a process of its own that need not import everything once more
    if child == 0:
        try:
            train_here(config, killed, make_judge=make_judge)
        finally:
            os._exit(0)
    log = killed / "events.jsonl"
    try:
        end = time.monotonic() + 120
        while not (log.exists() and '"event": "sampling"' in log.read_text(encoding="utf-8")):
            assert time.monotonic() < end
            time.sleep(0.005)
    finally:
        os.kill(child, signal.SIGKILL)
        ended = os.waitpid(child, 0)[1]
    assert os.waitstatus_to_exitcode(ended) == -signal.SIGKILL, "it had ended before"
    train_here(config, killed, resume=True, make_judge=make_judge)
    assert files(killed) == files(whole)
    assert manifest(killed)["best"] == manifest(whole)["best"]
    scores = Path("samples") / "scores.json"
    assert (killed / scores).read_bytes() == (whole / scores).read_bytes()


@pytest.mark.slow
def test_the_small_base_model_learns_a_style_burns_it_and_the_run_stops_with_the_best_epoch_marked(
    make_config: Make, nano_base: Path, tmp_path: Path
) -> None:
    from bespoke_core.quickstart.sample_dataset import write_sample_dataset

    write_sample_dataset(tmp_path / "data", count=4, seed=0)
    config = make_config(
        pretrained_model_name_or_path=str(nano_base),
        train_data_dir=str(tmp_path / "data"),
        resolution=192,
        network_train_unet_only=True,
        network_dim=16,
        network_alpha=16.0,
        learning_rate=2e-2,
        lr_scheduler="constant_with_warmup",
        lr_warmup_steps=8,
        max_token_length=75,
        max_train_epochs=20,
        train_batch_size=4,
        sample_prompts="portrait of bespoke punk lady, black hair, pink background --s 5 --l 1",
        early_stopping_metric="edge_distance",
        early_stopping_patience=3,
    )
    run = tmp_path / "run"
    result = train_here(config, run, make_judge=make_judge)
    told = manifest(run)
    last = told["stopped_early"]["epoch"]
    assert 5 <= last < 20 and len(result.checkpoints) == last
    values = {event["epoch"]: event["scores"] for event in events(run, "samples")}
    followers = {e: s["edge_distance"] for e, s in values.items() if s["follows_prompts"] is not False}
    assert told["best"]["epoch"] == min(followers, key=lambda epoch: followers[epoch]) == last - 3
    assert (run / told["best"]["file"]).is_file()


def test_the_held_out_loss_alone_stops_a_run_and_marks_its_best_epoch(
    make_config: Make, tmp_path: Path
) -> None:
    keys = {
        **STOPPING,
        "sample_prompts": "",
        "early_stopping_metric": "held_out_loss",
        "validation_split": 0.34,
    }
    run = tmp_path / "run"
    train_here(make_config(**keys), run, make_judge=make_judge)
    told, losses = manifest(run), {e["epoch"]: e["loss"] for e in events(run, "validation")}
    assert told["stopped_early"]["epoch"] == 3
    best = min(losses, key=lambda epoch: losses[epoch])
    assert told["best"] == {
        "file": f"punks-{best:06d}.safetensors",
        "epoch": best,
        "metric": "held_out_loss",
        "value": pytest.approx(losses[best], abs=1e-9),
    }
    assert not list(run.rglob("*.png"))
