"""What happens to a caption each time its picture is shown, in kohya's order."""

from __future__ import annotations

import random

from .config import TrainingConfig


def process_caption(caption: str, config: TrainingConfig, *, epoch: int, chance: random.Random) -> str:
    """Return the caption as this showing sees it.

    The order is that of kohya's trainer: first the whole caption may be dropped (by rate, or in every n-th
    epoch, counted from 1); then only its first line counts; then it is split, the first keep_tokens phrases
    are set aside, the rest is shuffled, each of the rest may be dropped, and all is joined with ", ".

    Args:
        caption: the caption file's text.
        config: shuffle_caption, keep_tokens, caption_separator, and the three kinds of dropout are read.
        epoch: the current epoch, from 1.
        chance: where randomness comes from; used the same way whatever the caption.
    """
    dropped = chance.random() < config.caption_dropout_rate
    every = config.caption_dropout_every_n_epochs
    if dropped or (every > 0 and epoch % every == 0):
        return ""
    lines = caption.splitlines()
    line = lines[0] if lines else ""
    if not config.shuffle_caption and config.caption_tag_dropout_rate <= 0:
        return line
    phrases = [phrase.strip() for phrase in line.strip().split(config.caption_separator)]
    fixed, flexible = phrases[: config.keep_tokens], phrases[config.keep_tokens :]
    if config.shuffle_caption:
        chance.shuffle(flexible)
    if config.caption_tag_dropout_rate > 0:
        flexible = [phrase for phrase in flexible if chance.random() >= config.caption_tag_dropout_rate]
    return ", ".join(fixed + flexible)
