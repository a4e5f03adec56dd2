"""The nodes that a sweep expands into beside core's own; none is for use by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import io

from ..bespoke_core.amounts import counted
from ..bespoke_core.evaluation.problems import DREW_NAN, problem_notes
from .host import MADE, BespokeSweep, holds_nan, output_files, picture_tensor, to_uint8
from .sweep_parts import RUNNING, device_name
from .sweep_there import told_measured

_BY_HAND = " Not for use by hand."


def _place() -> list[io.String.Input]:
    """Return the inputs by which a part of a sweep finds its folder and its plan."""
    return [
        io.String.Input("folder", default="", tooltip="The sweep's folder."),
        io.String.Input("plan", default="", tooltip="The plan's content key."),
    ]


class SweepCheckpoint(io.ComfyNode):
    """Checks that a LoRA is still the file that the sweep was planned with; part of Sweep's expansion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_SweepCheckpoint",
            display_name="Sweep Checkpoint",
            category="Bespoke/evaluation",
            description="Part of Sweep Checkpoints: refuses a LoRA that was replaced meanwhile." + _BY_HAND,
            is_dev_only=True,
            inputs=[
                io.String.Input("lora_name", default="", tooltip="As Load LoRA lists it."),
                io.String.Input("sha256", default="", tooltip="Of the file when the sweep was planned."),
            ],
            outputs=[io.AnyType.Output("lora_name")],
        )

    @classmethod
    def execute(cls, lora_name: str, sha256: str) -> io.NodeOutput:
        """Check the file just before core's LoraLoader reads it."""
        from ..bespoke_core.evaluation.hashes import require_unchanged

        found = folder_paths.get_full_path("loras", lora_name)
        places = [Path(folder, lora_name) for folder in folder_paths.get_folder_paths("loras")]
        gone = next((place for place in places if place.parent.is_dir()), places[0])
        require_unchanged(Path(found) if found else gone, sha256)
        return io.NodeOutput(lora_name)


class SweepCell(io.ComfyNode):
    """Puts one finished picture of a sweep on disk; part of Sweep's expansion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_SweepCell",
            display_name="Sweep Cell",
            category="Bespoke/evaluation",
            description="Part of Sweep Checkpoints: stores and scores one picture." + _BY_HAND,
            is_output_node=True,
            is_dev_only=True,
            inputs=[
                io.Image.Input("image"),
                *_place(),
                io.String.Input("key", default="", tooltip="The cell's content key."),
            ],
            outputs=[io.String.Output("key")],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        """Run always: a cell is only there because its picture is missing on disk."""
        return float("nan")

    @classmethod
    def execute(cls, image: Any, folder: str, plan: str, key: str) -> io.NodeOutput:
        """Store the picture with its record."""
        import comfyui_version
        import torch

        running = RUNNING.find(folder, plan)
        sweep, seconds = running.sweep, RUNNING.lap()
        if holds_nan(image):  # told of in the table; the other checkpoints' pictures are drawn all the same
            told = sweep.leave_out(sweep.cell(key), DREW_NAN)
            shown = {**told, **running.finish(seconds), "folder": folder}
            return io.NodeOutput(key, ui={"bespoke_cell": [shown]})
        versions = {"comfyui": comfyui_version.__version__, "torch": torch.__version__}
        record = sweep.save(
            sweep.cell(key), to_uint8(image)[0], versions=versions, device=device_name(), seconds=seconds
        )
        picture = sweep.root / "cells" / record["picture"]
        shown = {**record, **running.finish(seconds), "folder": folder}
        return io.NodeOutput(key, ui={"images": output_files([picture]), "bespoke_cell": [shown]})


class SweepFloor(io.ComfyNode):
    """Measures what the VAE makes of the training set: a control; part of Sweep's expansion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_SweepFloor",
            display_name="Sweep Floor",
            category="Bespoke/evaluation",
            description="Part of Sweep Checkpoints: the training set through the VAE, as a control."
            + _BY_HAND,
            is_dev_only=True,
            inputs=[io.Vae.Input("vae"), *_place()],
            outputs=[io.String.Output("key")],
        )

    @classmethod
    def execute(cls, vae: Any, folder: str, plan: str) -> io.NodeOutput:
        """Measure it and keep it in the store."""
        import numpy as np

        from .scoring_parts import Scoring

        sweep = RUNNING.find(folder, plan).sweep
        sprites, size = sweep.sprites, sweep.plan.settings[0]
        scoring = Scoring((sprites.width, sprites.height), sprites.method, sprites.reference, None, vae)
        floor = scoring.floor(np.empty((size.height, size.width, 3), dtype=np.uint8))
        if floor is not None:
            sweep.store.put_floor(sweep.floor_key, floor.to_dict())
        RUNNING.lap()
        return io.NodeOutput(sweep.floor_key)


class SweepGather(io.ComfyNode):
    """Waits for every cell of a sweep and hands the results on; part of Sweep's expansion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_SweepGather",
            display_name="Sweep Gather",
            category="Bespoke/evaluation",
            description="Part of Sweep Checkpoints: collects the cells." + _BY_HAND,
            is_output_node=True,
            is_dev_only=True,
            accept_all_inputs=True,
            inputs=[*_place()],
            outputs=[BespokeSweep.Output("sweep"), io.Image.Output("contact_sheet")],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        """Run always: what it gathers lies on disk, and it is only there when the sweep itself runs."""
        return float("nan")

    @classmethod
    def execute(cls, folder: str, plan: str, only_cells: str = "", **_: Any) -> io.NodeOutput:
        """Write the table and draw the contact sheet; of a shared sweep, tell what was measured."""
        sweep = RUNNING.find(folder, plan).sweep
        sweep.score_missing()
        pictures, rows = sweep.pictures(), sweep.rows()
        sweep.write_table(rows)
        sheet, sheet_path = sweep.write_contact_sheet(pictures)
        MADE.settle(sweep.root, "cells")
        text = "\n".join([f"{counted(len(pictures), 'picture')} in {folder}", *problem_notes(rows)])
        return io.NodeOutput(
            sweep,
            picture_tensor(sheet),
            ui={
                "text": (text,),
                "images": output_files([sheet_path]),
                "bespoke_sweep": [{"folder": folder}],
                "bespoke_measured": [told_measured(sweep, only_cells)] if only_cells else [],
            },
        )
