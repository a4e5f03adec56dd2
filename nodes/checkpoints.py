"""Nodes for checkpoints: find those of a run, load one."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..bespoke_core.evaluation.checkpoints import (
    Checkpoint,
    choose,
    describe,
    find_checkpoints,
    require_sd15,
    unmatched_modules,
)
from .host import BespokeCheckpoints, folder_fingerprint, folder_problem, roots


class FindCheckpoints(io.ComfyNode):
    """Lists the checkpoints of a training run."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_FindCheckpoints",
            display_name="Find Checkpoints",
            category="Bespoke/checkpoints",
            description="Finds the LoRA checkpoints of a run, one an epoch, whoever trained them.",
            search_aliases=["lora list", "epochs"],
            is_output_node=True,
            inputs=[
                io.String.Input(
                    "run_folder",
                    default="loras/bespoke",
                    tooltip="Folder that holds the .safetensors files, under the output or models folder.",
                ),
                io.String.Input(
                    "pattern",
                    default="*",
                    tooltip="Which files: a pattern such as my_run-* on the file's name.",
                ),
            ],
            outputs=[
                BespokeCheckpoints.Output("checkpoints", tooltip="The checkpoints in order of epoch."),
                io.String.Output("list", tooltip="Epoch, name and hash of each."),
            ],
        )

    @classmethod
    def validate_inputs(cls, run_folder: str | None = None) -> bool | str:
        """Refuse a folder that may not be read before any work starts."""
        return folder_problem(run_folder, "run_folder")

    @classmethod
    def fingerprint_inputs(cls, run_folder: str | None = None, **_: Any) -> str:
        """Run again when a checkpoint came or went."""
        return folder_fingerprint(run_folder)

    @classmethod
    def execute(cls, run_folder: str, pattern: str) -> io.NodeOutput:
        """Find them."""
        found = find_checkpoints(roots().readable(run_folder, field="run_folder"), pattern=pattern)
        text = describe(found)
        return io.NodeOutput(
            found, text, ui={"text": (text,), "bespoke_checkpoints": [c.to_dict() for c in found]}
        )


class LoadCheckpoint(io.ComfyNode):
    """Applies one checkpoint of a run to a model and its text encoder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_LoadCheckpoint",
            display_name="Load Checkpoint (LoRA)",
            category="Bespoke/checkpoints",
            description="Applies one LoRA checkpoint, by epoch or name, exactly as core's Load LoRA does. A "
            "LoRA with keys that the model does not know is refused instead of half applied.",
            search_aliases=["load lora epoch"],
            inputs=[
                io.Model.Input("model", tooltip="The base model."),
                io.Clip.Input("clip", tooltip="The base model's text encoder."),
                BespokeCheckpoints.Input("checkpoints", tooltip="Of a run, or the verdict's choice."),
                io.Int.Input(
                    "epoch", default=0, min=0, max=100_000, tooltip="Which epoch; 0 is the last one."
                ),
                io.Float.Input(
                    "strength_model", default=1.0, min=-10.0, max=10.0, step=0.05, tooltip="On the UNet."
                ),
                io.Float.Input(
                    "strength_clip",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.05,
                    tooltip="On the text encoder.",
                ),
                io.String.Input(
                    "checkpoint_name", default="", optional=True, tooltip="Choose by name instead of epoch."
                ),
            ],
            outputs=[
                io.Model.Output("model"),
                io.Clip.Output("clip"),
                io.String.Output("name", tooltip="The checkpoint's name."),
            ],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        clip: Any,
        checkpoints: tuple[Checkpoint, ...],
        epoch: int,
        strength_model: float,
        strength_clip: float,
        checkpoint_name: str = "",
    ) -> io.NodeOutput:
        """Load the file and patch both."""
        import comfy.sd
        import comfy.utils

        checkpoint = choose(checkpoints, epoch=epoch, name=checkpoint_name)
        roots().readable(str(checkpoint.path), field="checkpoints")
        refuse_unknown_keys(checkpoint, model, clip)
        weights = comfy.utils.load_torch_file(str(checkpoint.path), safe_load=True)
        loaded = comfy.sd.load_lora_for_models(model, clip, weights, strength_model, strength_clip)
        return io.NodeOutput(*loaded, checkpoint.name)


def refuse_unknown_keys(checkpoint: Checkpoint, model: Any, clip: Any) -> None:
    """Raise an error when ComfyUI would leave a part of the LoRA out.

    Raises:
        InputError: the file is broken, made for another architecture, or adapts layers that are not there.
    """
    import comfy.lora

    from ..bespoke_core.errors import InputError

    header = require_sd15(checkpoint.path)
    known = comfy.lora.model_lora_keys_unet(model.model, {})
    known = comfy.lora.model_lora_keys_clip(clip.cond_stage_model, known)
    missing = unmatched_modules(header.modules, known)
    if missing:
        raise InputError(
            f"{len(missing)} of {len(header.modules)} LoRA layers have no place in this model, the first is "
            f"{missing[0]}",
            file=checkpoint.path,
            remedy="Use the base model, or one of the same architecture, that the LoRA was trained on.",
        )
