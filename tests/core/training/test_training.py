"""Whole runs on the tiny base model, in this process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from bespoke_core.errors import InputError, UserCancelledError
from bespoke_core.training import loop, step, work
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.errors import TrainingError
from bespoke_core.training.plan import make_plan
from bespoke_core.training.state import STATE_FILE

Make = Callable[..., TrainingConfig]


def events(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def stop_after(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Make the next run stop by itself after a step, as a signal would."""
    original = loop.apply_gradients

    def update(*arguments: Any) -> Any:
        done = original(*arguments)
        counter["step"] += 1
        if counter["step"] == step:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGTERM)
        return done

    counter = {"step": 0}
    monkeypatch.setattr(loop, "apply_gradients", update)


def test_a_run_writes_a_file_an_epoch_in_kohyas_form(make_config: Make, tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = work.train_here(make_config(save_precision="fp16"), run)
    assert [path.name for path in result.checkpoints] == ["punks-000001.safetensors", "punks.safetensors"]
    weights = load_file(result.checkpoints[-1])
    modules = {key.rsplit(".", 1)[0].removesuffix(".lora_up").removesuffix(".lora_down") for key in weights}
    # Four transformers of 12 layers each in the UNet, 6 layers in each of 2 text encoder layers.
    assert len([m for m in modules if m.startswith("lora_unet_")]) == 48
    assert len([m for m in modules if m.startswith("lora_te_text_model_encoder_layers_")]) == 12
    assert "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0" in modules
    assert "lora_unet_mid_block_attentions_0_proj_in" in modules
    assert "lora_te_text_model_encoder_layers_1_self_attn_q_proj" in modules
    for module in modules:
        assert float(weights[f"{module}.alpha"]) == 2.0
        assert weights[f"{module}.lora_up.weight"].abs().max() > 0, module
        assert weights[f"{module}.lora_down.weight"].shape[0] == 4
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}


def test_the_files_metadata_is_what_other_tools_read(make_config: Make, tmp_path: Path) -> None:
    import hashlib

    result = work.train_here(make_config(), tmp_path / "run")
    path = result.checkpoints[0]
    with safe_open(path, framework="pt") as file:
        told = file.metadata()
    assert told["ss_output_name"] == "punks"
    assert told["ss_network_module"] == "networks.lora"
    assert (told["ss_network_dim"], told["ss_network_alpha"]) == ("4", "2.0")
    assert (told["ss_epoch"], told["ss_num_epochs"], told["ss_steps"]) == ("1", "2", "3")
    assert told["ss_base_model_version"] == "sd_v1"
    assert json.loads(told["ss_tag_frequency"])["1_punks"]["red hair"] == 6
    assert json.loads(told["ss_bucket_info"])["buckets"]["0"] == {"resolution": [64, 64], "count": 6}
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    assert told["sshs_model_hash"] == hashlib.sha256(data[start:]).hexdigest()
    assert len(told["sshs_legacy_hash"]) == 8


def test_events_tell_the_whole_story(make_config: Make, tmp_path: Path) -> None:
    run = tmp_path / "run"
    work.train_here(make_config(xformers=True), run)
    told = events(run)
    assert told[0]["event"] == "start" and told[-1]["event"] == "finished"
    steps = [event for event in told if event["event"] == "step"]
    assert [event["step"] for event in steps] == [1, 2, 3, 4, 5, 6]
    assert all(event["steps"] == 6 and event["loss"] > 0 and "time" in event for event in steps)
    assert [event["path"] for event in told if event["event"] == "checkpoint"] == [
        "punks-000001.safetensors",
        "punks.safetensors",
    ]
    assert any("SDPA" in event.get("text", "") for event in told)
    manifest = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert manifest["status"] == "finished"
    assert len(manifest["checkpoints"]) == 2
    assert manifest["versions"]["torch"].startswith(torch.__version__.split("+")[0])


def test_keys_that_do_less_than_they_say_are_told_about(make_config: Make, tmp_path: Path) -> None:
    config = make_config(
        max_train_epochs=1, optimizer_type="AdamW8bit", prior_loss_weight=0.5, mixed_precision="bf16"
    )
    work.train_here(config, tmp_path / "run")
    said = " ".join(event["text"] for event in events(tmp_path / "run") if event["event"] == "notice")
    assert all(key in said for key in ("AdamW8bit", "prior_loss_weight", "mixed_precision"))


def test_tensorboard_files_are_written_where_it_is_installed(make_config: Make, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    work.train_here(make_config(max_train_epochs=1, logging_dir=str(tmp_path / "logs")), tmp_path / "run")
    assert list((tmp_path / "logs").rglob("events.out.tfevents.*"))


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(make_config: Make, tmp_path: Path) -> None:
    one = work.train_here(make_config(), tmp_path / "one").checkpoints[-1].read_bytes()
    two = work.train_here(make_config(), tmp_path / "two").checkpoints[-1].read_bytes()
    other = work.train_here(make_config(seed=1), tmp_path / "other").checkpoints[-1].read_bytes()
    assert one == two != other


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_run_stopped_twice_and_resumed_ends_bit_identical(
    make_config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accumulate: int
) -> None:
    config = make_config(gradient_accumulation_steps=accumulate, max_train_epochs=3)
    whole = work.train_here(config, tmp_path / "whole")
    run = tmp_path / "broken"
    for after in (2, 2):  # once in the middle of an epoch, once more after going on
        with monkeypatch.context() as patch:
            stop_after(patch, after)
            with pytest.raises(UserCancelledError):
                work.train_here(config, run, resume=True)
        assert json.loads((run / "run.json").read_text(encoding="utf-8"))["status"] == "cancelled"
    resumed = work.resume_here(run)
    for one, other in zip(whole.checkpoints, resumed.checkpoints, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
    steps = [event["step"] for event in events(run) if event["event"] == "step"]
    assert steps == sorted(set(steps)), "the log counts on from where the run stopped"


def test_a_finished_run_is_not_trained_again_but_a_changed_one_is_refused(
    make_config: Make, dataset: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first = work.train_here(make_config(), run)
    heard: list[str] = []
    again = work.train_here(make_config(), run, listen=lambda event: heard.append(event["event"]))
    assert again == first
    assert heard == ["reused"]
    with pytest.raises(InputError, match="another configuration"):
        work.train_here(make_config(seed=7), run)
    (dataset / "punk0.txt").write_text("changed", encoding="utf-8")
    with pytest.raises(InputError, match="another configuration"):
        work.train_here(make_config(), run)


def test_a_damaged_checkpoint_is_made_again(make_config: Make, tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = work.train_here(make_config(), run)
    before = result.checkpoints[0].read_bytes()
    result.checkpoints[0].write_bytes(before[:-4])
    again = work.train_here(make_config(), run)
    assert again.checkpoints[0].read_bytes() == before


def test_a_state_of_another_run_is_refused(make_config: Make, tmp_path: Path) -> None:
    work.train_here(make_config(seed=1), tmp_path / "one")
    state = tmp_path / "two" / STATE_FILE
    state.parent.mkdir(parents=True)
    shutil.copy(tmp_path / "one" / STATE_FILE, state)
    with pytest.raises(InputError, match="belongs to a run with another"):
        work.train_here(make_config(seed=2), tmp_path / "two", resume=True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"network_train_unet_only": True}, {"lora_unet"}),
        ({"network_train_text_encoder_only": True}, {"lora_te"}),
        ({"text_encoder_lr": 0.0}, {"lora_unet"}),
    ],
)
def test_only_the_asked_part_is_trained(
    make_config: Make, tmp_path: Path, changes: dict[str, Any], expected: set[str]
) -> None:
    result = work.train_here(make_config(max_train_epochs=1, **changes), tmp_path / "run")
    weights = load_file(result.checkpoints[-1])
    assert {"_".join(key.split("_")[:2]) for key in weights} == expected
    assert all(value.abs().max() > 0 for key, value in weights.items() if "lora_up" in key)


@pytest.mark.parametrize(
    "changes",
    [
        {"mixed_precision": "bf16"},
        {"mixed_precision": "fp16"},
        {"gradient_checkpointing": True},
        {"v_parameterization": True},
        {"cache_latents": False},
        {"clip_skip": 2, "max_token_length": 225},
        {"enable_bucket": True, "min_bucket_reso": 64, "bucket_no_upscale": True},
    ],
    ids=str,
)
def test_every_way_of_training_learns_something_finite(
    make_config: Make, tmp_path: Path, changes: dict[str, Any]
) -> None:
    result = work.train_here(make_config(max_train_epochs=1, **changes), tmp_path / "run")
    weights = load_file(result.checkpoints[-1])
    # The layer that clip_skip leaves out has nothing to learn from.
    unused = "lora_te_text_model_encoder_layers_1_" if changes.get("clip_skip") == 2 else "none"
    for key, value in weights.items():
        assert value.isfinite().all(), key
        if "lora_up" in key:
            assert bool(value.abs().max() > 0) != key.startswith(unused), key


def test_gradient_checkpointing_changes_nothing_in_the_result(make_config: Make, tmp_path: Path) -> None:
    plain = load_file(work.train_here(make_config(), tmp_path / "plain").checkpoints[-1])
    saving = work.train_here(make_config(gradient_checkpointing=True), tmp_path / "saving")
    for key, value in load_file(saving.checkpoints[-1]).items():
        assert torch.allclose(value, plain[key], atol=1e-5), key


def test_two_accumulated_batches_weigh_as_one_twice_as_large(make_config: Make, tmp_path: Path) -> None:
    plan = make_plan(make_config(train_batch_size=1, caption_dropout_rate=0.0), tmp_path)
    session = loop.prepare(plan, lambda *_, **__: None, lambda: False)
    halves = [step.batch_loss(session, [n], 1, n) for n in (0, 1)]
    (sum(halves) / 2).backward()
    expected = [p.grad.clone() for p in session.network.parameters()]
    session.optimizer.zero_grad()
    for n in (0, 1):
        (step.batch_loss(session, [n], 1, n) / 2).backward()
    for one, parameter in zip(expected, session.network.parameters(), strict=True):
        assert torch.allclose(one, parameter.grad, atol=1e-6)


def test_latents_kept_on_disk_are_used_again_and_give_the_same_files(
    make_config: Make, tmp_path: Path
) -> None:
    config = make_config(cache_latents_to_disk=True)
    one = work.train_here(config, tmp_path / "one").checkpoints[-1].read_bytes()
    assert len(list((tmp_path / "latents").glob("*.safetensors"))) == 6
    two = work.train_here(config, tmp_path / "two")
    assert two.checkpoints[-1].read_bytes() == one
    caching = [event for event in events(tmp_path / "two") if event["event"] == "caching"]
    assert [event["done"] for event in caching] == [6]


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_pictures(
    make_config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = step.batch_loss

    def broken(session: Any, batch: list[int], epoch: int, number: int) -> torch.Tensor:
        loss = original(session, batch, epoch, number)
        return loss * float("nan") if epoch == 2 else loss

    monkeypatch.setattr(step, "batch_loss", broken)
    run = tmp_path / "run"
    with pytest.raises(TrainingError, match=r"no longer a number; the pictures of that step are punk\d\.png"):
        work.train_here(make_config(), run)
    assert [path.name for path in run.glob("*.safetensors")] == ["punks-000001.safetensors"]
    assert events(run)[-1]["event"] == "failed"
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["status"] == "failed"


def test_a_full_disk_at_save_leaves_the_former_files(
    make_config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bespoke_core.training import kohya_file

    original, calls = kohya_file.write_bytes, []

    def full(path: Path, data: bytes) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        original(path, data)

    monkeypatch.setattr(kohya_file, "write_bytes", full)
    run = tmp_path / "run"
    with pytest.raises(TrainingError, match=r"punks.safetensors could not be written: No space left"):
        work.train_here(make_config(), run)
    assert [path.name for path in run.glob("*.safetensors")] == ["punks-000001.safetensors"]
    assert "Make room" in events(run)[-1]["reason"]


def test_a_disk_without_room_is_refused_before_any_work(
    make_config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil._ntuple_diskusage(10, 10, 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(InputError, match="disk has 0 MiB left"):
        work.train_here(make_config(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"pretrained_model_name_or_path": ""}, "pretrained_model_name_or_path"),
        ({"train_data_dir": ""}, "train_data_dir"),
        ({"tokenizer_path": "nowhere"}, "tokenizer_path"),
    ],
)
def test_a_missing_input_is_refused_by_its_key_before_any_work(
    make_config: Make, tmp_path: Path, changes: dict[str, str], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        work.train_here(make_config(**changes), tmp_path / "run")
    assert caught.value.field == field
    assert not (tmp_path / "run").exists()


def test_steps_without_epochs_end_the_run_in_the_middle_of_one(make_config: Make, tmp_path: Path) -> None:
    config = make_config(max_train_epochs=None, max_train_steps=4)
    result = work.train_here(config, tmp_path / "run")
    assert [path.name for path in result.checkpoints] == ["punks-000001.safetensors", "punks.safetensors"]
    steps = [event["step"] for event in events(tmp_path / "run") if event["event"] == "step"]
    assert steps == [1, 2, 3, 4]
