"""What a user should know about a configuration before it is trained."""

from __future__ import annotations

import importlib.util

from .config import TrainingConfig


def notices_of(config: TrainingConfig) -> list[str]:
    """Return sentences about keys that do less, or something else, than they say."""
    found = list(config.notices)
    if config.xformers:
        found.append("xformers = true: torch's own attention (SDPA) is used instead.")
    if config.lr_scheduler == "constant" and config.lr_warmup_steps:
        found.append("lr_warmup_steps has no effect with lr_scheduler = constant.")
    if config.mixed_precision == "fp16":
        found.append("mixed_precision = fp16 may overflow; bf16 is safer where the device has it.")
    found += _notices_of_trackers(config)
    if config.resume and (config.initial_epoch is not None or config.initial_step is not None):
        found.append("initial_epoch and initial_step win over the place in the state that resume names.")
    if config.skip_until_initial_step and config.initial_step is None:
        found.append("skip_until_initial_step has no effect without initial_step.")
    if not config.save_state:
        found.append("save_state = false: an interrupted run starts from its beginning again.")
    return found


def wanted_trackers(config: TrainingConfig) -> list[str]:
    """Return the libraries that are to show the run's figures: "tensorboard", "wandb", both or none."""
    wanted = {None: ["tensorboard"] if config.logging_dir else [], "all": ["tensorboard", "wandb"]}
    return wanted.get(config.log_with, [str(config.log_with)])


def _notices_of_trackers(config: TrainingConfig) -> list[str]:
    return [
        f"{name} is not installed, so nothing is shown there (python -m pip install {name}). "
        "Loss and rate are in events.jsonl all the same."
        for name in wanted_trackers(config)
        if importlib.util.find_spec(name) is None
    ]
