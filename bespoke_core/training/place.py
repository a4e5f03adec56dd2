"""Where a run goes: a name, a folder, and whether the same run was finished or interrupted before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..paths import safe_name
from .config import TrainingConfig, with_values
from .run import TrainingProcess, finished_run, interrupted_run, start_training, trained_now


@dataclass(frozen=True)
class RunPlace:
    """A run's folder and what is to be done there.

    Attributes:
        config: complete, with the run's name and folder in it.
        folder: the run folder.
        finished: the same run, with the same data and base model, is there whole.
        resume: the same run is there, interrupted, and can go on.
    """

    config: TrainingConfig
    folder: Path
    finished: bool
    resume: bool

    def start(self) -> TrainingProcess:
        """Start or resume the training in a child process."""
        return start_training(self.config, run_folder=self.folder, resume=self.resume)


def place_run(config: TrainingConfig, root: Path, name: str) -> RunPlace:
    """Choose the folder of a run under `root`.

    The folder is `name`, unless another run is there: then ``name-2``, ``name-3`` and so on, so that no run
    is ever written over. A run with the same configuration, data and base model is used again where it
    lies: as it is when finished, from its last state when interrupted.

    Raises:
        InputError: the name is no plain name, the inputs cannot be read, or the same run is being trained
            right now.
    """
    plain = safe_name(name, field="run_name")
    if plain.casefold() == "base":
        raise InputError(
            "is what tables call the base model without a LoRA",
            field="run_name",
            value=name,
            remedy="Choose another name.",
        )
    number = 1
    while True:
        run_name = plain if number == 1 else f"{plain}-{number}"
        folder = root / run_name
        named = with_values(config, output_name=run_name, output_dir=str(root))
        if not folder.exists() or not any(folder.iterdir()):
            return RunPlace(named, folder, finished=False, resume=False)
        if finished_run(named, folder) is not None:
            return RunPlace(named, folder, finished=True, resume=False)
        if trained_now(named, folder):
            raise InputError(
                "the same run is being trained there by another process",
                file=folder,
                field="run_name",
                value=name,
                remedy="Wait for its end, then queue again: the finished files are used.",
            )
        if interrupted_run(named, folder):
            return RunPlace(named, folder, finished=False, resume=True)
        number += 1
