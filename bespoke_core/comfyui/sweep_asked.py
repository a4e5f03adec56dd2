"""What a run's --sweep asked for, kept in its folder, so that `resume` goes on with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import InputError
from ..files import read_text, write_json, write_text
from ..training.judge import SAMPLES_FOLDER

PLAN_FILE = "sweep.toml"
ASKED_FILE = "sweep.json"
"""In `SAMPLES_FOLDER`, which a run that begins anew empties: a copy of the plan, and the rest."""
_REMEDY = "Go on without the sweep (--no-sweep), or ask for it anew: bespoke train with --sweep PLAN.toml."


@dataclass(frozen=True)
class AskedSweep:
    """What was asked for.

    Attributes:
        path: of the sweep's plan.
        text: of the plan; its paths are the server's, so a copy means the same anywhere.
        server: address of ComfyUI.
        patience: see `evaluation.stopping.should_stop`.
    """

    path: Path
    text: str
    server: str
    patience: int


class _Kept(BaseModel):
    model_config = ConfigDict(extra="ignore")

    server: str = Field(min_length=1)
    patience: int = Field(ge=1)


def ask_for(path: Path, server: str, patience: int) -> AskedSweep:
    """Return what is asked for, the plan read once.

    Raises:
        InputError: the plan cannot be read.
    """
    return AskedSweep(path, read_text(path, remedy="Give the path of a TOML plan."), server, patience)


def keep_asked(asked: AskedSweep, run_folder: Path) -> None:
    """Write down in a run's folder what was asked for."""
    folder = run_folder / SAMPLES_FOLDER
    write_text(folder / PLAN_FILE, asked.text)
    write_json(folder / ASKED_FILE, {"server": asked.server, "patience": asked.patience})


def was_asked(run_folder: Path) -> bool:
    """Return whether a run was begun with a sweep."""
    return (run_folder / SAMPLES_FOLDER / ASKED_FILE).is_file()


def read_asked(run_folder: Path) -> AskedSweep | None:
    """Return what a run was begun with, None for one without a sweep.

    Raises:
        InputError: what is written down is damaged, or the plan's copy is gone.
    """
    path, plan = run_folder / SAMPLES_FOLDER / ASKED_FILE, run_folder / SAMPLES_FOLDER / PLAN_FILE
    if not was_asked(run_folder):
        return None
    try:
        kept = _Kept.model_validate(json.loads(read_text(path, remedy=_REMEDY)))
    except (ValueError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"is not what a run writes there ({reason})", file=path, remedy=_REMEDY) from None
    return AskedSweep(plan, read_text(plan, remedy=_REMEDY), kept.server, kept.patience)
