"""Where else a run's figures are shown: TensorBoard and Weights & Biases, if asked for and installed."""

from __future__ import annotations

import importlib
import importlib.util
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..files import write_json
from .plan import TrainingPlan
from .plan_notices import wanted_trackers

Tracker = Callable[[str, Mapping[str, Any]], None]
TRACKED_FILE = "trackers.json"
"""In the run folder: what the trackers call this run, so that a resumed one goes on there."""
_ENDS = {"finished", "failed", "cancelled"}
_RATE_NAMES = {"unet": "lr/unet", "text_encoder": "lr/textencoder"}


def trackers(plan: TrainingPlan) -> Tracker:
    """Return what takes a run's events and shows their figures everywhere that the configuration asks for.

    A tracker that is not installed is left out; the plan's notices say so.
    """
    makers = {"tensorboard": _tensorboard, "wandb": _wandb}
    made = [
        makers[name](plan)
        for name in wanted_trackers(plan.config)
        if importlib.util.find_spec(name) is not None
    ]

    def take(event: str, values: Mapping[str, Any]) -> None:
        for tracker in made:
            tracker(event, values)

    return take


def untracked(event: str, values: Mapping[str, Any]) -> None:
    """Show nothing: the tracker of a run whose own can no longer write."""


def figures(event: str, values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the figures of an event under kohya's names, with held-out loss and scores beside them."""
    if event == "step":
        yield "loss/current", values["loss"]
        yield "loss/average", values["mean_loss"]
        for part, rate in values.get("lrs", {}).items():
            yield _RATE_NAMES.get(part, f"lr/{part}"), rate
        if values.get("grad_norm") is not None:
            yield "norm/grad_norm", values["grad_norm"]
    elif event == "checkpoint" and values.get("kind") == "epoch":
        yield "loss/epoch", values["mean_loss"]
    elif event == "validation":
        yield "loss/validation", values["loss"]
    elif event == "samples":
        for name, value in values.get("scores", {}).items():
            if isinstance(value, (int, float)):
                yield f"scores/{name}", value


def _tensorboard(plan: TrainingPlan) -> Tracker:
    """Write into logging_dir/log_prefix plus the time, as kohya names it; a resumed run into the same."""
    config, known = plan.config, _known(plan, "tensorboard")
    if known is None:
        name = config.log_prefix + time.strftime("%Y%m%d%H%M%S", time.gmtime())
        known = str(Path(config.logging_dir) / name / (config.log_tracker_name or "network_train"))
        _remember(plan, "tensorboard", known)
    from torch.utils.tensorboard import SummaryWriter

    writers: list[Any] = []

    def take(event: str, values: Mapping[str, Any]) -> None:
        if event in _ENDS:
            for writer in writers:
                writer.close()
            return
        if event == "resumed" or not writers:
            # What was shown of steps that are done again is taken back.
            purge = values["step"] + 1 if event == "resumed" else None
            writers.append(SummaryWriter(known, purge_step=purge))
        for name, value in figures(event, values):
            writers[-1].add_scalar(name, value, values.get("step", 0))

    return take


def _wandb(plan: TrainingPlan) -> Tracker:
    config, known = plan.config, _known(plan, "wandb")
    wandb: Any = importlib.import_module("wandb")
    run = wandb.init(
        project=config.log_tracker_name or "network_train",
        name=config.wandb_run_name or config.output_name,
        id=known,
        resume="allow",
        dir=str(plan.run_folder),
        config=config.model_dump(),
    )
    _remember(plan, "wandb", run.id)

    def take(event: str, values: Mapping[str, Any]) -> None:
        told = dict(figures(event, values))
        if told:
            run.log({**told, "step": values.get("step", 0), "epoch": values.get("epoch", 0)})
        if event in _ENDS:
            run.finish(exit_code=0 if event == "finished" else 1)

    return take


def _known(plan: TrainingPlan, name: str) -> str | None:
    path = plan.run_folder / TRACKED_FILE
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None  # damaged: the tracker begins a new one
    return told.get(name) if isinstance(told, dict) and told.get("fingerprint") == plan.fingerprint else None


def _remember(plan: TrainingPlan, name: str, value: str) -> None:
    path = plan.run_folder / TRACKED_FILE
    others = {key: found for key in ("tensorboard", "wandb") if (found := _known(plan, key)) is not None}
    write_json(path, {"fingerprint": plan.fingerprint, **others, name: value})
