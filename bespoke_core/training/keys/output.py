"""What a run writes: checkpoints, state and logs."""

from __future__ import annotations

from typing import Literal

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
    save_state: bool = field(
        TRAINING,
        True,
        "Keep what is needed to go on after an interruption, at every epoch (kohya's default: no).",
    )
    logging_dir: str = field(
        TRAINING, "", "Folder for TensorBoard files, if tensorboard is installed; empty writes none."
    )
    log_prefix: str = field(TRAINING, "", "Put before the time in a TensorBoard folder's name.")
