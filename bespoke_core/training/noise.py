"""The noise that a picture's latents are mixed with, and its schedule, as SD1.5 and kohya define them."""

from __future__ import annotations

import torch

TIMESTEPS = 1000
"""Diffusion steps of SD1.5."""


def alphas_cumprod(*, zero_terminal: bool = False) -> torch.Tensor:
    """Return the share of signal left at each of SD1.5's steps (scaled-linear betas): float32 (1000,).

    Args:
        zero_terminal: shift and scale the square roots so that the last step has no signal left and the
            first keeps its own (Lin et al. 2023, arXiv 2305.08891).
    """
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, TIMESTEPS, dtype=torch.float32) ** 2
    shares = torch.cumprod(1.0 - betas, dim=0)
    if not zero_terminal:
        return shares
    roots = shares.sqrt()
    first, last = roots[0].clone(), roots[-1].clone()
    return ((roots - last) * (first / (first - last))) ** 2


def draw_timesteps(
    count: int, generator: torch.Generator, *, low: int | None = None, high: int | None = None
) -> torch.Tensor:
    """Return a time step for each picture, int64 (count,), from `low` (0) up to but without `high` (1000).

    As in kohya, equal ends give that very step.
    """
    first, end = low or 0, TIMESTEPS if high is None else high
    if first < end:
        return torch.randint(first, end, (count,), generator=generator)
    return torch.full((count,), end, dtype=torch.int64)


def make_noise(
    shape: tuple[int, int, int, int],
    generator: torch.Generator,
    *,
    offset: float = 0.0,
    offset_at_random: bool = False,
    channel_means: torch.Tensor | None = None,
    iterations: int = 0,
    discount: float = 0.3,
) -> torch.Tensor:
    """Return float32 noise (B, C, H, W) on the CPU: normal, then offset, then multi-resolution.

    Args:
        shape: of the latents.
        generator: a CPU generator, so that the same seed gives the same noise on every device.
        offset: standard deviation of one shift per picture and channel; not renormalised; 0 is off.
        offset_at_random: draw the offset for the batch, evenly from 0 to `offset`.
        channel_means: (B, C, 1, 1) added to the offset, which stays at least 0; None is off.
        iterations: number of sizes of multi-resolution noise; 0 is off.
        discount: each coarser size counts this much less.
    """
    noise = torch.randn(shape, generator=generator)
    if offset:
        strength: torch.Tensor | float = offset
        if offset_at_random:
            strength = offset * torch.rand((), generator=generator)
        if channel_means is not None:
            strength = (strength + channel_means).clamp(min=0)
        noise = noise + strength * torch.randn((shape[0], shape[1], 1, 1), generator=generator)
    return add_coarser(noise, generator, iterations, discount) if iterations else noise


def add_coarser(
    noise: torch.Tensor, generator: torch.Generator, iterations: int, discount: float
) -> torch.Tensor:
    """Add bilinearly enlarged noise at ever coarser sizes and bring the whole batch back to unit deviation.

    Size i is the full size divided by a random base between 2 and 4 to the power i; it counts discount**i.
    It ends at one pixel. (Kohya's multires noise; the idea is the "pyramid noise" of a public report.)
    """
    batch, channels, height, width = noise.shape
    for i in range(iterations):
        base = 2 + 2 * float(torch.rand((), generator=generator))
        high, wide = max(1, int(height / base**i)), max(1, int(width / base**i))
        coarse = torch.randn((batch, channels, high, wide), generator=generator)
        enlarged = torch.nn.functional.interpolate(
            coarse, size=(height, width), mode="bilinear", align_corners=False
        )
        noise = noise + enlarged * discount**i
        if high == 1 or wide == 1:
            break
    return noise / noise.std()


def add_noise(
    latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor, alphas: torch.Tensor
) -> torch.Tensor:
    """Mix latents and noise (B, C, H, W) at each sample's timestep (B,): sqrt(a) x + sqrt(1 - a) n."""
    share = alphas[timesteps].view(-1, 1, 1, 1)
    return share.sqrt() * latents + (1 - share).sqrt() * noise


def velocity(
    latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor, alphas: torch.Tensor
) -> torch.Tensor:
    """Return the target of a velocity-predicting base: sqrt(a) n - sqrt(1 - a) x."""
    share = alphas[timesteps].view(-1, 1, 1, 1)
    return share.sqrt() * noise - (1 - share).sqrt() * latents
