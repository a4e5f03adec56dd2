"""What is learned: noise is mixed into latents, the base predicts it, and the error is weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from .config import TrainingConfig
from .loss import bends, picture_losses, timestep_weights
from .noise import add_noise, alphas_cumprod, draw_timesteps, make_noise, velocity

if TYPE_CHECKING:
    from .session import Session


@dataclass(frozen=True)
class Drawn:
    """The chance in a batch.

    Attributes:
        timesteps: int64 (B,).
        noise: float32 (B, C, H, W): what is to be predicted.
        mixed_in: what is mixed into the latents; `noise` itself without input perturbation.
    """

    timesteps: torch.Tensor
    noise: torch.Tensor
    mixed_in: torch.Tensor

    def share(self, part: slice) -> Drawn:
        """Return the part of the batch that one process takes."""
        noise = self.noise[part]
        mixed_in = noise if self.mixed_in is self.noise else self.mixed_in[part]
        return Drawn(self.timesteps[part], noise, mixed_in)


def reads_latents(config: TrainingConfig) -> bool:
    """Return whether the chance in a batch depends on what its latents hold, and not on their shape alone."""
    return config.adaptive_noise_scale is not None


def draw(
    config: TrainingConfig,
    shape: Sequence[int],
    generator: torch.Generator,
    *,
    latents: torch.Tensor | None = None,
    timesteps: torch.Tensor | None = None,
) -> Drawn:
    """Draw timesteps and noise for a batch's latents of a shape (B, C, H, W), all on the CPU.

    What is off draws nothing, so that switching one thing on leaves the rest of the chance as it was as far
    as it comes before: timesteps, noise, offset, coarser noise, perturbation.

    Args:
        latents: the whole batch's, needed where `reads_latents`.
        timesteps: given ones in place of drawn ones.
    """
    count, channels, height, width = shape
    if timesteps is None:
        low, high = config.timestep_range
        timesteps = draw_timesteps(count, generator, low=low, high=high)
    means = None
    if config.adaptive_noise_scale is not None and latents is not None:
        means = config.adaptive_noise_scale * latents.mean(dim=(2, 3), keepdim=True).abs()
    noise = make_noise(
        (count, channels, height, width),
        generator,
        offset=config.noise_offset,
        offset_at_random=config.noise_offset_random_strength,
        channel_means=means,
        iterations=config.multires_noise_iterations,
        discount=config.multires_noise_discount,
    )
    mixed_in = noise
    if config.ip_noise_gamma:
        strength: torch.Tensor | float = config.ip_noise_gamma
        if config.ip_noise_gamma_random_strength:
            strength = strength * torch.rand((), generator=generator)
        mixed_in = noise + strength * torch.randn(noise.shape, generator=generator)
    return Drawn(timesteps, noise, mixed_in)


def weights_of(config: TrainingConfig, timesteps: torch.Tensor) -> torch.Tensor | None:
    """Return the loss' weight of each timestep (B,) on the CPU, or None where every weight is 1."""
    # The ratios are those before a zero-terminal correction, as in kohya: after it the last one is 0.
    return timestep_weights(
        timesteps,
        alphas_cumprod(),
        velocity=config.v_parameterization,
        min_snr_gamma=config.min_snr_gamma,
        like_noise=config.scale_v_pred_loss_like_noise_pred,
        like_velocity=config.v_pred_like_loss,
        debiased=config.debiased_estimation_loss,
    )


def losses(
    session: Session,
    latents: torch.Tensor,
    drawn: Drawn,
    context: torch.Tensor,
    *,
    picture_weights: torch.Tensor,
    place_weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the weighted loss of each picture (B,) on the session's device, with its gradients' graph.

    Args:
        session: its UNet predicts, its configuration weighs.
        latents: (B, C, H, W) on the CPU.
        drawn: from `draw`, on the CPU.
        context: (B, tokens, width) on the device: the encoded captions.
        picture_weights: (B,) on the CPU: 1, or prior_loss_weight.
        place_weights: (B, 1, H, W) on the CPU, or None.
    """
    config, device, alphas = session.config, session.device, session.alphas
    weights = weights_of(config, drawn.timesteps)
    latents, noise, timesteps = latents.to(device), drawn.noise.to(device), drawn.timesteps.to(device)
    mixed_in = noise if drawn.mixed_in is drawn.noise else drawn.mixed_in.to(device)
    noisy = add_noise(latents, mixed_in, timesteps, alphas)
    predicted = session.base.unet(noisy.to(session.dtype), timesteps, context.to(session.dtype)).sample
    target = velocity(latents, noise, timesteps, alphas) if config.v_parameterization else noise
    bend = None
    if config.loss_type in ("huber", "smooth_l1"):
        how, c, scale = config.huber_schedule, config.huber_c, config.huber_scale
        bend = bends(timesteps, alphas, schedule=how, c=c, scale=scale)
    return picture_losses(
        predicted,
        target,
        picture_weights=picture_weights.to(device),
        place_weights=None if place_weights is None else place_weights.to(device),
        snr_weight=None if weights is None else weights.to(device),
        kind=config.loss_type,
        bend=bend,
    )
