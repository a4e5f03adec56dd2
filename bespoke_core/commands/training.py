"""`bespoke train` and `bespoke resume`."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..amounts import counted

if TYPE_CHECKING:
    from ..comfyui.sweep_asked import AskedSweep
    from ..training.config import TrainingConfig
    from ..training.manifest import TrainingResult
    from ..training.telling import Listen
    from ..training.work import MakeJudge


def train_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `train`."""
    parser.add_argument("config", type=Path, metavar="CONFIG.toml", help="kohya's TOML, in either form")
    parser.add_argument("--run-folder", type=Path, help="where the files go [output_dir/output_name]")
    parser.add_argument("--tokenizer", help="folder with CLIP's vocab.json and merges.txt [found]")
    from_where = parser.add_mutually_exclusive_group()
    from_where.add_argument(
        "--resume", action="store_true", help="go on with the run that was interrupted in that folder"
    )
    from_where.add_argument(
        "--anew",
        action="store_true",
        help="begin that run from its start and remove what it has written, where it would go on",
    )
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="keys that win over the file's, such as network_dim=16; `bespoke keys` lists them",
    )
    parser.add_argument(
        "--sweep",
        type=Path,
        metavar="PLAN.toml",
        help="have every epoch swept on a ComfyUI server, and stop when the run is past its peak",
    )
    parser.add_argument("--server", default="http://127.0.0.1:8188", metavar="URL", help="of ComfyUI")
    parser.add_argument(
        "--patience",
        type=int,
        choices=range(1, 1001),
        default=3,
        metavar="N",
        help="with --sweep: epochs without a new best one before the run may stop [3]",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything and say what would be done; write nothing"
    )


def train(arguments: argparse.Namespace) -> int:
    """Train from a TOML file."""
    _quiet_threads()
    from ..comfyui.sweep_asked import ask_for, was_asked
    from ..training.path_keys import file_named
    from ..training.run import default_run_folder, interrupted_run
    from ..training.work import train_here

    config = _configuration(arguments)
    given_here = {text.partition("=")[0].strip() for text in arguments.set}
    given_here |= {"tokenizer_path"} if arguments.tokenizer else set()
    with file_named(arguments.config, without=given_here):
        folder = arguments.run_folder or default_run_folder(config)
        asked = ask_for(arguments.sweep, arguments.server, arguments.patience) if arguments.sweep else None
        make_judge = _judge_of(asked)
        if arguments.dry_run:
            return _dry_run(config, folder, make_judge, arguments.json)
        patience = asked.patience if asked else None
        goes_on = arguments.resume or interrupted_run(config, folder, patience)
        resume = goes_on and not arguments.anew
        listen = _listener(arguments.json, folder, asked)
        if resume and asked is None and was_asked(folder):
            listen(_notice("this run was begun with --sweep; `bespoke resume RUN_FOLDER` goes on with that."))
        result = train_here(config, folder, resume=resume, listen=listen, make_judge=make_judge)
        return _report(result, arguments.json)


def _judge_of(asked: AskedSweep | None) -> MakeJudge:
    """Return what makes the run's judge: the sweep where one is asked for, else what the keys ask for."""
    from ..sampling import make_judge

    if asked is None:
        return make_judge
    from ..comfyui.sweep_judge import make_sweep_judge

    return make_sweep_judge(asked.path, asked.server, patience=asked.patience)


def resume_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `resume`."""
    parser.add_argument("run_folder", type=Path, metavar="RUN_FOLDER", help="the folder of a training run")
    parser.add_argument(
        "--no-sweep", action="store_true", help="go on without the sweep that the run was begun with"
    )
    parser.add_argument("--server", metavar="URL", help="of ComfyUI for that sweep [as the run was begun]")
    parser.add_argument(
        "--patience",
        type=int,
        choices=range(1, 1001),
        metavar="N",
        help="of that sweep: epochs without a new best one before the run may stop [as the run was begun]",
    )


def resume(arguments: argparse.Namespace) -> int:
    """Go on with an interrupted run, and its sweep, from what lies in its folder."""
    _quiet_threads()
    from ..comfyui.sweep_asked import read_asked
    from ..training.work import resume_here

    folder = arguments.run_folder
    asked = None if arguments.no_sweep else read_asked(folder)
    if asked is not None:
        server, patience = arguments.server or asked.server, arguments.patience or asked.patience
        asked = replace(asked, server=server, patience=patience)
    listen = _listener(arguments.json, folder, asked)
    if asked is not None:
        listen(_notice(f"every epoch is swept on {asked.server} as the run was begun; not with --no-sweep."))
    return _report(resume_here(folder, listen=listen, make_judge=_judge_of(asked)), arguments.json)


def _configuration(arguments: argparse.Namespace) -> TrainingConfig:
    """Return the file's configuration with what --set says in place of its own."""
    from ..files import read_text
    from ..training.config import from_values
    from ..training.toml_form import flatten
    from .training_set import at_home, read_set, set_here

    path = arguments.config
    values = flatten(read_text(path, remedy="Give a TOML file with the training configuration."), file=path)
    given = read_set(arguments.set)
    if arguments.tokenizer:
        given["tokenizer_path"] = arguments.tokenizer
    with set_here(given):
        return from_values(at_home({**values, **given}), file=path)


def _listener(as_json: bool, folder: Path, asked: AskedSweep | None) -> Listen:
    """Return what prints a run's events, and writes down what was asked for as soon as the run has begun.

    Of several processes that a launcher started, one speaks.
    """
    from ..comfyui.sweep_asked import keep_asked
    from ..training.processes import is_first
    from .training_output import Progress

    told = Progress(quiet=as_json or not is_first())

    def listen(event: dict[str, Any]) -> None:
        told(event)
        if asked is not None and event["event"] == "start":
            keep_asked(asked, folder)

    return listen


def _notice(text: str) -> dict[str, Any]:
    return {"event": "notice", "text": text}


def _dry_run(config: TrainingConfig, folder: Path, make_judge: MakeJudge, as_json: bool) -> int:
    """Say what a run would do."""
    from ..shown import on_one_line
    from ..training.config import with_absolute_paths
    from ..training.memory_forecast import forecast_memory
    from ..training.plan import make_plan

    plan = make_plan(with_absolute_paths(config), folder.absolute())
    judge = make_judge(plan)
    memory = forecast_memory(plan)
    base = {"path": str(plan.base), "sha256": plan.base_sha256}
    notices = [*plan.notices, *(map(on_one_line, judge.notices) if judge is not None else ())]
    if as_json:
        told = {**plan.summary(), "notices": notices, "base": base, "memory": memory.to_dict()}
        print(json.dumps(told, ensure_ascii=False))
        return 0
    print(f"would train {plan.config.output_name} in {plan.run_folder}")
    print(f"on {plan.base} (sha256 {plan.base_sha256[:12]})")
    held_out = len(plan.training_set.held_out)
    also = f" and {held_out} held out" if held_out else ""
    pictures = counted(len(plan.training_set.pictures), "picture")
    print(f"{pictures}{also}, {counted(plan.batches, 'batch', 'batches')} in an epoch")
    length = f"{counted(plan.epochs, 'epoch')}, {counted(plan.steps, 'step')}"
    print(f"{length}, {plan.disk_bytes / 1e6:.0f} MB on disk")
    print(memory.fit_text())
    for notice in notices:
        print(f"note: {notice}")
    print("nothing was written")
    return 0


def _quiet_threads() -> None:
    """Let torch's threads sleep while they wait; spinning ones slow down all else. Read when torch loads."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _report(result: TrainingResult, as_json: bool) -> int:
    from ..training.processes import is_first

    if not is_first():
        return 0
    from ..training.progress import read_progress

    names = [path.name for path in result.checkpoints]
    best = read_progress(result.run_folder).best
    if as_json:
        told = {"run_folder": str(result.run_folder), "checkpoints": names, "best": best}
        print(json.dumps(told, ensure_ascii=False))
        return 0
    print(f"{counted(len(names), 'file')} in {result.run_folder}")
    if best:
        print(f"best: epoch {best['epoch']} ({best['metric']} {best['value']:.4g}), {best['path']}")
    return 0
