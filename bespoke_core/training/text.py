"""Text to what the UNet reads: windows of 75 tokens, encoded apart and joined, as kohya does it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch

from .base_model import text_part

WINDOW = 75
"""Tokens of text in one window; with its start and end the encoder sees 77."""


def token_windows(tokenizer: Any, captions: Sequence[str], max_tokens: int) -> torch.Tensor:
    """Tokenise captions into windows: int64 (B, max_tokens / 75, 77).

    Each caption is cut off or padded with the end token to `max_tokens`, split plainly every 75 tokens, and
    each window gets a start and an end token of its own.
    """
    ids = tokenizer(
        list(captions),
        padding="max_length",
        truncation=True,
        max_length=max_tokens + 2,
        return_tensors="pt",
    ).input_ids
    start, end = ids[:, :1], ids[:, -1:]
    pieces = ids[:, 1:-1].split(WINDOW, dim=1)
    return torch.stack([torch.cat([start, piece, end], dim=1) for piece in pieces], dim=1)


def encode_windows(
    text_encoder: Any, windows: torch.Tensor, clip_skip: int = 1, *, share: bool = True
) -> torch.Tensor:
    """Encode windows (B, N, 77) to what the UNet's attention reads: (B, 75 N + 2, width).

    Windows that several captions share, such as pure padding, are encoded once; the result and its gradients
    are the same. The windows' outputs are joined without their inner starts and ends.

    Args:
        share: False encodes each for itself, as it must be where the text encoder's LoRA has dropouts.
    """
    count, number, length = windows.shape
    if not share:
        return _joined(
            _encode(text_encoder, windows.flatten(0, 1), clip_skip).view(count, number, length, -1)
        )
    distinct, where = torch.unique(windows.reshape(-1, length), dim=0, return_inverse=True)
    return _joined(_encode(text_encoder, distinct, clip_skip)[where].view(count, number, length, -1))


class FrozenText:
    """Encodes with a text encoder that is not trained, and remembers what it encoded.

    Every window is encoded by itself, so that what comes out does not hang on which captions shared a batch:
    a run that was interrupted remembers other windows than one that was not.

    Args:
        text_encoder: transformers' CLIPTextModel.
        clip_skip: as for `encode_windows`.
        most: windows to remember; the ones unused for longest are forgotten. One takes 77 x 768 numbers.
    """

    def __init__(self, text_encoder: Any, clip_skip: int = 1, *, most: int = 2000) -> None:
        self._encode = lru_cache(most)(lambda ids: self._of_one(text_encoder, ids, clip_skip))

    def encode(self, windows: torch.Tensor) -> torch.Tensor:
        """Return what `encode_windows` does, (B, N, 77) to (B, 75 N + 2, width), without gradients."""
        count, number, _ = windows.shape
        states = torch.stack([self._encode(tuple(ids.tolist())) for ids in windows.flatten(0, 1)])
        return _joined(states.view(count, number, *states.shape[1:]))

    @staticmethod
    @torch.no_grad()
    def _of_one(text_encoder: Any, ids: tuple[int, ...], clip_skip: int) -> torch.Tensor:
        device = next(text_encoder.parameters()).device
        return _encode(text_encoder, torch.tensor([ids], device=device), clip_skip)[0]


def _joined(states: torch.Tensor) -> torch.Tensor:
    """Join the windows of each caption without their inner starts and ends: (B, N, 77, width)."""
    if states.shape[1] == 1:
        return states[:, 0]
    inner = states[:, :, 1:-1].flatten(1, 2)
    return torch.cat([states[:, 0, :1], inner, states[:, -1, -1:]], dim=1)


def _encode(text_encoder: Any, ids: torch.Tensor, clip_skip: int) -> torch.Tensor:
    if clip_skip == 1:
        return text_encoder(ids).last_hidden_state
    states = text_encoder(ids, output_hidden_states=True).hidden_states
    return text_part(text_encoder).final_layer_norm(states[-clip_skip])
