"""What the sweep's nodes share: where results lie, the expansion into core nodes, what is told meanwhile."""

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
from comfy_execution.graph_utils import GraphBuilder

from ..bespoke_core.errors import InputError
from ..bespoke_core.evaluation.cells import Cell
from ..bespoke_core.evaluation.expectation import expect
from ..bespoke_core.evaluation.hashes import content_hash
from ..bespoke_core.evaluation.lineage import lineage
from ..bespoke_core.evaluation.results import STORE_NAME, ResultsStore
from ..bespoke_core.evaluation.store import SweepFolder, open_sweep
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


class Expansion:
    """The core nodes of a sweep's cells; cells share the nodes that they have in common.

    Args:
        model, clip, vae: links to the base.
        place: of the sweep, as `Sweeps.start` returns it.
    """

    def __init__(self, model: list, clip: list, vae: list, place: dict[str, str]) -> None:
        self.graph = GraphBuilder()
        self.base = model, clip
        self.vae = vae
        self.place = place
        self._encoders: dict[tuple[str, float], Any] = {}

    def add(self, cell: Cell) -> Any:
        """Add one cell and return the node that stores it."""
        model, clip = self._patched(cell)
        settings = cell.sampler
        latent = self.graph.node(
            "EmptyLatentImage",
            id=f"latent_{settings.width}x{settings.height}",
            width=settings.width,
            height=settings.height,
            batch_size=1,
        )
        sampled = self.graph.node(
            "KSampler",
            id=f"sample_{cell.key[:16]}",
            model=model,
            positive=self._encoded(clip, cell.prompt.text),
            negative=self._encoded(clip, settings.negative_prompt),
            latent_image=latent.out(0),
            seed=cell.seed,
            steps=settings.steps,
            cfg=settings.cfg,
            sampler_name=settings.sampler_name,
            scheduler=settings.scheduler,
            denoise=1.0,
        )
        id = f"decode_{cell.key[:16]}"
        decoded = self.graph.node("VAEDecode", id=id, samples=sampled.out(0), vae=self.vae)
        return self.graph.node(
            "Bespoke_SweepCell",
            id=f"cell_{cell.key[:16]}",
            image=decoded.out(0),
            key=cell.key,
            **self.place,
        )

    def finish(self, cells: Sequence[Any], *, with_floor: bool, only_cells: str = "") -> Any:
        """Add the node that waits for the cells, and the control of the VAE; return the former.

        Args:
            cells: as `add` gave them.
            with_floor: measure the control.
            only_cells: tell what was measured on these, see `chosen_cells`.
        """
        links = {f"cell_{i:05}": cell.out(0) for i, cell in enumerate(cells)}
        if with_floor:
            floor = self.graph.node("Bespoke_SweepFloor", id="floor", vae=self.vae, **self.place)
            links["floor"] = floor.out(0)
        shared = {"only_cells": only_cells} if only_cells else {}
        return self.graph.node("Bespoke_SweepGather", id="gather", **self.place, **links, **shared)

    def _patched(self, cell: Cell) -> tuple[list, list]:
        """Return the links to a cell's model and text encoder.

        The text encoder depends on the LoRA and its strength there only: whatever the strength on the UNet,
        the same one is taken, so that each text is encoded once.
        """
        if cell.checkpoint is None:
            return self.base
        sha256, settings = cell.checkpoint.sha256, cell.sampler
        # Its name may stand for another file tomorrow: the check is part of what ComfyUI's cache goes by.
        name = lora_name(cell.checkpoint.path)
        checked = self.graph.node(
            "Bespoke_SweepCheckpoint", id=f"check_{sha256[:16]}", lora_name=name, sha256=sha256
        )
        lora = self.graph.node(
            "LoraLoader",
            id=f"lora_{sha256[:16]}_{settings.strength_model:g}_{settings.strength_clip:g}",
            model=self.base[0],
            clip=self.base[1],
            lora_name=checked.out(0),
            strength_model=settings.strength_model,
            strength_clip=settings.strength_clip,
        )
        clip = self._encoders.setdefault((sha256, settings.strength_clip), lora.out(1))
        return lora.out(0), clip

    def _encoded(self, clip: list, text: str) -> Any:
        id = f"text_{key_of([clip, text])[:16]}"
        return self.graph.node("CLIPTextEncode", id=id, clip=clip, text=text).out(0)


def lora_name(path: Path) -> str:
    """Return the name by which core's LoraLoader opens just this file.

    Raises:
        InputError: the file is in none of ComfyUI's loras folders, or another file of its name comes first.
    """
    folders = [Path(folder) for folder in folder_paths.get_folder_paths("loras")]
    # A folder of LoRAs may be a link: both the path as given and the real one may lie in it.
    pairs = [(path, folder) for folder in folders] + [
        (path.resolve(), folder.resolve()) for folder in folders
    ]
    names = [str(place.relative_to(folder)) for place, folder in pairs if place.is_relative_to(folder)]
    for name in names:
        found = folder_paths.get_full_path("loras", name)
        if found is not None and Path(found).samefile(path):
            return name
    if names:
        raise InputError(
            "is hidden by another file of this name in a loras folder that ComfyUI searches first",
            file=path,
            remedy="Rename or move one of the two.",
        )
    raise InputError(
        "is in none of ComfyUI's loras folders",
        file=path,
        remedy="Move it under one of: " + ", ".join(str(folder) for folder in folders) + ".",
    )


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
