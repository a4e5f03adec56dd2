"""The base model's text encoder, built by hand from a seed: every token knows itself and the three before it.

The layout is CLIP ViT-L's (12 layers of 768), which ComfyUI expects inside an SD1.5 checkpoint. It is frozen,
so it need not be shipped. A random encoder blurs its words; this one is arranged so that a small denoiser can
read them: the channels hold the token's own random code, then the codes of the tokens one, two and three
places before it, so that "background" tells its own colour and "hair" its own. Attention of the first layer
does the looking back, by position codes that are orthogonal to each other; the other layers add nothing
until a LoRA teaches them to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float16]

WIDTH = 768
LAYERS = 12
TOKENS = 49408
POSITIONS = 77
HEAD = 64
PREFIX = "cond_stage_model.transformer.text_model."

OWN = 320
"""Channels of a token's own code; the codes of earlier tokens follow."""
LOOKS_BACK = (1, 1, 1, 2, 2, 3)
"""How many places each of the first heads looks back; every one adds `HEAD` channels."""
_POSITION = OWN + HEAD * len(LOOKS_BACK)  # the last HEAD channels hold the position's code
_SHARPNESS = 24.0  # the attention's score for the right place; the others have 0


class Drawing(Protocol):
    """Random weights by key, see `layout.Draws`."""

    def spread(self, key: str, shape: tuple[int, ...], deviation: float) -> Array:
        """Return float16 values of mean 0 with the given standard deviation."""
        ...


def text_encoder(draws: Drawing) -> Iterator[tuple[str, Array]]:
    """Yield the text encoder's keys and float16 weights."""
    for key, array in _text_model(draws):
        yield PREFIX + key, array


def _text_model(draws: Drawing) -> Iterator[tuple[str, Array]]:
    tokens = np.zeros((TOKENS, WIDTH), np.float16)
    tokens[:, :OWN] = draws.spread("token_embedding", (TOKENS, OWN), 1.0)
    yield "embeddings.token_embedding.weight", tokens
    positions = np.zeros((POSITIONS, WIDTH), np.float16)
    positions[:, _POSITION:] = _codes(np.arange(POSITIONS))
    yield "embeddings.position_embedding.weight", positions
    for number in range(LAYERS):
        yield from _layer(draws, number)
    readable = np.ones(WIDTH, np.float16)
    readable[_POSITION:] = 0  # the place in the text is nothing to draw
    yield "final_layer_norm.weight", readable
    yield "final_layer_norm.bias", np.zeros(WIDTH, np.float16)


def _codes(places: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the codes of places, (N, HEAD); two places less than HEAD apart have orthogonal codes."""
    angles = places[:, None] * _FREQUENCIES[None]
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


_FREQUENCIES = np.pi * (np.arange(HEAD // 2) + 0.5) / (HEAD // 2)


def _layer(draws: Drawing, number: int) -> Iterator[tuple[str, Array]]:
    name = f"encoder.layers.{number}."
    square = (WIDTH, WIDTH)
    attention = {
        part: draws.spread(f"{name}{part}", square, WIDTH**-0.5) for part in ("q_proj", "k_proj", "v_proj")
    }
    attention["out_proj"] = np.zeros(square, np.float16)
    if number == 0:
        _look_back(draws, attention)
    for part, weight in attention.items():
        yield f"{name}self_attn.{part}.weight", weight
        yield f"{name}self_attn.{part}.bias", np.zeros(WIDTH, np.float16)
    yield f"{name}mlp.fc1.weight", draws.spread(f"{name}fc1", (4 * WIDTH, WIDTH), WIDTH**-0.5)
    yield f"{name}mlp.fc1.bias", np.zeros(4 * WIDTH, np.float16)
    yield f"{name}mlp.fc2.weight", np.zeros((WIDTH, 4 * WIDTH), np.float16)
    yield f"{name}mlp.fc2.bias", np.zeros(WIDTH, np.float16)
    for norm in ("layer_norm1", "layer_norm2"):
        yield f"{name}{norm}.weight", np.ones(WIDTH, np.float16)
        yield f"{name}{norm}.bias", np.zeros(WIDTH, np.float16)


def _look_back(draws: Drawing, attention: dict[str, Array]) -> None:
    """Let the first heads attend to an earlier place and copy its token's code into channels of their own."""
    normed = (WIDTH / (OWN + HEAD / 2)) ** 0.5  # what the layer norm multiplies an embedding by
    gain = (_SHARPNESS * HEAD**0.5 / (HEAD / 2)) ** 0.5 / normed
    half = HEAD // 2
    for head, back in enumerate(LOOKS_BACK):
        rows = slice(head * HEAD, (head + 1) * HEAD)
        turn = np.zeros((HEAD, HEAD))
        cosine, sine = np.diag(np.cos(back * _FREQUENCIES)), np.diag(np.sin(back * _FREQUENCIES))
        turn[:half, :half], turn[:half, half:] = cosine, sine
        turn[half:, :half], turn[half:, half:] = -sine, cosine
        for part, weight in (("q_proj", turn), ("k_proj", np.eye(HEAD))):
            attention[part][rows] = 0
            attention[part][rows, _POSITION:] = gain * weight
        attention["v_proj"][rows] = 0
        attention["v_proj"][rows, :OWN] = draws.spread(f"look back {head}", (HEAD, OWN), OWN**-0.5 / normed)
        attention["out_proj"][OWN + head * HEAD : OWN + (head + 1) * HEAD, rows] = np.eye(HEAD)
