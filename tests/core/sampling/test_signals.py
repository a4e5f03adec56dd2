"""Every stopping signal in each phase of a run: it ends with code 130 and goes on to the same bytes.

Each run is a fork of this process that runs the command line and sends itself the signal when a phase begins.
"""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from bespoke_core import cli, files
from bespoke_core.sampling import drawing
from bespoke_core.training import latents, loop, session
from bespoke_core.training.config import TrainingConfig, to_toml
from bespoke_core.training.kohya_file import is_whole

Make = Callable[..., TrainingConfig]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)]
PROMPTS = "a lad, hat --s 1 --l 1"


def is_state(*given: Any) -> bool:
    """Whether a file that is about to take its place is a run's state."""
    return "/state/" in str(given[1])


PHASES: dict[str, tuple[Any, str, Callable[..., bool]]] = {
    "loading": (session, "load_base", lambda *given: True),
    "caching latents": (latents.LatentStore, "_encode", lambda *given: True),
    "a step": (loop, "add_gradients", lambda *given: True),
    "saving a state": (files.Path, "replace", is_state),
    "drawing samples": (drawing, "draw_prompts", lambda *given: True),
    "between epochs": (loop, "epoch_batches", lambda *given: True),
}
"""What begins with each phase, and which of its calls."""


def run_in_child(words: list[str], errors: Path, phase: str = "", number: int = 0) -> int:
    """Run the command line in a fork; return its exit code.

    Args:
        words: the command line.
        errors: gets what it writes to standard error.
        phase: of PHASES, at whose beginning it is sent a signal.
        number: the signal.
    """
    child = os.fork()
    if child == 0:
        code = 99
        try:
            with (
                errors.open("w", encoding="utf-8") as log,
                redirect_stderr(log),
                redirect_stdout(io.StringIO()),
            ):
                if phase:
                    _signal_at(phase, number)
                code = cli.main(words)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _signal_at(phase: str, number: int) -> None:
    place, name, counts = PHASES[phase]
    original = getattr(place, name)
    sent = False

    def begun(*given: Any, **more: Any) -> Any:
        nonlocal sent
        if counts(*given) and not sent:
            sent = True
            os.kill(os.getpid(), number)
        return original(*given, **more)

    setattr(place, name, begun)


def contents(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(run.glob("*.safetensors"))}


@pytest.fixture
def command(make_config: Make, tmp_path: Path) -> Callable[[str], tuple[list[str], Path]]:
    """Return the command of a run of a name, and its folder."""

    def make(name: str) -> tuple[list[str], Path]:
        toml = tmp_path / "lads.toml"
        toml.write_text(to_toml(make_config(sample_prompts=PROMPTS, max_train_epochs=4)), encoding="utf-8")
        return ["train", str(toml), "--run-folder", str(tmp_path / name)], tmp_path / name

    return make


@pytest.fixture(scope="module")
def known() -> dict[str, bytes]:
    return {}


@pytest.fixture
def undisturbed(
    command: Callable[[str], tuple[list[str], Path]], tmp_path: Path, known: dict[str, bytes]
) -> dict[str, bytes]:
    """The files of a run that nobody stops; all tests here ask for the same."""
    if not known:
        words, run = command("whole")
        assert run_in_child(words, tmp_path / "stderr") == 0
        known.update(contents(run))
    return known


@pytest.mark.slow
@pytest.mark.parametrize("phase", PHASES)
def test_each_signal_in_each_phase_ends_the_run_plainly_and_it_goes_on_to_the_same_bytes(
    command: Callable[[str], tuple[list[str], Path]],
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    phase: str,
) -> None:
    words, run = command("stopped")
    for number in SIGNALS:
        assert run_in_child(words, tmp_path / "stderr", phase, number) == 130
        said = (tmp_path / "stderr").read_text(encoding="utf-8")
        assert said.startswith("cancelled") and said.count("\n") == 1
        assert not list(run.rglob(".*.tmp"))
        assert all(is_whole(path) for path in run.glob("*.safetensors"))
        told = json.loads((run / "run.json").read_text(encoding="utf-8"))
        assert (told["status"], told["reason"]) == ("cancelled", signal.Signals(number).name)
        events = [
            json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        assert events[-1]["event"] == "cancelled"
    assert run_in_child(words, tmp_path / "stderr") == 0
    assert contents(run) == undisturbed
