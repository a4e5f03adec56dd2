"""The captions: their files, and what happens to them each time a picture is shown."""

from __future__ import annotations

from typing import Literal

from .fields import DATA, Keys, field


class CaptionKeys(Keys):
    """The captions: their files, and what happens to them each time a picture is shown."""

    caption_extension: str = field(
        DATA,
        ".txt",
        "The ending of caption files with its dot (kohya's own default is .caption).",
        "",
        pattern=r"^\.[A-Za-z0-9_.]+$",
    )
    caption_separator: str = field(
        DATA, ",", "What separates a caption's phrases for shuffling.", "", min_length=1
    )
    shuffle_caption: bool = field(
        DATA, False, "Put the phrases after keep_tokens in a new order each time, so that no order is learnt."
    )
    keep_tokens: int = field(
        DATA,
        0,
        "The first phrases that keep their place when shuffling, such as a trigger word.",
        "phrases",
        ge=0,
        le=1000,
    )
    keep_tokens_separator: str = field(
        DATA,
        "",
        "Text such as ||| in a caption: what stands before it keeps its place, and so does what stands after "
        "a second one; then keep_tokens does not count. It has an effect only where phrases are shuffled, "
        "dropped or warmed up, as in kohya.",
    )
    secondary_separator: str = field(
        DATA,
        "",
        "Text such as ;;; that joins phrases which are shuffled and dropped as one; afterwards it becomes "
        "caption_separator.",
    )
    enable_wildcard: bool = field(
        DATA,
        False,
        "Take one line of a caption of several at chance, and one word of {red|green|blue}; {{ and }} are "
        "braces. Otherwise only the first line counts.",
    )
    caption_prefix: str = field(
        DATA, "", "Text put before every caption, with a space; it is shuffled and dropped with it."
    )
    caption_suffix: str = field(
        DATA, "", "Text put after every caption, with a space; it is shuffled and dropped with it."
    )
    class_tokens: str = field(
        DATA,
        "",
        "The caption of pictures that have no caption file. Without it such a picture is an error (kohya "
        "takes the folder's name and only logs it); regularisation pictures take their folder's name.",
    )
    token_warmup_min: int = field(
        DATA,
        1,
        "How many phrases after keep_tokens are shown at the start of a warm-up.",
        "phrases",
        ge=0,
        le=1000,
    )
    token_warmup_step: float = field(
        DATA,
        0.0,
        "The step from which all phrases are shown; below 1, this share of the run; 0 shows all at once.",
        "steps",
        ge=0,
        le=10_000_000,
    )
    caption_dropout_rate: float = field(
        DATA, 0.0, "The share of times that a picture is shown with an empty caption.", "", ge=0, le=1
    )
    caption_dropout_every_n_epochs: int = field(
        DATA,
        0,
        "Every n-th epoch, counted from 1, has no captions at all; 0 is never.",
        "epochs",
        ge=0,
        le=100_000,
    )
    caption_tag_dropout_rate: float = field(
        DATA, 0.0, "The share of phrases left out each time, after keep_tokens.", "", ge=0, le=1
    )
    max_token_length: Literal[75, 150, 225] = field(
        DATA, 75, "How many tokens of a caption are read: 75, 150 or 225.", "tokens"
    )
