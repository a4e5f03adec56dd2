"""`bespoke sweep` drives a real server and brings the results back as files."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from loras import write_lora

from bespoke_core.cli import main
from bespoke_core.comfyui.client import Client
from bespoke_core.comfyui.job import History, JobLostError
from bespoke_core.comfyui.sweep import run_sweep
from bespoke_core.errors import InputError
from bespoke_core.evaluation.plan_file import read_plan_file
from bespoke_core.evaluation.table import read_csv

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


def test_ctrl_c_stops_the_server_too_and_the_same_command_goes_on(
    server: ComfyServer, client: Client, tmp_path: Path, pack: Path
) -> None:
    write_lora(server.base / "output" / "loras" / "bespoke" / "for_stop" / "one.safetensors", 0.6)
    plan = tmp_path / "plan.toml"
    text = PLAN.replace("by verb", "stop").replace("for_verb", "for_stop").replace("steps = 1", "steps = 8")
    plan.write_text(text.replace("seeds = [5]", 'seeds = "1-30"'), encoding="utf-8")
    words = ["sweep", str(plan), "--server", server.url, "--output", str(tmp_path / "results")]
    cells = server.base / "output" / "bespoke" / "sweeps" / "stop" / "cells"
    process = subprocess.Popen(
        [sys.executable, "-m", "bespoke_core", *words], cwd=pack, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while len(list(cells.glob("*.png"))) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "what is drawn is kept on the server; the same command goes on" in told
    assert "Traceback" not in told
    while any(asyncio.run(client.fetch_json("GET", "/queue"))[1].values()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert 2 <= len(list(cells.glob("*.png"))) < 60


def test_a_full_disk_here_is_one_sentence_and_the_same_command_brings_what_the_server_has(
    server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lora(server.base / "output" / "loras" / "bespoke" / "for_full" / "one.safetensors", 0.6)
    plan, disk = tmp_path / "plan.toml", tmp_path / "disk"
    text = PLAN.replace("by verb", "full").replace("for_verb", "for_full")
    plan.write_text(text.replace("seeds = [5]", 'seeds = "1-3"'), encoding="utf-8")
    disk.mkdir()
    mount = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if not mount or mount.returncode:
        pytest.skip("this user may not make a disk")
    command = ["sweep", str(plan), "--server", server.url, "--output"]
    try:
        assert main([*command, str(disk / "results")]) == 2
        told = capsys.readouterr().err
        assert f"error: {disk / 'results'}: cannot be written (No space left on device); all is kept" in told
        assert not (disk / "results" / "table.csv").exists(), "a table of pictures that are not there"
        assert not list(disk.rglob(".*.tmp"))
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
    assert main([*command, str(tmp_path / "results")]) == 0
    assert "drawn" not in capsys.readouterr().err, "what the server has was drawn again"


def test_another_plan_of_the_same_name_in_between_does_not_change_what_is_brought(
    server: ComfyServer, tmp_path: Path
) -> None:
    write_lora(server.base / "output" / "loras" / "bespoke" / "for_between" / "one.safetensors", 0.6)
    text = PLAN.replace("by verb", "between").replace("for_verb", "for_between")
    for name, seeds in (("ours", "[5]"), ("theirs", "[6, 7]")):
        (tmp_path / f"{name}.toml").write_text(text.replace("[5]", seeds), encoding="utf-8")

    class Between(Client):
        """Lets somebody else's plan run as soon as ours is done, before anything is fetched."""

        def wait(self, *given: Any, **options: Any) -> History:
            history = super().wait(*given, **options)
            run_sweep(read_plan_file(tmp_path / "theirs.toml"), Client(server.url), tmp_path / "theirs")
            return history

    run_sweep(read_plan_file(tmp_path / "ours.toml"), Between(server.url), tmp_path / "ours")
    assert {row.seed for row in read_csv(tmp_path / "ours" / "table.csv")} == {5}
    assert {row.seed for row in read_csv(tmp_path / "theirs" / "table.csv")} == {6, 7}
    shared = server.base / "output" / "bespoke" / "sweeps" / "between" / "table.csv"
    assert {row.seed for row in read_csv(shared)} == {6, 7}, "the other plan ran too early or too late"


def test_a_picture_that_was_changed_on_the_server_is_not_brought_under_its_old_numbers(
    server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lora(server.base / "output" / "loras" / "bespoke" / "for_changed" / "one.safetensors", 0.6)
    plan = tmp_path / "plan.toml"
    text = PLAN.replace("by verb", "changed").replace("for_verb", "for_changed")
    plan.write_text(text, encoding="utf-8")
    command = ["sweep", str(plan), "--server", server.url, "--output"]
    assert main([*command, str(tmp_path / "first")]) == 0
    [picture, *_] = (server.base / "output" / "bespoke" / "sweeps" / "changed" / "cells").glob("one_*.png")

    class Changed(Client):
        def wait(self, *given: Any, **options: Any) -> History:
            history = super().wait(*given, **options)
            picture.write_bytes(picture.read_bytes() + b" ")
            return history

    with pytest.raises(InputError, match=f"{picture.name}: is another picture by now.*Run the same command"):
        run_sweep(read_plan_file(plan), Changed(server.url), tmp_path / "second")
    assert not (tmp_path / "second" / "table.csv").exists()
    assert main([*command, str(tmp_path / "third")]) == 0
    for row in read_csv(tmp_path / "third" / "table.csv"):
        data = (tmp_path / "third" / str(row.scores["picture"])).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row.scores["picture_sha256"]


def test_a_server_that_is_started_again_is_told_and_the_same_command_draws_only_what_is_missing(
    server: ComfyServer, tmp_path: Path, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lora(server.base / "output" / "loras" / "bespoke" / "for_again" / "one.safetensors", 0.6)
    plan, output = tmp_path / "plan.toml", tmp_path / "results"
    text = (
        PLAN.replace("by verb", "again").replace("for_verb", "for_again").replace("steps = 1", "steps = 30")
    )
    plan.write_text(text.replace("seeds = [5]", 'seeds = "1-6"'), encoding="utf-8")
    words = ["sweep", str(plan), "--server", server.url, "--output", str(output)]
    cells = server.base / "output" / "bespoke" / "sweeps" / "again" / "cells"

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "bespoke_core", *words],
            cwd=pack,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    first = start()
    deadline = time.monotonic() + 120
    while len(list(cells.glob("*.png"))) < 3:
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    monkeypatch.setattr("bespoke_core.comfyui.server.free_port", lambda: server.port)
    server.start()
    _, told = first.communicate(timeout=60)
    before = {path.name: path.stat().st_mtime_ns for path in cells.glob("*.png")}
    assert first.returncode == 3, told
    assert "Run the same command again" in told
    assert "Traceback" not in told
    assert not (output / "table.csv").exists()
    second = start()
    _, told = second.communicate(timeout=200)
    assert second.returncode == 0, told
    assert f"{12 - len(before)} pictures drawn" in told
    after = {path.name: path.stat().st_mtime_ns for path in cells.glob("*.png")}
    assert len(after) == 12
    assert {name: after[name] for name in before} == before


def test_a_server_that_goes_while_its_pictures_are_brought_is_told_as_such(
    server: ComfyServer, tmp_path: Path
) -> None:
    write_lora(server.base / "output" / "loras" / "bespoke" / "for_gone" / "one.safetensors", 0.6)
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.replace("by verb", "gone").replace("for_verb", "for_gone"), encoding="utf-8")

    class Gone(Client):
        def wait(self, *given: Any, **options: Any) -> History:
            history = super().wait(*given, **options)
            self.url = "http://127.0.0.1:9"  # nothing listens there
            return history

    with pytest.raises(JobLostError, match=r"does not answer.*Run the same command again"):
        run_sweep(read_plan_file(plan), Gone(server.url), tmp_path / "results")
    assert not (tmp_path / "results" / "table.csv").exists()


def test_a_server_that_is_not_there_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    code = main(["sweep", str(plan), "--server", "http://127.0.0.1:9", "--output", str(tmp_path / "out")])
    assert code == 2
    assert "127.0.0.1:9" in capsys.readouterr().err
