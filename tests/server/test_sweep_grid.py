"""Grids, several runs and what goes wrong on the way, on a real server."""

from __future__ import annotations

import io
import os
import re
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphs
import numpy as np
import pytest
from loras import write_lora
from PIL import Image

from bespoke_core.errors import BespokeError
from bespoke_core.files import key_of

if TYPE_CHECKING:
    from bespoke_core.comfyui.client import Client
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.server, pytest.mark.slow]

TEXT = "pixel art portrait, bright green background"
GRID = {
    **{"strength": "0.5/1.0, 1.0/0.3", "cfg": "1.5, 7", "negative_prompt": "(none)\nblurry"},
    **{"sampler_name": "", "scheduler": "", "steps": "", "size": "64x128"},
}


class Sweeps:
    """Runs sweeps without a verdict and reads what they leave."""

    def __init__(self, client: Client, server: ComfyServer, name: str) -> None:
        self.client, self.name = client, name
        self.loras = server.base / "output" / "loras" / name
        self.folder = server.base / "output" / "bespoke" / "sweeps" / name
        self.store = server.base / "output" / "bespoke" / "results.sqlite"

    def graph(self, grid: dict[str, str] | None = None, **sweep: Any) -> graphs.Graph:
        values = {"sweep_name": self.name, "steps": 1, "seeds": "1", "width": 64, "height": 64, **sweep}
        graph = graphs.with_inputs(
            graphs.shipped("evaluation_sweep"),
            {
                "Bespoke_FindCheckpoints": {"run_folder": f"loras/{self.name}"},
                "Bespoke_TestPrompts": {"prompts": f"green: {TEXT}", "scenes": "none"},
                "Bespoke_Sweep": values,
            },
        )
        graph = {n: graph[n] for n in ("1", "2", "3", "4")}
        if grid is not None:
            graph["9"] = {"class_type": "Bespoke_SweepGrid", "inputs": {**dict.fromkeys(GRID, ""), **grid}}
            graph["4"]["inputs"]["grid"] = ["9", 0]
        return graph

    def run(self, grid: dict[str, str] | None = None, **sweep: Any) -> list[dict[str, Any]]:
        """Run a sweep; return what each cell told while it ran, in the order in which they finished."""
        return self.run_graph(self.graph(grid, **sweep))

    def run_graph(self, graph: graphs.Graph) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = []

        def listen(event: dict[str, Any]) -> None:
            output = event["data"].get("output") if event["type"] == "executed" else None
            told.extend((output or {}).get("bespoke_cell", []))

        self.client.wait(self.client.queue(graph), on_event=listen, timeout=300).raise_for_failure()
        return told

    def pictures(self) -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in (self.folder / "cells").glob("*.png")}


@pytest.fixture
def sweeps(client: Client, server: ComfyServer, request: pytest.FixtureRequest) -> Sweeps:
    return Sweeps(client, server, key_of(request.node.name)[:12])


def own_graph(settings: dict[str, Any], lora: str) -> graphs.Graph:
    """The graph that a user draws by hand: load, LoraLoader, encode, KSampler, decode, save."""
    size = {"width": settings["width"], "height": settings["height"], "batch_size": 1}
    sampler = {name: settings[name] for name in ("seed", "steps", "cfg", "sampler_name", "scheduler")}
    strengths = {name: settings[name] for name in ("strength_model", "strength_clip")}
    base = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "bespoke_base.safetensors"}}
    source = "1" if settings["checkpoint_sha256"] is None else "2"
    encode = "CLIPTextEncode"
    links = {"model": [source, 0], "positive": ["3", 0], "negative": ["4", 0], "latent_image": ["5", 0]}
    inputs = {"model": ["1", 0], "clip": ["1", 1], "lora_name": lora, **strengths}
    return {
        "1": base,
        "2": {"class_type": "LoraLoader", "inputs": inputs},
        "3": {"class_type": encode, "inputs": {"clip": [source, 1], "text": settings["prompt"]}},
        "4": {"class_type": encode, "inputs": {"clip": [source, 1], "text": settings["negative_prompt"]}},
        "5": {"class_type": "EmptyLatentImage", "inputs": size},
        "6": {"class_type": "KSampler", "inputs": {**links, **sampler, "denoise": 1.0}},
        "7": {"class_type": "VAEDecode", "inputs": {"samples": ["6", 0], "vae": ["1", 2]}},
        "8": {"class_type": "SaveImage", "inputs": {"images": ["7", 0], "filename_prefix": "by_hand"}},
    }


def test_every_cell_of_a_grid_is_bit_for_bit_the_picture_of_ones_own_graph(sweeps: Sweeps) -> None:
    write_lora(sweeps.loras / "one.safetensors", 0.3)
    told = sweeps.run(GRID)
    # 2 strengths x 2 guidances x 2 negative prompts with the LoRA; without it strengths are one
    assert len(told) == 8 + 4
    for cell in told:
        graph = own_graph(cell["settings"], f"{sweeps.name}/one.safetensors")
        saved = sweeps.client.wait(sweeps.client.queue(graph), timeout=120).outputs["8"]["images"][0]
        by_hand = Image.open(io.BytesIO(sweeps.client.view(saved["filename"])))
        with Image.open(sweeps.folder / "cells" / cell["picture"]) as ours:
            assert np.array_equal(np.asarray(ours), np.asarray(by_hand)), cell["settings"]
    assert len({cell["picture_sha256"] for cell in told}) == 12, "a setting made no difference"


def test_a_lora_is_patched_once_and_each_cell_tells_how_far_the_sweep_is(sweeps: Sweeps) -> None:
    for epoch in (1, 2):
        write_lora(sweeps.loras / f"run-{epoch:06}.safetensors", 0.3 * epoch)
    told = sweeps.run({"strength": "0.5, 1.0"}, seeds="1, 2")
    order = [(cell["settings"]["checkpoint"], cell["settings"]["strength_model"]) for cell in told]
    runs = [one for index, one in enumerate(order) if index == 0 or order[index - 1] != one]
    assert len(runs) == len(set(order)) == 5, "a LoRA was left and taken up again"
    assert [(cell["done"], cell["total"]) for cell in told] == [(n, 10) for n in range(1, 11)]
    assert all(cell["seconds_left"] >= 0 for cell in told)
    with sqlite3.connect(sweeps.store) as connection:
        found = connection.execute(
            "SELECT count(*), min(seconds), max(device) FROM cells WHERE folder = ?",
            (f"sweeps/{sweeps.name}",),
        ).fetchone()
    assert found[0] == 10
    assert found[1] > 0
    assert found[2] == "cpu"


def test_each_text_is_encoded_and_each_lora_loaded_once_and_queueing_again_runs_nothing(
    sweeps: Sweeps,
) -> None:
    for epoch in (1, 2):
        write_lora(sweeps.loras / f"run-{epoch:06}.safetensors", 0.3 * epoch)
    grid = {"strength": "0.5/1.0, 1.0/1.0", "negative_prompt": "(none)\nblurry"}
    graph = sweeps.graph(grid, seeds="1, 2")
    graph["3"]["inputs"]["prompts"] = f"green: {TEXT}\nred: a red background"
    ran: list[str] = []

    def listen(event: dict[str, Any]) -> None:
        if event["type"] == "executing" and event["data"].get("node"):
            ran.append(re.sub(r"^(\d+\.)+", "", event["data"]["node"]))  # without the sweep's own number

    def run() -> frozenset[str]:
        ran.clear()
        return sweeps.client.wait(sweeps.client.queue(graph), listen, timeout=300).cached_nodes

    run()
    counted = Counter(node.partition("_")[0] for node in ran)
    sources = 3  # the base model and two checkpoints; the strength of their text encoders is the same
    texts = 4  # two prompts, without and with a negative prompt
    assert counted["text"] == sources * texts
    assert counted["check"] == 2
    assert counted["lora"] == 2 * 2, "once for each checkpoint and strength"
    assert counted["sample"] == counted["cell"] == 40, "8 without a LoRA, 16 with each"
    assert counted["latent"] == 1
    assert max(Counter(ran).values()) == 1
    assert run() == {"1", "2", "3", "4", "9"}
    assert ran == []


def test_a_dry_run_tells_pictures_and_time_and_draws_nothing(sweeps: Sweeps) -> None:
    write_lora(sweeps.loras / "one.safetensors", 0.3)

    # a number of steps that no other sweep of this server has, so that its time is not known
    def told(**sweep: Any) -> dict[str, Any]:
        graph = sweeps.graph(seeds="1, 2", dry_run=True, steps=5, **sweep)
        return sweeps.client.wait(sweeps.client.queue(graph), timeout=60).outputs["4"]

    first = told()
    assert first["bespoke_sweep_plan"][0]["seconds"] is None
    assert "not known yet" in first["text"][0]
    assert not sweeps.folder.exists()
    sweeps.run(seeds="1", steps=5)
    again = told()
    assert (again["bespoke_sweep_plan"][0]["pictures"], again["bespoke_sweep_plan"][0]["missing"]) == (4, 2)
    assert again["bespoke_sweep_plan"][0]["seconds"] > 0


def test_several_runs_stand_under_their_labels_in_one_sweep(sweeps: Sweeps) -> None:
    for run, strength in (("dim16", 0.2), ("dim32", 0.6)):
        write_lora(sweeps.loras / run / "lora-000001.safetensors", strength)
    graph = sweeps.graph()
    lines = "\n".join(f"{run}: loras/{sweeps.name}/{run}" for run in ("dim16", "dim32"))
    graph["2"] = {"class_type": "Bespoke_FindRuns", "inputs": {"runs": lines}}
    sweeps.run_graph(graph)
    table = (sweeps.folder / "table.csv").read_text(encoding="utf-8")
    assert "dim16/lora-000001,1,green,1,dim16," in table
    assert "dim32/lora-000001,1,green,1,dim32," in table


@pytest.mark.parametrize("fate", ["deleted", "replaced", "truncated"])
def test_a_checkpoint_that_goes_during_the_sweep_is_named_and_what_is_finished_stays(
    sweeps: Sweeps, fate: str
) -> None:
    for epoch in (1, 2):
        write_lora(sweeps.loras / f"run-{epoch:06}.safetensors", 0.3 * epoch)
    last = sweeps.loras / "run-000002.safetensors"
    done: list[str] = []

    def strike(event: dict[str, Any]) -> None:
        output = event["data"].get("output") if event["type"] == "executed" else None
        if (output or {}).get("bespoke_cell") and not done:
            done.append(fate)
            if fate == "deleted":
                last.unlink()
            elif fate == "replaced":
                write_lora(last, 9.0)
            else:
                os.truncate(last, last.stat().st_size // 2)

    # the last checkpoint must not be loaded before the blow falls, so the others take a while
    with pytest.raises(BespokeError, match=r"was deleted|was replaced|is damaged, truncated") as caught:
        job = sweeps.client.queue(sweeps.graph(seeds="1-3", steps=6))
        sweeps.client.wait(job, on_event=strike, timeout=120)
    assert str(last) in str(caught.value)
    finished = sweeps.pictures()
    assert len(finished) == 6
    write_lora(last, 0.6)
    sweeps.run(seeds="1-3", steps=6)
    assert len(sweeps.pictures()) == 9
    assert {name: sweeps.pictures()[name] for name in finished} == finished


def test_two_sweeps_into_one_folder_at_once_leave_one_whole_result(
    sweeps: Sweeps, server: ComfyServer, tmp_path: Path
) -> None:
    """A second server on the same output folder draws the same sweep at the same time."""
    from bespoke_core.comfyui.client import Client
    from bespoke_core.comfyui.server import ComfyServer as Server

    write_lora(sweeps.loras / "one.safetensors", 0.3)
    extra = ("--output-directory", str(server.base / "output"), "--models-directory")
    second = Server(
        server.comfyui,
        server.python,
        tmp_path / "second",
        pack=server.pack,
        pack_name=server.pack_name,
        device="cpu",
        extra_args=(*extra, str(server.base / "models")),
    )
    with second:
        other = Client(second.url)
        jobs = [(client, client.queue(sweeps.graph(seeds="1-5"))) for client in (sweeps.client, other)]
        for client, job in jobs:
            client.wait(job, timeout=200)
    assert len(sweeps.pictures()) == 10
    with sqlite3.connect(sweeps.store) as connection:
        query = "SELECT count(*), count(DISTINCT key) FROM cells WHERE folder = ?"
        assert connection.execute(query, (f"sweeps/{sweeps.name}",)).fetchone() == (10, 10)


def test_a_server_that_is_killed_and_started_again_draws_only_what_is_missing(
    sweeps: Sweeps, server: ComfyServer
) -> None:
    write_lora(sweeps.loras / "one.safetensors", 0.3)
    job = sweeps.client.queue(sweeps.graph(seeds="1-4", steps=4))
    deadline = time.monotonic() + 60
    while len(sweeps.pictures()) < 3:
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    server.start()
    sweeps.client.url = server.url
    before = sweeps.pictures()
    told = sweeps.run(seeds="1-4", steps=4)
    assert len(told) == 8 - len(before)
    after = sweeps.pictures()
    assert len(after) == 8
    assert {name: after[name] for name in before} == before
    # a new prompt, then a new epoch: each costs its own pictures only
    graph = sweeps.graph(seeds="1-4", steps=4)
    graph["3"]["inputs"]["prompts"] = f"green: {TEXT}\nred: a red background"
    assert len(sweeps.run_graph(graph)) == 8
    write_lora(sweeps.loras / "one-000001.safetensors", 0.1)
    assert len(sweeps.run(seeds="1-4", steps=4)) == 4
