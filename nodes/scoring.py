"""Nodes for scores: count colours, score sprites against their prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from .host import (
    METHODS,
    BespokeScores,
    folder_fingerprint,
    folder_problem,
    progress,
    to_uint8,
    training_set_input,
)
from .scoring_parts import EXPLAINED, MOST_EXPLAINED, Scoring, shown_scores, vae_input


class CountColors(io.ComfyNode):
    """Counts the distinct colours of each picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_CountColors",
            display_name="Count Colors",
            category="Bespoke/scoring",
            description="Counts the distinct RGB colours of each picture and shows the commonest; give it "
            "sprites, not pictures.",
            search_aliases=["unique colors", "palette"],
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
        from ..bespoke_core.amounts import counted
        from ..bespoke_core.scoring.counting import count_colors
        from ..bespoke_core.scoring.main_colors import main_colors

        pictures = to_uint8(images)
        counts = [int(count) for count in count_colors(pictures)]
        mean = sum(counts) / len(counts)
        table = "picture,unique_colors\n" + "\n".join(f"{i},{c}" for i, c in enumerate(counts, 1))
        commonest = [[one.to_dict() for one in colors] for colors in main_colors(pictures)]
        shown = {
            "text": (f"{counted(mean, 'colour')}{' on average' if len(counts) > 1 else ''}",),
            "unique_colors": counts,
            "mean": [mean],
            "bespoke_colors": [
                {"picture": number, "unique_colors": count, "main_colors": colors}
                for number, (count, colors) in enumerate(zip(counts, commonest, strict=True), 1)
            ],
        }
        return io.NodeOutput(counts, mean, table, ui=shown)


class ScoreSprites(io.ComfyNode):
    """Scores pictures: colours, background and features against the prompt, the pixel grid."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_ScoreSprites",
            display_name="Score Sprites",
            category="Bespoke/scoring",
            description="Measures each picture: colours, whether background, hair, skin and clothing are "
            "what the prompt asks for, how well the picture lies on the pixel grid, and how it compares with "
            "a training set. Shows what it judged, drawn over the picture.",
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
                vae_input(),
            ],
            outputs=[
                BespokeScores.Output("scores", tooltip="One record a picture."),
                io.String.Output("table", tooltip="The scores as CSV."),
                io.Image.Output("explained", tooltip=EXPLAINED),
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
        cls,
        images: Any,
        prompt: str,
        width: int,
        height: int,
        method: str,
        training_set: str = "",
        vae: Any = None,
    ) -> io.NodeOutput:
        """Score and show."""
        from ..bespoke_core.scoring.score import prompts_for, score_pictures, scores_csv

        pictures = to_uint8(images)
        prompts: Sequence[str | None] = prompts_for(prompt, len(pictures)) or [None] * len(pictures)
        scoring, step = Scoring.read((width, height), method, training_set, vae), progress()
        scores = []
        for done, (picture, asked) in enumerate(zip(pictures, prompts, strict=True)):
            step(done, len(pictures))
            scores += score_pictures(picture[None], prompts=[asked], **scoring.options())
        first = list(zip(pictures, prompts, strict=True))[:MOST_EXPLAINED]
        sheets = [scoring.draw(picture, asked) for picture, asked in first]
        records = [one.to_dict() for one in scores]
        explained, shown = shown_scores(scores, records, sheets, scoring.floor(pictures[0]))
        return io.NodeOutput(scores, scores_csv(scores), explained, ui=shown)
