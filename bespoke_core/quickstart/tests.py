"""The verb `test`: every test, in the environment of our own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .environment import PACK

WORKERS = 2
"""Processes that share the tests' files among them: each has a ComfyUI of its own, of about 2 GB."""


def shared_out(arguments: Sequence[str], cores: int) -> list[str]:
    """Return pytest's arguments with those that share the files among processes, unless they say otherwise.

    Args:
        arguments: what pytest was given; a number of processes, `--pdb` or xdist turned off stays as it is.
        cores: of this machine; a single one runs the tests itself.
    """
    own = ("-n", "--numprocesses", "--dist", "--pdb", "no:xdist", "-pno:xdist")
    if cores < WORKERS or any(word.startswith(own) for word in arguments):
        return list(arguments)
    return ["-n", str(WORKERS), "--dist", "loadfile", *arguments]


def run_tests(comfyui: Path, arguments: Sequence[str]) -> int:
    """Run pytest in this interpreter's environment, on two processes, and return its exit code.

    Args:
        comfyui: ComfyUI's folder, given to the tests as COMFYUI_PATH.
        arguments: passed on to pytest.
    """
    environment = {**os.environ, "COMFYUI_PATH": str(comfyui), "HF_HUB_OFFLINE": "1"}
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    words = shared_out(arguments, os.cpu_count() or 1)
    if words != list(arguments):
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // WORKERS)))
    # Not `-m pytest`, which would put the pack in front of everything: its `nodes` would hide ComfyUI's.
    code = "import sys; sys.path[:] = filter(None, sys.path); import pytest; sys.exit(pytest.main())"
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=PACK, env=environment).returncode
