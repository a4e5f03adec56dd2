"""The wide layout of the base model's denoiser: SD1.5's keys, with one residual block a level.

ComfyUI detects Stable Diffusion 1.5 from 320 channels and a text width of 768; the number of levels is free.
What is shipped is narrow (see `slim`); `widen` puts it into this layout.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float16]

WIDTH = 320  # channels of every level; ComfyUI recognises SD1.5 by it
HEADS = 8
CONTEXT = 768  # channels of the text encoder
LATENT = 4
PREFIX = "model.diffusion_model."
_TIME = 4 * WIDTH


class Draws:
    """Random weights by key from one seed: the same bytes on every machine and with every NumPy.

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


def widen(narrow: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """Yield the wide layout's keys and weights: the narrow ones in the first channels, zeros elsewhere.

    Args:
        narrow: weights under SD1.5's keys without prefix, see `slim.to_layout`.
    """
    for key, weight in narrow.items():
        shape = _wide_shape(key, weight)
        wide = np.zeros(shape, np.float16)
        places = [np.arange(size) for size in weight.shape]
        if ".ff.net.0.proj." in key:  # the value and the gate stand one after the other
            half = weight.shape[0] // 2
            places[0] = np.concatenate([np.arange(half), shape[0] // 2 + np.arange(half)])
        axis = _axis_of_two_streams(key, weight)
        if axis is not None:
            first = _first_stream(key, narrow)
            places[axis] = np.concatenate([np.arange(first), WIDTH + np.arange(weight.shape[axis] - first)])
        wide[np.ix_(*places)] = weight
        yield PREFIX + key, wide


def _axis_of_two_streams(key: str, weight: Array) -> int | None:
    """Return the axis along which a block of the way up reads its input and the remembered one, or None."""
    if not key.startswith("output_blocks.") or not (".in_layers." in key or ".skip_connection." in key):
        return None
    if ".in_layers.0." in key:
        return 0
    return 1 if weight.ndim > 1 else None


def _first_stream(key: str, narrow: Mapping[str, Array]) -> int:
    """Return the channels that come into a block of the way up from the block before it."""
    number = int(key.split(".")[1])
    before = "middle_block.2" if number == 0 else f"output_blocks.{number - 1}.0"
    return int(narrow[f"{before}.out_layers.3.weight"].shape[0])


def _wide_shape(key: str, weight: Array) -> tuple[int, ...]:
    if key.startswith("time_embed."):
        return weight.shape
    two = _axis_of_two_streams(key, weight)
    outputs, *inputs = weight.shape
    last = key.startswith("out.2.")
    if ".ff.net.0.proj." in key:
        outputs = 8 * WIDTH
    elif not last:
        outputs = 2 * WIDTH if two == 0 else WIDTH
    if inputs:
        if ".ff.net.2." in key:
            inputs[0] = 4 * WIDTH
        elif ".attn2.to_k." in key or ".attn2.to_v." in key:
            inputs[0] = CONTEXT
        elif ".emb_layers." in key:
            inputs[0] = _TIME
        elif key.startswith("input_blocks.0.0."):
            inputs[0] = LATENT
        else:
            inputs[0] = 2 * WIDTH if two == 1 else WIDTH
    return (outputs, *inputs)
