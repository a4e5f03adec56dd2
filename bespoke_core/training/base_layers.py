"""The layers of a base model that can get a LoRA, by kohya's names, told from its file's header alone.

kohya names a layer as diffusers does; a checkpoint file has the names of the original latent-diffusion code.
Nothing here imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .config import TrainingConfig
from .layout import CLIP, UNET, BaseLayout, Shapes
from .network_form import NetworkForm

_PLACE = re.compile(r"(input_blocks|middle_block|output_blocks)\.(\d+)\.(?:(\d+)\.)?(.+)")
_RESIDUAL = {
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_OF_TEXT = re.compile(r"encoder\.layers\.\d+\.(self_attn|mlp)\..+")


@dataclass(frozen=True)
class BaseLayer:
    """A layer's weight.

    Attributes:
        outputs, inputs: its channels.
        kernel: pixels on a side of a convolution's kernel; 1 for a linear layer.
        in_attention: it belongs to a transformer block, of the UNet or of the text encoder; the others get a
            LoRA only where `NetworkForm.all_blocks` says so.
    """

    outputs: int
    inputs: int
    kernel: int
    in_attention: bool


def base_layers(shapes: Shapes, layout: BaseLayout) -> dict[str, BaseLayer]:
    """Return every layer that kohya's networks.lora can train, by its kohya name.

    Args:
        shapes: of the base file's tensors.
        layout: of the same file.
    """
    found = {}
    for key, shape in shapes.items():
        if not key.endswith(".weight") or len(shape) not in (2, 4):
            continue
        module, name = key.removesuffix(".weight"), None
        if module.startswith(UNET):
            name = _unet_name(module.removeprefix(UNET), layout.layers_per_block)
        elif module.startswith(CLIP):
            inner = module.removeprefix(CLIP).removeprefix("text_model.")
            name = f"lora_te_text_model.{inner}" if _OF_TEXT.fullmatch(inner) else None
        if name is not None:
            inside = name.startswith("lora_te_") or "attentions." in name
            kernel = shape[2] if len(shape) == 4 else 1
            found[name.replace(".", "_")] = BaseLayer(shape[0], shape[1], kernel, inside)
    return found


def trained_layers(
    layers: Mapping[str, BaseLayer], form: NetworkForm, config: TrainingConfig
) -> dict[str, tuple[BaseLayer, int]]:
    """Return the layers that a run trains, each with its LoRA's rank, by kohya name.

    Args:
        layers: of the base model, from `base_layers`.
        form: the sizes that the LoRA gets.
        config: says which parts are trained.
    """
    parts = {"lora_unet_": config.trains_unet, "lora_te_": config.trains_text_encoder}
    found = {}
    for name, layer in layers.items():
        part = next(prefix for prefix in parts if name.startswith(prefix))
        if parts[part] and (layer.in_attention or form.all_blocks):
            size = form.size_of(name, wide=layer.kernel > 1)
            if size is not None:
                found[name] = (layer, size[0])
    return found


def count_parameters(trained: Mapping[str, tuple[BaseLayer, int]]) -> int:
    """Return how many numbers the LoRA of `trained_layers` has."""
    return sum(rank * (layer.inputs * layer.kernel**2 + layer.outputs) for layer, rank in trained.values())


def _unet_name(module: str, layers: int) -> str | None:
    """Return "lora_unet_" and diffusers' name of a UNet's module; None where it gets no LoRA.

    Args:
        module: as the latent-diffusion code names it, such as input_blocks.1.1.proj_in.
        layers: residual blocks of a level on the way down; on the way up there is one more.
    """
    match = _PLACE.fullmatch(module)
    if match is None:
        return None
    side, number, kind, rest = match[1], int(match[2]), match[3], match[4]
    is_residual = kind == "0"
    if side == "middle_block":  # residual block, attention, residual block
        place, inner, is_residual = "mid_block", number // 2, number != 1
    elif kind is None:  # the very first convolution
        return None
    elif side == "input_blocks":
        level, inner = divmod(number - 1, layers + 1)
        place = f"down_blocks.{level}"
        if rest == "op":
            return f"lora_unet_{place}.downsamplers.0.conv"
    else:
        level, inner = divmod(number, layers + 1)
        place = f"up_blocks.{level}"
        if rest == "conv":
            return f"lora_unet_{place}.upsamplers.0.conv"
    if is_residual:
        return f"lora_unet_{place}.resnets.{inner}.{_RESIDUAL[rest]}" if rest in _RESIDUAL else None
    return f"lora_unet_{place}.attentions.{inner}.{rest}"
