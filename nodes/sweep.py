"""The sweep node: one picture for every checkpoint, prompt and seed, drawn by ComfyUI's own nodes.

The node expands into core nodes (LoraLoader, CLIPTextEncode, EmptyLatentImage, KSampler, VAEDecode) because
users want the picture that their own graph gives. Cells that are on disk already are not drawn again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import comfy.samplers
import folder_paths
from comfy_api.latest import io
from comfy_execution.graph_utils import GraphBuilder

from ..bespoke_core.evaluation.checkpoints import Checkpoint, require_sd15
from ..bespoke_core.evaluation.plan import Cell, SamplerSettings, SweepPlan, lineage, parse_seeds
from ..bespoke_core.evaluation.prompts import TestPrompt
from ..bespoke_core.evaluation.store import SpriteSettings, SweepFolder, open_sweep
from ..bespoke_core.files import key_of, sha256_of_file
from ..bespoke_core.paths import safe_name
from ..bespoke_core.training.layout import require_sd15_base
from .host import (
    MADE,
    METHODS,
    BespokeCheckpoints,
    BespokePrompts,
    BespokeSweep,
    folder_fingerprint,
    folder_problem,
    output_files,
    output_root,
    picture_tensor,
    roots,
    to_uint8,
    training_set_input,
)

SWEEPS = "bespoke/sweeps"


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
        **sampler: Any,
    ) -> io.NodeOutput:
        """Plan the grid and expand into the cells that are missing."""
        allowed = roots()
        reference = allowed.readable(training_set, field="training_set") if training_set else None
        for checkpoint in checkpoints:
            require_sd15(checkpoint.path)
        base = base_key(cls.hidden.prompt, [model, clip, vae])
        sampling = SamplerSettings(**sampler)
        plan = SweepPlan(checkpoints, prompts, parse_seeds(seeds), base, sampling, with_base)
        root = output_root() / SWEEPS / safe_name(sweep_name, field="sweep_name")
        sweep = SweepFolder(root, plan, SpriteSettings(sprite_width, sprite_height, method, reference))
        sweep.write_plan()
        graph = GraphBuilder()
        place = {"folder": allowed.relative(root), "plan": sweep.key}
        cells = [add_cell(graph, cell, model, clip, vae, place) for cell in sweep.missing()]
        links = {f"cell_{i:05}": cell.out(0) for i, cell in enumerate(cells)}
        gather = graph.node("Bespoke_SweepGather", id="gather", **place, **links)
        MADE.remember(cls.node_name(sweep_name), root)
        return io.NodeOutput(gather.out(0), gather.out(1), expand=graph.finalize())

    @classmethod
    def node_name(cls, sweep_name: str | None) -> str:
        """Return the name under which `MADE` knows a sweep."""
        return f"sweep {sweep_name}"

    @classmethod
    def fingerprint_inputs(
        cls, training_set: str | None = None, sweep_name: str | None = None, **_: Any
    ) -> Any:
        """Run again when the training set changed, or when the sweep's folder was deleted."""
        return MADE.fingerprint(cls.node_name(sweep_name), folder_fingerprint(training_set or None))


class SweepCell(io.ComfyNode):
    """Puts one finished picture of a sweep on disk; part of Sweep's expansion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_SweepCell",
            display_name="Sweep Cell",
            category="Bespoke/evaluation",
            description="Part of Sweep Checkpoints: stores and scores one picture. Not for use by hand.",
            is_output_node=True,
            is_dev_only=True,
            inputs=[
                io.Image.Input("image"),
                io.String.Input("folder", default="", tooltip="The sweep's folder."),
                io.String.Input("plan", default="", tooltip="The plan's content key."),
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

        sweep = open_checked(folder, plan)
        versions = {"comfyui": comfyui_version.__version__, "torch": torch.__version__}
        record = sweep.save(sweep.cell(key), to_uint8(image)[0], versions=versions)
        picture = sweep.root / "cells" / record["picture"]
        return io.NodeOutput(key, ui={"images": output_files([picture]), "bespoke_cell": [record]})


class SweepGather(io.ComfyNode):
    """Waits for every cell of a sweep and hands the results on; part of Sweep's expansion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_SweepGather",
            display_name="Sweep Gather",
            category="Bespoke/evaluation",
            description="Part of Sweep Checkpoints: collects the cells. Not for use by hand.",
            is_output_node=True,
            is_dev_only=True,
            accept_all_inputs=True,
            inputs=[
                io.String.Input("folder", default="", tooltip="The sweep's folder."),
                io.String.Input("plan", default="", tooltip="The plan's content key."),
            ],
            outputs=[BespokeSweep.Output("sweep"), io.Image.Output("contact_sheet")],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        """Run always: what it gathers lies on disk, and it is only there when the sweep itself runs."""
        return float("nan")

    @classmethod
    def execute(cls, folder: str, plan: str, **_: Any) -> io.NodeOutput:
        """Write the table and draw the contact sheet."""
        from ..bespoke_core.evaluation.contact_sheet import contact_sheet

        sweep = open_checked(folder, plan)
        sweep.score_missing()
        pictures = sweep.pictures()
        sweep.write_table([picture.row for picture in pictures])
        sheet = contact_sheet(pictures)
        sheet_path = sweep.root / "contact_sheet.png"
        sheet.save(sheet_path)
        text = f"{len(pictures)} pictures in {folder}"
        return io.NodeOutput(
            sweep,
            picture_tensor(sheet),
            ui={
                "text": (text,),
                "images": output_files([sheet_path]),
            },
        )


def open_checked(folder: str, plan: str) -> SweepFolder:
    """Open a sweep after checking every path that its plan names: others may put files in the output folder.

    Raises:
        InputError: the folder holds no such plan, or the plan names a path outside the allowed folders.
    """
    allowed = roots()
    sweep = open_sweep(allowed.writable(folder, field="folder"), plan)
    if sweep.sprites.reference is not None:
        allowed.readable(str(sweep.sprites.reference), field="training_set")
    return sweep


def add_cell(
    graph: GraphBuilder, cell: Cell, model: list, clip: list, vae: list, place: dict[str, str]
) -> Any:
    """Add the core nodes of one cell to the expansion; cells share the nodes that they have in common.

    ComfyUI keeps results by a node's inputs. A LoRA's name may stand for another file tomorrow, so its hash
    is an input too; core's LoraLoader does not look at it.
    """
    settings = cell.sampler
    if cell.checkpoint is not None:
        lora = graph.node(
            "LoraLoader",
            id=f"lora_{cell.checkpoint.sha256[:16]}",
            model=model,
            clip=clip,
            lora_name=lora_name(cell.checkpoint.path),
            strength_model=settings.strength_model,
            strength_clip=settings.strength_clip,
            content_sha256=cell.checkpoint.sha256,
        )
        model, clip = lora.out(0), lora.out(1)

    def encode(text: str) -> Any:
        return graph.node("CLIPTextEncode", id=f"text_{key_of([clip, text])[:16]}", clip=clip, text=text)

    latent = graph.node(
        "EmptyLatentImage",
        id=f"latent_{settings.width}x{settings.height}",
        width=settings.width,
        height=settings.height,
        batch_size=1,
    )
    sampled = graph.node(
        "KSampler",
        id=f"sample_{cell.key[:16]}",
        model=model,
        positive=encode(cell.prompt.text).out(0),
        negative=encode(settings.negative_prompt).out(0),
        latent_image=latent.out(0),
        seed=cell.seed,
        steps=settings.steps,
        cfg=settings.cfg,
        sampler_name=settings.sampler_name,
        scheduler=settings.scheduler,
        denoise=1.0,
    )
    decoded = graph.node("VAEDecode", id=f"decode_{cell.key[:16]}", samples=sampled.out(0), vae=vae)
    return graph.node(
        "Bespoke_SweepCell", id=f"cell_{cell.key[:16]}", image=decoded.out(0), key=cell.key, **place
    )


def lora_name(path: Path) -> str:
    """Return the name by which core's LoraLoader opens just this file.

    Raises:
        InputError: the file is in none of ComfyUI's loras folders, or another file of its name comes first.
    """
    from ..bespoke_core.errors import InputError

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


def base_key(prompt: dict[str, Any], links: list[Any]) -> str:
    """Return the content key of the base model: the graph before the sweep and every model file it names.

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
    return key_of([upstream.key, [sha256_of_file(path) for path in files]])
