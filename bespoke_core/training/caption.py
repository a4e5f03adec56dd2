"""What happens to a caption each time its picture is shown, in kohya's order.

The order follows `process_caption` of sd-scripts' library/train_util.py: dropout of the whole caption; one
line; prefix and suffix; wildcards; splitting, warm-up, shuffling and dropout of phrases; the secondary
separator.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .config import TrainingConfig

_CHOICE = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True)
class CaptionSettings:
    """How the captions of one folder are shown; each field is the configuration's key of that name."""

    shuffle_caption: bool
    keep_tokens: int
    keep_tokens_separator: str
    caption_separator: str
    secondary_separator: str
    enable_wildcard: bool
    caption_prefix: str
    caption_suffix: str
    caption_dropout_rate: float
    caption_dropout_every_n_epochs: int
    caption_tag_dropout_rate: float
    token_warmup_min: int
    token_warmup_step: float

    @classmethod
    def of(cls, config: TrainingConfig) -> CaptionSettings:
        """Take the fields from a configuration."""
        return cls(**{name: getattr(config, name) for name in cls.__dataclass_fields__})

    @property
    def changes_phrases(self) -> bool:
        """Whether captions are taken apart at all; otherwise they stay as they are written."""
        return self.shuffle_caption or self.token_warmup_step > 0 or self.caption_tag_dropout_rate > 0


class Captioned(Protocol):
    """What `shown_captions` needs of a picture."""

    @property
    def caption(self) -> str:
        """The caption file's text."""

    @property
    def captions(self) -> CaptionSettings:
        """How it is shown."""


def shown_captions(
    pictures: Sequence[Captioned],
    *,
    seed: int,
    epoch: int,
    number: int,
    step: int,
    steps: int,
    first: int = 0,
) -> list[str]:
    """Return the captions that a batch shows.

    Each caption's chance depends on the seed, the epoch, the batch and its place in the batch, never on the
    other captions.

    Args:
        pictures: of the batch, or of a part of it.
        epoch, number: the epoch, from 1, and the batch in it, from 0.
        step: optimizer steps done before; for token_warmup_step.
        steps: optimizer steps of the whole run.
        first: the place in the whole batch of the first of `pictures`.
    """
    return [
        process_caption(
            picture.caption,
            picture.captions,
            epoch=epoch,
            step=step,
            steps=steps,
            chance=random.Random(f"caption:{seed}:{epoch}:{number}:{place}"),
        )
        for place, picture in enumerate(pictures, start=first)
    ]


def process_caption(
    caption: str,
    settings: CaptionSettings,
    *,
    epoch: int,
    chance: random.Random,
    step: int = 0,
    steps: int = 0,
) -> str:
    """Return the caption as this showing sees it.

    The order is that of kohya's trainer, with two of its faults mended: its epoch is late by as much as its
    workers read ahead, here caption_dropout_every_n_epochs means the epoch that is under way; and every line
    of a caption gets the prefix and the suffix.

    Args:
        caption: the caption file's text.
        settings: of the picture's folder.
        epoch: the current epoch, from 1.
        chance: where randomness comes from.
        step, steps: optimizer steps done and of the whole run; for token_warmup_step.
    """
    dropped = settings.caption_dropout_rate > 0 and chance.random() < settings.caption_dropout_rate
    every = settings.caption_dropout_every_n_epochs
    if dropped or (every > 0 and epoch % every == 0):
        return ""
    lines = caption.split("\n")
    caption = chance.choice(lines) if settings.enable_wildcard and len(lines) > 1 else lines[0]
    # With several lines kohya gives the prefix to the first alone and the suffix to the last alone.
    if settings.caption_prefix:
        caption = f"{settings.caption_prefix} {caption}"
    if settings.caption_suffix:
        caption = f"{caption} {settings.caption_suffix}"
    if settings.enable_wildcard:
        caption = _chosen_words(caption, chance)
    if settings.changes_phrases:
        caption = _changed_phrases(caption, settings, step, steps, chance)
    if settings.secondary_separator:
        caption = caption.replace(settings.secondary_separator, settings.caption_separator)
    return caption


def caption_of(text: str, *, enable_wildcard: bool) -> str:
    """Return what counts of a caption file: its first line, or with wildcards all that are not empty."""
    lines = [line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return "\n".join(filter(None, lines)) if enable_wildcard else lines[0]


def _chosen_words(caption: str, chance: random.Random) -> str:
    """Choose a part of each {a|b|c}; {{ and }} become single braces."""
    # Doubled braces are hidden from the choice behind a character that no caption file may hold.
    hidden = caption.replace("{{", "\0<").replace("}}", "\0>")
    chosen = _CHOICE.sub(lambda match: chance.choice(match[1].split("|")), hidden)
    return chosen.replace("\0<", "{").replace("\0>", "}")


def _changed_phrases(
    caption: str, settings: CaptionSettings, step: int, steps: int, chance: random.Random
) -> str:
    """Set phrases aside, then cut, shuffle and drop the rest; join all with ", "."""
    fixed, flexible, last = _parts(caption, settings)
    until = settings.token_warmup_step
    if until < 1:
        until = math.floor(until * steps)
    if until and step < until:
        shown = math.floor(step * ((len(flexible) - settings.token_warmup_min) / until))
        flexible = flexible[: shown + settings.token_warmup_min]
    if settings.shuffle_caption:
        chance.shuffle(flexible)
    if settings.caption_tag_dropout_rate > 0:
        flexible = [phrase for phrase in flexible if chance.random() >= settings.caption_tag_dropout_rate]
    return ", ".join(fixed + flexible + last)


def _parts(caption: str, settings: CaptionSettings) -> tuple[list[str], list[str], list[str]]:
    """Return the phrases that stay in front, those that move, and those that stay at the end."""
    mark = settings.keep_tokens_separator
    if mark and mark in caption:
        before, _, rest = caption.partition(mark)
        middle, _, after = rest.partition(mark)
        first, flexible, last = (
            [phrase for part in text.split(settings.caption_separator) if (phrase := part.strip())]
            for text in (before, middle, after)
        )
        return first, flexible, last
    phrases = [phrase.strip() for phrase in caption.strip().split(settings.caption_separator)]
    return phrases[: settings.keep_tokens], phrases[settings.keep_tokens :], []
