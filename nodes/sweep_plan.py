"""Nodes that say what a sweep compares: several training runs, and a grid of settings."""

from __future__ import annotations

from typing import Any

import comfy.samplers
from comfy_api.latest import io

from ..bespoke_core.errors import InputError
from ..bespoke_core.evaluation.checkpoints import describe
from ..bespoke_core.evaluation.runs import find_in_run, parse_runs
from ..bespoke_core.evaluation.settings import SettingsGrid, parse_grid
from .host import BespokeCheckpoints, folder_fingerprint, roots
from .sweep_parts import BespokeGrid


class FindRuns(io.ComfyNode):
    """Lists the checkpoints of several training runs, to be compared in one sweep."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_FindRuns",
            display_name="Find Runs",
            category="Bespoke/checkpoints",
            description="Finds the checkpoints of several runs, each its own folder and label, to compare "
            "them in one sweep: network_dim 16, 32 and 64, captions before and after cleaning.",
            search_aliases=["compare runs", "network_dim"],
            is_output_node=True,
            inputs=[
                io.String.Input(
                    "runs",
                    multiline=True,
                    default="dim16: loras/bespoke/dim16\ndim32: loras/bespoke/dim32",
                    tooltip="One a line: 'label: folder', or 'label: folder | pattern' for some files.",
                ),
            ],
            outputs=[
                BespokeCheckpoints.Output("checkpoints", tooltip="All of them, run by run."),
                io.String.Output("list", tooltip="Epoch, name and hash of each."),
            ],
        )

    @classmethod
    def validate_inputs(cls, runs: str | None = None) -> bool | str:
        """Refuse lines of another form and folders that may not be read before any work starts."""
        try:
            for run in parse_runs(runs) if isinstance(runs, str) else ():
                roots().readable(run.folder, field="runs")
        except InputError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, runs: str | None = None, **_: Any) -> str:
        """Run again when a checkpoint of any run came or went."""
        if not isinstance(runs, str):
            return "wired"
        return " ".join(folder_fingerprint(run.folder) for run in parse_runs(runs))

    @classmethod
    def execute(cls, runs: str) -> io.NodeOutput:
        """Find them."""
        allowed = roots()
        found = tuple(
            checkpoint
            for run in parse_runs(runs)
            for checkpoint in find_in_run(
                run.label, allowed.readable(run.folder, field="runs"), pattern=run.pattern
            )
        )
        text = describe(found)
        return io.NodeOutput(
            found, text, ui={"text": (text,), "bespoke_checkpoints": [c.to_dict() for c in found]}
        )


class SweepGrid(io.ComfyNode):
    """Lists the settings that a sweep compares, each with each."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_SweepGrid",
            display_name="Sweep Grid",
            category="Bespoke/evaluation",
            description="Values to compare in a sweep, each with each. What is left empty keeps the value of "
            "Sweep Checkpoints.",
            search_aliases=["xy plot", "guidance study", "cfg"],
            inputs=[
                _list("strength", "LoRA strengths: 0.6, 0.8, 1.0; or UNet/text encoder: 0.8/1.0."),
                _list("cfg", "Guidance scales: 7.0, 7.5, 8.0."),
                io.String.Input(
                    "negative_prompt",
                    multiline=True,
                    default="",
                    tooltip="Negative prompts, one a line; (none) stands for no negative prompt.",
                ),
                _list("sampler_name", "Samplers as KSampler lists them: euler, dpmpp_2m."),
                _list("scheduler", "Schedulers as KSampler lists them: normal, karras."),
                _list("steps", "Sampling steps: 20, 30."),
                _list("size", "Sizes in pixels: 512x512, 768x768."),
            ],
            outputs=[
                BespokeGrid.Output("grid", tooltip="For Sweep Checkpoints."),
                io.String.Output("list", tooltip="What is compared, in words."),
            ],
        )

    @classmethod
    def validate_inputs(
        cls,
        strength: str | None = None,
        cfg: str | None = None,
        negative_prompt: str | None = None,
        sampler_name: str | None = None,
        scheduler: str | None = None,
        steps: str | None = None,
        size: str | None = None,
    ) -> bool | str:
        """Refuse values that cannot be before any work starts."""
        given = {"strength": strength, "cfg": cfg, "sampler_name": sampler_name, "scheduler": scheduler}
        given |= {"steps": steps, "size": size, "negative_prompt": negative_prompt}
        try:
            _read({name: text for name, text in given.items() if isinstance(text, str)})
        except InputError as error:
            return str(error)
        return True

    @classmethod
    def execute(cls, **texts: str) -> io.NodeOutput:
        """Read the lists."""
        grid = _read(texts)
        text = grid.describe()
        return io.NodeOutput(grid, text, ui={"text": (text,)})


def _list(name: str, tooltip: str) -> io.String.Input:
    return io.String.Input(name, default="", tooltip=tooltip + " Empty: not varied.")


def _read(texts: dict[str, str]) -> SettingsGrid:
    sampler = comfy.samplers.KSampler
    return parse_grid(texts, {"sampler_name": sampler.SAMPLERS, "scheduler": sampler.SCHEDULERS})
