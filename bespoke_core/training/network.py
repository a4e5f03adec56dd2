"""The LoRA in the base model: which layers get one, of what size, and what is done with them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch

from ..errors import InputError
from .base_model import BaseModel
from .config import TrainingConfig
from .lora_layer import Dropouts, LoraLayer
from .network_form import DOWN, UP, NetworkForm, form_of, form_of_file
from .start_weights import read_alphas, read_start_shapes

_PREFIXES = {"": "lora_", "unet": "lora_unet_", "text_encoder": "lora_te_"}


@dataclass(frozen=True)
class LoraNetwork:
    """The trained part: kohya module name to its layer.

    Attributes:
        pairs: "lora_unet_down_blocks_0_..." and "lora_te_text_model_encoder_layers_0_..." to their layer with
            its matrices `down` and `up`, its rank and its alpha.
        rank, alpha: those of the configuration; a layer's own may differ.
    """

    pairs: dict[str, LoraLayer]
    rank: int
    alpha: float

    def parameters(self, part: str = "", matrix: str = "") -> list[torch.nn.Parameter]:
        """Return the trained matrices in a fixed order.

        Args:
            part: "unet", "text_encoder", or all.
            matrix: "down", "up", or both.
        """
        return [
            getattr(layer, one)
            for name, layer in sorted(self.pairs.items())
            if name.startswith(_PREFIXES[part])
            for one in ((matrix,) if matrix else ("down", "up"))
        ]

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the matrices under their kohya names, detached, without copying."""
        found = {}
        for name, layer in sorted(self.pairs.items()):
            found[name + DOWN] = layer.down.detach()
            found[name + UP] = layer.up.detach()
        return found

    @torch.no_grad()
    def load(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Copy matrices named as in `tensors()` into the network."""
        for name, layer in self.pairs.items():
            layer.down.copy_(tensors[name + DOWN])
            layer.up.copy_(tensors[name + UP])

    @property
    def drops(self) -> bool:
        """Whether anything is left out at random while training."""
        return any(layer.dropouts.any for layer in self.pairs.values())

    def train(self, mode: bool = True) -> None:
        """Turn the dropouts on, or off for looking at what was learnt."""
        for layer in self.pairs.values():
            layer.train(mode)

    @torch.no_grad()
    def limit_norms(self, most: float) -> int:
        """Scale down every layer whose effect's Frobenius norm is above `most` (kohya's scale_weight_norms).

        Both matrices take the square root of what is missing.

        Returns:
            How many layers were scaled.
        """
        layers = list(self.pairs.values())
        norms = torch.stack([_effect(layer).norm() for layer in layers])
        ratios = (most / norms.clamp(min=most / 2)).clamp(max=1.0)
        for layer, ratio in zip(layers, ratios.sqrt(), strict=True):
            layer.down.mul_(ratio)
            layer.up.mul_(ratio)
        return int((ratios < 1).sum())


def _effect(layer: LoraLayer) -> torch.Tensor:
    """Return what the LoRA adds to the layer's weight, (out, in x kernel)."""
    return (layer.up.flatten(1) @ layer.down.flatten(1)) * layer.scale


def add_lora(base: BaseModel, config: TrainingConfig) -> LoraNetwork:
    """Put a fresh LoRA into the base's networks and return its trained part.

    In the UNet every linear layer and 1x1 convolution inside the transformer blocks gets one (192 in SD1.5);
    in the text encoder those of attention and feed-forward (72). With conv_dim the residual blocks and the
    changes of size get theirs too. `down` starts random from the configuration's seed, `up` at zero, so that
    the model starts unchanged, or both start from the file `network_weights`.

    Raises:
        InputError: the file cannot be read, or does not fit.
    """
    form, start = form_of(config), Path(config.network_weights)
    alphas: dict[str, float] = {}
    if config.network_weights:
        shapes = read_start_shapes(start)
        alphas = read_alphas(start, shapes)
    if config.dim_from_weights:
        form = form_of_file(shapes, alphas, config)
    network = new_lora(base, config, form)
    if config.network_weights:
        _start_from(network, start, alphas)
    return network


def new_lora(base: BaseModel, config: TrainingConfig, form: NetworkForm) -> LoraNetwork:
    """Put a fresh LoRA of given sizes into the base's networks; return its trained part, as `add_lora`."""
    pairs: dict[str, LoraLayer] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        if config.trains_unet:
            pairs |= _inject(base.unet, unet_targets(base.unet, all_blocks=form.all_blocks), "unet", form)
        if config.trains_text_encoder:
            pairs |= _inject(base.text_encoder, text_targets(base.text_encoder), "text_encoder", form)
    return LoraNetwork(pairs, form.rank, form.alpha)


@torch.no_grad()
def _start_from(network: LoraNetwork, path: Path, alphas: Mapping[str, float]) -> None:
    """Load a LoRA file's weights; layers that it lacks stay fresh, and what has no layer here is left.

    Where its alpha is another than the layer's, `up` makes up for it, so that the start is the file's effect.

    Raises:
        InputError: no layer is in the file, or a rank is another.
    """
    from safetensors.torch import load_file

    def refuse(problem: str, remedy: str) -> NoReturn:
        raise InputError(problem, file=path, field="network_weights", remedy=remedy)

    weights = load_file(path)
    found = [name for name in network.pairs if name + DOWN in weights and name + UP in weights]
    if not found:
        refuse("has no layer that is trained here", "Choose a LoRA of the same kind of model.")
    for name in found:
        layer, down, up = network.pairs[name], weights[name + DOWN], weights[name + UP]
        if down.shape != layer.down.shape or up.shape != layer.up.shape:
            refuse(
                f"{name} is {tuple(down.shape)} in it and {tuple(layer.down.shape)} here",
                "Set dim_from_weights = true, or network_dim to the file's rank.",
            )
        layer.down.copy_(down)
        layer.up.copy_(up.float() * ((alphas.get(name, 0.0) or float(layer.rank)) / layer.alpha))


def unet_targets(unet: Any, *, all_blocks: bool = False) -> list[str]:
    """Return the names of the UNet's layers that may get a LoRA.

    Args:
        all_blocks: also those of residual blocks and of changes of size, as kohya with conv_dim.
    """
    kinds = {"Transformer2DModel"}
    if all_blocks:
        kinds |= {"ResnetBlock2D", "Downsample2D", "Upsample2D"}
    return [
        f"{name}.{inner}"
        for name, block in unet.named_modules()
        if type(block).__name__ in kinds
        for inner, layer in block.named_modules()
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d)
    ]


def text_targets(text_encoder: Any) -> list[str]:
    """Return the names of the text encoder's layers that get a LoRA."""
    return [
        name
        for name, layer in text_encoder.named_modules()
        if isinstance(layer, torch.nn.Linear) and (".self_attn." in name or ".mlp." in name)
    ]


def _inject(model: Any, targets: list[str], part: str, form: NetworkForm) -> dict[str, LoraLayer]:
    pairs = {}
    for name in targets:
        layer, known = model.get_submodule(name), kohya_name(_PREFIXES[part], name)
        size = form.size_of(known, wide=isinstance(layer, torch.nn.Conv2d) and layer.kernel_size != (1, 1))
        if size is None:
            continue
        parent, _, leaf = name.rpartition(".")
        pairs[known] = LoraLayer(layer, *size, _dropouts(form))
        setattr(model.get_submodule(parent), leaf, pairs[known])
    return pairs


def _dropouts(form: NetworkForm) -> Dropouts:
    return Dropouts(form.dropout, form.args.rank_dropout or 0.0, form.args.module_dropout or 0.0)


def kohya_name(prefix: str, module: str) -> str:
    """Return a module's name in a kohya file, such as lora_te_text_model_encoder_layers_0_mlp_fc1.

    transformers from 5.6 on has no `text_model` around the text encoder; kohya's names always have it.
    """
    if prefix == "lora_te_" and not module.startswith("text_model."):
        module = "text_model." + module
    return prefix + module.replace(".", "_")
