"""Prompts to what the UNet reads, as ComfyUI's CLIPTextEncode does it: weights, and windows of 77 tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import torch

from ..training.text import WINDOW, encode_windows

WORD = 8
"""A weighted piece of fewer tokens than this is never split between two windows."""
_UP = 1.1  # what a pair of parentheses without a number multiplies by
_OPEN, _CLOSE = "\0", "\1"  # stand for escaped parentheses while pieces are looked for
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")

Weighted = list[tuple[int, float]]


def weighted_pieces(text: str) -> list[tuple[str, float]]:
    r"""Split a prompt at its weights.

    "a (red:1.5) hat" is ("a ", 1), ("red", 1.5), (" hat", 1); each pair of parentheses without a number
    multiplies by 1.1; ``\(`` and ``\)`` are parentheses to be read.
    """
    hidden = text.replace("\\)", _CLOSE).replace("\\(", _OPEN)
    return [
        (piece.replace(_CLOSE, ")").replace(_OPEN, "("), weight) for piece, weight in _pieces(hidden, 1.0)
    ]


def plain_text(text: str) -> str:
    """Return a prompt as it is read, without its weights."""
    return "".join(piece for piece, _ in weighted_pieces(text))


def _pieces(text: str, weight: float) -> Iterator[tuple[str, float]]:
    for piece in _split(text):
        if len(piece) < 2 or piece[0] != "(" or piece[-1] != ")":
            yield piece, weight
            continue
        inner, own = piece[1:-1], weight * _UP
        before, colon, number = inner.rpartition(":")
        if colon and before and _NUMBER.fullmatch(number):
            inner, own = before, float(number)
        yield from _pieces(inner, own)


def _split(text: str) -> Iterator[str]:
    """Split at the outermost parentheses; one that is never closed is text."""
    depth, current = 0, ""
    for character in text:
        if character == "(" and depth == 0 and current:
            yield current
            current = ""
        current += character
        depth += (character == "(") - (character == ")")
        if character == ")" and depth == 0:
            yield current
            current = ""
    if current:
        yield current


def prompt_windows(tokenizer: Any, text: str) -> list[Weighted]:
    """Return a prompt's tokens with their weights in windows of 77, starts, ends and padding included.

    Unlike training's plain split every 75 tokens, a weighted piece of few tokens moves to the next window as
    a whole, and there are as many windows as it takes.
    """
    windows: list[Weighted] = [[]]
    for piece, weight in weighted_pieces(text):
        ids = tokenizer(piece, verbose=False).input_ids[1:-1]
        left = [(int(token), weight) for token in ids]
        splits = len(left) >= WORD
        while left:
            free = WINDOW - len(windows[-1])
            if len(left) <= free:
                windows[-1] += left
                break
            if splits:
                windows[-1] += left[:free]
                left = left[free:]
            windows.append([])
    start, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    return [[(start, 1.0), *window, *[(end, 1.0)] * (WINDOW + 1 - len(window))] for window in windows]


@torch.no_grad()
def encode_prompt(text_encoder: Any, tokenizer: Any, text: str, clip_skip: int = 1) -> torch.Tensor:
    """Encode a prompt: float32 (1, 77 * windows, width) on the encoder's device.

    A token of another weight than 1 is moved away from, or towards, what an empty prompt has in its place.
    """
    windows = prompt_windows(tokenizer, text)
    weights = torch.tensor([[weight for _, weight in window] for window in windows])
    ids = [[token for token, _ in window] for window in windows]
    weighted = bool((weights != 1).any())
    if weighted:
        ids.append([token for token, _ in prompt_windows(tokenizer, "")[0]])
    device = next(text_encoder.parameters()).device
    states = encode_windows(text_encoder, torch.tensor(ids, device=device)[:, None], clip_skip).float()
    if weighted:
        states, empty = states[:-1], states[-1:]
        moved = (states - empty) * weights.to(device)[:, :, None] + empty
        states = torch.where((weights != 1).to(device)[:, :, None], moved, states)
    return states.flatten(0, 1)[None]
