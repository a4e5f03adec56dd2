"""Nodes for evaluation: test prompts, the verdict, the report."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..bespoke_core.evaluation.prompts import (
    EIGHT_SCENES,
    TestPrompt,
    check_prompts,
    parse_prompts,
    read_prompts,
)
from ..bespoke_core.evaluation.store import SweepFolder
from ..bespoke_core.evaluation.table import RUN_COLUMN
from .host import (
    BespokeCheckpoints,
    BespokePrompts,
    BespokeSweep,
    BespokeVerdict,
    folder_fingerprint,
    output_files,
    picture_tensor,
    roots,
)
from .sweep_there import told_place

SCORES = ["unique_colors", "perceptual_colors", "palette_distance", "edge_distance", "grid_fidelity"]
SETTINGS = [
    "cfg",
    "negative_prompt",
    "steps",
    "sampler_name",
    "scheduler",
    "strength_model",
    "strength_clip",
    "width",
    "height",
]
AXES = ["checkpoint", RUN_COLUMN, *SETTINGS]


class TestPrompts(io.ComfyNode):
    """The named prompts that every checkpoint is asked to draw."""

    __test__ = False  # the name begins like a test's

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_TestPrompts",
            display_name="Test Prompts",
            category="Bespoke/evaluation",
            description="Named test prompts, one a line as 'name: text'. The experiment's eight scenes are "
            "built in.",
            search_aliases=["prompt list", "scenes"],
            inputs=[
                io.String.Input(
                    "prompts",
                    multiline=True,
                    default="",
                    placeholder="your own prompts, one a line: the name, a colon, the text",
                    tooltip="One a line: 'name: text', or a text alone. Or the path of a .txt file of them.",
                ),
                io.Combo.Input(
                    "scenes",
                    options=["none", "eight scenes"],
                    default="eight scenes",
                    tooltip="Add the eight built-in scenes.",
                ),
            ],
            outputs=[
                BespokePrompts.Output("prompts"),
                io.String.Output("list", tooltip="The prompts, one a line."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, prompts: str | None = None, **_: Any) -> str:
        """Run again when the file changed."""
        return folder_fingerprint(prompts if prompts and is_prompt_file(prompts) else None)

    @classmethod
    def execute(cls, prompts: str, scenes: str) -> io.NodeOutput:
        """Collect the prompts."""
        if is_prompt_file(prompts):
            own = read_prompts(roots().readable(prompts, field="prompts", suffixes=(".txt",)))
        else:
            own = parse_prompts(prompts)
        built_in = EIGHT_SCENES if scenes == "eight scenes" else ()
        chosen: tuple[TestPrompt, ...] = check_prompts((*own, *built_in))
        text = "\n".join(f"{p.name}: {p.text}" for p in chosen)
        return io.NodeOutput(chosen, text, ui={"text": (text,)})


def is_prompt_file(text: str) -> bool:
    """Return whether the widget holds a file's path rather than prompts."""
    return "\n" not in text.strip() and text.strip().lower().endswith(".txt")


class Verdict(io.ComfyNode):
    """Says which checkpoint to use, and how sure that is."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_Verdict",
            display_name="Verdict",
            category="Bespoke/evaluation",
            description="Says which checkpoints follow the prompts, ranks those by the chosen score with 95% "
            "intervals, names statistical ties, and recommends one checkpoint with its reasons.",
            search_aliases=["best epoch", "best checkpoint"],
            is_output_node=True,
            inputs=[
                BespokeSweep.Input("sweep", tooltip="From Sweep Checkpoints."),
                io.Combo.Input(
                    "by",
                    options=SCORES,
                    default="unique_colors",
                    tooltip="Rank by; fewer is better, of grid_fidelity more.",
                ),
                BespokeSweep.Input(
                    "earlier_sweep", optional=True, tooltip="Compare with this sweep of an earlier run."
                ),
                io.Combo.Input(
                    "over",
                    options=AXES,
                    default="checkpoint",
                    optional=True,
                    tooltip="What is chosen among: checkpoints, runs, or the values of a setting that the "
                    "sweep varies, such as cfg or negative_prompt.",
                ),
            ],
            outputs=[
                io.String.Output("checkpoint_name", tooltip="The checkpoint to use, or the setting."),
                io.String.Output("report", tooltip="The verdict in plain words."),
                io.Image.Output("chart", tooltip="The score over the epochs with intervals."),
                BespokeCheckpoints.Output("checkpoint", tooltip="The chosen one, for Load Checkpoint."),
                BespokeVerdict.Output("verdict", tooltip="For Save Report."),
            ],
        )

    @classmethod
    def execute(
        cls, sweep: SweepFolder, by: str, earlier_sweep: SweepFolder | None = None, over: str = "checkpoint"
    ) -> io.NodeOutput:
        """Decide."""
        from ..bespoke_core.evaluation.chart import chart_png
        from ..bespoke_core.evaluation.verdict import decide

        rows = sweep.rows()
        verdict = decide(
            rows,
            by=by,
            over=over,
            baseline=earlier_sweep.rows() if earlier_sweep else None,
            conditions=(sweep.settings(), earlier_sweep.settings() if earlier_sweep else {}),
        )
        chosen = tuple(c for c in sweep.plan.checkpoints if c.name == verdict.best)
        chart = picture_tensor(chart_png(rows, verdict, by))
        text = verdict.text()
        return io.NodeOutput(
            verdict.best or "",
            text,
            chart,
            chosen,
            verdict,
            ui={
                "text": (text,),
                "bespoke_verdict": [verdict.to_dict()],
                "bespoke_sweep": [told_place(sweep)],
            },
        )


class SaveReport(io.ComfyNode):
    """Writes a sweep and its verdict as a report that opens anywhere."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_SaveReport",
            display_name="Save Report",
            category="Bespoke/evaluation",
            description="Writes one self-contained HTML page with pictures, chart and table, and Markdown, "
            "CSV, JSON and PNG beside it.",
            search_aliases=["export results", "csv"],
            is_output_node=True,
            inputs=[
                BespokeSweep.Input("sweep", tooltip="From Sweep Checkpoints."),
                BespokeVerdict.Input("verdict", tooltip="From Verdict."),
                io.String.Input(
                    "report_folder",
                    default="bespoke/reports/my_sweep",
                    tooltip="Folder under ComfyUI's output folder; an earlier report there is replaced.",
                ),
            ],
            outputs=[io.String.Output("report_folder", tooltip="Where the files are.")],
        )

    @classmethod
    def execute(cls, sweep: SweepFolder, verdict: Any, report_folder: str) -> io.NodeOutput:
        """Write the files."""
        from ..bespoke_core.evaluation.report import write_report

        allowed = roots()
        folder = allowed.writable(report_folder, field="report_folder")
        files = write_report(
            folder, sweep.rows(), verdict, pictures=sweep.pictures(), settings=sweep.settings()
        )
        relative = allowed.relative(folder)
        return io.NodeOutput(
            relative,
            ui={
                "text": (f"Report: {relative}/report.html",),
                "images": output_files([files["contact_sheet"], files["chart"]]),
                "bespoke_report": output_files(files.values()),
            },
        )
