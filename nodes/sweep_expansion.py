"""The expansion of a sweep: its cells as core's own nodes, with what they have in common only once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import folder_paths
from comfy_execution.graph_utils import GraphBuilder

from ..bespoke_core.errors import InputError
from ..bespoke_core.evaluation.cells import Cell
from ..bespoke_core.files import key_of


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
