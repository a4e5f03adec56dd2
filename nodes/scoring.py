"""Nodes for scores: count colours, score sprites against their prompt."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from .host import (
    METHODS,
    BespokeScores,
    folder_fingerprint,
    folder_problem,
    roots,
    to_uint8,
    training_set_input,
)


class CountColors(io.ComfyNode):
    """Counts the distinct colours of each picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_CountColors",
            display_name="Count Colors",
            category="Bespoke/scoring",
            description="Counts the distinct RGB colours of each picture; give it sprites, not pictures.",
            search_aliases=["unique colors"],
            is_output_node=True,
            inputs=[io.Image.Input("images", tooltip="Sprites, usually from Downscale.")],
            outputs=[
                io.Int.Output("counts", is_output_list=True, tooltip="One count a picture."),
                io.Float.Output("mean", tooltip="The mean of the counts."),
                io.String.Output("table", tooltip="The counts as CSV."),
            ],
        )

    @classmethod
    def execute(cls, images: Any) -> io.NodeOutput:
        """Count."""
        from ..bespoke_core.scoring.counting import count_colors

        counts = [int(count) for count in count_colors(to_uint8(images))]
        mean = sum(counts) / len(counts)
        table = "picture,unique_colors\n" + "\n".join(f"{i},{c}" for i, c in enumerate(counts, 1))
        return io.NodeOutput(
            counts, mean, table, ui={"text": (table,), "unique_colors": counts, "mean": [mean]}
        )


class ScoreSprites(io.ComfyNode):
    """Scores pictures: colours, background against the prompt, how well they lie on the pixel grid."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_ScoreSprites",
            display_name="Score Sprites",
            category="Bespoke/scoring",
            description="Measures each picture: colours, whether the background is what the prompt asks for, "
            "how well the picture lies on the pixel grid, and how it compares with a training set.",
            search_aliases=["background match", "pixel grid"],
            is_output_node=True,
            inputs=[
                io.Image.Input("images", tooltip="Pictures at full size."),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    default="",
                    tooltip="What was asked for: one line for all pictures, or one line each.",
                ),
                io.Int.Input("width", default=24, min=1, max=1024, tooltip="Of the sprite, in pixels."),
                io.Int.Input("height", default=24, min=1, max=1024, tooltip="Of the sprite, in pixels."),
                io.Combo.Input(
                    "method", options=METHODS, default="nearest", tooltip="How pictures are shrunk."
                ),
                training_set_input(),
            ],
            outputs=[
                BespokeScores.Output("scores", tooltip="One record a picture."),
                io.String.Output("table", tooltip="The scores as CSV."),
            ],
        )

    @classmethod
    def validate_inputs(cls, training_set: str | None = None) -> bool | str:
        """Refuse a folder that may not be read before any work starts."""
        return folder_problem(training_set or None, "training_set")

    @classmethod
    def fingerprint_inputs(cls, training_set: str | None = None, **_: Any) -> str:
        """Run again when the training set changed."""
        return folder_fingerprint(training_set or None)

    @classmethod
    def execute(
        cls, images: Any, prompt: str, width: int, height: int, method: str, training_set: str = ""
    ) -> io.NodeOutput:
        """Score."""
        from ..bespoke_core.scoring.reference import read_reference
        from ..bespoke_core.scoring.score import prompts_for, score_pictures, scores_csv

        pictures = to_uint8(images)
        size = (width, height)
        reference = None
        if training_set:
            reference = read_reference(roots().readable(training_set, field="training_set"), size=size)
        scores = score_pictures(
            pictures,
            size=size,
            method=method,
            prompts=prompts_for(prompt, len(pictures)),
            reference=reference,
        )
        table = scores_csv(scores)
        return io.NodeOutput(
            scores, table, ui={"text": (table,), "bespoke_scores": [s.to_dict() for s in scores]}
        )
