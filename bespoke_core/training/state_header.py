"""A state's place and its words, read without its tensors; `state` reads and writes the rest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError

STATE_FILE = Path("state") / "state.safetensors"
FORM = 2
"""Counts the forms of this file; one of another form belongs to another version of Bespoke."""
ANEW = (
    "Begin the run anew: with --anew at the command line, or under another output_name. The LoRA files that "
    "it has saved stand by themselves: network_weights begins from one."
)


@dataclass(frozen=True)
class Place:
    """How far a run has come.

    Attributes:
        epoch: the epoch that is under way, from 1; the one after the last when all are done.
        batch: batches of that epoch that are done.
        step: optimizer steps done since the run's very start.
        loss_sum, loss_count: the losses of this epoch's steps so far, for its mean.
    """

    epoch: int = 1
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0


def read_header(path: Path, *, fingerprint: str | None = None) -> dict[str, Any]:
    """Return what a state file says besides its tensors; "place" holds `Place`'s attributes.

    Args:
        path: of the file.
        fingerprint: the run that it must belong to; None takes a state of any run.

    Raises:
        InputError: the file is damaged, of another version, or belongs to another configuration, data set
            or base model.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            told: dict[str, Any] = json.loads((file.metadata() or {})["bespoke"])
        form, _ = told["form"], Place(**told["place"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"is not a whole training state ({error})", file=path, remedy=ANEW) from None
    if form != FORM:
        raise InputError(
            f"was written by another version of Bespoke (form {form}; this one reads form {FORM})",
            file=path,
            remedy="Finish that run with the version that began it, or start it anew in another folder.",
        )
    if fingerprint is not None and told["fingerprint"] != fingerprint:
        raise InputError(
            "belongs to a run with another configuration, data set or base model", file=path, remedy=ANEW
        )
    return told


def find_state(path: Path) -> Path:
    """Return the state file that the key `resume` names: a run's folder, its state's folder, or the file.

    Raises:
        InputError: there is none, or it is kohya's.
    """
    for found in (path, path / STATE_FILE, path / STATE_FILE.name):
        if found.is_file():
            return found
    if (path / "train_state.json").is_file() or (path / "optimizer.bin").is_file():
        raise InputError(
            "is a state of kohya's scripts, which holds pickled code and another order of chance",
            field="resume",
            value=str(path),
            remedy="Begin from its LoRA file instead: network_weights, with initial_epoch if you like.",
        )
    raise InputError(
        "holds no training state",
        field="resume",
        value=str(path),
        remedy=f"Name a run's folder with {STATE_FILE.as_posix()} in it, or leave resume out.",
    )
