"""Several training runs in one sweep: each its own folder and label."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError
from .checkpoints import Checkpoint, find_checkpoints

_LABEL = re.compile(r"[\w][\w .+-]{0,40}")
_FORM = "Write one run a line, as 'label: folder', or 'label: folder | pattern'."


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        label: names it in tables, unique in a sweep; it may be empty where there is only one run.
        folder: holds its checkpoints, as the user wrote it.
        pattern: which of the folder's files.
    """

    label: str
    folder: str
    pattern: str = "*"


def parse_runs(text: str) -> tuple[Run, ...]:
    """Read runs, one a line: ``label: folder`` or ``label: folder | pattern``.

    Empty lines and lines that begin with ``#`` are passed over.

    Raises:
        InputError: a line of another form, no run, or two of one label.
    """
    runs = []
    for line in text.splitlines():
        if not line.strip() or line.strip().startswith("#"):
            continue
        label, colon, rest = (part.strip() for part in line.partition(":"))
        folder, _, pattern = (part.strip() for part in rest.partition("|"))
        if not colon or not folder:
            raise InputError("is not a run", field="runs", value=line.strip(), remedy=_FORM)
        runs.append(Run(label, folder, pattern or "*"))
    if not runs:
        raise InputError("names no run", field="runs", value=text.strip(), remedy=_FORM)
    return check_runs(runs)


def run_lines(runs: Iterable[Run]) -> str:
    """Return runs in the form that `parse_runs` reads."""
    return "\n".join(f"{run.label}: {run.folder} | {run.pattern}" for run in runs)


def check_runs(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Return the runs when their labels are usable and, ignoring case, unique.

    Raises:
        InputError: naming the label.
    """
    checked = tuple(runs)
    seen: set[str] = set()
    for run in checked:
        if _LABEL.fullmatch(run.label) is None:
            raise InputError(
                "is not a run's label",
                field="runs",
                value=run.label,
                remedy="Use up to 41 letters, digits, blanks, dots, dashes and plus signs.",
            )
        if run.label.lower() in seen:
            raise InputError(
                "two runs have this label",
                field="runs",
                value=run.label,
                remedy="Label every run differently; results are listed by label.",
            )
        seen.add(run.label.lower())
    return checked


def find_in_run(label: str, folder: Path, *, pattern: str = "*") -> tuple[Checkpoint, ...]:
    """Return the checkpoints of one labelled run, their names beginning with the label.

    Raises:
        InputError: as `find_checkpoints` does.
    """
    return tuple(
        replace(one, name=f"{label}/{one.name}", run=label)
        for one in find_checkpoints(folder, pattern=pattern)
    )
