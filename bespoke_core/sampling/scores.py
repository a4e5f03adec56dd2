"""Drawn pictures to sprites, scores and PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..evaluation.picture_file import png_bytes
from ..files import key_of, write_bytes
from ..scoring.reference import ReferenceStatistics, measure_reference
from ..scoring.score import Picture, score_pictures
from ..sprites.downscale import downscale
from ..sprites.pictures import read_picture
from ..training.judge import SAMPLES_FOLDER
from ..training.plan import TrainingPlan
from .drawing import Drawn
from .history import SampledPicture
from .prompts import SamplePrompt
from .text import plain_text

SCORING_VERSION = 1
"""Raised when a score's meaning changes, so that epochs scored before are not compared with later ones."""
METHOD = "nearest"
"""How a picture is shrunk: the sweep's default."""
_MOST_REFERENCES = 500
SPRITES_FOLDER = "sprites"


class Scorer:
    """Scores and writes the pictures of one run.

    Args:
        plan: of the run; its training pictures are what palettes and edges are compared with, at most 500 of
            them, evenly spread.
        prompts: what is drawn.
    """

    def __init__(self, plan: TrainingPlan, prompts: Sequence[SamplePrompt]) -> None:
        self.plan, self.prompts = plan, tuple(prompts)
        self.size = plan.config.sprite_size
        self.problem = ""
        """Why the training set cannot serve as reference, as a sentence, once it was looked at."""

    @property
    def key(self) -> str:
        """Content key of the prompts and of how they are scored."""
        return key_of(
            [SCORING_VERSION, METHOD, self.size, self.plan.config.clip_skip, [vars(p) for p in self.prompts]]
        )

    @cached_property
    def reference(self) -> ReferenceStatistics | None:
        """The training set's colours at the sprites' size; None where a picture is smaller or unreadable."""
        pictures = self.plan.training_set.pictures
        step = max(1, -(-len(pictures) // _MOST_REFERENCES))
        code = self.plan.config.background_color.removeprefix("#")
        red, green, blue = bytes.fromhex(code)
        try:
            return measure_reference(
                np.stack(
                    [
                        downscale(
                            read_picture(one.path, background=(red, green, blue))[None], self.size, METHOD
                        )[0]
                        for one in pictures[::step]
                    ]
                )
            )
        except InputError as error:
            self.problem = f"The drawn sprites are not compared with the training set's: {error}"
            return None

    def keep(
        self, name: str, drawn: Sequence[Drawn], *, epoch: int, step: int, file: str | None
    ) -> tuple[SampledPicture, ...]:
        """Score one epoch's pictures and write them with their sprites; return what is known of each.

        Args:
            name: what the files' names begin with; the prompt's number and seed follow, as in kohya's.
            drawn: a picture for each prompt. Black stands for one that is not a number.
            epoch, step: of the run.
            file: the LoRA file that these are pictures of, or None.
        """
        whole = [index for index, picture in enumerate(drawn) if picture is not None]
        shown = [picture for picture in drawn if picture is not None]
        scores = score_pictures(
            shown,
            size=self.size,
            method=METHOD,
            prompts=[plain_text(self.prompts[index].text) for index in whole],
            reference=self.reference,
        )
        of_index = dict(zip(whole, scores, strict=True))
        return tuple(
            self._write(
                f"{name}_{index:02d}_{prompt.seed}.png",
                np.zeros((prompt.height, prompt.width, 3), np.uint8) if picture is None else picture,
                prompt,
                of_index[index].to_dict() if index in of_index else None,
                {"epoch": epoch, "step": step, "checkpoint": file},
            )
            for index, (prompt, picture) in enumerate(zip(self.prompts, drawn, strict=True))
        )

    def _write(
        self,
        name: str,
        picture: Picture,
        prompt: SamplePrompt,
        scores: dict[str, Any] | None,
        place: dict[str, Any],
    ) -> SampledPicture:
        """Write a picture and its sprite, the settings and scores in their metadata."""
        plan = self.plan
        file, sprite = f"{SAMPLES_FOLDER}/{name}", f"{SAMPLES_FOLDER}/{SPRITES_FOLDER}/{name}"
        settings = {
            **place,
            **vars(prompt),
            "scheduler": "normal" if prompt.sampler in ("euler", "k_euler") else None,
            "clip_skip": plan.config.clip_skip,
            "base_sha256": plan.base_sha256,
            "run": plan.config.output_name,
            "scores": scores,
        }
        small = downscale(picture[None], self.size, METHOD)[0]
        for path, pixels in ((file, picture), (sprite, small)):
            write_bytes(plan.run_folder / Path(path), png_bytes(pixels, settings))
        return SampledPicture(
            file=file,
            sprite=sprite,
            prompt=prompt.text,
            negative=prompt.negative,
            seed=prompt.seed,
            steps=prompt.steps,
            cfg=prompt.cfg,
            sampler=prompt.sampler,
            width=prompt.width,
            height=prompt.height,
            scores=scores,
        )
