"""The rules of the house, checked by the tools that check them everywhere."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ALGORITHM_FREE_LINES = 26


def run(pack: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=pack, capture_output=True, text=True, encoding="utf-8"
    )


def test_imports_point_inward(pack: Path) -> None:
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())",
        ],
        cwd=pack,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_ruff_finds_nothing(pack: Path) -> None:
    result = run(pack, "ruff", "check", "--no-cache", ".")
    assert result.returncode == 0, result.stdout


def test_the_code_is_formatted(pack: Path) -> None:
    result = run(pack, "ruff", "format", "--no-cache", "--check", ".")
    assert result.returncode == 0, result.stdout


@pytest.mark.slow
def test_the_type_checker_finds_nothing(pack: Path) -> None:
    result = run(pack, "mypy")
    assert result.returncode == 0, result.stdout


def test_the_library_never_imports_comfyui(pack: Path) -> None:
    forbidden = {"comfy", "comfy_api", "comfy_execution", "folder_paths", "nodes", "server"}
    for path in sorted((pack / "bespoke_core").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & forbidden, path


def test_a_node_is_an_adapter_no_longer_than_a_screenful(pack: Path) -> None:
    for path in sorted((pack / "nodes").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "execute":
                body = node.body[1:] if isinstance(node.body[0], ast.Expr) else node.body
                lines = (node.end_lineno or 0) - body[0].lineno + 1
                assert lines <= ALGORITHM_FREE_LINES, f"{path.name}:{node.lineno} has {lines} lines"


def test_the_help_of_the_command_line_needs_nothing_but_the_standard_library(pack: Path) -> None:
    code = (
        "import sys\n"
        "from bespoke_core.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "import json; print('MODULES' + json.dumps(sorted({m.split('.')[0] for m in sys.modules})))\n"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(pack)!r})\n{code}"],
        capture_output=True,
        text=True,
    )
    modules = set(json.loads(result.stdout.split("MODULES")[1]))
    assert not modules & {"numpy", "torch", "pydantic", "PIL", "aiohttp"}, result.stderr


def test_requirements_mirror_the_project(pack: Path) -> None:
    if sys.version_info < (3, 11):
        pytest.skip("reads pyproject.toml with tomllib, which this Python does not have")
    import tomllib

    project = tomllib.loads((pack / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (pack / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = [line.replace('"', "'") for line in lines if line and not line.startswith("#")]
    assert listed == project["dependencies"]
    assert all("==" not in line.split(";")[0] for line in listed)
