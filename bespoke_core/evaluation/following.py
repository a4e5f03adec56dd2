"""Which checkpoints draw what their prompts ask for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .table import Row, score_columns

FOLLOW_COLUMNS = ("background_match", "feature_match")
FOLLOW_SHARE = 0.5
FOLLOW_RULE = (
    "A checkpoint follows the prompts when at least half of its clear answers (yes or no; 'unclear' does not "
    "count) are yes, and at least half of its pictures have more than one colour."
)


@dataclass(frozen=True)
class Following:
    """How well some pictures follow their prompts.

    Attributes:
        yes: pictures' features that match their prompt.
        no: pictures' features that do not.
        unclear: asked for and measured, but neither.
        flat: pictures of a single colour.
        pictures: all of them.
    """

    yes: int
    no: int
    unclear: int
    flat: int
    pictures: int

    @property
    def share(self) -> float | None:
        """Share of yes among yes and no, 0..1; None where nothing was answered."""
        answers = self.yes + self.no
        return self.yes / answers if answers else None

    @property
    def follows(self) -> bool | None:
        """Whether the pictures follow the prompts by `FOLLOW_RULE`; None where that was not measured."""
        if self.flat and self.flat >= self.pictures * FOLLOW_SHARE:
            return False
        return None if self.share is None else self.share >= FOLLOW_SHARE

    @property
    def asked_in_vain(self) -> bool:
        """Whether the prompts asked for something and no picture gave a clear answer."""
        return self.share is None and self.unclear > 0


def following(rows: Iterable[Row]) -> Following:
    """Count how the pictures of `rows` answer their prompts."""
    answers = {"yes": 0, "no": 0, "unclear": 0}
    flat = pictures = 0
    for row in rows:
        pictures += 1
        flat += row.number("unique_colors") == 1
        for column in FOLLOW_COLUMNS:
            answer = row.scores.get(column)
            if isinstance(answer, str) and answer in answers:
                answers[answer] += 1
    return Following(answers["yes"], answers["no"], answers["unclear"], flat, pictures)


def unmeasured_features(rows: Sequence[Row]) -> list[str]:
    """Return in plain words which of the prompts' wishes were not checked."""
    present = score_columns(rows)
    notes = []
    if "background_match" not in present or not any(_answered(row, "background_match") for row in rows):
        notes.append("whether the background has the colour that the prompt asks for")
    if "feature_match" not in present or not any(_answered(row, "feature_match") for row in rows):
        notes.append("whether hair, eyes and other features have the colours that the prompt asks for")
    return notes


def _answered(row: Row, column: str) -> bool:
    return row.scores.get(column) in ("yes", "no", "unclear")
