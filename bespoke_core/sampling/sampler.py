"""From noise to latents: ComfyUI's "euler" with "normal" by its formulas, all else by diffusers.

The names are those of kohya's key sample_sampler.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import torch

from ..errors import UserCancelledError
from .prompts import SamplePrompt

CHANNELS, CELL = 4, 8  # of SD1.5's latents, and the pixels that one of their places covers
TIMESTEPS = 1000
_LEAST_KEPT = 4.8973451890853435e-08  # as in ComfyUI

_RESCALING = ("EulerAncestralDiscreteScheduler", "DDIMScheduler", "DPMSolverMultistepScheduler")

Denoise = Callable[[torch.Tensor, int | torch.Tensor], torch.Tensor]
"""(latents as the UNet reads them, timestep) to the UNet's guided answer."""


def draw_latents(
    unet: Any,
    positive: torch.Tensor,
    negative: torch.Tensor,
    prompt: SamplePrompt,
    *,
    velocity: bool = False,
    zero_terminal: bool = False,
    dtype: torch.dtype = torch.float32,
    stop: Callable[[], bool] = lambda: False,
) -> torch.Tensor:
    """Draw one picture's latents, float32 (1, 4, height / 8, width / 8), as the UNet leaves them.

    Args:
        unet: diffusers' UNet2DConditionModel, in evaluation mode.
        positive, negative: encoded prompts (1, tokens, width), on the UNet's device.
        prompt: its size, seed, steps, cfg and sampler.
        velocity: the UNet predicts velocity instead of noise.
        zero_terminal: its noise levels were rescaled so that nothing is left of the picture at the last.
        dtype: the number format that the UNet works in.
        stop: asked before every step.

    The noise is the CPU's for this seed, so a seed means the same on every device. No random state outside is
    used or changed.

    Raises:
        UserCancelledError: `stop` returned True.
    """
    device = positive.device

    def denoise(latents: torch.Tensor, time: int | torch.Tensor) -> torch.Tensor:
        if stop():
            raise UserCancelledError("stopped while sample pictures were drawn")
        return _guided(unet, latents, time, positive, negative, prompt.cfg, dtype)

    noise = torch.randn(
        (1, CHANNELS, prompt.height // CELL, prompt.width // CELL),
        generator=torch.Generator().manual_seed(prompt.seed),
    ).to(device)
    with torch.no_grad(), torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        if prompt.sampler in ("euler", "k_euler"):
            return _euler(denoise, noise, prompt.steps, velocity, zero_terminal)
        return _by_diffusers(denoise, noise, prompt, velocity, zero_terminal)


def _guided(
    unet: Any,
    latents: torch.Tensor,
    time: int | torch.Tensor,
    positive: torch.Tensor,
    negative: torch.Tensor,
    cfg: float,
    dtype: torch.dtype,
) -> torch.Tensor:
    """Return the UNet's answer with classifier-free guidance, float32 (Ho & Salimans 2022)."""
    if isinstance(time, int):
        time = torch.tensor(time, device=latents.device)

    def ask(context: torch.Tensor) -> torch.Tensor:
        inputs = latents.to(dtype).expand(len(context), -1, -1, -1)
        answer: torch.Tensor = unet(inputs, time, context.to(dtype)).sample.float()
        return answer

    if math.isclose(cfg, 1.0):
        return ask(positive)
    if positive.shape == negative.shape:
        asked, without = ask(torch.cat([positive, negative])).chunk(2)
    else:
        asked, without = ask(positive), ask(negative)
    return without + (asked - without) * cfg


class Schedule(NamedTuple):
    """Noise levels of a discrete diffusion model.

    Attributes:
        sigmas: the level at each of the steps that were trained, float32 (1000,), rising.
        logs: their logarithms.
    """

    sigmas: torch.Tensor
    logs: torch.Tensor


def sd15_schedule(*, zero_terminal: bool = False) -> Schedule:
    """Return SD1.5's noise levels, reckoned in 64 bits and then rounded, as ComfyUI does.

    With `zero_terminal` they are rescaled (Lin et al. 2023); as nothing can be divided by what is left then,
    ComfyUI's ModelSamplingDiscrete (zsnr) keeps a share of 5e-8 at the last.
    """
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, TIMESTEPS, dtype=torch.float64) ** 2
    kept = torch.cumprod(1 - betas, dim=0)
    if zero_terminal:
        roots = kept.sqrt()
        kept = ((roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2
        kept[-1] = _LEAST_KEPT
    sigmas = ((1 - kept) / kept) ** 0.5
    return Schedule(sigmas.float(), sigmas.log().float())


def normal_sigmas(schedule: Schedule, steps: int) -> torch.Tensor:
    """Return the noise levels of the scheduler "normal": even in time, then 0; float32 (steps + 1,)."""
    times = torch.linspace(TIMESTEPS - 1, 0, steps)
    below, above, share = times.floor().long(), times.ceil().long(), times.frac()
    logs = (1 - share) * schedule.logs[below] + share * schedule.logs[above]
    return torch.cat([logs.exp(), torch.zeros(1)])


def _euler(
    denoise: Denoise, noise: torch.Tensor, steps: int, velocity: bool, zero_terminal: bool
) -> torch.Tensor:
    """Euler's method on the probability flow (Karras et al. 2022, algorithm 2 without churn)."""
    schedule = sd15_schedule(zero_terminal=zero_terminal)
    levels = normal_sigmas(schedule, steps).tolist()
    latents = noise * math.sqrt(1 + levels[0] ** 2)
    for level, following in pairwise(levels):
        time = int((schedule.logs - math.log(level)).abs().argmin())
        answer = denoise(latents / math.sqrt(level**2 + 1), time)
        if velocity:
            clean = latents / (level**2 + 1) - answer * level / math.sqrt(level**2 + 1)
        else:
            clean = latents - answer * level
        latents = latents + (latents - clean) / level * (following - level)
    return latents


def _by_diffusers(
    denoise: Denoise, noise: torch.Tensor, prompt: SamplePrompt, velocity: bool, zero_terminal: bool
) -> torch.Tensor:
    scheduler = _scheduler(prompt.sampler, velocity, zero_terminal)
    scheduler.set_timesteps(prompt.steps)
    # What some methods add on their way comes from the prompt's seed too, apart from the first noise.
    extra = {"generator": torch.Generator().manual_seed((prompt.seed + 1) % 2**64)}
    extra = extra if prompt.sampler.removeprefix("k_") in ("euler_a", "dpm_2_a") else {}
    latents = noise * scheduler.init_noise_sigma
    for time in scheduler.timesteps:
        answer = denoise(scheduler.scale_model_input(latents, time), time.to(noise.device))
        latents = scheduler.step(answer, time, latents, **extra).prev_sample
    return latents


def _scheduler(name: str, velocity: bool, zero_terminal: bool) -> Any:
    """Return diffusers' scheduler for a name of kohya's; unlike kohya's, none clips latents to -1..1.

    Not all know rescaled noise levels; the others draw with the plain ones.
    """
    import diffusers

    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "euler_a": ("EulerAncestralDiscreteScheduler", {}),
        "ddim": ("DDIMScheduler", {"clip_sample": False, "set_alpha_to_one": False}),
        "pndm": ("PNDMScheduler", {}),
        "lms": ("LMSDiscreteScheduler", {}),
        "heun": ("HeunDiscreteScheduler", {}),
        "dpm_2": ("KDPM2DiscreteScheduler", {}),
        "dpm_2_a": ("KDPM2AncestralDiscreteScheduler", {}),
        "dpmsolver": ("DPMSolverMultistepScheduler", {}),  # diffusers gives up the older formula
        "dpmsolver++": ("DPMSolverMultistepScheduler", {}),
        "dpmsingle": ("DPMSolverSinglestepScheduler", {"lower_order_final": True}),
    }
    kind, more = kinds[name.removeprefix("k_")]
    if zero_terminal and kind in _RESCALING:
        more = {**more, "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return getattr(diffusers, kind)(
        num_train_timesteps=TIMESTEPS,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction" if velocity else "epsilon",
        **more,
    )
