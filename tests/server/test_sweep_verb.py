"""`bespoke sweep` drives a real server and brings the results back as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from loras import write_lora

from bespoke_core.cli import main

if TYPE_CHECKING:
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.server, pytest.mark.slow]

PLAN = """
name = "by verb"
base_checkpoint = "bespoke_base.safetensors"
run_folder = "loras/bespoke/for_verb"
seeds = [5]
[prompts]
green = "pixel art portrait, bright green background"
[sampler]
steps = 1
width = 64
height = 64
"""


def test_a_plan_becomes_a_folder_that_verdict_and_report_read(
    server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, strength in (("for_verb-000001", 0.3), ("for_verb", 0.6)):
        write_lora(
            server.base / "output" / "loras" / "bespoke" / "for_verb" / f"{name}.safetensors", strength
        )
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    output = tmp_path / "results"
    assert main(["sweep", str(plan), "--server", server.url, "--output", str(output)]) == 0
    assert len(list((output / "cells").glob("*.png"))) == 3
    capsys.readouterr()
    assert main(["verdict", str(output / "table.csv"), "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert {row["checkpoint"] for row in verdict["ranking"]} >= {"for_verb", "for_verb-000001"}
    assert main(["report", str(output)]) == 0
    assert list(output.rglob("report.html"))
    # a second time nothing is drawn and the same comes back
    assert main(["sweep", str(plan), "--server", server.url, "--output", str(output)]) == 0


def test_a_server_that_is_not_there_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    code = main(["sweep", str(plan), "--server", "http://127.0.0.1:9", "--output", str(tmp_path / "out")])
    assert code == 2
    assert "127.0.0.1:9" in capsys.readouterr().err
