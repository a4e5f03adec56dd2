"""The files that a run writes: their names, which epochs and steps have one, and how much room they take."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError
from .config import TrainingConfig
from .state_header import STATE_FILE, Place

_RESERVE = 64 << 20  # bytes left free for logs and for other programs
_BYTES = {"fp16": 2, "bf16": 2}
_IN_STATE = 12  # bytes of a trained number with AdamW: itself and two means


def epoch_name(output_name: str, epoch: int) -> str:
    """Return the file's name of an epoch before the last, as kohya names it."""
    return f"{output_name}-{epoch:06d}.safetensors"


def step_name(output_name: str, step: int) -> str:
    """Return the name of a file that is written within an epoch, as kohya names it."""
    return f"{output_name}-step{step:08d}.safetensors"


def last_name(output_name: str) -> str:
    """Return the name of the finished run's file."""
    return f"{output_name}.safetensors"


def epochs_between_files(config: TrainingConfig, epochs: int) -> int:
    """Return every how many epochs a file is written; save_n_epoch_ratio counts as in kohya."""
    if config.save_n_epoch_ratio is not None:
        return epochs // config.save_n_epoch_ratio or 1
    return config.save_every_n_epochs


def checkpoint_names(
    config: TrainingConfig, *, epochs: int, steps: int, begin: Place, stopped: Place | None = None
) -> tuple[str, ...]:
    """Return the names of all files of a run: its epochs' in their order, the last, and then its steps'.

    Args:
        config: names the files and says how often.
        epochs, steps: of the whole run.
        begin: where it begins.
        stopped: the epoch and step after which it was stopped early, if it was; nothing is then called last.
    """
    name, every = config.output_name, epochs_between_files(config, epochs)
    last_epoch = epochs - 1 if stopped is None else stopped.epoch
    found = [epoch_name(name, n) for n in range(begin.epoch, last_epoch + 1) if n % every == 0]
    if stopped is None:
        found.append(last_name(name))
    if config.save_every_n_steps:
        every, end = config.save_every_n_steps, steps if stopped is None else stopped.step
        found += [step_name(name, n) for n in range(every, end + 1, every) if n > begin.step]
    return tuple(found)


def disk_need(config: TrainingConfig, parameters: int, files: int) -> int:
    """Return how many bytes a run's files take at most; two states exist while one replaces the other."""
    states = 2 if config.save_state or config.save_state_on_train_end else 0
    ema = 4 if config.ema_decay else 0
    number = _BYTES.get(config.save_precision or "", 4)
    return parameters * (number * (files + 1) + (_IN_STATE + ema) * states) + _RESERVE


def check_disk(run_folder: Path, need: int, names: Iterable[str] = ()) -> None:
    """Refuse a run whose files will not fit, or whose folder cannot be written.

    Args:
        run_folder: where they go; absent or of the same run.
        need: bytes that all of them take.
        names: of its LoRA files. What is there of them and of the state needs no more room, and a run that
            has them all needs none.

    Raises:
        InputError: see above.
    """
    folder = run_folder.absolute()
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(
            "no files can be written there", file=folder, field="output_dir", remedy="Choose another folder."
        )
    files = [run_folder / name for name in names]
    if files and all(file.is_file() for file in files):
        return
    need -= sum(file.stat().st_size for file in (*files, run_folder / STATE_FILE) if file.is_file())
    free = shutil.disk_usage(folder).free
    if free < need:
        raise InputError(
            f"the run needs about {math.ceil(need / 2**20)} MiB and the disk has {free >> 20} MiB left",
            file=folder,
            remedy="Free some space, save fewer epochs (save_every_n_epochs), or use save_precision fp16.",
        )
