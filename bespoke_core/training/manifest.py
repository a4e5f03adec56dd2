"""A run's manifest, `run.json`: what was trained with which versions and seeds, and how it ended."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from .. import __version__
from ..amounts import counted
from ..errors import InputError
from ..files import sha256_of_file, write_json
from .claim import occupied, owner_of
from .judge import best_of_run
from .kohya_file import is_whole
from .outputs import checkpoint_names
from .plan import TrainingPlan
from .processes import ancestors, identity
from .state_header import Place

MANIFEST = "run.json"
_UNDER_WAY = ("starting", "running")
_LIBRARIES = ("torch", "diffusers", "transformers", "safetensors")


@dataclass(frozen=True)
class TrainingResult:
    """A finished run.

    Attributes:
        run_folder: its folder.
        checkpoints: its LoRA files, in the order of their epochs.
    """

    run_folder: Path
    checkpoints: tuple[Path, ...]


def read_manifest(run_folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a run folder, or None where there is none.

    Raises:
        InputError: the file is damaged.
    """
    path = run_folder / MANIFEST
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"is not JSON ({error})", file=path, remedy="Use another run folder.") from None
    if not isinstance(told, dict):
        raise InputError("is not a run's manifest", file=path, remedy="Use another run folder.")
    return told


def write_manifest(plan: TrainingPlan, status: str, *, resumed: bool = False, **more: Any) -> None:
    """Write the manifest.

    Args:
        status: "starting" (by the process that starts it), "running", "finished", "cancelled" or "failed".
        resumed: keep the first start's time.
        more: further entries.
    """
    former = read_manifest(plan.run_folder) or {}
    started = former.get("started") if resumed or status not in _UNDER_WAY else None
    write_json(
        plan.run_folder / MANIFEST,
        {
            "status": status,
            "fingerprint": plan.fingerprint,
            "output_name": plan.config.output_name,
            "seed": plan.config.seed,
            "epochs": plan.epochs,
            "steps": plan.steps,
            "base": {"path": str(plan.base), "sha256": plan.base_sha256},
            "dataset": {
                "path": str(plan.training_set.folder),
                "key": plan.training_set.key,
                "pictures": len(plan.training_set.pictures),
            },
            "notices": list(plan.notices),
            "processes": plan.processes,
            "checkpoints": _checkpoints(plan, more.get("stopped_early")),
            "stopped_early": None,
            "early_stopping": _early_stopping(plan),
            "best": best_of_run(plan.run_folder),
            "versions": {"bespoke": __version__, "python": platform.python_version(), **_versions()},
            "process": {"id": os.getpid(), "started": psutil.Process().create_time()},
            "started": started or time.time(),
            "ended": None if status in _UNDER_WAY else time.time(),
            **more,
        },
    )


def check_run_folder(plan: TrainingPlan) -> None:
    """Refuse a run folder in which another process trains, or that holds another run's checkpoints.

    Raises:
        InputError: see above.
    """
    owner = owner_of(plan.run_folder)
    if owner not in {"", identity()} and owner not in ancestors():
        raise occupied(plan.run_folder, owner)
    told = read_manifest(plan.run_folder)
    if told is not None and told.get("fingerprint") != plan.fingerprint and told.get("checkpoints"):
        raise InputError(
            "holds the checkpoints of a run with another configuration, data set or base model: "
            + _differences(plan, told),
            file=plan.run_folder,
            remedy="Use another output_name or run folder, or remove that folder.",
        )


def _differences(plan: TrainingPlan, told: Mapping[str, Any]) -> str:
    """Say what is not as in a manifest of another fingerprint."""
    base, data, processes = told.get("base") or {}, told.get("dataset") or {}, told.get("processes", 1)
    found = []
    if base.get("sha256") != plan.base_sha256:
        same = base.get("path") == str(plan.base)
        found.append(f"{plan.base.name} holds other weights" if same else f"the base was {base.get('path')}")
    if data.get("key") != plan.training_set.key:
        found.append("pictures, captions or how they are shown have changed")
    if processes != plan.processes:
        shared = counted(processes, "process", "processes")
        found.append(f"{shared} shared a batch, and now {plan.processes}")
    return ", ".join(found) or "settings have changed"


def finished_result(plan: TrainingPlan, patience: int | None = None) -> TrainingResult | None:
    """Return the result in the plan's run folder if it is of this very plan, complete and undamaged.

    Args:
        plan: of the run.
        patience: of the judge, see `Judge.patience`.

    None also for a run that was stopped early and may go on now.
    """
    told = read_manifest(plan.run_folder)
    if told is None or told.get("status") != "finished" or told.get("fingerprint") != plan.fingerprint:
        return None
    if may_go_on(plan, told, patience):
        return None
    names = expected(plan, told.get("stopped_early"))
    hashes = {entry["file"]: entry["sha256"] for entry in told.get("checkpoints", [])}
    for name in names:
        path = plan.run_folder / name
        if not path.is_file() or sha256_of_file(path) != hashes.get(name):
            return None
    return TrainingResult(plan.run_folder, tuple(plan.run_folder / name for name in names))


def may_go_on(plan: TrainingPlan, told: Mapping[str, Any], patience: int | None = None) -> bool:
    """Return whether a run that was stopped early may go on: what stopped it asks for something else now.

    Args:
        plan: of the run.
        told: its manifest.
        patience: of the judge, see `Judge.patience`; one that waits longer lets the run go on.
    """
    stopped = told.get("stopped_early")
    if not stopped:
        return False
    waited = stopped.get("patience")
    longer = patience is not None and waited is not None and patience > waited
    return longer or told.get("early_stopping") != _early_stopping(plan)


def expected(plan: TrainingPlan, stopped_early: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Return the names of the files that the plan's run writes.

    Args:
        plan: of the run.
        stopped_early: the manifest's entry of that name: such a run has the files up to that epoch.
    """
    if not stopped_early:
        return plan.checkpoints
    return checkpoint_names(
        plan.config,
        epochs=plan.epochs,
        steps=plan.steps,
        begin=plan.begin,
        stopped=Place(epoch=int(stopped_early["epoch"]), step=int(stopped_early["step"])),
    )


def _early_stopping(plan: TrainingPlan) -> dict[str, Any]:
    return {k: v for k, v in plan.config.model_dump().items() if k.startswith("early_stopping")}


def remove_leavings(folders: Iterable[Path]) -> None:
    """Remove the temporary files that a killed run may have left in its folders."""
    for folder in folders:
        for leaving in folder.glob(".*.tmp"):
            leaving.unlink(missing_ok=True)


def _checkpoints(plan: TrainingPlan, stopped_early: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    paths = [plan.run_folder / name for name in expected(plan, stopped_early)]
    return [{"file": path.name, "sha256": sha256_of_file(path)} for path in paths if is_whole(path)]


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
