"""The sweep node: one picture for every checkpoint, prompt and seed, drawn by ComfyUI's own nodes.

The node expands into core nodes (LoraLoader, CLIPTextEncode, EmptyLatentImage, KSampler, VAEDecode) because
users want the picture that their own graph gives. Cells that are on disk already are not drawn again.
"""

from __future__ import annotations

from typing import Any

import comfy.samplers
from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker

from ..bespoke_core.evaluation.checkpoints import Checkpoint, require_sd15
from ..bespoke_core.evaluation.measuring import SpriteSettings
from ..bespoke_core.evaluation.plan import SweepPlan
from ..bespoke_core.evaluation.prompts import TestPrompt
from ..bespoke_core.evaluation.seeds import parse_seeds
from ..bespoke_core.evaluation.settings import SamplerSettings, SettingsGrid
from ..bespoke_core.evaluation.store import SweepFolder
from ..bespoke_core.paths import safe_name
from .host import (
    MADE,
    METHODS,
    BespokeCheckpoints,
    BespokePrompts,
    BespokeSweep,
    folder_fingerprint,
    folder_problem,
    output_root,
    roots,
    training_set_input,
)
from .sweep_expansion import Expansion
from .sweep_parts import (
    RUNNING,
    SWEEPS,
    BespokeGrid,
    base_of,
    chosen_cells,
    results,
    told_before,
)
from .sweep_there import told_for_sharing, told_there


class Sweep(io.ComfyNode):
    """Draws every test prompt with every checkpoint and every seed."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        samplers, schedulers = comfy.samplers.KSampler.SAMPLERS, comfy.samplers.KSampler.SCHEDULERS
        size = {"min": 16, "max": 4096, "step": 8}
        strength = {"default": 1.0, "min": -10.0, "max": 10.0, "step": 0.05, "optional": True}
        return io.Schema(
            node_id="Bespoke_Sweep",
            display_name="Sweep Checkpoints",
            category="Bespoke/evaluation",
            description="Draws every prompt with every checkpoint and every seed, the base model as control, "
            "with core's own LoraLoader and KSampler. Every finished picture is on disk at once; queueing "
            "again draws only what is missing.",
            search_aliases=["xy plot", "compare epochs", "lora tester"],
            enable_expand=True,
            is_output_node=True,
            inputs=[
                io.Model.Input("model", tooltip="The base model.", raw_link=True, lazy=True),
                io.Clip.Input("clip", tooltip="The base model's text encoder.", raw_link=True, lazy=True),
                io.Vae.Input("vae", tooltip="The base model's autoencoder.", raw_link=True, lazy=True),
                BespokeCheckpoints.Input("checkpoints", tooltip="The LoRA checkpoints to compare."),
                BespokePrompts.Input("prompts", tooltip="The test prompts."),
                io.String.Input(
                    "sweep_name", default="my_sweep", tooltip="Folder under output/bespoke/sweeps."
                ),
                io.String.Input(
                    "seeds", default="1, 2, 3", tooltip="Whole numbers or ranges: 1, 2, 3 or 1-5. Fixed."
                ),
                io.Int.Input("steps", default=30, min=1, max=1000, tooltip="Sampling steps."),
                io.Float.Input("cfg", default=7.5, min=0.0, max=100.0, step=0.1, tooltip="Guidance scale."),
                io.Combo.Input("sampler_name", options=samplers, default="euler", tooltip="As in KSampler."),
                io.Combo.Input("scheduler", options=schedulers, default="normal", tooltip="As in KSampler."),
                io.Int.Input("width", default=512, tooltip="Of the pictures, in pixels.", **size),
                io.Int.Input("height", default=512, tooltip="Of the pictures, in pixels.", **size),
                io.String.Input(
                    "negative_prompt", multiline=True, default="", tooltip="The same for every picture."
                ),
                io.Int.Input(
                    "sprite_width", default=24, min=1, max=1024, tooltip="Of the sprites, in pixels."
                ),
                io.Int.Input(
                    "sprite_height", default=24, min=1, max=1024, tooltip="Of the sprites, in pixels."
                ),
                io.Combo.Input(
                    "method",
                    options=METHODS,
                    default="nearest",
                    tooltip="How pictures are shrunk for scoring.",
                ),
                io.Float.Input("strength_model", tooltip="Of the LoRA on the UNet.", **strength),
                io.Float.Input("strength_clip", tooltip="Of the LoRA on the text encoder.", **strength),
                io.Boolean.Input(
                    "with_base", default=True, optional=True, tooltip="Add the base model as a control row."
                ),
                training_set_input(),
                BespokeGrid.Input(
                    "grid",
                    optional=True,
                    tooltip="From Sweep Grid: further values to compare; they take the place of the values "
                    "here.",
                ),
                io.Boolean.Input(
                    "with_vae_floor",
                    default=True,
                    optional=True,
                    tooltip="With a training set: measure what the VAE alone makes of it, as a control.",
                ),
                io.Boolean.Input(
                    "dry_run",
                    default=False,
                    optional=True,
                    tooltip="Only tell how many pictures that is and how long they will take.",
                ),
                io.String.Input(
                    "only_cells",
                    default="",
                    optional=True,
                    advanced=True,
                    tooltip="Draw only these cells, by the beginnings of their keys; for scripts that share "
                    "a sweep among machines. Empty: all.",
                ),
            ],
            outputs=[
                BespokeSweep.Output("sweep", tooltip="The results, for Verdict."),
                io.Image.Output("contact_sheet", tooltip="Every sprite, checkpoint by prompt."),
            ],
            hidden=[io.Hidden.prompt],
        )

    @classmethod
    def validate_inputs(cls, training_set: str | None = None, seeds: str | None = None) -> bool | str:
        """Refuse unusable seeds and folders before any work starts."""
        from ..bespoke_core.errors import InputError

        try:
            if isinstance(seeds, str):
                parse_seeds(seeds)
        except InputError as error:
            return str(error)
        return folder_problem(training_set or None, "training_set")

    @classmethod
    def execute(
        cls,
        model: list,
        clip: list,
        vae: list,
        checkpoints: tuple[Checkpoint, ...],
        prompts: tuple[TestPrompt, ...],
        sweep_name: str,
        seeds: str,
        sprite_width: int,
        sprite_height: int,
        method: str,
        with_base: bool = True,
        training_set: str = "",
        grid: SettingsGrid | None = None,
        with_vae_floor: bool = True,
        dry_run: bool = False,
        only_cells: str = "",
        **sampler: Any,
    ) -> io.NodeOutput:
        """Plan the grid and expand into the cells that are missing."""
        reference = roots().readable(training_set, field="training_set") if training_set else None
        for checkpoint in checkpoints:
            require_sd15(checkpoint.path)
        base, files = base_of(cls.hidden.prompt, [model, clip, vae])
        settings = (grid or SettingsGrid()).over(SamplerSettings(**sampler))
        plan = SweepPlan(checkpoints, prompts, parse_seeds(seeds), base, settings, with_base)
        root = output_root() / SWEEPS / safe_name(sweep_name, field="sweep_name")
        sprites = SpriteSettings(sprite_width, sprite_height, method, reference)
        sweep = SweepFolder(root, plan, sprites, results(), files)
        missing = sweep.to_draw()
        told = told_before(sweep, missing) | told_there(sweep)
        if dry_run:
            told["bespoke_sweep_plan"][0] |= told_for_sharing(sweep)
            return io.NodeOutput(ExecutionBlocker(None), ExecutionBlocker(None), ui=told)
        sweep.write_plan()
        sweep.leave_out_unfit()
        MADE.remember(cls.node_name(sweep_name), root)
        expansion = Expansion(model, clip, vae, RUNNING.start(sweep, len(missing)))
        cells = [expansion.add(cell) for cell in chosen_cells(missing, only_cells)]
        with_floor = with_vae_floor and reference is not None and sweep.floor() is None
        gather = expansion.finish(cells, with_floor=with_floor, only_cells=only_cells)
        return io.NodeOutput(gather.out(0), gather.out(1), ui=told, expand=expansion.graph.finalize())

    @classmethod
    def node_name(cls, sweep_name: str | None) -> str:
        """Return the name under which `MADE` knows a sweep."""
        return f"sweep {sweep_name}"

    @classmethod
    def fingerprint_inputs(
        cls,
        training_set: str | None = None,
        sweep_name: str | None = None,
        dry_run: bool | None = None,
        **_: Any,
    ) -> Any:
        """Run again when the training set or a picture changed or is gone; always to tell only."""
        if dry_run:
            return float("nan")
        return MADE.fingerprint(cls.node_name(sweep_name), folder_fingerprint(training_set or None))
