"""`bespoke train` and `bespoke resume`."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any


def train_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `train`."""
    parser.add_argument("config", type=Path, metavar="CONFIG.toml", help="kohya's TOML, in either form")
    parser.add_argument("--run-folder", type=Path, help="where the files go [output_dir/output_name]")
    parser.add_argument("--tokenizer", help="folder with CLIP's vocab.json and merges.txt [found]")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run that was interrupted in that folder"
    )


def train(arguments: argparse.Namespace) -> int:
    """Train from a TOML file."""
    _quiet_threads()
    from ..training.config import read_toml, with_values
    from ..training.plan import default_run_folder
    from ..training.work import train_here

    config = read_toml(arguments.config)
    if arguments.tokenizer:
        config = with_values(config, tokenizer_path=arguments.tokenizer)
    folder = arguments.run_folder or default_run_folder(config)
    result = train_here(config, folder, resume=arguments.resume, listen=Progress(quiet=arguments.json))
    return _report(result, arguments.json)


def resume_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `resume`."""
    parser.add_argument("run_folder", type=Path, metavar="RUN_FOLDER", help="the folder of a training run")


def resume(arguments: argparse.Namespace) -> int:
    """Go on with an interrupted run."""
    _quiet_threads()
    from ..training.work import resume_here

    result = resume_here(arguments.run_folder, listen=Progress(quiet=arguments.json))
    return _report(result, arguments.json)


def _quiet_threads() -> None:
    """Let torch's threads sleep while they wait; spinning ones slow down all else. Read when torch loads."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class Progress:
    """Prints a run's events for people: every file and epoch, and at most one step a second."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._last = 0.0
        self._seconds = 0.0

    def __call__(self, event: dict[str, Any]) -> None:
        """Print the event, if it is one that people want to see."""
        text = "" if self._quiet else self._text(event)
        if text:
            print(text, flush=True)

    def _text(self, event: dict[str, Any]) -> str:
        kind = event["event"]
        if kind == "step":
            return self._step(event)
        return {
            "start": lambda: (
                f"training {event['output_name']}: {event['pictures']} pictures, "
                f"{event['epochs']} epochs, {event['steps']} steps"
            ),
            "notice": lambda: f"note: {event['text']}",
            "caching": lambda: f"pictures encoded: {event['done']} of {event['of']}",
            "resumed": lambda: f"going on after step {event['step']} of {event['steps']}",
            "epoch": lambda: f"epoch {event['epoch']} of {event['epochs']}",
            "checkpoint": lambda: f"wrote {event['path']} (mean loss {event['mean_loss']:.4f})",
            "reused": lambda: f"already finished: {event['path']}",
        }.get(kind, str)()

    def _step(self, event: dict[str, Any]) -> str:
        # A running mean, so that the time left does not jump about.
        self._seconds = 0.9 * self._seconds + 0.1 * event["seconds"] if self._seconds else event["seconds"]
        now = time.monotonic()
        if now - self._last < 1 and event["step"] < event["steps"]:
            return ""
        self._last = now
        left = (event["steps"] - event["step"]) * self._seconds
        return (
            f"step {event['step']} of {event['steps']}: loss {event['loss']:.4f}, "
            f"mean {event['mean_loss']:.4f}, lr {event['lr']:.3g}, {self._seconds:.2f} s a step, "
            f"{int(left // 60)}:{int(left % 60):02d} left"
        )


def _report(result: Any, as_json: bool) -> int:
    names = [path.name for path in result.checkpoints]
    if as_json:
        print(json.dumps({"run_folder": str(result.run_folder), "checkpoints": names}, ensure_ascii=False))
    else:
        print(f"{len(names)} files in {result.run_folder}")
    return 0
