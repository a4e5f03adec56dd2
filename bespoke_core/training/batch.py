"""One batch: its pictures, noise and captions drawn from the seed and the place in the run, and its loss."""

from __future__ import annotations

import hashlib
import random

import torch

from .caption import process_caption
from .dataset import Picture
from .latents import encode_pictures
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
    chance = random.Random(f"caption:{config.seed}:{epoch}:{number}")
    latents = torch.stack(_latents(session, pictures, batch))
    timesteps = torch.randint(0, TIMESTEPS, (len(batch),), generator=generator)
    noise = make_noise(
        (latents.shape[0], latents.shape[1], latents.shape[2], latents.shape[3]),
        generator,
        offset=config.noise_offset,
        iterations=config.multires_noise_iterations,
        discount=config.multires_noise_discount,
    )
    latents, noise, timesteps = (tensor.to(session.device) for tensor in (latents, noise, timesteps))
    captions = [process_caption(p.caption, config, epoch=epoch, chance=chance) for p in pictures]
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
    ones = torch.ones(len(batch), device=session.device)
    return picture_losses(predicted, target, picture_weights=ones, snr_weight=weights).mean()


def _latents(session: Session, pictures: list[Picture], batch: list[int]) -> list[torch.Tensor]:
    if session.latents:
        return [session.latents[index] for index in batch]
    return encode_pictures(pictures, session.base.encoder, session.config, session.device)


def seed_of(seed: int, *place: object) -> int:
    """Return 63 bits that depend on the seed and the place in the run."""
    digest = hashlib.sha256(":".join(map(str, (seed, *place))).encode("ascii")).digest()
    return int.from_bytes(digest[:8], "little") >> 1
