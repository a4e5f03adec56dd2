"""The verb `demo`: the shipped whole-loop workflow on the real ComfyUI, from captions to a verdict."""

from __future__ import annotations

import copy
import json
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ..base.checkpoint import FILE_NAME, obtain_base_model
from ..comfyui.client import Client
from ..comfyui.job import History
from ..comfyui.memory import MemoryWatch
from ..comfyui.server import ComfyServer, sees_gpu
from ..errors import BespokeError
from ..evaluation.prompts import prompt_lines
from ..files import key_of
from .demo_settings import PROMPTS, SWEEP, TRAINING
from .environment import PACK, Environment
from .own_files import check_data, place_checkpoint, place_data
from .progress import ProgressPrinter
from .sample_dataset import PICTURE_SIZE, write_sample_dataset

WORKFLOW = PACK / "workflows" / "api" / "whole_loop.json"
SAMPLE = "bespoke_sample"
Graph = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class DemoOptions:
    """What the user chose; None takes what suits the machine.

    Attributes:
        data: a folder of pictures with captions; the sample data set by default.
        checkpoint: an SD1.5 checkpoint; the embedded base model by default.
        size: width and height of training and test pictures, in pixels, a multiple of 64.
        epochs: of the training.
        steps: of the sampler.
        seeds: how many pictures for each checkpoint and prompt.
        keep_server: leave the server running until Ctrl-C.
    """

    data: Path | None = None
    checkpoint: Path | None = None
    size: int | None = None
    epochs: int | None = None
    steps: int | None = None
    seeds: int | None = None
    keep_server: bool = False


@dataclass(frozen=True)
class DemoResult:
    """What the demo found: the verdict's text and record, the report, and what it took."""

    text: str
    verdict: dict[str, Any]
    report: Path | None
    seconds: float
    peak_memory: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able values; memory in bytes."""
        return {
            "best": self.verdict.get("best"),
            "verdict": self.verdict,
            "report": None if self.report is None else str(self.report),
            "seconds": round(self.seconds, 1),
            "peak_memory": self.peak_memory,
        }


def run_demo(environment: Environment, options: DemoOptions, out: TextIO | None = None) -> DemoResult:
    """Run the whole loop and return its verdict; the server is stopped in every case.

    Raises:
        BespokeError: the server did not start, a node failed, or an input does not fit.
        KeyboardInterrupt: Ctrl-C or a termination signal.
    """
    out = out or sys.stdout
    # A termination must stop the server and the training as Ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupted)
    started = time.monotonic()
    gpu = sees_gpu(environment.python)
    graph = prepare(environment, options, gpu=gpu, out=out)
    print("Starting ComfyUI ...", file=out, flush=True)
    server = ComfyServer(
        environment.comfyui,
        environment.python,
        environment.base,
        pack=PACK,
        device="gpu" if gpu else "cpu",
        log=environment.home / "comfyui.log",
    )
    with server:
        print(f"ComfyUI answers at {server.url}; its log is {server.log}", file=out, flush=True)
        assert server.process is not None
        with MemoryWatch(server.process.pid) as memory:
            history = _follow(Client(server.url), graph, out)
        result = _result(history, graph, environment, time.monotonic() - started, memory.peak)
        _tell(result, out)
        if options.keep_server:
            print(f"\nThe server goes on at {server.url}; stop it with Ctrl-C.", file=out, flush=True)
            while server.running:
                time.sleep(1)
    return result


def prepare(environment: Environment, options: DemoOptions, *, gpu: bool, out: TextIO) -> Graph:
    """Put the model and the data set in place and return the graph that uses them."""
    checkpoints = environment.base / "models" / "checkpoints"
    if options.checkpoint is None:
        if obtain_base_model(checkpoints).made:
            print("Made the small base model.", file=out, flush=True)
        name = FILE_NAME
    else:
        name = place_checkpoint(options.checkpoint, checkpoints)
    inputs = environment.base / "input"
    if options.data is None:
        sample = write_sample_dataset(inputs / SAMPLE)
        if sample.made:
            print(f"Drew {len(sample.names)} sample portraits.", file=out, flush=True)
        data = SAMPLE
    else:
        data = f"own_{key_of(str(options.data.resolve()))[:8]}"
        place_data(check_data(options.data), inputs / data)
    graph = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    return adapt(graph, checkpoint=name, data=data, options=options, gpu=gpu)


def adapt(graph: Graph, *, checkpoint: str, data: str, options: DemoOptions, gpu: bool) -> Graph:
    """Return the shipped graph with the demo's model, data and size of work.

    On a GPU with the user's own checkpoint the shipped settings stay, but for what the options say. The small
    base model has settings of its own, and any other checkpoint on a processor is given little to do.
    """
    graph = copy.deepcopy(graph)
    embedded = options.checkpoint is None
    small = embedded or not gpu
    size = options.size or (PICTURE_SIZE if small else None)
    name = "demo_" + key_of([checkpoint, data, size, options.epochs, options.steps, options.seeds])[:8]
    training: dict[str, Any] = {"ckpt_name": checkpoint}
    sweep: dict[str, Any] = {"sweep_name": name}
    prompts: dict[str, Any] = {}
    verdict: dict[str, Any] = {}
    if embedded:
        training |= TRAINING
        sweep |= SWEEP
        if options.data is None:
            prompts = {"prompts": prompt_lines(PROMPTS), "scenes": "none"}
            verdict = {"by": "edge_distance"}
    elif small:
        training |= {"max_train_epochs": 3, "mixed_precision": "no", "lr_warmup_steps": 4}
        sweep |= {"steps": 5, "seeds": "1, 2"}
    if size:
        training["resolution"] = f"{size},{size}"
        sweep |= {"width": size, "height": size}
    if options.epochs:
        training["max_train_epochs"] = options.epochs
    if options.steps:
        sweep["steps"] = options.steps
    if options.seeds:
        sweep["seeds"] = ", ".join(str(seed + 1) for seed in range(options.seeds))
    changes: dict[str, dict[str, Any]] = {
        "CheckpointLoaderSimple": {"ckpt_name": checkpoint},
        "Bespoke_TrainingConfig": training,
        "Bespoke_TrainLora": {"run_name": name},
        "Bespoke_Sweep": sweep,
        "Bespoke_TestPrompts": prompts,
        "Bespoke_Verdict": verdict,
        "Bespoke_SaveReport": {"report_folder": f"bespoke/reports/{name}"},
        # The last picture, of the chosen checkpoint.
        "EmptyLatentImage": {"width": size, "height": size} if size else {},
        "KSampler": {
            key: sweep[key] for key in ("steps", "cfg", "sampler_name", "scheduler") if key in sweep
        },
    }
    for node in graph.values():
        inputs = node["inputs"]
        inputs.update(changes.get(node["class_type"], {}))
        if isinstance(inputs.get("dataset_folder"), str):
            inputs["dataset_folder"] = data
    return graph


def _follow(client: Client, graph: Graph, out: TextIO) -> History:
    printer = ProgressPrinter(graph, out)
    try:
        return client.wait(client.queue(graph), printer)
    finally:
        printer.close()


def _result(
    history: History, graph: Graph, environment: Environment, seconds: float, peak: int
) -> DemoResult:
    verdict = _output(history, graph, "Bespoke_Verdict")
    files = _output(history, graph, "Bespoke_SaveReport").get("bespoke_report", [])
    pages = [
        environment.base / file["type"] / file["subfolder"] / file["filename"]
        for file in files
        if file["filename"].endswith(".html")
    ]
    if not verdict:
        raise BespokeError("the workflow ended without a verdict; see the server's log")
    record = (verdict.get("bespoke_verdict") or [{}])[0]
    return DemoResult("\n".join(verdict.get("text", [])), record, pages[0] if pages else None, seconds, peak)


def _output(history: History, graph: Graph, class_type: str) -> dict[str, Any]:
    for node, entry in graph.items():
        if entry["class_type"] == class_type and node in history.outputs:
            return history.outputs[node]
    return {}


def _tell(result: DemoResult, out: TextIO) -> None:
    print(f"\n{result.text}\n", file=out)
    if result.report is not None:
        print(f"Report: {result.report}", file=out)
    memory = f"{result.peak_memory / 1e9:.1f} GB"
    print(f"Took {result.seconds:.0f} s and at most {memory} of memory.", file=out, flush=True)


def _interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt
