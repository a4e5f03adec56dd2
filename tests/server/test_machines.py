"""A sweep shared by two ComfyUI servers, one of which is killed half-way."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from loras import write_lora

if TYPE_CHECKING:
    from bespoke_core.comfyui.client import Client
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.server, pytest.mark.slow]

PLAN = """
name = "shared among machines"
base_checkpoint = "bespoke_base.safetensors"
run_folder = "loras/machines"
seeds = "1-6"
[prompts]
green = "pixel art portrait, bright green background"
[sampler]
steps = 3
width = 64
height = 64
"""


def test_the_cells_of_a_killed_server_are_drawn_by_the_other_and_the_result_is_the_same(
    server: ComfyServer, client: Client, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason='several servers need ray: pip install "ray>=2.40"')
    from bespoke_core.comfyui.machines import run_on_machines
    from bespoke_core.comfyui.server import ComfyServer as Server
    from bespoke_core.comfyui.sweep import run_sweep
    from bespoke_core.evaluation.plan_file import read_plan_file
    from bespoke_core.evaluation.table import read_csv

    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    plan = read_plan_file(path)
    other = tmp_path / "other"
    for base in (server.base, other):
        write_lora(base / "output" / "loras" / "machines" / "lora-000001.safetensors", 0.3)
    models = ("--models-directory", str(server.base / "models"))
    with Server(
        server.comfyui, server.python, other, pack=server.pack, device="cpu", extra_args=models
    ) as second:
        shared = tmp_path / "shared"

        def kill() -> None:
            while len(list((shared / "cells").glob("*.png"))) < 3:
                time.sleep(0.02)
            assert second.process is not None
            second.process.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        run_on_machines(plan, [server.url, second.url], shared, part=2)
        killer.join(60)
        assert not second.running
    alone = tmp_path / "alone"
    run_sweep(plan, client, alone)
    assert len(list((shared / "cells").glob("*.png"))) == 12

    def told(folder: Path) -> list[dict]:
        # a picture's file tells how long it took to draw; what it shows and what was measured must be equal
        rows = read_csv(folder / "table.csv")
        return [{"cell": (r.checkpoint, r.prompt, r.seed), **r.scores, "picture_sha256": None} for r in rows]

    assert json.dumps(told(shared)) == json.dumps(told(alone))
