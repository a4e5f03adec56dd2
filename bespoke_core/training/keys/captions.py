"""The captions: their files, and what happens to them each time a picture is shown."""

from __future__ import annotations

from typing import Literal

from .fields import DATA, Keys, field


class CaptionKeys(Keys):
    """The captions: their files, and what happens to them each time a picture is shown."""

    caption_extension: str = field(
        DATA,
        ".txt",
        "The ending of caption files (kohya's own default is .caption).",
        "",
        pattern=r"^\.[A-Za-z0-9_.]+$",
    )
    caption_separator: str = field(
        DATA, ",", "What separates a caption's phrases for shuffling.", "", min_length=1
    )
    shuffle_caption: bool = field(DATA, False, "Put the phrases in a new order each time, but see below.")
    keep_tokens: int = field(
        DATA,
        0,
        "The first phrases that keep their place when shuffling, such as a trigger word.",
        "phrases",
        ge=0,
        le=1000,
    )
    caption_dropout_rate: float = field(
        DATA, 0.0, "The share of times that a picture is shown with an empty caption.", "", ge=0, le=1
    )
    caption_dropout_every_n_epochs: int = field(
        DATA, 0, "Every n-th epoch has no captions at all; 0 is never.", "epochs", ge=0, le=100_000
    )
    caption_tag_dropout_rate: float = field(
        DATA, 0.0, "The share of phrases left out each time, after keep_tokens.", "", ge=0, le=1
    )
    max_token_length: Literal[75, 150, 225] = field(
        DATA, 75, "How many tokens of a caption are read: 75, 150 or 225.", "tokens"
    )
