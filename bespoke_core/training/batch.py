"""One batch: its pictures, noise and captions drawn from the seed and the place in the run, and its loss."""

from __future__ import annotations

import hashlib
import math
import random

import torch

from .caption import shown_captions
from .loss import picture_losses, snr_weights
from .noise import TIMESTEPS, add_noise, make_noise, velocity
from .session import Session
from .text import encode_windows, token_windows


def batch_loss(session: Session, batch: list[int], epoch: int, number: int) -> torch.Tensor:
    """Return the mean loss of a batch of picture indices, with its gradients' graph.

    Args:
        epoch, number: the epoch and the batch in it; with the seed they decide all chance.
    """
    config = session.config
    pictures = [session.plan.training_set.pictures[index] for index in batch]
    generator = torch.Generator().manual_seed(seed_of(config.seed, "noise", epoch, number))
    looks = session.latents.draw(batch, random.Random(f"look:{config.seed}:{epoch}:{number}"))
    shown = session.latents.take(batch, looks)
    latents = shown.latents
    timesteps = torch.randint(0, TIMESTEPS, (len(batch),), generator=generator)
    noise = make_noise(
        (latents.shape[0], latents.shape[1], latents.shape[2], latents.shape[3]),
        generator,
        offset=config.noise_offset,
        iterations=config.multires_noise_iterations,
        discount=config.multires_noise_discount,
    )
    latents, noise, timesteps = (tensor.to(session.device) for tensor in (latents, noise, timesteps))
    captions = shown_captions(
        pictures,
        seed=config.seed,
        epoch=epoch,
        number=number,
        step=steps_before(session, epoch, number),
        steps=session.plan.steps,
    )
    windows = token_windows(session.tokenizer, captions, config.max_token_length).to(session.device)
    if session.frozen_text is not None:
        context = session.frozen_text.encode(windows)
    else:
        context = encode_windows(session.base.text_encoder, windows, config.clip_skip)
    noisy = add_noise(latents, noise, timesteps, session.alphas)
    predicted = session.base.unet(noisy.to(session.dtype), timesteps, context.to(session.dtype)).sample
    v = config.v_parameterization
    weights = None
    if config.min_snr_gamma is not None:
        weights = snr_weights(timesteps, session.alphas, config.min_snr_gamma, velocity=v)
    target = velocity(latents, noise, timesteps, session.alphas) if v else noise
    return picture_losses(
        predicted,
        target,
        picture_weights=torch.tensor([p.loss_weight for p in pictures], device=session.device),
        place_weights=None if shown.weights is None else shown.weights.to(session.device),
        snr_weight=weights,
    ).mean()


def steps_before(session: Session, epoch: int, number: int) -> int:
    """Return how many optimizer steps come before a batch."""
    accumulate = session.config.gradient_accumulation_steps
    return (epoch - 1) * math.ceil(session.plan.batches / accumulate) + number // accumulate


def seed_of(seed: int, *place: object) -> int:
    """Return 63 bits that depend on the seed and the place in the run."""
    digest = hashlib.sha256(":".join(map(str, (seed, *place))).encode("ascii")).digest()
    return int.from_bytes(digest[:8], "little") >> 1
