"""The loss on pictures that are held out of training, always with the same noise, so that runs compare."""

from __future__ import annotations

import torch

from .batch import encoded, seed_of
from .config import TrainingConfig
from .ema import weights_to_keep
from .objective import draw, losses
from .session import Session

_LEVELS = 4
"""At how many timesteps each picture is measured; they part the trained range evenly, as in kohya."""


def due_after_epoch(config: TrainingConfig, epoch: int) -> bool:
    """Return whether the held-out loss is measured after an epoch (from 1)."""
    return epoch % (config.validate_every_n_epochs or 1) == 0


def due_after_step(config: TrainingConfig, step: int) -> bool:
    """Return whether the held-out loss is measured after an optimizer step (from 1)."""
    every = config.validate_every_n_steps
    return every is not None and step % every == 0


def validation_timesteps(config: TrainingConfig) -> list[int]:
    """Return the timesteps at which each picture is measured: 200, 400, 600 and 800 of the whole range."""
    low, high = config.timestep_range
    return [int(low + (high - low) * level / (_LEVELS + 1)) for level in range(1, _LEVELS + 1)]


@torch.no_grad()
def held_out_loss(session: Session) -> float | None:
    """Return the mean loss on the held-out pictures, or None where there are none.

    Each picture is seen at four timesteps with noise that depends on validation_seed (or seed) and its place
    alone, as it is and with its whole caption, by the weights that a file would get, without dropout. So the
    figure changes with the weights only. Prior loss weights do not count.
    """
    pictures = session.plan.training_set.held_out
    if not pictures:
        return None
    config = session.config
    seed = config.seed if config.validation_seed is None else config.validation_seed
    groups = _batches([p.fit.bucket for p in pictures], config.train_batch_size)
    total, count = torch.zeros((), dtype=torch.float64), 0
    session.network.train(False)
    try:
        with weights_to_keep(session), session.autocast():
            for group in groups[: config.max_validation_steps]:
                total += _group_loss(session, group, seed)
                count += len(group) * _LEVELS
    finally:
        session.network.train(True)
    return float(total) / count


def _batches(sizes: list[tuple[int, int]], batch_size: int) -> list[list[int]]:
    """Return the places of pictures of one size together, at most `batch_size` at once, in order."""
    by_size: dict[tuple[int, int], list[int]] = {}
    for index, size in enumerate(sizes):
        by_size.setdefault(size, []).append(index)
    return [
        indices[start : start + batch_size]
        for indices in by_size.values()
        for start in range(0, len(indices), batch_size)
    ]


def _group_loss(session: Session, group: list[int], seed: int) -> torch.Tensor:
    """Return the sum of the losses of some held-out pictures at every level, float64 on the CPU."""
    shown = session.held_out.plain(group)
    pictures = [session.plan.training_set.held_out[index] for index in group]
    context = encoded(session, [picture.caption for picture in pictures])
    total = torch.zeros((), dtype=torch.float64)
    for timestep in validation_timesteps(session.config):
        generator = torch.Generator().manual_seed(seed_of(seed, "validation", *group, timestep))
        steps = torch.full((len(group),), timestep, dtype=torch.int64)
        latents = shown.latents
        drawn = draw(session.config, latents.shape, generator, latents=latents, timesteps=steps)
        found = losses(
            session,
            latents,
            drawn,
            context,
            picture_weights=torch.ones(len(group)),
            place_weights=shown.weights,
        )
        total += found.double().sum().cpu()
    return total
