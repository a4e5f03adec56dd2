"""The verb `test`: every test, in the environment of our own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .environment import PACK


def run_tests(comfyui: Path, arguments: Sequence[str]) -> int:
    """Run pytest in this interpreter's environment and return its exit code.

    Args:
        comfyui: ComfyUI's folder, given to the tests as COMFYUI_PATH.
        arguments: passed on to pytest.
    """
    environment = {**os.environ, "COMFYUI_PATH": str(comfyui), "HF_HUB_OFFLINE": "1"}
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Not `-m pytest`, which would put the pack in front of everything: its `nodes` would hide ComfyUI's.
    code = "import sys; sys.path[:] = filter(None, sys.path); import pytest; sys.exit(pytest.main())"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=PACK, env=environment).returncode
