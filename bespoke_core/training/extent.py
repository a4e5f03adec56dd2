"""How long a run is and where in it training begins."""

from __future__ import annotations

import math
from pathlib import Path

from ..errors import InputError
from .config import TrainingConfig
from .state_header import STATE_FILE, Place, find_state, read_header


def steps_per_epoch(config: TrainingConfig, batches: int) -> int:
    """Return the optimizer steps of an epoch of `batches`; the last one may add up fewer of them."""
    return math.ceil(batches / config.gradient_accumulation_steps)


def run_length(config: TrainingConfig, batches: int) -> tuple[int, int]:
    """Return (epochs, optimizer steps) of a run with `batches` in an epoch."""
    per_epoch = steps_per_epoch(config, batches)
    if config.max_train_epochs is not None:
        return config.max_train_epochs, config.max_train_epochs * per_epoch
    return math.ceil(config.max_train_steps / per_epoch), config.max_train_steps


def foreign_state(config: TrainingConfig, run_folder: Path) -> Path | None:
    """Return the state of another run that `resume` names."""
    if not config.resume:
        return None
    named = Path(config.resume)
    if named.resolve() in {p.resolve() for p in (run_folder, run_folder / STATE_FILE.parent)}:
        return None
    found = find_state(named)
    return None if found.resolve() == (run_folder / STATE_FILE).resolve() else found


def begin_of(config: TrainingConfig, batches: int, steps: int, start: Path | None) -> Place:
    """Return where the run begins: at initial_step, at the place of another run's state, or at its start.

    Raises:
        InputError: nothing is left to train from there, or that state cannot be used.
    """
    per_epoch = steps_per_epoch(config, batches)
    asked, field = config.initial_step, "initial_step"
    if asked is None and config.initial_epoch is not None:
        asked, field = (config.initial_epoch - 1) * per_epoch, "initial_epoch"
    if asked is None:
        if start is None:
            return Place()
        place, field = Place(**read_header(start)["place"]), "resume"
        asked = place.step
    else:
        epoch, within = asked // per_epoch + 1, asked % per_epoch
        place = Place(epoch, 0, (epoch - 1) * per_epoch)
        if config.skip_until_initial_step:
            place = Place(epoch, within * config.gradient_accumulation_steps, asked)
    if asked >= steps:
        raise InputError(
            f"leaves nothing to train: the run would begin after step {asked} and has {steps}",
            field=field,
            value=getattr(config, field),
            remedy="Train for more epochs or steps, or begin earlier.",
        )
    return place
