"""The denoiser that is trained: a narrow network that stands, number for number, inside SD1.5's wide layout.

ComfyUI recognises SD1.5 by its 320 channels a level, far more than 24x24 sprites need and a processor can
train. So a narrow network is trained whose channels are whole groups of the wide one's group norms and whole
heads of its attention. Put into the first channels of the wide layout, with zeros elsewhere, it computes the
same: an unused group stays zero through convolution, norm and attention. Only the layer norm, which averages
over all 320 channels, has to be told how wide the real one is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .layout import CONTEXT, HEADS, LATENT, WIDTH

HEAD = WIDTH // HEADS
GROUP = WIDTH // 32  # channels of a group in a norm over one stream; twice as many over two side by side


class WideLayerNorm(torch.nn.Module):
    """A layer norm over `WIDTH` channels of which only the first are given, the others being zero."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(channels))
        self.bias = torch.nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Norm the last axis, (..., channels), in 32 bits."""
        x = x.float()
        mean = x.sum(-1, keepdim=True) / WIDTH
        variance = x.square().sum(-1, keepdim=True) / WIDTH - mean.square()
        return (x - mean) * torch.rsqrt(variance + self.eps) * self.weight + self.bias


class Widen(torch.nn.Module):
    """The shortcut of a block that has more channels than its input: the new ones start at zero."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, channels, H, W) from fewer channels."""
        return torch.nn.functional.pad(x, (0, 0, 0, 0, 0, self.channels - x.shape[1]))


def slim_denoiser(widths: tuple[int, ...]) -> Any:
    """Build the narrow network, freshly initialised from torch's random state.

    Args:
        widths: channels of each level from the finest, multiples of 40, not falling, at most 320.

    Returns:
        diffusers' UNet2DConditionModel: latents (B, 4, H, W), timesteps (B,), context (B, 77, 768) to noise.

    Raises:
        ValueError: a width that the wide layout cannot hold.
    """
    from diffusers import UNet2DConditionModel
    from diffusers.models.embeddings import TimestepEmbedding, Timesteps

    if any(w % HEAD or not 0 < w <= WIDTH for w in widths) or list(widths) != sorted(widths):
        raise ValueError(f"widths {widths} must be multiples of {HEAD} up to {WIDTH} that do not fall")
    coarse = len(widths) - 1
    unet = UNet2DConditionModel(
        block_out_channels=widths,
        layers_per_block=1,
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * coarse,
        up_block_types=("CrossAttnUpBlock2D",) * coarse + ("UpBlock2D",),
        cross_attention_dim=CONTEXT,
        attention_head_dim=tuple(width // HEAD for width in widths),
        norm_num_groups=math.gcd(*widths),
        time_embedding_dim=4 * WIDTH,
        in_channels=LATENT,
        out_channels=LATENT,
    )
    unet.time_proj = Timesteps(WIDTH, flip_sin_to_cos=True, downscale_freq_shift=0)
    unet.time_embedding = TimestepEmbedding(WIDTH, 4 * WIDTH)
    _match_wide_layout(unet)
    _start_quietly(unet)
    return unet


def _match_wide_layout(unet: Any) -> None:
    """Group, pad and average as the wide network does."""
    for name, module in list(unet.named_modules()):
        parent, _, leaf = name.rpartition(".")
        if isinstance(module, torch.nn.GroupNorm):
            two_streams = leaf == "norm1" and parent.startswith("up_blocks")
            module.num_groups = module.num_channels // (2 * GROUP if two_streams else GROUP)
        elif isinstance(module, torch.nn.LayerNorm):
            setattr(
                unet.get_submodule(parent), leaf, WideLayerNorm(module.normalized_shape[0], float(module.eps))
            )
        elif leaf == "conv_shortcut" and parent.startswith("down_blocks"):
            unet.get_submodule(parent).conv_shortcut = Widen(module.out_channels)


def _start_quietly(unet: Any) -> None:
    """Zero what each branch adds, so that the first steps are stable."""
    for name, parameter in unet.named_parameters():
        if (
            name.endswith(("conv2.weight", "proj_out.weight", "conv_out.weight"))
            and "transformer_blocks" not in name
        ):
            torch.nn.init.zeros_(parameter)


def to_layout(weights: dict[str, torch.Tensor]) -> Iterator[tuple[str, NDArray[np.float16]]]:
    """Yield a narrow network's weights under the keys of SD1.5's layout, narrow still, float16."""
    levels = 1 + max(int(key.split(".")[1]) for key in weights if key.startswith("down_blocks."))
    for key, value in weights.items():
        yield _layout_key(key, levels), value.detach().float().cpu().numpy().astype(np.float16)


def from_layout(narrow: Mapping[str, NDArray[np.float16]]) -> Any:
    """Build the narrow network that `to_layout` wrote.

    Args:
        narrow: weights under SD1.5's keys without prefix.

    Returns:
        diffusers' UNet2DConditionModel in evaluation mode, float32, on the CPU.

    Raises:
        KeyError: a weight is missing.
        ValueError, RuntimeError: a width or a shape does not fit.
    """
    widths: list[int] = []
    while (key := f"input_blocks.{2 * len(widths) + 1}.0.out_layers.3.weight") in narrow:
        widths.append(int(narrow[key].shape[0]))
    if not widths:
        raise KeyError(key)
    network = slim_denoiser(tuple(widths))
    state = {
        key: torch.from_numpy(np.array(narrow[_layout_key(key, len(widths))], dtype=np.float32))
        for key in network.state_dict()
    }
    network.load_state_dict(state)
    return network.requires_grad_(False).eval()


_OUTSIDE = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_RESIDUAL = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


def _layout_key(key: str, levels: int) -> str:
    """Translate diffusers' name of a weight into SD1.5's, for one residual block a level."""
    module, _, kind = key.rpartition(".")
    if module in _OUTSIDE:
        return f"{_OUTSIDE[module]}.{kind}"
    place, *rest = key.split(".")
    level = 0 if place == "mid_block" else int(rest.pop(0))
    part, number, *inner = rest
    if place == "mid_block":
        block = "middle_block." + ("1" if part == "attentions" else str(2 * int(number)))
    elif part == "downsamplers":
        return f"input_blocks.{2 * level + 2}.0.op.{kind}"
    elif part == "upsamplers":
        block = f"output_blocks.{2 * level + 1}"
        return f"{block}.{1 if level == levels - 1 else 2}.conv.{kind}"
    else:
        first = (
            f"input_blocks.{2 * level + 1}"
            if place == "down_blocks"
            else f"output_blocks.{2 * level + int(number)}"
        )
        block = f"{first}.{1 if part == 'attentions' else 0}"
    if part == "resnets":
        inner = [_RESIDUAL[inner[0]], *inner[1:]]
    return ".".join([block, *inner])
