"""What an inference sheet could not take into account, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..amounts import score_text
from .choice import ONLY, Choice, label_of
from .drawn import Drawn
from .grid import grid_of
from .ranking import candidates, rank
from .table import SETTING_COLUMNS, Row
from .verdict import HIGHER_IS_BETTER, Verdict
from .verdict_text import score_name

_JOINT = "label"
_ELSEWHERE = ("any other checkpoint", "the base model without")
"""Beginnings of what a verdict on checkpoints says, and a sheet of one checkpoint need not."""


def sheet_notes(
    rows: Sequence[Row],
    choices: Sequence[Choice],
    verdict: Verdict | None,
    drawn: Drawn,
    *,
    by: str,
    seed: int,
    facts: bool,
) -> tuple[str, ...]:
    """Return what was not measured, each once.

    Args:
        rows: of the checkpoint.
        choices: of its settings.
        verdict: on the pictures of the chosen settings together; None where there is none.
        drawn: how the pictures were drawn.
        by: the score that decides.
        seed: of the resampling.
        facts: whether the LoRA's file could be read.
    """
    values = {column: value for one in choices for column, value in one.values.items()}
    notes = [note for one in choices for note in one.notes]
    if verdict is None:
        notes.append("what these settings give together: no such picture was drawn")
    else:
        notes += verdict.not_measured
    notes += _joint_notes(rows, values, by, seed)
    notes += _unknown(drawn, choices, facts)
    return tuple(dict.fromkeys(note for note in notes if not note.startswith(_ELSEWHERE)))


def made_with(row: Row, values: Mapping[str, Any]) -> bool:
    """Return whether a picture was made with these values, as far as its row tells."""
    return all(
        (row.scores[name] or "") == (value or "") for name, value in values.items() if name in row.scores
    )


def _joint_notes(rows: Sequence[Row], values: Mapping[str, Any], by: str, seed: int) -> list[str]:
    """Say where another combination has a better mean than the best values of each setting together."""
    varied = [name for name in values if len({row.scores.get(name) for row in rows}) > 1]
    if len(varied) < 2:
        return []
    named = {}
    joined = []
    for row in rows:
        words = ", ".join(f"{n.replace('_', ' ')} {label_of((n,), (row.scores.get(n),))}" for n in varied)
        named[f"{_JOINT} {words}"] = words
        kept = {key: value for key, value in row.scores.items() if key not in SETTING_COLUMNS}
        joined.append((replace(row, scores={**kept, _JOINT: words}), made_with(row, values)))
    places = rank(
        grid_of([one for one, _ in joined], by, _JOINT), -1.0 if by in HIGHER_IS_BETTER else 1.0, seed
    )
    best = next(iter(candidates(places)), None)
    own = {f"{_JOINT} {one.scores[_JOINT]}" for one, chosen in joined if chosen}
    mine = next((place for place in places if place.checkpoint in own), None)
    if best is None or mine is None or best is mine:
        return []
    return [
        f"whether settings help each other: of {len(places)} combinations {named[best.checkpoint]} has the "
        f"best mean of {score_name(by)}, {score_text(best.interval.mean)} against "
        f"{score_text(mine.interval.mean)} of the settings above; the best of so many looks better than it is"
    ]


def _unknown(drawn: Drawn, choices: Sequence[Choice], facts: bool) -> list[str]:
    alone = [one.title for one in choices if one.state == ONLY]
    notes = [f"other values of {', '.join(alone)}: one of each was drawn"] if alone else []
    unknown = [name for name in ("cfg", "negative_prompt", "steps") if all(c.name != name for c in choices)]
    if unknown:
        words = ", ".join(name.replace("_", " ") for name in unknown)
        notes.append(f"{words}: the table does not say what was drawn with")
    if not facts:
        notes.append("what the LoRA was trained on and its words: its file could not be read here")
    if not drawn.base_files:
        notes.append("the base model's name: the sweep does not tell it")
    return notes
