"""What each epoch was judged by: samples/scores.json in the run's folder, written whole after every epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .. import __version__
from ..errors import InputError
from ..evaluation.following import Following, following
from ..evaluation.table import Row
from ..files import read_text, write_json
from ..scoring.arrays import NUMBERS

FORM = 1
Score = int | float | str | None


class SampledPicture(BaseModel):
    """One drawn picture.

    Attributes:
        file: the PNG, relative to the run's folder, with forward slashes.
        sprite: its sprite's PNG.
        prompt: what was drawn; `negative`, `seed`, `steps`, `cfg`, `sampler`, `width` and `height` likewise.
        scores: name to value as `scoring.score.Scores` has them, None for what was not measured; None
            altogether for a picture that is not a number.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str
    sprite: str
    prompt: str
    negative: str
    seed: int
    steps: int
    cfg: float
    sampler: str
    width: int
    height: int
    scores: dict[str, Score] | None


class JudgedEpoch(BaseModel):
    """One epoch as it was looked at.

    Attributes:
        epoch: from 1.
        step: optimizer steps so far.
        file: the epoch's LoRA file, None where none was written.
        held_out_loss: None where it was not measured or is not a number.
        samples_key: of the prompts and of how they are scored; epochs are compared within one key.
        pictures: what was drawn, in the order of the prompts; empty where nothing was.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    epoch: int = Field(ge=1)
    step: int = Field(ge=0)
    file: str | None
    held_out_loss: float | None = None
    samples_key: str = ""
    pictures: tuple[SampledPicture, ...] = ()

    @property
    def following(self) -> Following:
        """How the pictures follow their prompts; one that is no number counts as one of a single colour."""
        return following(
            Row(self.file or "", self.epoch, one.file, one.seed, one.scores or {"unique_colors": 1})
            for one in self.pictures
        )

    @property
    def means(self) -> dict[str, float | None]:
        """The mean of each number among the scores over the pictures that have it, None where none has."""
        return {name: mean_score(self.pictures, name) for name in NUMBERS}

    def scores(self) -> dict[str, Any]:
        """Return the means and whether the pictures follow their prompts, for events and for people."""
        told = {name: None if v is None else round(v, 4) for name, v in self.means.items()}
        return {**told, "follows_prompts": self.following.follows}


def mean_score(pictures: Iterable[SampledPicture], name: str) -> float | None:
    """Return a score's mean over the pictures that have a number for it, None where none has."""
    values = [value for one in pictures if (value := (one.scores or {}).get(name)) is not None]
    numbers = [float(value) for value in values if not isinstance(value, str) and math.isfinite(value)]
    return math.fsum(numbers) / len(numbers) if numbers else None


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore")

    form: int
    epochs: tuple[JudgedEpoch, ...]


def read_history(path: Path) -> tuple[JudgedEpoch, ...]:
    """Return the epochs that were judged, by number; none where there is no such file.

    Raises:
        InputError: the file is damaged or of another form.
    """
    if not path.is_file():
        return ()
    remedy = "Remove the file; the epochs that are trained from now on are judged anew."
    try:
        document = _Document.model_validate(json.loads(read_text(path, remedy=remedy)))
    except (ValueError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"is not what a run writes there ({reason})", file=path, remedy=remedy) from None
    if document.form != FORM:
        raise InputError("is of another version", file=path, field="form", value=document.form, remedy=remedy)
    return tuple(sorted(document.epochs, key=lambda one: one.epoch))


def write_history(path: Path, epochs: Sequence[JudgedEpoch], **more: Any) -> None:
    """Write the epochs and `more` (what was decided), whole or not at all."""
    shown = [
        {**one.model_dump(mode="json"), "scores": one.scores() if one.pictures else None} for one in epochs
    ]
    write_json(path, {"form": FORM, "bespoke": __version__, **more, "epochs": shown})
