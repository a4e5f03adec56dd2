"""The node that says on one page how to use a LoRA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_api.latest import io

from ..bespoke_core.evaluation.store import SweepFolder
from .evaluation import SCORES
from .host import BespokeSweep, output_files, picture_tensor, roots

if TYPE_CHECKING:
    from ..bespoke_core.evaluation.lora_facts import LoraFacts


class SaveSheet(io.ComfyNode):
    """Writes how to use a sweep's chosen LoRA."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_SaveSheet",
            display_name="Save Inference Sheet",
            category="Bespoke/evaluation",
            description="Says on one page how to use the LoRA: strength, guidance, negative prompt or not, "
            "each with how sure that is, its words, examples, and what was not measured. HTML, Markdown, "
            "JSON and a picture to send.",
            search_aliases=["model card", "best settings", "how to use"],
            is_output_node=True,
            inputs=[
                BespokeSweep.Input("sweep", tooltip="From Sweep Checkpoints, of a study over settings."),
                io.Combo.Input(
                    "by",
                    options=SCORES,
                    default="unique_colors",
                    tooltip="Decide by; fewer is better, of grid_fidelity more.",
                ),
                io.String.Input(
                    "sheet_folder",
                    default="bespoke/sheets/my_lora",
                    tooltip="Folder under ComfyUI's output folder; an earlier sheet there is replaced.",
                ),
                io.String.Input(
                    "checkpoint_name",
                    default="",
                    optional=True,
                    tooltip="Of the sweep's checkpoints; empty: the recommended one.",
                ),
            ],
            outputs=[
                io.Image.Output("sheet", tooltip="The sheet as a picture."),
                io.String.Output("text", tooltip="The same in a few lines."),
            ],
        )

    @classmethod
    def execute(
        cls, sweep: SweepFolder, by: str, sheet_folder: str, checkpoint_name: str = ""
    ) -> io.NodeOutput:
        """Make the sheet and write its files."""
        from PIL import Image

        from ..bespoke_core.evaluation.sheet import make_sheet
        from ..bespoke_core.evaluation.sheet_files import write_sheet

        folder = roots().writable(sheet_folder, field="sheet_folder")
        sheet = make_sheet(
            sweep.rows(),
            sweep.settings(),
            by=by,
            checkpoint=checkpoint_name,
            facts=lambda name: _facts(sweep, name),
            pictures=sweep.pictures(),
        )
        files = write_sheet(folder, sheet)
        with Image.open(files["picture"]) as picture:
            shown = picture_tensor(picture)
        text = f"{sheet.text()}\n\nSheet: {roots().relative(folder)}/sheet.html"
        told = {"text": (text,), "bespoke_sheet": [sheet.to_dict()]}
        return io.NodeOutput(shown, sheet.text(), ui={**told, "images": output_files([files["picture"]])})


def _facts(sweep: SweepFolder, name: str) -> LoraFacts | None:
    """Return what a checkpoint's file says of itself; its path comes from a plan file."""
    from ..bespoke_core.evaluation.lora_facts import facts_of

    checkpoint = next(one for one in sweep.plan.checkpoints if one.name == name)
    roots().readable(str(checkpoint.path), field="sweep")
    return facts_of(checkpoint)
