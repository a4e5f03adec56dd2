"""Drawing with the base model outside ComfyUI, for measuring it: a batch of prompts to a batch of sprites."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .autoencoder import GAIN
from .layout import LATENT

CELLS = 24
_TOGETHER = 25


@torch.no_grad()
def sample_sprites(
    denoiser: Any,
    contexts: torch.Tensor,
    none: torch.Tensor,
    seeds: list[int],
    *,
    steps: int = 20,
    cfg: float = 4.0,
    cells: int = CELLS,
) -> NDArray[np.uint8]:
    """Draw one sprite for each context with Euler's method, as ComfyUI's "euler" with "normal" does.

    Args:
        denoiser: narrow or wide UNet2DConditionModel that predicts noise.
        contexts: the prompts' encodings, (N, 77, 768).
        none: the negative prompt's encoding, (1, 77, 768).
        seeds: one for each sprite.
        steps: of the sampler.
        cfg: scale of classifier-free guidance; 1 is without.
        cells: width and height of a sprite.

    Returns:
        uint8 (N, cells, cells, 3): what the base model's autoencoder makes of the latents, a pixel a cell.
    """
    from diffusers import EulerDiscreteScheduler

    place = next(denoiser.parameters()).device
    sprites = []
    for start in range(0, len(contexts), _TOGETHER):
        chosen = seeds[start : start + _TOGETHER]
        text = contexts[start : start + _TOGETHER].float()
        both = torch.cat([none.float().expand_as(text), text]).to(place)
        scheduler = EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="linspace"
        )
        scheduler.set_timesteps(steps)
        latents = torch.stack(
            [
                torch.randn((LATENT, cells, cells), generator=torch.Generator().manual_seed(seed))
                for seed in chosen
            ]
        )
        latents = latents.to(place) * scheduler.init_noise_sigma
        for time in scheduler.timesteps:
            scaled = scheduler.scale_model_input(latents, time)
            without, asked = denoiser(torch.cat([scaled, scaled]), time.to(place), both).sample.chunk(2)
            latents = scheduler.step(without + cfg * (asked - without), time, latents).prev_sample
        sprites.append(sprites_of(latents))
    return np.concatenate(sprites)


def sprites_of(latents: torch.Tensor) -> NDArray[np.uint8]:
    """Return the colours of latents, a pixel a cell: float (N, 4, h, w) to uint8 (N, h, w, 3)."""
    colors = (latents[:, :3].float() / GAIN + 0.5).clamp(0, 1) * 255
    rounded: NDArray[np.uint8] = colors.round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return rounded
