"""Rival trainers as child processes: what each is, where its code lies, and one timed run of it."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

CHILD = Path(__file__).resolve().parent / "train_child.py"
PACK = CHILD.parent.parent


@dataclass(frozen=True)
class Trainer:
    """A trainer to be timed.

    Attributes:
        kind: "ours", "kohya", "diffusers", "comfyui" or "floor".
        python: the interpreter that has what it needs.
        folder: where its code lies; our own needs none.
        work: what it does in a step beside the others, in words.
    """

    kind: str
    python: str = sys.executable
    folder: str = ""
    work: str = ""


class RivalError(RuntimeError):
    """A rival trainer ended with an error, or was killed for want of memory (exit status -9)."""


@dataclass(frozen=True)
class Job:
    """What is trained: the same for all trainers of a comparison.

    Attributes:
        base: the checkpoint. size: px. batch: pictures a step. dim: the LoRA's rank.
        tokens: 75 or 225, to which captions are padded or cut off. text_encoder: whether it gets a LoRA.
        steps: optimizer steps, of which the first is not counted. threads: of torch.
        data: the folder with pictures and captions. tokenizer: CLIP's.
    """

    base: str
    data: str
    tokenizer: str
    size: int = 192
    batch: int = 4
    dim: int = 32
    tokens: int = 225
    text_encoder: bool = True
    steps: int = 6
    threads: int = 2


@dataclass
class Timing:
    """What was measured of a trainer, over all its rounds.

    Attributes:
        wall, cpu: seconds of each counted step. peaks: MB, of each round's process.
        before: seconds from the start to the end of the first step: loading, caching, one step.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)
    before: list[float] = field(default_factory=list)

    def add(self, result: dict[str, Any]) -> None:
        """Take in what a child wrote."""
        self.wall += result["wall"]
        self.cpu += result["cpu"]
        self.peaks.append(result["peak_mb"])
        self.before.append(result["before_first_step"])

    def row(self) -> dict[str, float]:
        """Return medians: seconds a step (wall, CPU), steps a second, peak MB, seconds before."""
        wall, cpu = statistics.median(self.wall), statistics.median(self.cpu)
        return {
            "wall": wall,
            "cpu": cpu,
            "steps_per_second": 1 / wall,
            "peak_mb": statistics.median(self.peaks),
            "before": statistics.median(self.before),
        }


def run_once(trainer: Trainer, job: Job, out: Path, **more: Any) -> dict[str, Any]:
    """Run a trainer in a process of its own and return what it wrote.

    Raises:
        RuntimeError: it failed; its last words are in the message.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    folder = str(Path(trainer.folder).absolute()) if trainer.folder else str(out)
    path = [*([folder] if trainer.folder else []), str(PACK)]
    words = {**asdict(job), "kind": trainer.kind, "folder": folder, "path": path, "out": str(out), **more}
    environment = {
        **os.environ,
        "OMP_WAIT_POLICY": "PASSIVE",
        "OMP_NUM_THREADS": str(job.threads),
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    environment.pop("PYTHONPATH", None)
    command = [trainer.python, str(CHILD), json.dumps(words)]
    done = subprocess.run(command, env=environment, cwd=out, capture_output=True, text=True, check=False)
    if done.returncode:
        said = f"{trainer.kind} ended with {done.returncode}:\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
        raise RuntimeError(said) if trainer.kind == "ours" else RivalError(said)
    return json.loads((out / "result.json").read_text(encoding="utf-8"))


def interleaved(trainers: Sequence[Trainer], job: Job, out: Path, *, rounds: int) -> dict[str, Timing]:
    """Run all trainers one after the other, `rounds` times, each round beginning with another one.

    A rival that fails is said to have failed and is not in the result, and the others go on.
    """
    timings = {trainer.kind: Timing() for trainer in trainers}
    for number in range(rounds):
        turn = number % len(trainers)
        for trainer in (*trainers[turn:], *trainers[:turn]):
            if trainer.kind not in timings:
                continue
            try:
                timings[trainer.kind].add(run_once(trainer, job, out / trainer.kind))
                print(f"round {number + 1}: {trainer.kind} done", file=sys.stderr, flush=True)
            except RivalError as failure:
                del timings[trainer.kind]
                print(f"round {number + 1}: {failure}", file=sys.stderr, flush=True)
    return timings


def table(timings: dict[str, Timing], trainers: Sequence[Trainer]) -> str:
    """Return a Markdown table; the ratios are a trainer's seconds over ours."""
    works = {trainer.kind: trainer.work for trainer in trainers}
    rows = {kind: timing.row() for kind, timing in timings.items()}
    ours = rows["ours"]
    lines = [
        "| trainer | s a step | CPU s a step | times ours (wall) | times ours (CPU) | peak MB | work |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, row in rows.items():
        lines.append(
            f"| {kind} | {row['wall']:.2f} | {row['cpu']:.2f} | {row['wall'] / ours['wall']:.2f} | "
            f"{row['cpu'] / ours['cpu']:.2f} | {row['peak_mb']:,.0f} | {works[kind]} |"
        )
    missing = ", ".join(kind for kind in works if kind not in rows)
    return "\n".join([*lines, *([f"\nFailed, and not measured: {missing}."] if missing else [])])
