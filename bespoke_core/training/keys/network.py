"""The network that is trained."""

from __future__ import annotations

from typing import Literal

from .fields import NETWORK, Keys, field


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
    network_train_unet_only: bool = field(NETWORK, False, "Train the UNet's LoRA alone.")
    network_train_text_encoder_only: bool = field(NETWORK, False, "Train the text encoder's LoRA alone.")
