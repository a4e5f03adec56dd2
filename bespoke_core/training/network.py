"""The LoRA in the base model: which layers get one, and how peft puts it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from .base_model import BaseModel
from .config import TrainingConfig

ADAPTER = "default"


@dataclass(frozen=True)
class LoraPair:
    """One layer's LoRA.

    Attributes:
        down, up: the two trained matrices, float32: (rank, in[, 1, 1]) and (out, rank[, 1, 1]).
    """

    down: torch.nn.Parameter
    up: torch.nn.Parameter


@dataclass(frozen=True)
class LoraNetwork:
    """The trained part: kohya module name to its pair of matrices.

    Attributes:
        pairs: "lora_unet_down_blocks_0_..." and "lora_te_text_model_encoder_layers_0_..." to their pair.
        rank, alpha: the layer's output gets up(down(x)) * alpha / rank added.
    """

    pairs: dict[str, LoraPair]
    rank: int
    alpha: float

    def parameters(self, part: str = "") -> list[torch.nn.Parameter]:
        """Return the trained matrices of "unet", "text_encoder" or, by default, all, in a fixed order."""
        prefix = {"": "lora_", "unet": "lora_unet_", "text_encoder": "lora_te_"}[part]
        return [
            matrix
            for name, pair in sorted(self.pairs.items())
            if name.startswith(prefix)
            for matrix in (pair.down, pair.up)
        ]

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the matrices under their kohya names, detached, without copying."""
        found = {}
        for name, pair in sorted(self.pairs.items()):
            found[f"{name}.lora_down.weight"] = pair.down.detach()
            found[f"{name}.lora_up.weight"] = pair.up.detach()
        return found

    @torch.no_grad()
    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Copy matrices named as in `tensors()` into the network."""
        for name, pair in self.pairs.items():
            pair.down.copy_(tensors[f"{name}.lora_down.weight"])
            pair.up.copy_(tensors[f"{name}.lora_up.weight"])


def add_lora(base: BaseModel, config: TrainingConfig) -> LoraNetwork:
    """Put a fresh LoRA into the base's networks and return its trained part.

    In the UNet every linear layer and 1x1 convolution inside the transformer blocks gets one (192 in SD1.5);
    in the text encoder those of attention and feed-forward (72). `down` starts random from the
    configuration's seed, `up` at zero, so that the model starts unchanged. Both are float32.
    """
    alpha = config.network_alpha or float(config.network_dim)
    pairs: dict[str, LoraPair] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        if config.trains_unet:
            pairs |= _inject(base.unet, unet_targets(base.unet), "lora_unet_", config.network_dim, alpha)
        if config.trains_text_encoder:
            targets = text_targets(base.text_encoder)
            pairs |= _inject(base.text_encoder, targets, "lora_te_", config.network_dim, alpha)
    return LoraNetwork(pairs, config.network_dim, alpha)


def unet_targets(unet: Any) -> list[str]:
    """Return the names of the UNet's layers that get a LoRA."""
    from diffusers.models.transformers.transformer_2d import Transformer2DModel

    return [
        f"{name}.{inner}"
        for name, block in unet.named_modules()
        if isinstance(block, Transformer2DModel)
        for inner, layer in block.named_modules()
        if _is_target(layer)
    ]


def text_targets(text_encoder: Any) -> list[str]:
    """Return the names of the text encoder's layers that get a LoRA."""
    return [
        name
        for name, layer in text_encoder.named_modules()
        if _is_target(layer) and (".self_attn." in name or ".mlp." in name)
    ]


def _is_target(layer: torch.nn.Module) -> bool:
    if isinstance(layer, torch.nn.Conv2d):
        return layer.kernel_size == (1, 1)
    return isinstance(layer, torch.nn.Linear)


def _inject(model: Any, targets: list[str], prefix: str, rank: int, alpha: float) -> dict[str, LoraPair]:
    from peft import LoraConfig, inject_adapter_in_model

    # peft scales by alpha / rank as kohya does; it takes any number although it says int.
    lora = LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, lora_dropout=0.0, bias="none")  # type: ignore[arg-type, unused-ignore]
    inject_adapter_in_model(lora, model, adapter_name=ADAPTER)
    pairs = {}
    for name in targets:
        layer = model.get_submodule(name)
        down, up = layer.lora_A[ADAPTER], layer.lora_B[ADAPTER]
        for matrix in (down, up):  # peft gives them the base's type, and 16 bits lose small updates
            matrix.to(torch.float32)
            matrix.requires_grad_(True)
        pairs[kohya_name(prefix, name)] = LoraPair(down.weight, up.weight)
    return pairs


def kohya_name(prefix: str, module: str) -> str:
    """Return a module's name in a kohya file, such as lora_te_text_model_encoder_layers_0_mlp_fc1.

    transformers from 5.6 on has no `text_model` around the text encoder; kohya's names always have it.
    """
    if prefix == "lora_te_" and not module.startswith("text_model."):
        module = "text_model." + module
    return prefix + module.replace(".", "_")
