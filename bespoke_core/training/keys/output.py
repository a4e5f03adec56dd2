"""What a run writes: checkpoints, state and logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NoReturn

from .fields import TRAINING, Keys, field


class OutputKeys(Keys):
    """What a run writes: checkpoints, state and logs."""

    output_dir: str = field(TRAINING, "", "Folder in which the run gets its folder.")
    output_name: str = field(
        TRAINING,
        "last",
        "The run's and the files' name: name-000001.safetensors, ..., name.safetensors.",
        "",
        pattern=r"^[^/\\\x00-\x1f<>:\"|?*]+$",
    )
    save_precision: Literal["float", "fp32", "fp16", "bf16"] | None = field(
        TRAINING, None, "The number format in the files; not given is float (32 bits)."
    )
    save_model_as: Literal["safetensors"] = field(
        TRAINING, "safetensors", "The file format; formats that can run code when loaded are not written."
    )
    save_every_n_epochs: int = field(
        TRAINING,
        1,
        "Write a file every n epochs; the last epoch always has one (kohya's default: only the last).",
        "epochs",
        ge=1,
        le=100_000,
    )
    save_every_n_steps: int | None = field(
        TRAINING,
        None,
        "Write a file every n steps too: name-step00000100.safetensors.",
        "steps",
        ge=1,
        le=10_000_000,
    )
    save_n_epoch_ratio: int | None = field(
        TRAINING,
        None,
        "Write at least this many epochs' files, evenly over the run; wins over save_every_n_epochs.",
        "files",
        ge=1,
        le=100_000,
    )
    save_state: bool = field(
        TRAINING,
        True,
        "Keep what is needed to go on after an interruption, at every epoch (kohya's default: no).",
    )
    save_state_every_n_steps: int | None = field(
        TRAINING,
        None,
        "Renew that state every n steps too, so that less is done again after a power cut.",
        "steps",
        ge=1,
        le=10_000_000,
    )
    save_state_every_n_minutes: float = field(
        TRAINING,
        10.0,
        "Renew that state when this much time has gone by inside an epoch; 0 is only at its end.",
        "minutes",
        ge=0,
        le=100_000,
    )
    save_state_on_train_end: bool = field(
        TRAINING, False, "Without save_state: write the state once, when the run is finished."
    )
    resume: str = field(
        TRAINING,
        "",
        "Begin from the state of another run, its folder or state file: LoRA, optimizer and place are "
        "taken from there, such as to train for more epochs.",
    )
    initial_epoch: int | None = field(
        TRAINING,
        None,
        "The epoch to begin with, from 1; without resume the learning rate's schedule begins anew there.",
        "epochs",
        ge=1,
        le=100_000,
    )
    initial_step: int | None = field(
        TRAINING,
        None,
        "The same in steps of the whole run, from 0; wins over initial_epoch. The run begins with the epoch "
        "in which that step lies.",
        "steps",
        ge=0,
        le=10_000_000,
    )
    skip_until_initial_step: bool = field(
        TRAINING, False, "Begin at initial_step itself, within its epoch, instead of at the epoch's start."
    )
    num_processes: int = field(
        TRAINING,
        1,
        "Processes to train with at once, one a GPU; each takes train_batch_size pictures of a step. "
        "Under `accelerate launch` leave it at 1.",
        "processes",
        ge=1,
        le=1024,
    )
    logging_dir: str = field(
        TRAINING, "", "Folder for TensorBoard files, if tensorboard is installed; empty writes none."
    )
    log_with: Literal["tensorboard", "wandb", "all"] | None = field(
        TRAINING,
        None,
        "Where the loss is shown: tensorboard (needs logging_dir), wandb, or all; not given is tensorboard "
        "where logging_dir is given.",
    )
    log_prefix: str = field(TRAINING, "", "Put before the time in a TensorBoard folder's name.")
    log_tracker_name: str = field(
        TRAINING, "", "The name of the TensorBoard sub-folder and of the wandb project; empty: network_train."
    )
    wandb_run_name: str = field(TRAINING, "", "The run's name in wandb; empty is output_name.")


OUTPUT_KEYS_WITHOUT_EFFECT_ON_WEIGHTS = (
    "save_state",
    "save_state_every_n_steps",
    "save_state_every_n_minutes",
    "save_state_on_train_end",
    "num_processes",  # what counts is how many pictures a step has in all
    "log_with",
    "log_prefix",
    "log_tracker_name",
    "wandb_run_name",
)


def check(config: Any, refuse: Callable[[str, str, str], NoReturn]) -> None:
    """Refuse output keys that contradict each other; `refuse` takes key, problem and remedy."""
    if config.log_with in {"tensorboard", "all"} and not config.logging_dir:
        refuse("log_with", "needs logging_dir", "Name a folder for TensorBoard files.")
