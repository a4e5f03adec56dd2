"""The weights that an SD1.5-like checkpoint must have: one that lacks some is told by its header alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .layout import BaseLayout

Part = tuple[str, tuple[int, ...]]
"""A tensor's name and shape."""

_VAE = (128, 128, 256, 512, 512)  # channels before and in each level of the full autoencoder
_TINY_BLOCKS, _TINY_STRIDES = (1, 3, 4, 5, 7, 8, 9, 11, 12, 13), (2, 6, 10)


def missing_part(shapes: Mapping[str, tuple[int, ...]], layout: BaseLayout) -> str | None:
    """Return what is wrong with the first weight that is absent or misshapen, as a clause; None if none is.

    Args:
        shapes: every tensor's shape, under the names of `unet_parts`, `text_parts` and `vae_parts` with their
            prefixes taken away: one mapping for the three.
        layout: the sizes that were read from the same file.
    """
    for part, wanted in (
        ("UNet", unet_parts(layout)),
        ("text encoder", text_parts(layout)),
        ("VAE", vae_parts(layout)),
    ):
        for name, shape in wanted:
            if name not in shapes:
                return f"its {part} lacks {name}"
            if _plain(shapes[name]) != _plain(shape):
                return f"{name} of its {part} is {shapes[name]} where {shape} belongs"
    return None


def _plain(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without ones at its end: a 1x1 convolution may be stored as a matrix."""
    while shape and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def unet_parts(layout: BaseLayout) -> Iterator[Part]:
    """Yield the UNet's weights, as the latent-diffusion code names them."""
    first, levels = layout.block_channels[0], len(layout.block_channels)
    yield from _layer("time_embed.0", 4 * first, first)
    yield from _layer("time_embed.2", 4 * first, 4 * first)
    yield from _layer("input_blocks.0.0", first, 4, 3, 3)
    number, width, kept = 1, first, [first]
    for level, channels in enumerate(layout.block_channels):
        for _ in range(layout.layers_per_block):
            yield from _residual(f"input_blocks.{number}.0", width, channels, 4 * first)
            width = channels
            yield from _attention(f"input_blocks.{number}.1", width, layout.context_dim, layout.depths[level])
            kept.append(width)
            number += 1
        if level < levels - 1:
            yield from _layer(f"input_blocks.{number}.0.op", width, width, 3, 3)
            kept.append(width)
            number += 1
    yield from _residual("middle_block.0", width, width, 4 * first)
    yield from _attention("middle_block.1", width, layout.context_dim, max(1, layout.middle_depth))
    yield from _residual("middle_block.2", width, width, 4 * first)
    number = 0
    for level in reversed(range(levels)):
        for block in range(layout.layers_per_block + 1):
            channels, depth = layout.block_channels[level], layout.depths[level]
            yield from _residual(f"output_blocks.{number}.0", width + kept.pop(), channels, 4 * first)
            width = channels
            yield from _attention(f"output_blocks.{number}.1", width, layout.context_dim, depth)
            if level and block == layout.layers_per_block:
                yield from _layer(f"output_blocks.{number}.{2 if depth else 1}.conv", width, width, 3, 3)
            number += 1
    yield from _layer("out.0", width)
    yield from _layer("out.2", 4, width, 3, 3)


def text_parts(layout: BaseLayout) -> Iterator[Part]:
    """Yield the weights of the text encoder's layers, as transformers names them within its `text_model`."""
    width = layout.context_dim
    for number in range(layout.text_layers):
        layer = f"encoder.layers.{number}"
        for place in ("q_proj", "k_proj", "v_proj", "out_proj"):
            yield from _layer(f"{layer}.self_attn.{place}", width, width)
        yield from _layer(f"{layer}.mlp.fc1", layout.text_intermediate, width)
        yield from _layer(f"{layer}.mlp.fc2", width, layout.text_intermediate)
        yield from _layer(f"{layer}.layer_norm1", width)
        yield from _layer(f"{layer}.layer_norm2", width)
    yield from _layer("final_layer_norm", width)


def vae_parts(layout: BaseLayout) -> Iterator[Part]:
    """Yield the weights of the encoding half of the autoencoder: training never decodes."""
    yield from _tiny_encoder() if layout.vae == "tiny" else _full_encoder()


def _full_encoder() -> Iterator[Part]:
    yield from _layer("encoder.conv_in", _VAE[0], 3, 3, 3)
    for level, (before, width) in enumerate(pairwise(_VAE)):
        yield from _plain_block(f"encoder.down.{level}.block.0", before, width)
        yield from _plain_block(f"encoder.down.{level}.block.1", width, width)
        if level < len(_VAE) - 2:
            yield from _layer(f"encoder.down.{level}.downsample.conv", width, width, 3, 3)
    width = _VAE[-1]
    yield from _plain_block("encoder.mid.block_1", width, width)
    yield from _layer("encoder.mid.attn_1.norm", width)
    for place in ("q", "k", "v", "proj_out"):
        yield from _layer(f"encoder.mid.attn_1.{place}", width, width, 1, 1)
    yield from _plain_block("encoder.mid.block_2", width, width)
    yield from _layer("encoder.norm_out", width)
    yield from _layer("encoder.conv_out", 8, width, 3, 3)
    yield from _layer("quant_conv", 8, 8, 1, 1)


def _tiny_encoder() -> Iterator[Part]:
    yield from _layer("taesd_encoder.0", 64, 3, 3, 3)
    for place in _TINY_BLOCKS:
        for inner in (0, 2, 4):
            yield from _layer(f"taesd_encoder.{place}.conv.{inner}", 64, 64, 3, 3)
    for place in _TINY_STRIDES:
        yield from _layer(f"taesd_encoder.{place}", 64, 64, 3, 3, bias=False)
    yield from _layer("taesd_encoder.14", 4, 64, 3, 3)


def _layer(name: str, *shape: int, bias: bool = True) -> Iterator[Part]:
    yield f"{name}.weight", shape
    if bias:
        yield f"{name}.bias", shape[:1]


def _plain_block(name: str, inputs: int, outputs: int) -> Iterator[Part]:
    yield from _layer(f"{name}.norm1", inputs)
    yield from _layer(f"{name}.conv1", outputs, inputs, 3, 3)
    yield from _layer(f"{name}.norm2", outputs)
    yield from _layer(f"{name}.conv2", outputs, outputs, 3, 3)
    if inputs != outputs:
        yield from _layer(f"{name}.nin_shortcut", outputs, inputs, 1, 1)


def _residual(name: str, inputs: int, outputs: int, time: int) -> Iterator[Part]:
    yield from _layer(f"{name}.in_layers.0", inputs)
    yield from _layer(f"{name}.in_layers.2", outputs, inputs, 3, 3)
    yield from _layer(f"{name}.emb_layers.1", outputs, time)
    yield from _layer(f"{name}.out_layers.0", outputs)
    yield from _layer(f"{name}.out_layers.3", outputs, outputs, 3, 3)
    if inputs != outputs:
        yield from _layer(f"{name}.skip_connection", outputs, inputs, 1, 1)


def _attention(name: str, width: int, context: int, depth: int) -> Iterator[Part]:
    if not depth:
        return
    yield from _layer(f"{name}.norm", width)
    yield from _layer(f"{name}.proj_in", width, width, 1, 1)
    for number in range(depth):
        block = f"{name}.transformer_blocks.{number}"
        for kind, source in (("attn1", width), ("attn2", context)):
            yield from _layer(f"{block}.{kind}.to_q", width, width, bias=False)
            yield from _layer(f"{block}.{kind}.to_k", width, source, bias=False)
            yield from _layer(f"{block}.{kind}.to_v", width, source, bias=False)
            yield from _layer(f"{block}.{kind}.to_out.0", width, width)
        yield from _layer(f"{block}.ff.net.0.proj", 8 * width, width)
        yield from _layer(f"{block}.ff.net.2", width, 4 * width)
        for norm in ("norm1", "norm2", "norm3"):
            yield from _layer(f"{block}.{norm}", width)
    yield from _layer(f"{name}.proj_out", width, width, 1, 1)
