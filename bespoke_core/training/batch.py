"""One batch: its pictures, noise and captions drawn from the seed and the place in the run, and its loss."""

from __future__ import annotations

import hashlib
import random

import torch

from .caption import shown_captions
from .extent import steps_per_epoch
from .objective import draw, losses, reads_latents
from .session import Session
from .text import encode_windows, token_windows


def batch_loss(session: Session, batch: list[int], epoch: int, number: int) -> torch.Tensor:
    """Return the mean loss of a batch of picture indices, with its gradients' graph.

    With several processes it is this process's part of that mean: their sum is the mean. Chance is drawn for
    the whole batch by each of them alike.

    Args:
        epoch, number: the epoch and the batch in it; with the seed they decide all chance.
    """
    config = session.config
    pictures = [session.plan.training_set.pictures[index] for index in batch]
    generator = torch.Generator().manual_seed(seed_of(config.seed, "noise", epoch, number))
    looks = session.latents.draw(batch, random.Random(f"look:{config.seed}:{epoch}:{number}"))
    mine = session.ranks.share(len(batch))
    # Where pictures are encoded anew, the others' are their own work; their shape alone decides the noise.
    taken = slice(0, len(batch)) if reads_latents(config) else mine
    shown = session.latents.take(batch[taken], looks[taken])
    latents, weighs = shown.latents, shown.weights
    drawn = draw(config, (len(batch), *latents.shape[1:]), generator, latents=latents)
    if taken != mine:
        latents, weighs = latents[mine], None if weighs is None else weighs[mine]
    captions = shown_captions(
        pictures,
        seed=config.seed,
        epoch=epoch,
        number=number,
        step=steps_before(session, epoch, number),
        steps=session.plan.steps,
    )
    weights = torch.tensor([picture.loss_weight for picture in pictures])
    own = losses(
        session,
        latents,
        drawn.share(mine),
        encoded(session, captions[mine]),
        picture_weights=weights[mine],
        place_weights=weighs,
    )
    return own.sum() / len(batch)


def encoded(session: Session, captions: list[str]) -> torch.Tensor:
    """Return captions as the UNet reads them: (B, tokens, width) on the device."""
    config = session.config
    windows = token_windows(session.tokenizer, captions, config.max_token_length).to(session.device)
    if session.frozen_text is not None:
        return session.frozen_text.encode(windows)
    # What is dropped at random differs between samples, so then nothing is shared.
    share = not session.network.drops
    return encode_windows(session.base.text_encoder, windows, config.clip_skip, share=share)


def steps_before(session: Session, epoch: int, number: int) -> int:
    """Return how many optimizer steps come before a batch."""
    config, batches = session.config, session.plan.batches
    return (epoch - 1) * steps_per_epoch(config, batches) + number // config.gradient_accumulation_steps


def seed_of(seed: int, *place: object) -> int:
    """Return 63 bits that depend on the seed and the place in the run."""
    digest = hashlib.sha256(":".join(map(str, (seed, *place))).encode("ascii")).digest()
    return int.from_bytes(digest[:8], "little") >> 1
