"""The keys of a training configuration: each with its type, default, range, unit and help.

The names and meanings are those of kohya's sd-scripts, so that an existing file trains here. The node, the
command line's help and the documentation are made from the fields; `config.describe` lists them.
"""

from __future__ import annotations

from typing import Literal

from .captions import CaptionKeys
from .data import DataKeys
from .judging import JUDGING_KEYS, JudgingKeys
from .model import ModelKeys
from .network import NetworkKeys
from .noise import NoiseKeys
from .optimization import OptimizationKeys
from .output import OutputKeys

PATH_KEYS = (
    "pretrained_model_name_or_path",
    "output_dir",
    "train_data_dir",
    "logging_dir",
    "tokenizer_path",
    "sample_prompts",
)
# What a run is called and where its files lie changes nothing in the weights that come out.
KEYS_WITHOUT_EFFECT_ON_WEIGHTS = (
    *PATH_KEYS,
    *JUDGING_KEYS,
    "output_name",
    "log_prefix",
    "xformers",
    "sdpa",
)


# pydantic takes the fields of the last base first: the order below is that of the documentation, reversed.
class TrainingConfig(
    JudgingKeys, NoiseKeys, OptimizationKeys, OutputKeys, CaptionKeys, DataKeys, NetworkKeys, ModelKeys
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
