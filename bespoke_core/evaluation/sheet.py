"""The inference sheet: how to use a chosen LoRA, as far as a sweep has shown it.

A study sweep draws one checkpoint with several guidance scales, with and without a negative prompt, at
several strengths. The sheet names the best value of each setting and whether that is decided or a tie, shows
what they give together, and says what was not measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from .choice import DECIDED, ONLY, Choice, choose_settings
from .contact_sheet import ReportPicture
from .drawn import Drawn, drawn_of
from .lora_facts import LoraFacts
from .ranking import Ranked, finite
from .sheet_notes import made_with, sheet_notes
from .table import Row
from .verdict import decide

MOST_EXAMPLES = 8


@dataclass(frozen=True)
class Sheet:
    """How to use a LoRA.

    Attributes:
        checkpoint: its name in the sweep.
        epoch: None where it is not known.
        chosen_by: how it came to be this one, in words.
        file: of the LoRA, without its folder.
        sha256: of that file; empty where the table does not know it.
        facts: what the file says of itself; None where it could not be read.
        by: the score that decides.
        choices: of the settings, the best value of each.
        result: of the chosen settings together; None where no such picture was drawn.
        drawn: how the pictures were drawn.
        examples: pictures of the chosen settings, one a prompt.
        notes: what was not measured, in words.
    """

    checkpoint: str
    epoch: int | None
    chosen_by: str
    file: str
    sha256: str
    facts: LoraFacts | None
    by: str
    choices: tuple[Choice, ...]
    result: Ranked | None
    drawn: Drawn
    examples: tuple[ReportPicture, ...]
    notes: tuple[str, ...]

    @property
    def values(self) -> dict[str, Any]:
        """The settings to use, by the names of KSampler and LoraLoader."""
        return {name: value for choice in self.choices for name, value in choice.values.items()}

    def choice(self, name: str) -> Choice | None:
        """Return what to use of a setting; None where nothing is known of it."""
        return next((one for one in self.choices if one.name == name), None)

    @property
    def headline(self) -> str:
        """The answer in one sentence."""
        parts = [f"Use {self.file}"]
        for name, words in (("strength", "at strength"), ("cfg", "with guidance")):
            if found := self.choice(name):
                parts.append(f"{words} {found.label}")
        negative = self.choice("negative_prompt")
        if negative is not None:
            text = "the negative prompt below" if negative.values["negative_prompt"] else "no negative prompt"
            parts.append(f"and {text}")
        return " ".join(parts) + "."

    @property
    def sureness(self) -> str:
        """What of it is decided and what is not, in one sentence."""
        compared = [one for one in self.choices if one.state != ONLY]
        if not compared:
            return "No setting was compared: these are the values that were drawn."
        decided = [one.title for one in compared if one.state == DECIDED]
        rest = [f"{one.title} ({one.state})" for one in compared if one.state != DECIDED]
        told = [f"Decided: {', '.join(decided)}."] if decided else []
        told += [f"Not decided: {', '.join(rest)}."] if rest else []
        return " ".join(told)

    def text(self) -> str:
        """Return the sheet in a few plain lines."""
        lines = [self.headline, self.sureness, ""]
        lines += [f"- {one.title}: {one.label} ({one.state}; {one.sentence})" for one in self.choices]
        if self.notes:
            lines += ["", "Not measured:", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the sheet as JSON-able data; keys are added over time, never renamed."""
        return {
            "checkpoint": self.checkpoint,
            "epoch": self.epoch,
            "chosen_by": self.chosen_by,
            "file": self.file,
            "sha256": self.sha256,
            "by": self.by,
            "headline": self.headline,
            "use": self.values,
            "settings": {one.name: one.to_dict() for one in self.choices},
            "result": None if self.result is None else self.result.to_dict(),
            "lora": None if self.facts is None else self.facts.to_dict(),
            "base_files": dict(self.drawn.base_files),
            "prompts": dict(self.drawn.prompts),
            "sprites": dict(self.drawn.sprites),
            "versions": dict(self.drawn.versions),
            "examples": [
                {
                    "prompt": one.row.prompt,
                    "seed": one.row.seed,
                    "score": finite(one.row.number(self.by)),
                    "picture_sha256": one.row.scores.get("picture_sha256"),
                }
                for one in self.examples
            ],
            "not_measured": list(self.notes),
        }


def make_sheet(
    rows: Sequence[Row],
    settings: Mapping[str, Any],
    *,
    by: str = "unique_colors",
    checkpoint: str = "",
    facts: Callable[[str], LoraFacts | None] = lambda _: None,
    file: str = "",
    pictures: Sequence[ReportPicture] = (),
    seed: int = 0,
) -> Sheet:
    """Make the sheet of a checkpoint.

    Args:
        rows: of a sweep; missing cells and scores are allowed and said.
        settings: of its folder, see `opening.read_settings`.
        by: the score that decides.
        checkpoint: to describe; empty takes the recommended one.
        facts: returns what a checkpoint's file says of itself, by its name; None where it cannot be read.
        file: the LoRA's file name; empty takes the checkpoint's.
        pictures: of the sweep.
        seed: of the resampling.

    Raises:
        InputError: there is no such checkpoint, none at all, or no such score.
    """
    drawn = drawn_of(settings)
    name, chosen_by = _checkpoint(rows, checkpoint, by, seed)
    own, told = [row for row in rows if row.checkpoint == name], facts(name)
    choices = choose_settings(own, drawn.values, by=by, seed=seed)
    values = {column: value for one in choices for column, value in one.values.items()}
    together = [row for row in own if made_with(row, values)]
    verdict = decide(together, by=by, seed=seed) if together else None
    shown = [one for one in pictures if one.row.checkpoint == name and made_with(one.row, values)]
    found = str(next((one for row in own if (one := row.scores.get("checkpoint_sha256"))), ""))
    return Sheet(
        checkpoint=name,
        epoch=own[0].epoch,
        chosen_by=chosen_by,
        file=file or f"{name.split('/')[-1]}.safetensors",
        sha256=found,
        facts=told,
        by=by,
        choices=choices,
        result=verdict.winner if verdict else None,
        drawn=drawn,
        examples=_examples(shown, by),
        notes=sheet_notes(own, choices, verdict, drawn, by=by, seed=seed, facts=told is not None),
    )


def _checkpoint(rows: Sequence[Row], wanted: str, by: str, seed: int) -> tuple[str, str]:
    """Return the checkpoint to describe, and how it came to be this one."""
    names = list(dict.fromkeys(row.checkpoint for row in rows if not row.is_base))
    remedy = f"Choose one of: {', '.join(names)}." if names else "Sweep a LoRA; the base model has no sheet."
    if not names or (wanted and wanted not in names):
        raise InputError(
            "there is no such checkpoint in this sweep", field="checkpoint", value=wanted, remedy=remedy
        )
    if wanted:
        return wanted, "named by you"
    verdict = decide(rows, by=by, seed=seed)
    if len(names) == 1:
        return names[0], "the only one in this sweep"
    if verdict.winner is None:
        return names[0], f"the first of {len(names)}: none was measured"
    sure = "better than every other beyond chance" if verdict.clear else "recommended, but not a clear winner"
    return verdict.winner.checkpoint, f"{sure}, of {len(names)} in this sweep"


def _examples(pictures: Sequence[ReportPicture], by: str) -> tuple[ReportPicture, ...]:
    """Return one picture a prompt: the one with the middle score, neither the best nor the worst."""
    found: dict[str, list[ReportPicture]] = {}
    for picture in pictures:
        found.setdefault(picture.row.prompt, []).append(picture)
    chosen = []
    for of_prompt in list(found.values())[:MOST_EXAMPLES]:
        scored = [one for one in of_prompt if one.row.number(by) is not None]
        ordered = sorted(scored or of_prompt, key=lambda one: (one.row.number(by) or 0.0, one.row.seed))
        chosen.append(ordered[(len(ordered) - 1) // 2])
    return tuple(chosen)
