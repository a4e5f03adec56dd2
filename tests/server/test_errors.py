"""Bad input over the API: one clear sentence before any work starts, and nothing half-written."""

from __future__ import annotations

import json
import shutil
import struct
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import graphs
import pytest

from bespoke_core.errors import BespokeError

if TYPE_CHECKING:
    from bespoke_core.comfyui.client import Client
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.server, pytest.mark.slow]


def failure(client: Client, graph: graphs.Graph) -> str:
    """Return the sentence with which a graph fails, at the door or while it runs."""
    with pytest.raises(BespokeError) as caught:
        client.wait(client.queue(graph), timeout=300).raise_for_failure()
    return str(caught.value)


def train(folder: str, **keys: object) -> graphs.Graph:
    """Return a graph that trains directly on a folder under input."""
    graph = graphs.small("train_lora", Bespoke_TrainLora={"run_name": f"bad {folder}"[:40].replace("/", " ")})
    kept = {n: graph[n] for n in ("3", "4")}
    kept["4"]["inputs"]["dataset_folder"] = folder
    kept["3"]["inputs"].update(keys)
    return kept


@pytest.fixture
def folder(server: ComfyServer, sample_dataset: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the sample data set under input, to be spoilt."""
    name = request.node.name.split("[")[0][-40:]
    target = server.base / "input" / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(sample_dataset, target)
    return target


@pytest.mark.parametrize(
    "path", ["../../etc", "/etc", "input/../../..", "no_such_folder", "C:\\pictures", "a\0b", ""]
)
def test_a_folder_outside_the_allowed_ones_or_absent_is_refused_before_anything_runs(
    client: Client, path: str
) -> None:
    with pytest.raises(BespokeError, match=r"dataset_folder|path"):
        client.queue(train(path))


def test_windows_separators_in_a_relative_path_are_understood(client: Client, server: ComfyServer) -> None:
    graph = graphs.small("clean_captions")
    kept = {"1": graph["1"]}
    (server.base / "input" / "deeper").mkdir(exist_ok=True)
    shutil.copytree(
        server.base / "input" / "bespoke_sample", server.base / "input" / "deeper" / "set", dirs_exist_ok=True
    )
    kept["1"]["inputs"]["dataset_folder"] = "deeper\\set"
    client.wait(client.queue(kept), timeout=60).raise_for_failure()


def test_an_empty_caption_is_named(client: Client, folder: Path) -> None:
    victim = sorted(folder.glob("*.txt"))[0]
    victim.write_text("", encoding="utf-8")
    assert victim.name in failure(client, train(folder.name))


def test_a_caption_that_is_not_utf8_is_named_with_its_byte(client: Client, folder: Path) -> None:
    victim = sorted(folder.glob("*.txt"))[0]
    victim.write_bytes(b"pixel art, caf\xe9")
    message = failure(client, train(folder.name))
    assert victim.name in message
    assert "14" in message


def test_a_picture_without_caption_is_named(client: Client, folder: Path) -> None:
    victim = sorted(folder.glob("*.txt"))[0]
    victim.unlink()
    assert victim.stem in failure(client, train(folder.name))


def test_a_caption_without_picture_is_named(client: Client, folder: Path) -> None:
    victim = sorted(folder.glob("*.png"))[0]
    victim.unlink()
    assert victim.stem in failure(client, train(folder.name))


def test_a_broken_picture_is_named(client: Client, folder: Path) -> None:
    victim = sorted(folder.glob("*.png"))[0]
    victim.write_bytes(victim.read_bytes()[:200])
    assert victim.name in failure(client, train(folder.name))


def test_a_folder_one_level_too_high_is_refused_and_the_right_one_named(client: Client, folder: Path) -> None:
    inner = folder / "portraits"
    inner.mkdir()
    for path in [p for p in folder.iterdir() if p.is_file()]:
        path.rename(inner / path.name)
    assert "portraits" in failure(client, train(folder.name))


def test_names_that_are_not_ascii_work(client: Client, folder: Path) -> None:
    target = folder.with_name("caf\u00e9 \u96ea")
    shutil.rmtree(target, ignore_errors=True)
    folder.rename(target)
    for path in sorted(target.iterdir()):
        path.rename(path.with_name("\u3042_" + path.name))
    graph = {"1": graphs.small("clean_captions")["1"]}
    graph["1"]["inputs"]["dataset_folder"] = target.name
    history = client.wait(client.queue(graph), timeout=60).raise_for_failure()
    assert history.outputs["1"]["bespoke_audit"][0]["captions"] == 8


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("netwrok_dim = 8", "network_dim"),
        ('network_dim = "eight"', "network_dim"),
        ("network_dim = 0", "network_dim"),
        ("v2 = true", "v2"),
        ("network_dim = = 3", "TOML"),
    ],
)
def test_a_wrong_toml_is_refused_by_key_and_value(client: Client, toml: str, expected: str) -> None:
    assert expected in failure(client, train("bespoke_sample", toml=toml + "\n"))


def test_a_patience_without_prompts_to_wait_for_is_refused_when_it_is_queued(client: Client) -> None:
    graph = train("bespoke_sample", sample_prompts="", early_stopping_patience=4)
    with pytest.raises(BespokeError, match=r"early_stopping_patience: 4.*Give sample_prompts"):
        client.queue(graph)


def test_a_base_that_is_not_sd15_is_refused(client: Client, server: ComfyServer) -> None:
    from safetensors.numpy import save_file

    weights = __import__("numpy").zeros((4, 4), dtype="float32")
    save_file({"model.diffusion_model.foo": weights}, server.base / "models/checkpoints/other.safetensors")
    message = failure(client, train("bespoke_sample", ckpt_name="other.safetensors"))
    assert "other.safetensors" in message


def test_a_sweep_on_a_base_that_is_not_sd15_is_refused(client: Client, server: ComfyServer) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    save_file(
        {"conditioner.embedders.0.x": np.zeros(4, dtype="float32")},
        server.base / "models/checkpoints/big.safetensors",
    )
    write_lora(server.base / "output/loras/fine/fine.safetensors", 768)
    graph = graphs.with_inputs(
        lora_graph("loras/fine"), {"CheckpointLoaderSimple": {"ckpt_name": "big.safetensors"}}
    )
    message = failure(client, graph)
    assert "big.safetensors" in message
    assert "SDXL" in message


def lora_graph(run_folder: str) -> graphs.Graph:
    graph = graphs.small("evaluation_sweep", Bespoke_FindCheckpoints={"run_folder": run_folder})
    return graphs.with_inputs(graph, {"Bespoke_Sweep": {"sweep_name": "bad"}})


def write_lora(path: Path, width: int) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    name = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    save_file(
        {
            f"{name}.lora_down.weight": np.zeros((4, width), dtype="float32"),
            f"{name}.lora_up.weight": np.zeros((320, 4), dtype="float32"),
            f"{name}.alpha": np.array(4.0, dtype="float32"),
        },
        path,
    )


def test_a_lora_for_another_architecture_is_refused(client: Client, server: ComfyServer) -> None:
    write_lora(server.base / "output/loras/xl/big.safetensors", 2048)
    message = failure(client, lora_graph("loras/xl"))
    assert "big.safetensors" in message
    assert "SDXL" in message


def test_a_truncated_lora_is_refused(client: Client, server: ComfyServer) -> None:
    path = server.base / "output/loras/cut/cut.safetensors"
    write_lora(path, 768)
    path.write_bytes(path.read_bytes()[:-100])
    assert "truncated" in failure(client, lora_graph("loras/cut"))
    header = path.read_bytes()[:8]
    assert struct.unpack("<Q", header)[0] > 0


def test_cancel_stops_training_within_two_seconds_and_leaves_whole_files_only(
    client: Client, server: ComfyServer
) -> None:
    from bespoke_core.comfyui.job import JobInterruptedError
    from bespoke_core.evaluation.checkpoints import find_checkpoints

    graph = graphs.small("train_lora", Bespoke_TrainLora={"run_name": "cancelled"})
    graph = graphs.with_inputs(graph, {"Bespoke_TrainingConfig": {"max_train_epochs": 500}})
    kept = {n: graph[n] for n in ("2", "3", "4")}
    run_folder = server.base / "output/loras/bespoke/cancelled"
    prompt_id = client.queue(kept)
    outcome: dict[str, object] = {}

    def wait() -> None:
        try:
            client.wait(prompt_id, timeout=300).raise_for_failure()
        except JobInterruptedError:
            outcome["stopped"] = time.monotonic()

    waiting = threading.Thread(target=wait)
    waiting.start()
    deadline = time.monotonic() + 240
    while not list(run_folder.glob("cancelled-*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.1)
    cancelled = time.monotonic()
    client.interrupt()
    waiting.join(60)
    assert "stopped" in outcome, "the job was not interrupted"
    assert float(str(outcome["stopped"])) - cancelled < 2.0
    told = run_folder / "run.json"  # the child may still end its step and save
    while json.loads(told.read_text(encoding="utf-8"))["status"] == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not list(run_folder.rglob("*.tmp"))
    assert find_checkpoints(run_folder)
