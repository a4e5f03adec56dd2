"""The weights of the small base model's denoiser and text encoder: every key, shape and starting value.

The layout is Stable Diffusion 1.5's with one resolution level and one block a level, which ComfyUI detects
from the keys. Values come from a counter-based stream of raw bits, so that one seed gives the same bytes on
every machine and with every version of NumPy.

The denoiser is not trained. It is built so that its answer is its input brought to unit spread, which is the
best guess of the noise while the noise is most of the input, plus small random features on which a LoRA can
build. Sampling therefore neither saturates nor ends in a plain black or white picture.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float16]

WIDTH = 320  # channels of the denoiser; ComfyUI recognises SD1.5 by it
CONTEXT = 768  # channels of the text encoder
GROUP = 10  # channels of one of GroupNorm's 32 groups
LATENT = 4
_TIME = 4 * WIDTH
_BRANCH_GAIN = 0.15  # spread that each random branch adds to a stream of spread 1

_UNET = "model.diffusion_model."
_CLIP = "cond_stage_model.transformer.text_model."


class Draws:
    """Random weights by key from one seed.

    Args:
        seed: any non-negative whole number.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def spread(self, key: str, shape: tuple[int, ...], deviation: float) -> Array:
        """Return evenly distributed float16 values with mean 0 and the given standard deviation."""
        count = int(np.prod(shape))
        stream = np.random.PCG64(np.random.SeedSequence([self.seed, zlib.crc32(key.encode())]))
        bits = stream.random_raw(-(-count // 4)).astype("<u8").view("<u2")[:count]
        values = bits.astype(np.float32)
        values -= np.float32(32767.5)
        values *= np.float32(deviation * 3**0.5 / 32768.0)
        return values.astype(np.float16).reshape(shape)


def denoiser(draws: Draws) -> Iterator[tuple[str, Array]]:
    """Yield the denoiser's keys and weights."""
    for key, array in _denoiser(draws):
        yield _UNET + key, array


def text_encoder(draws: Draws) -> Iterator[tuple[str, Array]]:
    """Yield the text encoder's keys and weights: CLIP ViT-L's 12 layers of 768."""
    yield from _named(draws, "embeddings.token_embedding", (49408, CONTEXT), 0.02)
    yield from _named(draws, "embeddings.position_embedding", (77, CONTEXT), 0.01)
    for number in range(12):
        layer = f"encoder.layers.{number}."
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            yield from _named(draws, f"{layer}self_attn.{part}", (CONTEXT, CONTEXT), 0.02, bias=True)
        yield from _named(draws, f"{layer}mlp.fc1", (4 * CONTEXT, CONTEXT), 0.02, bias=True)
        yield from _named(draws, f"{layer}mlp.fc2", (CONTEXT, 4 * CONTEXT), 0.01, bias=True)
        yield from _norm(_CLIP + layer + "layer_norm1", CONTEXT)
        yield from _norm(_CLIP + layer + "layer_norm2", CONTEXT)
    yield from _norm(_CLIP + "final_layer_norm", CONTEXT)


def _named(
    draws: Draws, name: str, shape: tuple[int, ...], deviation: float, *, bias: bool = False
) -> Iterator[tuple[str, Array]]:
    yield f"{_CLIP}{name}.weight", draws.spread(_CLIP + name, shape, deviation)
    if bias:
        yield f"{_CLIP}{name}.bias", _zeros(shape[0])


def _denoiser(draws: Draws) -> Iterator[tuple[str, Array]]:
    yield from _linear(draws, "time_embed.0", _TIME, WIDTH)
    yield from _linear(draws, "time_embed.2", _TIME, _TIME)
    yield "input_blocks.0.0.weight", _entrance(draws)
    yield "input_blocks.0.0.bias", _zeros(WIDTH)
    yield from _residual(draws, "input_blocks.1.0", WIDTH)
    yield from _attention(draws, "input_blocks.1.1")
    yield from _residual(draws, "middle_block.0", WIDTH)
    yield from _attention(draws, "middle_block.1")
    yield from _residual(draws, "middle_block.2", WIDTH)
    for number in (0, 1):
        yield from _residual(draws, f"output_blocks.{number}.0", 2 * WIDTH)
        yield from _attention(draws, f"output_blocks.{number}.1")
    yield from _norm("out.0", WIDTH)
    yield "out.2.weight", _exit(draws)
    yield "out.2.bias", _zeros(LATENT)


def _entrance(draws: Draws) -> Array:
    """Each group of channels gets the latent, its negative, and random features of a 3x3 neighbourhood."""
    weight = draws.spread("entrance", (WIDTH, LATENT, 3, 3), (LATENT * 9) ** -0.5)
    for channel in range(WIDTH):
        place = channel % GROUP
        if place < 2 * LATENT:
            weight[channel] = 0
            weight[channel, place % LATENT, 1, 1] = 1 if place < LATENT else -1
    return weight


def _exit(draws: Draws) -> Array:
    """Read the latent back: silu(x) - silu(-x) is x. The random features add a little."""
    weight = draws.spread("exit", (LATENT, WIDTH, 3, 3), _BRANCH_GAIN * (WIDTH * 9) ** -0.5)
    for channel in range(WIDTH):
        place = channel % GROUP
        if place < 2 * LATENT:
            sign = 1 if place < LATENT else -1
            weight[place % LATENT, channel, 1, 1] += np.float16(sign * GROUP / WIDTH)
    return weight


def _residual(draws: Draws, name: str, inputs: int) -> Iterator[tuple[str, Array]]:
    yield from _norm(f"{name}.in_layers.0", inputs)
    yield from _convolution(draws, f"{name}.in_layers.2", WIDTH, inputs, 3)
    yield from _linear(draws, f"{name}.emb_layers.1", WIDTH, _TIME)
    yield from _norm(f"{name}.out_layers.0", WIDTH)
    yield from _convolution(draws, f"{name}.out_layers.3", WIDTH, WIDTH, 3, gain=_BRANCH_GAIN)
    if inputs != WIDTH:  # the stream and the remembered one come in side by side: take their mean
        half = np.concatenate([np.eye(WIDTH), np.eye(WIDTH)], axis=1).astype(np.float16) / np.float16(2)
        yield f"{name}.skip_connection.weight", half[:, :, None, None]
        yield f"{name}.skip_connection.bias", _zeros(WIDTH)


def _attention(draws: Draws, name: str) -> Iterator[tuple[str, Array]]:
    yield from _norm(f"{name}.norm", WIDTH)
    yield from _convolution(draws, f"{name}.proj_in", WIDTH, WIDTH, 1)
    block = f"{name}.transformer_blocks.0"
    for kind, source in (("attn1", WIDTH), ("attn2", CONTEXT)):
        yield from _linear(draws, f"{block}.{kind}.to_q", WIDTH, WIDTH, bias=False)
        yield from _linear(draws, f"{block}.{kind}.to_k", WIDTH, source, bias=False)
        yield from _linear(draws, f"{block}.{kind}.to_v", WIDTH, source, bias=False)
        yield from _linear(draws, f"{block}.{kind}.to_out.0", WIDTH, WIDTH)
    yield from _linear(draws, f"{block}.ff.net.0.proj", 8 * WIDTH, WIDTH)
    yield from _linear(draws, f"{block}.ff.net.2", WIDTH, 4 * WIDTH)
    for number in (1, 2, 3):
        yield from _norm(f"{block}.norm{number}", WIDTH)
    yield from _convolution(draws, f"{name}.proj_out", WIDTH, WIDTH, 1, gain=_BRANCH_GAIN)


def _linear(
    draws: Draws, name: str, outputs: int, inputs: int, *, bias: bool = True
) -> Iterator[tuple[str, Array]]:
    yield f"{name}.weight", draws.spread(name, (outputs, inputs), inputs**-0.5)
    if bias:
        yield f"{name}.bias", _zeros(outputs)


def _convolution(
    draws: Draws, name: str, outputs: int, inputs: int, size: int, *, gain: float = 1.0
) -> Iterator[tuple[str, Array]]:
    deviation = gain * (inputs * size * size) ** -0.5
    yield f"{name}.weight", draws.spread(name, (outputs, inputs, size, size), deviation)
    yield f"{name}.bias", _zeros(outputs)


def _norm(name: str, channels: int) -> Iterator[tuple[str, Array]]:
    yield f"{name}.weight", np.ones(channels, np.float16)
    yield f"{name}.bias", _zeros(channels)


def _zeros(count: int) -> Array:
    return np.zeros(count, np.float16)
