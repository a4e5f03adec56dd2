"""Nodes for captions: audit a data set, clean one caption, clean a data set."""

from __future__ import annotations

from comfy_api.latest import io

from .host import DatasetNode, dataset_folder_input, roots

EXTENSIONS = [".txt", ".caption"]
STRATEGIES = ["smart", "2025"]


class AuditCaptions(DatasetNode):
    """Finds what is wrong in a folder of captions and pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_AuditCaptions",
            display_name="Audit Captions",
            category="Bespoke/captions",
            description="Finds what is wrong in the captions of a data set: colour codes bound to two "
            "features, codes that belong to none, boilerplate, malformed text, missing captions.",
            search_aliases=["caption check", "dataset lint"],
            is_output_node=True,
            inputs=[
                dataset_folder_input(),
                io.Combo.Input(
                    "caption_extension", options=EXTENSIONS, default=".txt", tooltip="Ending of the captions."
                ),
                io.String.Input(
                    "trigger",
                    default="",
                    optional=True,
                    tooltip="The trigger phrase, which may stand in every caption. Empty: the common prefix.",
                ),
            ],
            outputs=[
                io.String.Output("dataset_folder", tooltip="The same folder."),
                io.String.Output("report", tooltip="The findings as Markdown."),
                io.Int.Output("findings", tooltip="How many findings there are."),
            ],
        )

    @classmethod
    def execute(cls, dataset_folder: str, caption_extension: str, trigger: str = "") -> io.NodeOutput:
        """Audit and report."""
        from ..bespoke_core.captions.audit import audit_dataset
        from ..bespoke_core.captions.dataset import read_dataset
        from ..bespoke_core.captions.report import audit_text

        folder = roots().readable(dataset_folder, field="dataset_folder")
        dataset = read_dataset(
            folder, caption_extension=caption_extension, skip_unreadable=True, check_pictures=True
        )
        audit = audit_dataset(dataset, trigger=trigger or None)
        report = audit_text(audit)
        return io.NodeOutput(
            dataset_folder,
            report,
            len(audit.findings),
            ui={"text": (report,), "bespoke_audit": [audit.to_dict()]},
        )


class CleanCaption(io.ComfyNode):
    """Cleans one caption in a text wire."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_CleanCaption",
            display_name="Clean Caption",
            category="Bespoke/captions",
            description="Removes colour codes, the palette list and boilerplate from one caption; every "
            "other word stays in its place.",
            search_aliases=["remove hex codes"],
            inputs=[
                io.String.Input("text", multiline=True, default="", tooltip="One caption."),
                io.Combo.Input(
                    "strategy",
                    options=STRATEGIES,
                    default="smart",
                    tooltip="smart removes every code; 2025 repeats the original experiment's script.",
                ),
            ],
            outputs=[
                io.String.Output("text", tooltip="The cleaned caption."),
                io.Int.Output("codes_removed", tooltip="How many colour codes were removed."),
            ],
        )

    @classmethod
    def execute(cls, text: str, strategy: str) -> io.NodeOutput:
        """Clean the text."""
        from ..bespoke_core.captions.clean import clean_caption

        cleaned = clean_caption(text, strategy=strategy)
        return io.NodeOutput(
            cleaned.text,
            cleaned.codes_removed,
            ui={"text": (cleaned.text,), "codes_removed": [cleaned.codes_removed]},
        )


class CleanDataset(DatasetNode):
    """Cleans the captions of a folder into a new folder that is ready for training."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_CleanDataset",
            display_name="Clean Dataset",
            category="Bespoke/captions",
            description="Cleans every caption of a data set. 'write' makes a new folder with pictures and "
            "cleaned captions; 'preview' changes nothing and shows the difference.",
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
                    options=["write", "preview"],
                    default="write",
                    tooltip="preview writes nothing and hands the original folder on.",
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
            ],
            outputs=[
                io.String.Output("dataset_folder", tooltip="The cleaned folder, or the same one in preview."),
                io.String.Output("diff", tooltip="What changed, caption by caption."),
            ],
        )

    @classmethod
    def execute(
        cls,
        dataset_folder: str,
        strategy: str,
        mode: str,
        output_folder: str,
        caption_extension: str = ".txt",
    ) -> io.NodeOutput:
        """Clean into the new folder, or show what would change."""
        from ..bespoke_core.captions.clean_dataset import clean_dataset
        from ..bespoke_core.captions.dataset import read_dataset
        from ..bespoke_core.captions.report import clean_text

        allowed = roots()
        source = allowed.readable(dataset_folder, field="dataset_folder")
        wanted = output_folder.strip() or f"bespoke/datasets/{source.name}_clean"
        target = allowed.writable(wanted, field="output_folder")
        report = clean_dataset(
            read_dataset(source, caption_extension=caption_extension),
            output=target,
            strategy=strategy,
            dry_run=mode == "preview",
            copy_images=True,
        )
        text = clean_text(report)
        folder = dataset_folder if mode == "preview" else str(target)
        return io.NodeOutput(folder, text, ui={"text": (text,), "bespoke_clean": [report.to_dict()]})
