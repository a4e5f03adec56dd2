"""What the sweep's nodes share: where results lie, which sweeps run, what is told meanwhile."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import folder_paths
from comfy_api.latest import io

from ..bespoke_core.evaluation.cells import Cell
from ..bespoke_core.evaluation.expectation import expect
from ..bespoke_core.evaluation.hashes import content_hash
from ..bespoke_core.evaluation.lineage import lineage
from ..bespoke_core.evaluation.opening import open_sweep
from ..bespoke_core.evaluation.results import STORE_NAME, ResultsStore
from ..bespoke_core.evaluation.store import SweepFolder
from ..bespoke_core.files import key_of
from ..bespoke_core.training.layout import require_sd15_base
from .host import output_root, roots

SWEEPS = "bespoke/sweeps"
BespokeGrid = io.Custom("BESPOKE_GRID")
_MOST_KEPT = 16  # sweeps whose plans are kept in memory between their cells


def results() -> ResultsStore:
    """Return the store of all sweeps of this ComfyUI."""
    return ResultsStore(output_root() / "bespoke" / STORE_NAME)


def device_name() -> str:
    """Return what ComfyUI draws on, such as ``cpu`` or ``cuda:0 NVIDIA GeForce RTX 3060``."""
    import comfy.model_management

    device = comfy.model_management.get_torch_device()
    return str(comfy.model_management.get_torch_device_name(device)).split(" : ")[0]


@dataclass
class Running:
    """A sweep between its start and its last cell, as this process knows it.

    Attributes:
        sweep: the folder with its plan.
        done: finished cells.
        lately: seconds that the latest cells took.
    """

    sweep: SweepFolder
    done: int = 0
    lately: deque[float] = field(default_factory=lambda: deque(maxlen=20))

    def finish(self, seconds: float | None) -> dict[str, Any]:
        """Count one more cell and return what is shown: done, in all, seconds left (None: not known)."""
        self.done += 1
        if seconds is not None:
            self.lately.append(seconds)
        total = self.sweep.plan.count
        left = median(self.lately) * (total - self.done) if self.lately else None
        return {"done": self.done, "total": total, "seconds_left": left}


class Sweeps:
    """The sweeps that run in this process, so that a plan is not read anew for each cell."""

    def __init__(self) -> None:
        self._running: OrderedDict[tuple[str, str], Running] = OrderedDict()
        self._since: float | None = None

    def start(self, sweep: SweepFolder, missing: int) -> dict[str, str]:
        """Note that a sweep starts; return its place, by which cells find it."""
        place = {"folder": roots().relative(sweep.root), "plan": sweep.key}
        self._running[place["folder"], place["plan"]] = Running(sweep, sweep.plan.count - missing)
        while len(self._running) > _MOST_KEPT:
            self._running.popitem(last=False)
        self._since = time.monotonic()
        return place

    def find(self, folder: str, plan: str) -> Running:
        """Return a sweep by its place; one that was not started here is read from its folder.

        Every path that a plan names is checked: others may put files in the output folder.

        Raises:
            InputError: the folder holds no such plan, or the plan names a path outside the allowed folders.
        """
        if (folder, plan) not in self._running:
            allowed = roots()
            sweep = open_sweep(allowed.writable(folder, field="folder"), plan, results())
            if sweep.sprites.reference is not None:
                allowed.readable(str(sweep.sprites.reference), field="training_set")
            self._running[folder, plan] = Running(sweep, sweep.plan.count - len(sweep.missing()))
        return self._running[folder, plan]

    def lap(self) -> float | None:
        """Return the seconds since the last cell or the sweep's start; cells come one after the other."""
        now, since = time.monotonic(), self._since
        self._since = now
        return None if since is None else now - since


RUNNING = Sweeps()


def told_before(sweep: SweepFolder, missing: Sequence[Cell]) -> dict[str, Any]:
    """Return what the node shows before the first picture: how many there are, and the expected time."""
    expected = expect(sweep.plan, missing, sweep.store, device_name(), sweep.unfit)
    return {
        "text": (expected.text(),),
        "bespoke_sweep_plan": [
            {**expected.to_dict(), "plan": sweep.plan.to_dict(), "sprites": sweep.sprites.to_dict()}
        ],
    }


def chosen_cells(missing: Sequence[Cell], only_cells: str) -> tuple[Cell, ...]:
    """Return the cells whose keys begin with one of some texts; all where none is given."""
    beginnings = tuple(word for word in only_cells.replace(",", " ").split() if word)
    return tuple(cell for cell in missing if not beginnings or cell.key.startswith(beginnings))


def base_of(prompt: dict[str, Any], links: list[Any]) -> tuple[str, dict[str, str]]:
    """Return the content key of the base model, and its files: name to SHA-256.

    The key is made of the graph before the sweep and of every model file that it names.

    Raises:
        InputError: the checkpoint is another model than SD1.5, which these LoRAs do not fit.
    """
    upstream = lineage(prompt, links)
    for name in sorted(upstream.constants):
        path = folder_paths.get_full_path("checkpoints", name)
        if path is not None and path.endswith(".safetensors"):
            require_sd15_base(Path(path))
    kinds = ("checkpoints", "diffusion_models", "text_encoders", "vae", "loras")
    files = sorted(
        {
            Path(path)
            for name in upstream.constants
            for kind in kinds
            if (path := folder_paths.get_full_path(kind, name)) is not None
        }
    )
    hashes = [content_hash(path) for path in files]
    named = {path.name: sha256 for path, sha256 in zip(files, hashes, strict=True)}
    return key_of([upstream.key, hashes]), named
