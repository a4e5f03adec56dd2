"""Which checkpoints draw what their prompts ask for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .problems import problem_of
from .table import Row, score_columns

FOLLOW_COLUMNS = ("background_match", "feature_match")
FOLLOW_SHARE = 0.5
FOLLOW_RULE = (
    "A checkpoint follows the prompts when at least half of its clear answers (yes or no; 'unclear' does not "
    "count) are yes, and at least half of its pictures have more than one colour."
)
SURE = 0.025
"""How often chance may make a checkpoint look sure to follow, and sure not to follow: 5 % together."""


@dataclass(frozen=True)
class Following:
    """How well some pictures follow their prompts.

    Attributes:
        yes: pictures' features that match their prompt.
        no: pictures' features that do not.
        unclear: asked for and measured, but neither.
        flat: pictures of a single colour.
        pictures: all of them.
        judged: pictures with a clear answer, single-coloured ones among them; all pictures where there is no
            answer but some are of a single colour.
        kept: of these, the sum of each picture's share of yes: two answers of one picture count half each.
        bleeding: pictures in which two features that should differ have the same colour.
    """

    yes: int
    no: int
    unclear: int
    flat: int
    pictures: int
    judged: int = 0
    kept: float = 0.0
    bleeding: int = 0

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
    def sure(self) -> bool:
        """Whether `follows` is beyond chance: exact binomial test against one half, pictures as the unit.

        It speaks of these prompts with new seeds; six pictures of one mind are the fewest that are enough.
        Answers of several prompts vary less than the test assumes, so it errs less than it may (Hoeffding
        1956).
        """
        if self.follows is None or not self.judged:
            return False
        from scipy.special import bdtrc

        kept = self.kept if self.follows else self.judged - self.kept
        return bool(bdtrc(math.floor(kept + 1e-9) - 1, self.judged, 0.5) <= SURE) if kept >= 1 else False

    @property
    def asked_in_vain(self) -> bool:
        """Whether the prompts asked for something and no picture gave a clear answer."""
        return self.share is None and self.unclear > 0


def following(rows: Iterable[Row]) -> Following:
    """Count how the pictures of `rows` answer their prompts."""
    answers = {"yes": 0, "no": 0, "unclear": 0}
    flat = pictures = judged = bleeding = 0
    kept = 0.0
    for row in rows:
        if problem_of(row):  # nothing was drawn that could follow or not
            continue
        found = [answer for c in FOLLOW_COLUMNS if (answer := row.scores.get(c)) in answers]
        for answer in found:
            answers[str(answer)] += 1
        plain = row.number("unique_colors") == 1
        clear = [answer == "yes" for answer in found if answer != "unclear"]
        pictures += 1
        flat += plain
        bleeding += row.scores.get("color_bleed") == "yes"
        judged += bool(clear) or plain
        kept += sum(clear) / len(clear) if clear and not plain else 0.0
    if flat == judged:  # nothing but single colours to judge by
        judged, kept = (pictures, float(pictures - flat)) if flat else (0, 0.0)
    yes, no, unclear = answers["yes"], answers["no"], answers["unclear"]
    return Following(yes, no, unclear, flat, pictures, judged, kept, bleeding)


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
