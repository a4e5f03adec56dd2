"""Nodes that clean a data set and take a cleaning back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from comfy_api.latest import io

from ..bespoke_core.amounts import counted
from .captions import (
    EXTENSIONS,
    STRATEGIES,
    CaptionsNode,
    images_folder_input,
    phrases,
    style_phrases_input,
    trigger_input,
)
from .host import MADE, dataset_folder_input, progress, roots

WRITE, PREVIEW, IN_PLACE = "write", "preview", "in place"
MOST_CHANGES = 300
"""Changes that the node shows and the history keeps; the totals count all of them."""


class CleanDataset(CaptionsNode):
    """Cleans the captions of a folder, into a new folder that is ready for training or in place."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_CleanDataset",
            display_name="Clean Dataset",
            category="Bespoke/captions",
            description="Cleans every caption of a data set and shows what changes. 'write' makes a new "
            "folder with pictures and cleaned captions, 'in place' changes the captions themselves after a "
            "backup, 'preview' changes nothing.",
            search_aliases=["caption cleaner"],
            is_output_node=True,
            inputs=[
                dataset_folder_input(),
                io.Combo.Input(
                    "strategy",
                    options=STRATEGIES,
                    default="smart",
                    tooltip="smart removes every code; 2025 repeats the original experiment's script.",
                ),
                io.Combo.Input(
                    "mode",
                    options=[WRITE, PREVIEW, IN_PLACE],
                    default=WRITE,
                    tooltip="preview writes nothing and hands the original folder on; in place changes the "
                    "captions of that folder, which Restore Captions takes back.",
                ),
                io.String.Input(
                    "output_folder",
                    default="",
                    tooltip="New folder under ComfyUI's output folder. Empty: bespoke/datasets/<name>_clean.",
                ),
                io.Combo.Input(
                    "caption_extension",
                    options=EXTENSIONS,
                    default=".txt",
                    optional=True,
                    tooltip="Ending of the captions.",
                ),
                io.Combo.Input(
                    "colourless",
                    options=["keep", "name"],
                    default="keep",
                    optional=True,
                    tooltip="A feature that cleaning leaves without a colour word: keep it so, or name the "
                    "colour of its code or of the picture where that can be trusted.",
                ),
                style_phrases_input(),
                io.Boolean.Input(
                    "remove_frequent",
                    default=False,
                    optional=True,
                    tooltip="Also remove phrases that at least 80 % of the captions share, save the trigger.",
                ),
                trigger_input(),
                images_folder_input(),
            ],
            outputs=[
                io.String.Output(
                    "dataset_folder", tooltip="The cleaned folder; in preview the one that came in."
                ),
                io.String.Output("diff", tooltip="What changed, caption by caption."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        dataset_folder: str,
        strategy: str,
        mode: str,
        output_folder: str,
        caption_extension: str = ".txt",
        colourless: str = "keep",
        style_phrases: str = "",
        remove_frequent: bool = False,
        trigger: str = "",
        images_folder: str = "",
    ) -> io.NodeOutput:
        """Clean, or show what would change."""
        from ..bespoke_core.captions.clean_dataset import clean_dataset
        from ..bespoke_core.captions.report import clean_text

        dataset = cls.read(dataset_folder, images_folder, caption_extension)
        target = target_folder(dataset.folder, mode, output_folder)
        report = clean_dataset(
            dataset,
            output=target,
            in_place=mode == IN_PLACE,
            strategy=strategy,
            colourless=colourless,
            style_phrases=phrases(style_phrases),
            remove_frequent=remove_frequent,
            trigger=trigger.strip() or None,
            dry_run=mode == PREVIEW,
            copy_images=mode == WRITE,
            keep=MOST_CHANGES,
            on_progress=progress(),
        )
        if target is not None:
            MADE.remember(cls.name(), target)
        text = clean_text(report)
        folder = str(target) if target is not None else dataset_folder
        return io.NodeOutput(folder, text, ui={"text": (text,), "bespoke_clean": [described(report)]})


def target_folder(source: Path, mode: str, output_folder: str) -> Path | None:
    """Return the new folder, or None where none is made; refuse what may not be written."""
    allowed = roots()
    if mode == IN_PLACE:
        allowed.writable(str(source), field="dataset_folder")
    if mode != WRITE:
        return None
    wanted = output_folder.strip() or f"bespoke/datasets/{source.name}_clean"
    return allowed.writable(wanted, field="output_folder")


def described(report: Any) -> dict[str, Any]:
    """Return the report for the history, each change with its words."""
    from ..bespoke_core.captions.word_diff import word_diff

    shown = [
        {**entry, "words": word_diff(entry["before"], entry["after"])} for entry in report.diff[:MOST_CHANGES]
    ]
    return {**report.to_dict(), "diff": shown}


class RestoreCaptions(CaptionsNode):
    """Brings back the captions as they were before the last cleaning in place."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_RestoreCaptions",
            display_name="Restore Captions",
            category="Bespoke/captions",
            description="Brings back, byte for byte, the captions that the last cleaning in place changed.",
            search_aliases=["undo", "backup"],
            is_output_node=True,
            inputs=[
                dataset_folder_input(),
                io.Boolean.Input(
                    "overwrite_edits",
                    default=False,
                    optional=True,
                    tooltip="Also overwrite captions that were changed by hand after the cleaning.",
                ),
            ],
            outputs=[
                io.String.Output("dataset_folder", tooltip="The same folder."),
                io.Int.Output("files", tooltip="How many captions were brought back."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, dataset_folder: str, overwrite_edits: bool = False) -> io.NodeOutput:
        """Restore."""
        from ..bespoke_core.captions.backup import restore

        allowed = roots()
        folder: Path = allowed.readable(dataset_folder, field="dataset_folder")
        allowed.writable(str(folder), field="dataset_folder")
        restored = restore(folder, overwrite_edits=overwrite_edits)
        shown = allowed.relative(folder)
        text = f"{counted(len(restored.files), 'caption')} brought back in {shown} from {restored.backup}"
        described = {**restored.to_dict(), "folder": shown}
        return io.NodeOutput(
            dataset_folder,
            len(restored.files),
            ui={"text": (text,), "bespoke_restore": [described]},
        )
