"""The study of guidance and negative prompt on a real server, down to the inference sheet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import graphs
import pytest
from loras import write_lora
from PIL import Image

from bespoke_core.cli import main
from bespoke_core.errors import BespokeError

if TYPE_CHECKING:
    from pathlib import Path

    from bespoke_core.comfyui.client import Client
    from bespoke_core.comfyui.job import History
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.server, pytest.mark.slow]

GRID = {"strength": "0.5, 1.0", "cfg": "2, 7", "negative_prompt": "(none)\nblurry"}


def study(server: ComfyServer, name: str, grid: dict[str, str] = GRID, **sweep: Any) -> graphs.Graph:
    """Return the shipped workflow at a small size on a LoRA of its own."""
    write_lora(server.base / "output" / "loras" / name / "my_lora.safetensors", 0.3)
    return graphs.small(
        "guidance_study",
        Bespoke_FindCheckpoints={"run_folder": f"loras/{name}"},
        Bespoke_Sweep={"sweep_name": name, "steps": 1, **sweep},
        Bespoke_SweepGrid=grid,
        Bespoke_SaveSheet={"sheet_folder": f"bespoke/sheets/{name}"},
        Bespoke_SaveReport={"report_folder": f"bespoke/reports/{name}"},
    )


def run(client: Client, graph: graphs.Graph) -> History:
    return client.wait(client.queue(graph), timeout=400).raise_for_failure()


def test_the_guidance_study_ends_with_two_verdicts_and_a_sheet_to_send(
    client: Client, server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = study(server, "guidance")
    outputs = run(client, graph).outputs
    over = {outputs[n]["bespoke_verdict"][0]["over"] for n in graphs.nodes_of(graph, "Bespoke_Verdict")}
    assert over == {"cfg", "negative_prompt"}
    (node,) = graphs.nodes_of(graph, "Bespoke_SaveSheet")
    sheet = outputs[node]["bespoke_sheet"][0]
    assert set(sheet["settings"]) == {
        *("strength", "cfg", "negative_prompt", "sampler_name", "scheduler", "steps", "size")
    }
    assert [one["n"] for one in sheet["settings"]["cfg"]["tried"]] == [16, 16]
    assert sheet["settings"]["steps"]["label"] == "1"
    assert list(sheet["base_files"]) == ["bespoke_base.safetensors"]
    assert len(sheet["examples"]) == 2
    folder = server.base / "output" / "bespoke" / "sheets" / "guidance"
    assert json.loads((folder / "sheet.json").read_text(encoding="utf-8"))["use"] == sheet["use"]
    with Image.open(folder / "sheet.png") as picture:
        assert picture.width == 1600
    # the command line finds the same in the sweep's folder
    sweep = server.base / "output" / "bespoke" / "sweeps" / "guidance"
    assert main(["sheet", str(sweep), "--output", str(tmp_path / "sheet"), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert {key: again[key] for key in ("use", "lora", "base_files", "sha256")} == {
        key: sheet[key] for key in ("use", "lora", "base_files", "sha256")
    }


def test_one_guidance_and_one_seed_make_a_sheet_that_says_so(client: Client, server: ComfyServer) -> None:
    graph = study(server, "narrow", {**GRID, "strength": "", "cfg": ""}, seeds="5", cfg=3.0)
    for node in graphs.nodes_of(graph, "Bespoke_Verdict"):
        graph[node]["inputs"]["over"] = "negative_prompt"
    (node,) = graphs.nodes_of(graph, "Bespoke_SaveSheet")
    sheet = run(client, graph).outputs[node]["bespoke_sheet"][0]
    assert sheet["settings"]["cfg"]["state"] == "one value"
    assert sheet["use"]["cfg"] == 3.0
    assert any("only one seed" in note for note in sheet["not_measured"])


def test_a_sheet_is_not_written_outside_the_allowed_folders(client: Client, server: ComfyServer) -> None:
    graph = study(server, "narrow", {**GRID, "strength": "", "cfg": ""}, seeds="5", cfg=3.0)
    for node in graphs.nodes_of(graph, "Bespoke_Verdict"):
        graph[node]["inputs"]["over"] = "negative_prompt"
    (node,) = graphs.nodes_of(graph, "Bespoke_SaveSheet")
    graph[node]["inputs"]["sheet_folder"] = "../../elsewhere"
    with pytest.raises(BespokeError, match="leaves the allowed folders"):
        run(client, graph)
