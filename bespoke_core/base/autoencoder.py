"""The small base model's autoencoder, built by hand: one latent pixel is the mean colour of 8x8 pixels.

The layout is that of the tiny autoencoder for Stable Diffusion, which stock ComfyUI loads from inside a
checkpoint. Encoding is a box average and decoding a nearest-neighbour enlargement, so a picture whose cells
are 8 pixels wide (a 24x24 sprite at 192x192) comes back unchanged, but for the rounding of float16.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float16]

GAIN = 3.0  # latent = (colour in [0, 1] - 0.5) * GAIN, which gives portraits a spread near 1
SD15_SCALE = 0.18215  # ComfyUI and diffusers multiply an SD1.5 latent by this before the denoiser sees it
_CHANNELS = 64
_COLORS = 3
_KNOTS = 20  # hinges a colour with which the decoder undoes its own soft clamp
_ENCODER_BLOCKS = (1, 3, 4, 5, 7, 8, 9, 11, 12, 13)
_ENCODER_HALVINGS = (2, 6, 10)
_DECODER_BLOCKS = (3, 4, 5, 8, 9, 10, 13, 14, 15, 18)
_DECODER_ENLARGEMENTS = (7, 12, 17)
_PREFIX = "first_stage_model."


def autoencoder() -> Iterator[tuple[str, NDArray]]:
    """Yield the autoencoder's keys and weights; float16, its scale and shift float32."""
    for key, array in (*_encoder(), *_decoder()):
        yield _PREFIX + key, array
    yield _PREFIX + "vae_scale", np.array(SD15_SCALE, np.float32)
    yield _PREFIX + "vae_shift", np.array(0.0, np.float32)


def _encoder() -> Iterator[tuple[str, Array]]:
    yield from _write("taesd_encoder.0", _copy(_CHANNELS, _COLORS))
    for number in _ENCODER_BLOCKS:
        yield from _block(f"taesd_encoder.{number}")
    halve = np.zeros((_CHANNELS, _CHANNELS, 3, 3), np.float16)
    for channel in range(_COLORS):
        halve[channel, channel, 1:, 1:] = 0.25  # the 2x2 box at the stride's place
    for number in _ENCODER_HALVINGS:
        yield f"taesd_encoder.{number}.weight", halve
    last = np.zeros((4, _CHANNELS, 3, 3), np.float16)
    for channel in range(_COLORS):
        last[channel, channel, 1, 1] = GAIN
        last[3, channel, 1, 1] = GAIN / _COLORS  # the fourth latent channel is the brightness
    yield "taesd_encoder.14.weight", last
    yield "taesd_encoder.14.bias", np.full(4, -GAIN / 2, np.float16)


def _decoder() -> Iterator[tuple[str, Array]]:
    """The decoder softly clamps its latent by y = 3 tanh(x / 3); hinges of y give x back."""
    hinges = _hinges()
    first = np.zeros((_CHANNELS, 4, 3, 3), np.float16)
    offsets = np.zeros(_CHANNELS, np.float16)
    mix = np.zeros((_CHANNELS, _CHANNELS, 3, 3), np.float16)
    shift = np.zeros(_CHANNELS, np.float16)
    for color in range(_COLORS):
        for number in range(_KNOTS):
            channel = _COLORS + color * _KNOTS + number
            first[channel, color, 1, 1] = 1
            offsets[channel] = -hinges.places[number]
            mix[color, channel, 1, 1] = hinges.slopes[number]
        shift[color] = hinges.start
    yield from _write("taesd_decoder.1", first, offsets)
    # The first block sums the hinges into the three colours; its other channels are dead from there on.
    yield from _block("taesd_decoder.3", first=mix, first_bias=shift, last=_copy(_CHANNELS, _CHANNELS))
    for number in _DECODER_BLOCKS[1:]:
        yield from _block(f"taesd_decoder.{number}")
    for number in _DECODER_ENLARGEMENTS:
        yield f"taesd_decoder.{number}.weight", _copy(_CHANNELS, _CHANNELS)
    yield from _write("taesd_decoder.19", _copy(_COLORS, _CHANNELS))


def _block(
    name: str, first: Array | None = None, first_bias: Array | None = None, last: Array | None = None
) -> Iterator[tuple[str, Array]]:
    """A block adds three convolutions to its input; without arguments they add nothing."""
    nothing = np.zeros((_CHANNELS, _CHANNELS, 3, 3), np.float16)
    yield from _write(f"{name}.conv.0", nothing if first is None else first, first_bias)
    yield from _write(f"{name}.conv.2", _copy(_CHANNELS, _COLORS, _CHANNELS))
    yield from _write(f"{name}.conv.4", nothing if last is None else last)


def _copy(outputs: int, copied: int, inputs: int | None = None) -> Array:
    """A convolution that hands on its first `_COLORS` channels and drops the others."""
    weight = np.zeros((outputs, copied if inputs is None else inputs, 3, 3), np.float16)
    for channel in range(_COLORS):
        weight[channel, channel, 1, 1] = 1
    return weight


def _write(name: str, weight: Array, bias: Array | None = None) -> Iterator[tuple[str, Array]]:
    yield f"{name}.weight", weight
    yield f"{name}.bias", np.zeros(weight.shape[0], np.float16) if bias is None else bias


@dataclass(frozen=True)
class _Hinges:
    places: NDArray[np.float64]
    slopes: NDArray[np.float64]
    start: float


def _hinges() -> _Hinges:
    """Return the hinges that map a clamped latent to a colour: start + sum of slope * max(0, y - place)."""
    reach = 3 * np.tanh(GAIN / 2 / 3)
    knots = np.linspace(-reach, reach, _KNOTS + 1)
    knots = knots.astype(np.float16).astype(np.float64)
    colors = 3 * np.arctanh(knots / 3) / GAIN + 0.5
    slopes = np.diff(colors) / np.diff(knots)
    return _Hinges(knots[:-1], np.diff(slopes, prepend=0.0), float(colors[0]))
