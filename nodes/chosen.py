"""The node that keeps the chosen checkpoint under a clear name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from comfy_api.latest import io

from ..bespoke_core.evaluation.store import SweepFolder
from ..bespoke_core.paths import safe_name
from .host import BespokeCheckpoints, BespokeSweep, BespokeVerdict, output_root, roots

CHOSEN = "loras/bespoke/chosen"


class KeepChosen(io.ComfyNode):
    """Copies the verdict's checkpoint to a clear name, the verdict in its metadata."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_KeepChosen",
            display_name="Keep Chosen Checkpoint",
            category="Bespoke/checkpoints",
            description="Copies the recommended LoRA to output/loras/bespoke/chosen under a clear name, the "
            "verdict in its metadata; its weights stay byte for byte. Load LoRA lists it at once.",
            search_aliases=["best lora", "save best"],
            is_output_node=True,
            inputs=[
                BespokeSweep.Input("sweep", tooltip="From Sweep Checkpoints."),
                BespokeVerdict.Input("verdict", tooltip="From Verdict."),
                io.String.Input(
                    "name", default="my_lora_best", tooltip="Of the new file, without .safetensors."
                ),
            ],
            outputs=[
                BespokeCheckpoints.Output("checkpoint", tooltip="The copy, for Load Checkpoint or a sweep."),
                io.String.Output("lora_name", tooltip="As core's Load LoRA lists it."),
            ],
        )

    @classmethod
    def execute(cls, sweep: SweepFolder, verdict: Any, name: str) -> io.NodeOutput:
        """Copy it."""
        from ..bespoke_core.evaluation.checkpoints import choose
        from ..bespoke_core.evaluation.choosing import keep_chosen
        from ..bespoke_core.evaluation.hashes import content_hash

        chosen = choose(sweep.plan.checkpoints, name=verdict.best or "none was recommended")
        roots().readable(str(chosen.path), field="sweep")
        file = f"{safe_name(name.removesuffix('.safetensors'), field='name')}.safetensors"
        path = keep_chosen(chosen, output_root() / CHOSEN / file, verdict.to_dict())
        copy = replace(chosen, name=path.stem, path=path, sha256=content_hash(path), run="")
        place = f"{CHOSEN.removeprefix('loras/')}/{file}"
        text = f"{chosen.name} (epoch {chosen.epoch}) is now {place}"
        return io.NodeOutput((copy,), place, ui={"text": (text,), "bespoke_chosen": [copy.to_dict()]})
