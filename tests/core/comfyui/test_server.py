"""Starting and stopping a server: with a stand-in for ComfyUI that takes its arguments and answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bespoke_core.comfyui.server import ComfyServer, ServerError, free_port, prepare_base
from bespoke_core.errors import InputError

STAND_IN = """
import http.server, json, os, subprocess, sys
port = int(sys.argv[sys.argv.index("--port") + 1])
open("arguments.json", "w").write(json.dumps([sys.argv, dict(os.environ)]))
if "--fail" in sys.argv:
    print("first line"); print("no such checkpoint folder"); sys.exit(3)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open("child.txt", "w").write(str(child.pid))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'{"system": {}}')
    def log_message(self, *a): pass
print("ready", flush=True)
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def comfyui(tmp_path: Path) -> Path:
    folder = tmp_path / "ComfyUI"
    folder.mkdir()
    (folder / "main.py").write_text(STAND_IN, encoding="utf-8")
    return folder


def server(comfyui: Path, **options) -> ComfyServer:
    options.setdefault("device", "cpu")
    return ComfyServer(comfyui, Path(sys.executable), comfyui.parent / "base", **options)


def alive(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return text.rsplit(")", 1)[1].split()[0] != "Z"


def gone(pid: int, within: float = 10.0) -> bool:
    end = time.monotonic() + within
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid)


def test_it_answers_between_start_and_stop_and_takes_its_children_along(comfyui: Path) -> None:
    with server(comfyui) as running:
        assert running.running
        pid = running.process.pid  # type: ignore[union-attr]
        child = int((comfyui / "child.txt").read_text(encoding="utf-8"))
        assert running.log_tail().endswith("ready")
        assert running.start() is running  # a second start does nothing
    assert not running.running
    assert gone(pid)
    assert gone(child)
    running.stop()  # and so does a second stop


def test_the_base_directory_is_complete_and_the_pack_linked_under_an_odd_name(
    comfyui: Path, tmp_path: Path
) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "__init__.py").write_text("", encoding="utf-8")
    with server(comfyui, pack=pack, pack_name="odd-name 1.0", extra_args=("--x",), environment={"A_B": "c"}):
        pass
    base = tmp_path / "base"
    assert (base / "custom_nodes" / "odd-name 1.0" / "__init__.py").is_file()
    assert (base / "models" / "checkpoints").is_dir()
    text = (comfyui / "arguments.json").read_text(encoding="utf-8")
    for word in ("--cpu", "--disable-api-nodes", "sqlite:///:memory:", '"--x"', '"A_B": "c"'):
        assert word in text


@pytest.mark.parametrize(("users", "servers"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_the_servers_threads_sleep_while_they_wait_unless_the_user_says_otherwise(
    comfyui: Path, monkeypatch: pytest.MonkeyPatch, users: str | None, servers: str
):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if users is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", users)
    with server(comfyui):
        pass
    _, environment = json.loads((comfyui / "arguments.json").read_text(encoding="utf-8"))
    assert environment["OMP_WAIT_POLICY"] == servers


def test_a_link_to_another_pack_is_replaced_and_a_copy_too(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    link = tmp_path / "base" / "custom_nodes" / "bespoke"
    prepare_base(tmp_path / "base", one)
    prepare_base(tmp_path / "base", two)
    assert link.resolve() == two.resolve()
    link.unlink()
    link.mkdir()
    (link / "stale.py").write_text("", encoding="utf-8")
    prepare_base(tmp_path / "base", two)
    assert not (link / "stale.py").exists()


def test_a_pack_is_copied_where_links_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = tmp_path / "pack"
    (pack / ".git").mkdir(parents=True)
    (pack / "__init__.py").write_text("", encoding="utf-8")

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("no right to make links")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    prepare_base(tmp_path / "base", pack)
    copy = tmp_path / "base" / "custom_nodes" / "bespoke"
    assert [entry.name for entry in copy.iterdir()] == ["__init__.py"]


def test_a_failed_start_shows_the_end_of_the_log(comfyui: Path) -> None:
    with pytest.raises(ServerError, match=r"code 3[\s\S]*no such checkpoint folder"):
        server(comfyui, extra_args=("--fail",)).start()


def test_a_server_that_never_answers_is_stopped(comfyui: Path) -> None:
    (comfyui / "main.py").write_text("import time; time.sleep(600)", encoding="utf-8")
    one = server(comfyui, start_timeout_s=1.0)
    with pytest.raises(ServerError, match="did not answer within 1 s"):
        one.start()
    assert not one.running


def test_a_folder_without_main_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"main\.py"):
        ComfyServer(tmp_path, Path(sys.executable), tmp_path / "base").start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_the_server_ends_with_a_killed_parent(comfyui: Path, pack: Path) -> None:
    script = (
        f"import sys, time; sys.path.append({str(pack)!r})\nfrom pathlib import Path\n"
        "from bespoke_core.comfyui.server import ComfyServer\n"
        f"s = ComfyServer(Path({str(comfyui)!r}), Path(sys.executable), Path({str(comfyui.parent)!r}) / 'b',"
        " device='cpu').start()\nprint(s.process.pid, flush=True); time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    child = int((comfyui / "child.txt").read_text(encoding="utf-8"))
    try:
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert gone(pid)
    finally:
        os.kill(child, signal.SIGKILL)  # a stand-in's child does not watch its parent


def test_a_free_port_can_be_used() -> None:
    assert 1024 < free_port() < 65536
