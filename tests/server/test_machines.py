"""A sweep shared by two ComfyUI servers, one of which is killed half-way."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
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
training_set = "bespoke_sample"
[prompts]
green = "pixel art portrait, bright green background"
[sampler]
steps = 3
width = 64
height = 64
"""


def records(store: Path, folder: str) -> tuple[list[tuple], set[str]]:
    """What a store holds of a sweep: settings and scores of each cell; and all floors."""
    with sqlite3.connect(store) as connection:
        cells = connection.execute(
            "SELECT c.key, c.checkpoint_sha256, c.prompt, c.seed, c.base, s.scorer, s.scores FROM cells c "
            "JOIN scores s ON s.picture_sha256 = c.picture_sha256 WHERE c.folder = ? ORDER BY c.key",
            (folder,),
        ).fetchall()
        return cells, {floor for (floor,) in connection.execute("SELECT floor FROM floors")}


def test_the_cells_of_a_killed_server_are_drawn_by_the_other_and_the_result_is_the_same(
    server: ComfyServer, client: Client, sample_dataset: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason='several servers need ray: pip install "ray>=2.40"')
    from bespoke_core.comfyui.machines import run_on_machines
    from bespoke_core.comfyui.server import ComfyServer as Server
    from bespoke_core.comfyui.sweep import run_sweep
    from bespoke_core.evaluation.plan_file import read_plan_file
    from bespoke_core.evaluation.table import read_csv
    from bespoke_core.paths import safe_name

    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    plan = read_plan_file(path)
    other = tmp_path / "other"
    for base in (server.base, other):
        write_lora(base / "output" / "loras" / "machines" / "lora-000001.safetensors", 0.3)
    # a copy with other dates: what the files hold is what counts
    shutil.copytree(sample_dataset, other / "input" / "bespoke_sample", copy_function=shutil.copyfile)
    models = ("--models-directory", str(server.base / "models"))
    with Server(
        server.comfyui, server.python, other, pack=server.pack, device="cpu", extra_args=models
    ) as second:
        shared = tmp_path / "shared"

        ended = threading.Event()

        def kill() -> None:
            while len(list((shared / "cells").glob("*.png"))) < 3:
                if ended.wait(0.02):
                    return  # it failed: nothing may wait for pictures that do not come
            assert second.process is not None
            second.process.kill()

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        try:
            run_on_machines(plan, [server.url, second.url], shared, part=2)
        finally:
            ended.set()
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
    assert all(row["palette_distance"] is not None and row["vae_floor"] for row in told(shared))
    shared_records, floor = records(shared / "results.sqlite", ".")
    own_records, floors = records(
        server.base / "output" / "bespoke" / "results.sqlite", f"sweeps/{safe_name(plan.name)}"
    )
    assert len(shared_records) == 12 and shared_records == own_records
    assert len(floor) == 1 and floor <= floors
