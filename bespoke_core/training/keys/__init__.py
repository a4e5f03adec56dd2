"""The keys of a training configuration: each with its type, default, range, unit and help.

The names and meanings are those of kohya's sd-scripts, so that an existing file trains here. The node, the
command line's help and the documentation are made from the fields; `config.describe` lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from . import data, judging, loss, network, noise, optimization, output, schedule
from .about import ABOUT_KEYS, AboutKeys
from .captions import CaptionKeys
from .data import DataKeys
from .fields import Refuse
from .judging import JUDGING_KEYS, JudgingKeys
from .loss import LossKeys
from .model import ModelKeys
from .network import NetworkKeys
from .noise import NoiseKeys
from .optimization import OptimizationKeys
from .output import OUTPUT_KEYS_WITHOUT_EFFECT_ON_WEIGHTS, OutputKeys
from .schedule import ScheduleKeys
from .validation import VALIDATION_KEYS, ValidationKeys

PATH_KEYS = (
    "pretrained_model_name_or_path",
    "output_dir",
    "train_data_dir",
    "reg_data_dir",
    "dataset_config",
    "logging_dir",
    "resume",
    "tokenizer_path",
    "sample_prompts",
    "network_weights",
)
# What a run is called and where its files lie changes nothing in the weights that come out.
KEYS_WITHOUT_EFFECT_ON_WEIGHTS = (
    *(key for key in PATH_KEYS if key != "network_weights"),
    *ABOUT_KEYS,
    *JUDGING_KEYS,
    *OUTPUT_KEYS_WITHOUT_EFFECT_ON_WEIGHTS,
    *VALIDATION_KEYS,
    "output_name",
    "xformers",
    "sdpa",
)


# pydantic takes the fields of the last base first: the order below is that of the documentation, reversed.
class TrainingConfig(
    AboutKeys,
    JudgingKeys,
    ValidationKeys,
    LossKeys,
    NoiseKeys,
    ScheduleKeys,
    OptimizationKeys,
    OutputKeys,
    CaptionKeys,
    DataKeys,
    NetworkKeys,
    ModelKeys,
):
    """One training run, complete. Frozen; flat; the field names are kohya's keys."""

    @property
    def trains_unet(self) -> bool:
        """Whether the UNet gets a LoRA."""
        return not self.network_train_text_encoder_only and self.rate_of("unet") > 0

    @property
    def trains_text_encoder(self) -> bool:
        """Whether the text encoder gets a LoRA."""
        return not self.network_train_unet_only and self.rate_of("text_encoder") > 0

    def rate_of(self, part: Literal["unet", "text_encoder"]) -> float:
        """Return the learning rate of one part of the network."""
        own = self.unet_lr if part == "unet" else self.text_encoder_lr
        return self.learning_rate if own is None else own


Check = Callable[[TrainingConfig, Refuse], None]
CHECKS: tuple[Check, ...] = (
    data.check,
    network.check,
    optimization.check,
    schedule.check,
    noise.check,
    loss.check,
    output.check,
    judging.check,
)
"""What each topic refuses when a configuration is complete: keys that contradict each other."""
