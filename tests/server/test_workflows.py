"""Each shipped workflow queued on a real ComfyUI over its HTTP API, at a small size."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any

import graphs
import pytest
from PIL import Image

if TYPE_CHECKING:
    from bespoke_core.comfyui.client import Client
    from bespoke_core.comfyui.job import History
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.server, pytest.mark.slow]


def run(client: Client, graph: graphs.Graph) -> History:
    return client.wait(client.queue(graph), timeout=400).raise_for_failure()


def assert_nothing_runs(client: Client, graph: graphs.Graph) -> None:
    """Queue a graph that has just run: every node must come from ComfyUI's cache."""
    assert set(graph) <= run(client, graph).cached_nodes


def ui(history: History, graph: graphs.Graph, class_type: str) -> dict[str, Any]:
    (node_id,) = graphs.nodes_of(graph, class_type)
    return history.outputs[node_id]


def draw_with_lora(lora: str, **settings: Any) -> graphs.Graph:
    """Return the graph that a user would wire with core's own nodes to draw with one LoRA of the loop."""
    sampler = {"seed": 3, "steps": 2, "cfg": 7.5, "sampler_name": "euler", "scheduler": "normal"}
    sampler |= {key: settings[key] for key in sampler if key in settings}
    prompt = settings.get("prompt", "pixel art portrait, bright green background")

    def node(class_type: str, **inputs: Any) -> dict[str, Any]:
        return {"class_type": class_type, "inputs": inputs}

    return {
        "1": node("CheckpointLoaderSimple", ckpt_name="bespoke_base.safetensors"),
        "2": node(
            "LoraLoader",
            model=["1", 0],
            clip=["1", 1],
            lora_name=f"bespoke/loop/{lora}.safetensors",
            strength_model=1.0,
            strength_clip=1.0,
        ),
        "3": node("CLIPTextEncode", clip=["2", 1], text=prompt),
        "4": node("CLIPTextEncode", clip=["2", 1], text=settings.get("negative_prompt", "")),
        "5": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "6": node(
            "KSampler",
            model=["2", 0],
            positive=["3", 0],
            negative=["4", 0],
            latent_image=["5", 0],
            denoise=1.0,
            **sampler,
        ),
        "7": node("VAEDecode", samples=["6", 0], vae=["1", 2]),
        "8": node("SaveImage", images=["7", 0], filename_prefix="own"),
    }


@pytest.fixture(scope="module")
def whole_loop(client_of_module: Client) -> tuple[graphs.Graph, History]:
    """The whole loop, run once; the tests below look at what it left behind."""
    graph = graphs.small("whole_loop", Bespoke_TrainLora={"run_name": "loop"})
    graph = graphs.with_inputs(
        graph,
        {
            "Bespoke_Sweep": {"sweep_name": "loop"},
            "Bespoke_SaveReport": {"report_folder": "bespoke/reports/loop"},
        },
    )
    return graph, run(client_of_module, graph)


@pytest.fixture(scope="module")
def client_of_module(server: ComfyServer) -> Client:
    from bespoke_core.comfyui.client import Client

    return Client(server.url)


def test_the_pack_loads_without_a_failure_in_the_servers_log(server: ComfyServer, client: Client) -> None:
    assert "IMPORT FAILED" not in server.log.read_text(encoding="utf-8", errors="replace")
    assert "Bespoke_Sweep" in client.object_info()


def test_test_prompts_are_read_from_a_file_and_read_again_when_it_changes(
    client: Client, server: ComfyServer
) -> None:
    def listed() -> str:
        graph = {
            "1": {
                "class_type": "Bespoke_TestPrompts",
                "inputs": {"prompts": "scenes.txt", "scenes": "none"},
            },
            "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 1]}},
        }
        return run(client, graph).outputs["2"]["text"][0]

    path = server.base / "input" / "scenes.txt"
    path.write_text("green: a lad, green background\n", encoding="utf-8")
    assert listed() == "green: a lad, green background"
    path.write_text("red: a lady with a red hat\n", encoding="utf-8")
    assert listed() == "red: a lady with a red hat"


def test_the_templates_browser_lists_every_shipped_workflow(client: Client, server: ComfyServer) -> None:
    from urllib.request import urlopen

    with urlopen(f"{server.url}/api/workflow_templates") as reply:
        templates = json.load(reply)
    assert sorted(templates["Odd-pack.name_1"]) == sorted(graphs.NAMES)


def test_clean_captions_reports_before_and_after_and_writes_a_training_ready_folder(
    client: Client, server: ComfyServer
) -> None:
    graph = graphs.small("clean_captions")
    history = run(client, graph)
    before, after = (history.outputs[n]["bespoke_audit"][0] for n in ("1", "3"))
    assert before["codes"] > 0
    assert after["codes"] == 0
    cleaned = server.base / "output" / "bespoke" / "datasets" / "bespoke_sample_clean"
    assert len(list(cleaned.glob("*.txt"))) == len(list(cleaned.glob("*.png"))) == 8
    assert "#" not in "".join(p.read_text(encoding="utf-8") for p in cleaned.glob("*.txt"))
    assert_nothing_runs(client, graph)


def test_the_whole_loop_ends_with_a_checkpoint_to_use_and_a_report_that_opens(
    whole_loop: tuple[graphs.Graph, History], server: ComfyServer
) -> None:
    graph, history = whole_loop
    verdict = ui(history, graph, "Bespoke_Verdict")["bespoke_verdict"][0]
    assert {row["checkpoint"] for row in verdict["ranking"]} >= {"loop-000001", "loop"}
    folder = server.base / "output" / "bespoke" / "reports" / "loop"
    assert {"report.html", "report.md", "table.csv", "verdict.json"} <= {p.name for p in folder.iterdir()}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    with (folder / "table.csv").open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    # 2 checkpoints and the base, 2 prompts, 2 seeds
    assert len(rows) == 12
    assert {row["checkpoint"] for row in rows} == {"base", "loop-000001", "loop"}


def test_every_trained_checkpoint_is_whole_and_named_as_kohya_names_it(
    whole_loop: tuple[graphs.Graph, History], server: ComfyServer
) -> None:
    from bespoke_core.evaluation.checkpoints import find_checkpoints

    found = find_checkpoints(server.base / "output" / "loras" / "bespoke" / "loop")
    assert [(c.name, c.epoch) for c in found] == [("loop-000001", 1), ("loop", 2)]


def test_no_lora_key_is_left_out_by_comfyui(
    whole_loop: tuple[graphs.Graph, History], server: ComfyServer
) -> None:
    assert "lora key not loaded" not in server.log.read_text(encoding="utf-8", errors="replace")


def test_every_picture_of_the_sweep_is_on_disk_with_its_settings_and_hash(
    whole_loop: tuple[graphs.Graph, History], server: ComfyServer
) -> None:
    from bespoke_core.evaluation.opening import open_sweep
    from bespoke_core.files import sha256_of_file

    cells = server.base / "output" / "bespoke" / "sweeps" / "loop" / "cells"
    records = [record for _, record in open_sweep(cells.parent).finished()]
    assert len(records) == 12
    for record in records:
        assert sha256_of_file(cells / record.picture) == record.picture_sha256
        with Image.open(cells / record.picture) as picture:
            assert picture.size == (64, 64)
            assert json.loads(picture.info["bespoke"])["seed"] == record.settings["seed"]
    assert sum(record.settings["checkpoint"] == "base" for record in records) == 4


def test_a_cells_picture_is_the_picture_that_the_users_own_graph_makes(
    whole_loop: tuple[graphs.Graph, History], server: ComfyServer, client: Client
) -> None:
    import numpy as np

    from bespoke_core.evaluation.opening import open_sweep

    cells = server.base / "output" / "bespoke" / "sweeps" / "loop" / "cells"
    records = [record for _, record in open_sweep(cells.parent).finished()]
    record = next(r for r in records if r.settings["epoch"] == 2 and r.settings["seed"] == 2)
    saved = run(client, draw_with_lora("loop", **record.settings)).outputs["8"]["images"][0]
    own = np.asarray(Image.open(server.base / "output" / saved["subfolder"] / saved["filename"]))
    swept = np.asarray(Image.open(cells / record.picture))
    assert np.array_equal(own, swept)


@pytest.mark.parametrize(("epoch", "name"), [(1, "loop-000001"), (0, "loop")])
def test_load_checkpoint_draws_what_cores_load_lora_draws(
    whole_loop: tuple[graphs.Graph, History], client: Client, server: ComfyServer, epoch: int, name: str
) -> None:
    import numpy as np

    core, ours = draw_with_lora(name), draw_with_lora(name)
    ours["9"] = {
        "class_type": "Bespoke_FindCheckpoints",
        "inputs": {"run_folder": "loras/bespoke/loop", "pattern": "*"},
    }
    ours["2"] = {
        "class_type": "Bespoke_LoadCheckpoint",
        "inputs": {
            "model": ["1", 0],
            "clip": ["1", 1],
            "checkpoints": ["9", 0],
            "epoch": epoch,
            "strength_model": 1.0,
            "strength_clip": 1.0,
        },
    }
    pictures = []
    for graph in (core, ours):
        saved = run(client, graph).outputs["8"]["images"][0]
        pictures.append(
            np.asarray(Image.open(server.base / "output" / saved["subfolder"] / saved["filename"]))
        )
    assert np.array_equal(*pictures)


def test_queueing_the_same_graph_again_runs_nothing(
    whole_loop: tuple[graphs.Graph, History], client: Client
) -> None:
    graph, _ = whole_loop
    run(client, graph)
    assert_nothing_runs(client, graph)


def test_after_a_restart_nothing_is_trained_or_drawn_again(
    whole_loop: tuple[graphs.Graph, History], server: ComfyServer
) -> None:
    from bespoke_core.comfyui.client import Client

    graph, _ = whole_loop
    cells = server.base / "output" / "bespoke" / "sweeps" / "loop" / "cells"
    run_folder = server.base / "output" / "loras" / "bespoke" / "loop"
    before = {p: p.stat().st_mtime_ns for p in (*cells.iterdir(), *run_folder.glob("*.safetensors"))}
    server.stop()
    server.start()
    run(Client(server.url), graph)
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert set(cells.iterdir()) <= set(before)


def test_train_lora_shows_its_progress_loads_its_last_epoch_and_counts_a_sprites_colors(
    client: Client,
) -> None:
    graph = graphs.small("train_lora", Bespoke_TrainLora={"run_name": "alone"})
    events: list[dict[str, Any]] = []
    history = client.wait(client.queue(graph), events.append, timeout=400).raise_for_failure()
    (trainer,) = graphs.nodes_of(graph, "Bespoke_TrainLora")
    shown = [
        e["data"]["text"] for e in events if e["type"] == "progress_text" and e["data"]["node"] == trainer
    ]
    # Of steps that end between two looks at the run, the node shows the last line only.
    assert any(re.search(r"step [1-4]/4, loss \d", text) for text in shown), shown
    steps = [e["data"] for e in events if e["type"] == "progress" and e["data"].get("node") == trainer]
    assert steps[-1]["value"] == steps[-1]["max"] == 4
    counts = ui(history, graph, "Bespoke_CountColors")["unique_colors"]
    assert len(counts) == 1
    assert 1 <= counts[0] <= 24 * 24
    assert_nothing_runs(client, graph)


def test_evaluation_sweep_works_on_a_run_that_is_there_already(
    whole_loop: tuple[graphs.Graph, History], client: Client
) -> None:
    graph = graphs.small("evaluation_sweep", Bespoke_FindCheckpoints={"run_folder": "loras/bespoke/loop"})
    graph = graphs.with_inputs(graph, {"Bespoke_Sweep": {"sweep_name": "again"}})
    verdict = ui(run(client, graph), graph, "Bespoke_Verdict")["bespoke_verdict"][0]
    assert {row["checkpoint"] for row in verdict["ranking"]} >= {"loop-000001", "loop"}
    assert_nothing_runs(client, graph)


def test_one_more_seed_draws_only_the_new_pictures(
    whole_loop: tuple[graphs.Graph, History], client: Client, server: ComfyServer
) -> None:
    graph, _ = whole_loop
    cells = server.base / "output" / "bespoke" / "sweeps" / "loop" / "cells"
    before = {p: p.stat().st_mtime_ns for p in cells.glob("*.png")}
    more = graphs.with_inputs(graph, {"Bespoke_Sweep": {"seeds": "1, 2, 3"}})
    run(client, more)
    after = {p: p.stat().st_mtime_ns for p in cells.glob("*.png")}
    assert {p: after[p] for p in before} == before
    assert len(after) == len(before) + 6
