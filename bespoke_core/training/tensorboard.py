"""TensorBoard files, where `logging_dir` asks for them and tensorboard is installed."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .config import TrainingConfig


def tensorboard_writer(config: TrainingConfig) -> Callable[[str, dict[str, Any]], None]:
    """Return what takes a run's events; it writes loss and learning rate, or nothing.

    The folder is logging_dir/log_prefix plus the time, as kohya names it.
    """
    if not config.logging_dir or importlib.util.find_spec("tensorboard") is None:
        return lambda event, values: None
    from torch.utils.tensorboard import SummaryWriter

    folder = Path(config.logging_dir) / (config.log_prefix + time.strftime("%Y%m%d%H%M%S", time.gmtime()))
    writer = SummaryWriter(str(folder / "network_train"))

    def take(event: str, values: dict[str, Any]) -> None:
        if event == "step":
            writer.add_scalar("loss/current", values["loss"], values["step"])
            writer.add_scalar("loss/average", values["mean_loss"], values["step"])
            writer.add_scalar("lr/unet", values["lr"], values["step"])
        elif event in {"finished", "failed", "cancelled"}:
            writer.close()

    return take
