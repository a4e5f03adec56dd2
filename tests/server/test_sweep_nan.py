"""A LoRA that draws NaN: it is named and told as not measured, and the others are drawn and judged."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from loras import write_lora

from bespoke_core.cli import main
from bespoke_core.evaluation.table import read_csv

if TYPE_CHECKING:
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.server, pytest.mark.slow]

PLAN = """
name = "{name}"
base_checkpoint = "bespoke_base.safetensors"
run_folder = "loras/{name}"
seeds = [1]
[prompts]
green = "pixel art portrait, bright green background"
red = "pixel art portrait, a red background"
[sampler]
steps = 2
width = 64
height = 64
"""


@pytest.mark.parametrize(
    ("strength", "reason"),
    [
        pytest.param(math.nan, "its file holds NaN or an infinity", id="NaN in its file"),
        pytest.param(1e30, "NaN was drawn instead of a picture", id="numbers too large to draw with"),
    ],
)
def test_the_others_are_drawn_and_judged_and_it_is_named_as_not_measured(
    strength: float, reason: str, server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "nan" if math.isnan(strength) else "huge"
    loras = server.base / "output" / "loras" / name
    for epoch, one in ((1, 0.3), (2, strength), (3, 0.6)):
        write_lora(loras / f"run-{epoch:06}.safetensors", one)
    plan, output = tmp_path / "plan.toml", tmp_path / "results"
    plan.write_text(PLAN.format(name=name), encoding="utf-8")
    command = ["sweep", str(plan), "--server", server.url, "--output", str(output)]
    assert main(command) == 0
    told = capsys.readouterr()
    assert f"run-000002 (2 of 2 pictures): {reason}" in told.out
    rows = read_csv(output / "table.csv")
    of_two = [row for row in rows if row.checkpoint == "run-000002"]
    assert [row.scores["picture"] for row in of_two] == [None, None]
    assert [row.number("unique_colors") for row in of_two] == [None, None], "a NaN picture has a score"
    assert len(rows) == 8
    assert len(list((output / "cells").glob("*.png"))) == 6
    assert main(["report", str(output), "--json"]) == 0
    verdict = json.loads((output / "report" / "verdict.json").read_text(encoding="utf-8"))
    assert {place["checkpoint"] for place in verdict["ranking"]} == {"run-000001", "run-000003"}
    assert any("run-000002" in note and reason in note for note in verdict["not_measured"])
    # trained again, it is drawn like any other
    write_lora(loras / "run-000002.safetensors", 0.5)
    assert main(command) == 0
    assert reason not in capsys.readouterr().out
    assert len(read_csv(output / "table.csv")) == 8


def test_a_dry_run_says_which_checkpoint_is_left_out(
    server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lora(server.base / "output" / "loras" / "dry" / "run-000001.safetensors", 0.3)
    write_lora(server.base / "output" / "loras" / "dry" / "run-000002.safetensors", math.inf)
    plan = tmp_path / "plan.toml"
    # as many steps as no other sweep of this server has: its pictures of the base model would be there
    plan.write_text(PLAN.format(name="dry").replace("steps = 2", "steps = 3"), encoding="utf-8")
    assert main(["sweep", str(plan), "--server", server.url, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "Not drawn: run-000002: its file holds NaN or an infinity" in told
    assert main(["sweep", str(plan), "--server", server.url, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["missing"] == 4
