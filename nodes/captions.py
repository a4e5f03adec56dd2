"""Nodes for captions: audit a data set, clean one caption."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io, ui

from ..bespoke_core.captions.style import DEFAULT_STYLE_PHRASES
from ..bespoke_core.paths import safe_name
from .host import (
    MADE,
    DatasetNode,
    dataset_folder_input,
    folder_fingerprint,
    folder_problem,
    output_files,
    output_root,
    picture_tensor,
    progress,
    roots,
)

if TYPE_CHECKING:
    from ..bespoke_core.captions.audit import Audit
    from ..bespoke_core.captions.dataset import Dataset

EXTENSIONS = [".txt", ".caption"]
STRATEGIES = ["smart", "2025"]
LENGTHS = ["75", "150", "225"]
REPORTS = "bespoke/reports"
MOST_FINDINGS = 5000
"""Findings that the node shows and the history keeps; the report's table holds all of them."""


class CaptionsNode(DatasetNode):
    """A node that reads captions: run again when they, or what it made of them, changed on disk."""

    @classmethod
    def validate_inputs(
        cls, dataset_folder: str | None = None, images_folder: str | None = None
    ) -> bool | str:
        """Refuse folders that may not be read."""
        problem = folder_problem(dataset_folder, "dataset_folder")
        return folder_problem(images_folder or None, "images_folder") if problem is True else problem

    @classmethod
    def fingerprint_inputs(
        cls, dataset_folder: str | None = None, images_folder: str | None = None, **_: Any
    ) -> str:
        """Return a value that changes with the folders' files, those that come over a wire included."""
        given = f"{folder_fingerprint(dataset_folder)} {folder_fingerprint(images_folder or None)}"
        return MADE.fingerprint(cls.name(), given)

    @classmethod
    def name(cls) -> str:
        """Return the name under which `MADE` knows this node of the graph."""
        return f"{cls.__name__} {cls.hidden.unique_id}"

    @classmethod
    def read(cls, dataset_folder: str, images_folder: str, extension: str, **options: Any) -> Dataset:
        """Read the data set after checking that it may be read."""
        from ..bespoke_core.captions.dataset import read_dataset

        allowed = roots()
        folder = allowed.readable(dataset_folder, field="dataset_folder")
        images = allowed.readable(images_folder, field="images_folder") if images_folder.strip() else None
        MADE.remember_read(cls.name(), folder)
        return read_dataset(folder, images=images, caption_extension=extension, **options)


def trigger_input() -> io.String.Input:
    """Return the input for the trigger phrase."""
    return io.String.Input(
        "trigger",
        default="",
        optional=True,
        tooltip="The trigger phrase, which may stand in every caption. Empty: the common prefix.",
    )


def images_folder_input() -> io.String.Input:
    """Return the input for pictures that lie elsewhere."""
    return io.String.Input(
        "images_folder",
        default="",
        optional=True,
        tooltip="The pictures' folder. Empty: they lie beside the captions.",
    )


def style_phrases_input() -> io.String.Input:
    """Return the input for what counts as boilerplate."""
    return io.String.Input(
        "style_phrases",
        multiline=True,
        default="",
        optional=True,
        placeholder="style phrases to remove, one a line; empty: " + ", ".join(DEFAULT_STYLE_PHRASES),
        tooltip="Phrases that say nothing about one picture, one a line; they are removed. Empty: "
        + ", ".join(DEFAULT_STYLE_PHRASES)
        + ".",
    )


def phrases(text: str) -> tuple[str, ...]:
    """Return the phrases of the widget, or the library's where it is empty."""
    return tuple(line.strip() for line in text.splitlines() if line.strip()) or DEFAULT_STYLE_PHRASES


class AuditCaptions(CaptionsNode):
    """Finds what is wrong in a folder of captions and pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_AuditCaptions",
            display_name="Audit Captions",
            category="Bespoke/captions",
            description="Finds what is wrong in the captions of a data set, as a table: colour codes bound "
            "to two features, codes that belong to none or that the picture lacks, boilerplate, malformed "
            "text, captions that are too long or missing. Shows the worst pictures and writes a report.",
            search_aliases=["caption check", "dataset lint"],
            is_output_node=True,
            inputs=[
                dataset_folder_input(),
                io.Combo.Input(
                    "caption_extension", options=EXTENSIONS, default=".txt", tooltip="Ending of the captions."
                ),
                trigger_input(),
                images_folder_input(),
                io.Combo.Input(
                    "max_token_length",
                    options=LENGTHS,
                    default="225",
                    optional=True,
                    tooltip="Tokens of a caption that training will read, as in Training Config.",
                ),
                io.Boolean.Input(
                    "report",
                    default=True,
                    optional=True,
                    tooltip="Write report.html with pictures, and the findings as files, under "
                    f"output/{REPORTS}/<name>_captions.",
                ),
            ],
            outputs=[
                io.String.Output("dataset_folder", tooltip="The same folder."),
                io.String.Output("report", tooltip="The findings as Markdown."),
                io.Int.Output("findings", tooltip="How many findings there are."),
                io.Image.Output("worst", tooltip="The files with the weightiest findings, as one picture."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        dataset_folder: str,
        caption_extension: str,
        trigger: str = "",
        images_folder: str = "",
        max_token_length: str = "225",
        report: bool = True,
    ) -> io.NodeOutput:
        """Audit, show and report."""
        from ..bespoke_core.captions.report import audit_text
        from ..bespoke_core.captions.worst_sheet import draw_worst_sheet

        dataset = cls.read(dataset_folder, images_folder, caption_extension, skip_unreadable=True)
        place = output_root() / REPORTS / safe_name(f"{dataset.folder.name}_captions") if report else None
        limit = int(max_token_length)
        audit, files = audit_into(
            place, dataset, trigger=trigger.strip() or None, max_token_length=limit, on_progress=progress()
        )
        text, told = audit_text(audit), {kind: roots().relative(path) for kind, path in files.items()}
        if place is not None:
            MADE.remember(cls.name(), place)
            text += f"\nReport: {told['html']}\n"
        worst = picture_tensor(draw_worst_sheet(audit))
        shown = {
            "text": (text,),
            "images": ui.PreviewImage(worst).as_dict()["images"],
            "bespoke_audit": [{**audit.to_dict(), "table": told.get("findings")}],
            "bespoke_report": output_files(files.values()),
        }
        return io.NodeOutput(dataset_folder, text, audit.total, worst, ui=shown)


def audit_into(place: Path | None, dataset: Dataset, **options: Any) -> tuple[Audit, dict[str, Path]]:
    """Audit; return the audit with its first findings, and the files of the report if it has a place."""
    from ..bespoke_core.captions.audit import audit_dataset
    from ..bespoke_core.captions.report_page import AuditReport

    if place is None:
        return audit_dataset(dataset, keep=MOST_FINDINGS, **options), {}
    with AuditReport(place, title=dataset.folder.name) as report:
        audit = audit_dataset(dataset, keep=MOST_FINDINGS, on_finding=report.add, **options)
        files = report.write(audit)
    return audit, files


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
            search_aliases=["remove hex codes", "prompt cleaner"],
            inputs=[
                io.String.Input("text", multiline=True, default="", tooltip="One caption."),
                io.Combo.Input(
                    "strategy",
                    options=STRATEGIES,
                    default="smart",
                    tooltip="smart removes every code; 2025 repeats the original experiment's script.",
                ),
                style_phrases_input(),
            ],
            outputs=[
                io.String.Output("text", tooltip="The cleaned caption."),
                io.Int.Output("codes_removed", tooltip="How many colour codes were removed."),
            ],
        )

    @classmethod
    def execute(cls, text: str, strategy: str, style_phrases: str = "") -> io.NodeOutput:
        """Clean the text."""
        from ..bespoke_core.captions.clean import clean_caption

        cleaned = clean_caption(text, strategy=strategy, style_phrases=phrases(style_phrases))
        return io.NodeOutput(
            cleaned.text,
            cleaned.codes_removed,
            ui={"text": (cleaned.text,), "codes_removed": [cleaned.codes_removed]},
        )
