"""The node that scores a folder of pictures into tables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..bespoke_core.paths import safe_name
from .host import (
    MADE,
    METHODS,
    BespokeScores,
    folder_fingerprint,
    folder_problem,
    output_files,
    output_root,
    progress,
    roots,
    training_set_input,
)
from .scoring_parts import EXPLAINED, MOST_EXPLAINED, Scoring, shown_scores, vae_input

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..bespoke_core.scoring.score import Scores
    from ..bespoke_core.scoring.vae_floor import VaeFloor

PLACE = "bespoke/scores"
WRITTEN = ("scores.csv", "scores.json", "sheet.png")


class ScoreFolder(io.ComfyNode):
    """Scores every picture of a folder, and writes the scores as CSV and JSON."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="Bespoke_ScoreFolder",
            display_name="Score Folder",
            category="Bespoke/scoring",
            description="Scores every picture of a folder, of whatever sizes, as Score Sprites does, and "
            f"writes scores.csv, scores.json and a sheet of the worst under output/{PLACE}.",
            search_aliases=["score pictures", "load folder", "CSV"],
            is_output_node=True,
            inputs=[
                io.String.Input(
                    "pictures_folder",
                    default="bespoke_sample",
                    tooltip="Folder with pictures, under ComfyUI's input or output folder.",
                ),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    default="",
                    tooltip="What was asked for: one line for all pictures, or one line each in the order of "
                    "their names. Empty: colours are counted, not compared.",
                ),
                io.Int.Input("width", default=24, min=1, max=1024, tooltip="Of the sprite, in pixels."),
                io.Int.Input("height", default=24, min=1, max=1024, tooltip="Of the sprite, in pixels."),
                io.Combo.Input(
                    "method", options=METHODS, default="nearest", tooltip="How pictures are shrunk."
                ),
                io.String.Input(
                    "name",
                    default="",
                    tooltip=f"The tables go to output/{PLACE}/<name>, in place of older ones of that name. "
                    "Empty: the pictures' folder's name.",
                ),
                training_set_input(),
                vae_input(),
            ],
            outputs=[
                BespokeScores.Output("scores", tooltip="One record a picture."),
                io.String.Output("table", tooltip="The scores as CSV."),
                io.Image.Output("explained", tooltip=EXPLAINED),
                io.String.Output("scores_folder", tooltip="Where the tables are."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(
        cls, pictures_folder: str | None = None, training_set: str | None = None
    ) -> bool | str:
        """Refuse folders that may not be read before any work starts."""
        problem = folder_problem(pictures_folder, "pictures_folder")
        return folder_problem(training_set or None, "training_set") if problem is True else problem

    @classmethod
    def fingerprint_inputs(
        cls, pictures_folder: str | None = None, training_set: str | None = None, **_: Any
    ) -> str:
        """Run again when a picture changed, or when what was written is gone."""
        given = f"{folder_fingerprint(pictures_folder)} {folder_fingerprint(training_set or None)}"
        return MADE.fingerprint(cls.name(), given)

    @classmethod
    def name(cls) -> str:
        """Return the name under which `MADE` knows this node of the graph."""
        return f"{cls.__name__} {cls.hidden.unique_id}"

    @classmethod
    def execute(
        cls,
        pictures_folder: str,
        prompt: str,
        width: int,
        height: int,
        method: str,
        name: str,
        training_set: str = "",
        vae: Any = None,
    ) -> io.NodeOutput:
        """Score, write and show."""
        from ..bespoke_core.scoring.score import prompts_for, scores_csv
        from ..bespoke_core.sprites.pictures import list_pictures

        folder = roots().readable(pictures_folder, field="pictures_folder")
        place = output_root() / PLACE / safe_name(name.strip() or folder.name, field="name")
        MADE.remember_read(cls.name(), folder)
        paths = list_pictures([folder])
        prompts = prompts_for(prompt, len(paths))
        scoring = Scoring.read((width, height), method, training_set, vae)
        scores, sheets, floor = score_into(place, paths, prompts, scoring)
        MADE.remember(cls.name(), place)
        names = [path.name for path in paths]
        records = [{"file": file, **one.to_dict()} for file, one in zip(names, scores, strict=True)]
        explained, shown = shown_scores(scores, records, sheets, floor)
        told = roots().relative(place)
        shown["text"] = (f"{shown['text'][0]}\nIn {told}: {', '.join(WRITTEN)}",)
        shown["bespoke_files"] = output_files(place / file for file in WRITTEN)
        return io.NodeOutput(scores, scores_csv(scores, names), explained, str(place), ui=shown)


def score_into(
    place: Path, paths: Sequence[Path], prompts: Sequence[str] | None, scoring: Scoring
) -> tuple[list[Scores], list[Image], VaeFloor | None]:
    """Score pictures one by one into tables; return the scores, the first explained, and the VAE's floor."""
    from ..bespoke_core.scoring.files import ScoresFolder, score_files
    from ..bespoke_core.scoring.score_sheet import Picked, draw_score_sheet

    picked = Picked(order="worst")
    scores: list[Scores] = []
    sheets: list[Image] = []
    floor = None
    with ScoresFolder(place, **scoring.options()) as tables:
        for one in score_files(paths, prompts=prompts, on_progress=progress(), **scoring.options()):
            if not scores:
                floor = scoring.floor(one.picture)
            if len(sheets) < MOST_EXPLAINED:
                sheets.append(scoring.draw(one.picture, one.prompt))
            scores.append(one.scores)
            tables.add(one.path.name, one.scores)
            picked.offer(one.path.name, one.scores, partial(scoring.sprite, one.picture))
        draw_score_sheet(picked.cards, picked.title).save(tables.building / "sheet.png")
    return scores, sheets, floor
