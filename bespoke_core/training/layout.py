"""What kind of model a checkpoint file holds, told from its header alone (no weights are read).

The layout follows the keys of the original latent-diffusion code, as single-file SD1.5 checkpoints have them.
Nothing here imports torch, so that a node or the command line can refuse a wrong file at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..weights_file import WeightsHeader, read_header
from . import model_kind
from .base_parts import missing_part
from .model_kind import other_kind, quantised

UNET, VAE, CLIP = model_kind.UNET, model_kind.VAE, model_kind.CLIP
GET_BASE = "Choose a Stable Diffusion 1.5 checkpoint: one .safetensors file with UNet, VAE and text encoder."
"""What to do in place of choosing a file that is no base model."""
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class BaseLayout:
    """The sizes of the networks in an SD1.5-like checkpoint.

    Attributes:
        block_channels: channels of each UNet level, from the finest.
        layers_per_block: residual blocks of a level (one more on the way up).
        depths: transformer blocks in each attention of a level; 0 has no attention.
        middle_depth: transformer blocks of the middle's attention.
        context_dim: width of the text encoder's output.
        vae: "kl" for the full autoencoder, "tiny" for a TAESD one.
        text_layers: layers of the text encoder.
        text_heads, text_intermediate: its attention heads and the width of its feed-forward part.
    """

    block_channels: tuple[int, ...]
    layers_per_block: int
    depths: tuple[int, ...]
    middle_depth: int
    context_dim: int
    vae: str
    text_layers: int
    text_heads: int
    text_intermediate: int


def read_layout(path: Path) -> BaseLayout:
    """Read a checkpoint's header and return its layout.

    Raises:
        InputError: absent, not safetensors, truncated, another model than a whole SD1.5 one, or quantised.
    """
    header = read_header(path, remedy=GET_BASE)
    _refuse_other_models(path, header)
    shapes = dict(header.shapes)
    unet = {key.removeprefix(UNET): shape for key, shape in shapes.items() if key.startswith(UNET)}
    try:
        channels, layers, depths = _unet_levels(unet)
        middle = _depth(unet, "middle_block.1")
        context = next(
            s[1] for key, s in sorted(unet.items()) if key.endswith("attn2.to_k.weight") and len(s) == 2
        )
        text = {k.removeprefix(CLIP).removeprefix("text_model."): s for k, s in shapes.items() if CLIP in k}
        width = text["embeddings.token_embedding.weight"][1]
        intermediate = text["encoder.layers.0.mlp.fc1.weight"][0]
    except (KeyError, IndexError, StopIteration, ValueError) as error:
        raise InputError(f"lacks parts of an SD1.5 model ({error})", file=path, remedy=GET_BASE) from None
    if context != width:
        raise InputError(
            f"its UNet reads text of width {context} but its text encoder writes {width}",
            file=path,
            remedy=GET_BASE,
        )
    text_layers = 1 + max(int(m[1]) for k in text if (m := re.match(r"encoder\.layers\.(\d+)\.", k)))
    found = BaseLayout(
        channels,
        layers,
        depths,
        middle,
        context,
        _vae_kind(path, shapes),
        text_layers,
        max(1, width // 64),
        intermediate,
    )
    under_vae = {k.removeprefix(VAE): s for k, s in shapes.items() if k.startswith(VAE)}
    missing = missing_part({**unet, **text, **under_vae}, found)
    if missing is not None:
        raise InputError(f"is not a whole SD1.5 model: {missing}", file=path, remedy=GET_BASE)
    return found


def read_shapes(path: Path) -> Shapes:
    """Return every tensor's shape from a safetensors file's header.

    Raises:
        InputError: absent, of a format that can run code when loaded, or damaged.
    """
    return dict(read_header(path, remedy=GET_BASE).shapes)


def require_sd15_base(path: Path) -> None:
    """Check by its header that a checkpoint is an SD1.5 model, with or without an autoencoder.

    Raises:
        InputError: as `read_shapes`, or it is another model than SD1.5.
    """
    _refuse_other_models(path, read_header(path, remedy=GET_BASE))


def _refuse_other_models(path: Path, header: WeightsHeader) -> None:
    kind = other_kind(header.shapes)
    if kind is not None:
        raise InputError(f"is {kind}, not an SD1.5 checkpoint", file=path, remedy=GET_BASE)
    numbers = quantised(header.dtypes)
    if numbers is not None:
        raise InputError(
            f"holds its weights as {numbers}, which are not read",
            file=path,
            remedy="Choose the checkpoint with 16-bit or 32-bit weights.",
        )


def _unet_levels(unet: Shapes) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
    """Return (channels of each level, residual blocks a level, transformer depth of each level)."""
    levels: list[list[tuple[int, int]]] = [[]]
    for number in range(1, 100):
        name = f"input_blocks.{number}"
        if f"{name}.0.op.weight" in unet:
            levels.append([])
        elif f"{name}.0.out_layers.3.weight" in unet:
            levels[-1].append((unet[f"{name}.0.out_layers.3.weight"][0], _depth(unet, f"{name}.1")))
        else:
            break
    if any(len(set(level)) != 1 or len(level) != len(levels[0]) for level in levels):
        raise ValueError("its UNet's levels are uneven")
    return tuple(lv[0][0] for lv in levels), len(levels[0]), tuple(lv[0][1] for lv in levels)


def _depth(unet: Shapes, prefix: str) -> int:
    """Return how many transformer blocks stand under `prefix`."""
    pattern = re.compile(re.escape(prefix) + r"\.transformer_blocks\.(\d+)\.")
    return max((int(match[1]) + 1 for key in unet if (match := pattern.match(key))), default=0)


def _vae_kind(path: Path, shapes: Shapes) -> str:
    if VAE + "taesd_encoder.0.weight" in shapes:
        return "tiny"
    if VAE + "encoder.conv_in.weight" in shapes:
        return "kl"
    raise InputError("holds no VAE", file=path, remedy=GET_BASE)
