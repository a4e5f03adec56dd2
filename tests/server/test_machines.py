"""A sweep shared by two ComfyUI servers: broken off by Ctrl-C, then one of the servers killed half-way."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
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


@pytest.fixture(scope="module")
def second(
    server: ComfyServer, sample_dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ComfyServer]:
    """Another server, with copies of the first one's files."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip('several servers need ray: pip install "ray>=2.40"')
    from bespoke_core.comfyui.server import ComfyServer as Server

    base = tmp_path_factory.mktemp("other")
    for one in (server.base, base):
        write_lora(one / "output" / "loras" / "machines" / "lora-000001.safetensors", 0.3)
    # a copy with other dates: what the files hold is what counts
    shutil.copytree(sample_dataset, base / "input" / "bespoke_sample", copy_function=shutil.copyfile)
    models = ("--models-directory", str(server.base / "models"))
    with Server(
        server.comfyui, server.python, base, pack=server.pack, device="cpu", extra_args=models
    ) as running:
        yield running


def descendants(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def test_ctrl_c_ends_workers_and_jobs_and_leaves_nothing_behind(
    server: ComfyServer, second: ComfyServer, tmp_path: Path
) -> None:
    from bespoke_core.comfyui.client import Client

    plan, shared = tmp_path / "plan.toml", tmp_path / "shared"
    temporary = Path(tempfile.mkdtemp(prefix="b"))  # short: a socket's path has its limit
    plan.write_text(PLAN.replace("shared among", "broken off on").replace("1-6", "1-60"), encoding="utf-8")
    code = "import sys; from bespoke_core.cli import main; sys.exit(main())"
    # Not the checkout as working folder, and no PYTHONPATH: the workers must find the package all the same.
    code = f"import sys; sys.path.append({str(server.pack)!r}); {code}"
    command = [sys.executable, "-c", code, "sweep", str(plan), "--output", str(shared)]
    command += ["--server", server.url, "--server", second.url]
    own = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "OMP_WAIT_POLICY"}}
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**own, "RAY_TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    children: list[psutil.Process] = []
    try:
        while process.poll() is None and len(list((shared / "cells").glob("*.png"))) < 2:
            time.sleep(0.05)
        assert process.poll() is None, process.stderr and process.stderr.read()
        children = descendants(process.pid)
        assert list(temporary.iterdir())
        workers = [one for one in children if any("draw_part" in word for word in one.cmdline())]
        assert {one.environ().get("OMP_WAIT_POLICY") for one in workers} == {"PASSIVE"}
        assert {one.environ().get("RAY_USAGE_STATS_ENABLED") for one in workers} == {"0"}
        listening = {one.laddr.ip for child in children for one in listened_to(child)}
        assert listening and {ip.removeprefix("::ffff:") for ip in listening} <= {"127.0.0.1", "::1"}
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
        said = process.communicate(timeout=120)[1]
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert "of 120 pictures are here, and stay" in said and "Traceback" not in said
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    temporary.rmdir()  # it is empty
    for url in (server.url, second.url):
        queue = Client(url)._json("GET", "/queue")[1]
        assert not queue["queue_running"] and not queue["queue_pending"], url


def listened_to(process: psutil.Process) -> list:
    try:
        return [one for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
    except psutil.NoSuchProcess:
        return []


def test_the_cells_of_a_killed_server_are_drawn_by_the_other_and_the_result_is_the_same(
    server: ComfyServer, second: ComfyServer, client: Client, tmp_path: Path
) -> None:
    from bespoke_core.comfyui.machines import run_on_machines
    from bespoke_core.comfyui.sweep import run_sweep
    from bespoke_core.evaluation.plan_file import read_plan_file
    from bespoke_core.evaluation.table import read_csv
    from bespoke_core.paths import safe_name

    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    plan = read_plan_file(path)
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
    told: list[str] = []
    before = {**os.environ}, signal.getsignal(signal.SIGTERM)
    try:
        run_on_machines(plan, [server.url, second.url], shared, part=2, notice=told.append)
    finally:
        ended.set()
        killer.join(60)
    assert not second.running
    assert told == [
        f"{second.url} is lost: it does not answer, or was started again. The others draw its part."
    ]
    assert ({**os.environ}, signal.getsignal(signal.SIGTERM)) == before
    alone = tmp_path / "alone"
    run_sweep(plan, client, alone)
    assert len(list((shared / "cells").glob("*.png"))) == 12

    def results(folder: Path) -> list[dict]:
        # a picture's file tells how long it took to draw; what it shows and what was measured must be equal
        rows = read_csv(folder / "table.csv")
        return [{"cell": (r.checkpoint, r.prompt, r.seed), **r.scores, "picture_sha256": None} for r in rows]

    assert json.dumps(results(shared)) == json.dumps(results(alone))
    assert all(row["palette_distance"] is not None and row["vae_floor"] for row in results(shared))
    shared_records, floor = records(shared / "results.sqlite", ".")
    own_records, floors = records(
        server.base / "output" / "bespoke" / "results.sqlite", f"sweeps/{safe_name(plan.name)}"
    )
    assert len(shared_records) == 12 and shared_records == own_records
    assert len(floor) == 1 and floor <= floors
