"""The network that is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .fields import NETWORK, Keys, Refuse, TextList, field

if TYPE_CHECKING:
    from . import TrainingConfig


class NetworkKeys(Keys):
    """The network that is trained."""

    network_module: Literal["networks.lora"] = field(
        NETWORK, "networks.lora", "The kind of network: LoRA is the one there is."
    )
    network_dim: int = field(
        NETWORK, 4, "The LoRA's rank: more learns more detail and makes a larger file.", "", ge=1, le=1024
    )
    network_alpha: float = field(
        NETWORK,
        1.0,
        "Scales the LoRA's effect by alpha / network_dim; 0 means network_dim.",
        "",
        ge=0,
        le=1024,
    )
    network_args: TextList = field(
        NETWORK,
        (),
        "More about the network, such as conv_dim=4 conv_alpha=1 (a LoRA on 3x3 convolutions too), "
        "rank_dropout, module_dropout, loraplus_lr_ratio, block_dims.",
    )
    network_dropout: float = field(
        NETWORK,
        0.0,
        "Share of the numbers between a LoRA's two matrices that is left out at random; 0 is off.",
        "",
        ge=0,
        le=0.999,
    )
    network_weights: str = field(
        NETWORK, "", "A LoRA file in kohya's form to start from; empty starts a new one."
    )
    dim_from_weights: bool = field(
        NETWORK, False, "Take every layer's rank and alpha from network_weights instead of the keys above."
    )
    scale_weight_norms: float = field(
        NETWORK,
        0.0,
        "After each step, layers whose effect has a larger norm are scaled down to it; 1 is usual, 0 is off.",
        "",
        ge=0,
        le=1000,
    )
    network_train_unet_only: bool = field(NETWORK, False, "Train the UNet's LoRA alone.")
    network_train_text_encoder_only: bool = field(NETWORK, False, "Train the text encoder's LoRA alone.")


def check(config: TrainingConfig, refuse: Refuse) -> None:
    """Refuse keys of the network that contradict each other or say what is not there."""
    from ..network_form import read_network_arguments

    read_network_arguments(config.network_args)
    if config.dim_from_weights and not config.network_weights:
        refuse(
            "dim_from_weights",
            "needs a file to take the ranks from",
            "Set network_weights to a LoRA file, or dim_from_weights to false.",
        )
