"""The loss: the error of each picture in 32 bits, with the weights that kohya gives it."""

from __future__ import annotations

import math
from typing import Literal

import torch

from .noise import TIMESTEPS

LossType = Literal["l2", "l1", "huber", "smooth_l1"]
_MOST_SNR = (
    1000.0  # what the signal-to-noise ratio counts for at most, as in kohya: at step 0 it is about 1175
)


def signal_to_noise(timesteps: torch.Tensor, alphas: torch.Tensor) -> torch.Tensor:
    """Return the ratio of signal to noise, a / (1 - a), at each timestep (B,)."""
    share = alphas[timesteps]
    return share / (1 - share)


def snr_weights(
    timesteps: torch.Tensor, alphas: torch.Tensor, gamma: float, *, velocity: bool
) -> torch.Tensor:
    """Return each sample's min-SNR weight (B,).

    With snr = a / (1 - a): min(snr, gamma) / snr for noise prediction, min(snr, gamma) / (snr + 1) for
    velocity (Hang et al. 2023).
    """
    snr = signal_to_noise(timesteps, alphas)
    return snr.clamp(max=gamma) / (snr + 1 if velocity else snr)


def timestep_weights(
    timesteps: torch.Tensor,
    alphas: torch.Tensor,
    *,
    velocity: bool,
    min_snr_gamma: float | None = None,
    like_noise: bool = False,
    like_velocity: float | None = None,
    debiased: bool = False,
) -> torch.Tensor | None:
    """Return what each sample's loss is multiplied by for its timestep (B,), or None where nothing is asked.

    Args:
        timesteps: int64 (B,).
        alphas: share of signal at each timestep, as it is before a zero-terminal correction.
        velocity: whether the base predicts velocity.
        min_snr_gamma: see `snr_weights`; None or 0 is off.
        like_noise: times snr / (snr + 1), for a velocity loss to weigh as one of noise.
        like_velocity: plus this many times (snr + 1) / snr; None or 0 is off.
        debiased: times 1 / sqrt(snr), for velocity 1 / (snr + 1) (Yu et al. 2023, arXiv 2310.08442).
    """
    if not (min_snr_gamma or like_noise or like_velocity or debiased):
        return None
    weights = torch.ones(len(timesteps), device=alphas.device)
    if min_snr_gamma:
        weights = snr_weights(timesteps, alphas, min_snr_gamma, velocity=velocity)
    snr = signal_to_noise(timesteps, alphas).clamp(max=_MOST_SNR)
    share = snr / (snr + 1)
    if like_noise:
        weights = weights * share
    if like_velocity:
        weights = weights + weights / share * like_velocity
    if debiased:
        weights = weights * (1 / (snr + 1) if velocity else snr.rsqrt())
    return weights


def bends(
    timesteps: torch.Tensor,
    alphas: torch.Tensor,
    *,
    schedule: Literal["snr", "exponential", "constant"],
    c: float,
    scale: float,
) -> torch.Tensor:
    """Return where each sample's huber loss goes over from square to straight (B,).

    snr: (1 - c) / (1 + sigma)^2 + c with sigma = sqrt((1 - a) / a); exponential: c^(t / 1000) scale;
    constant: c scale.
    """
    if schedule == "snr":
        share = alphas[timesteps]
        sigma = ((1 - share) / share).sqrt()
        return (1 - c) / (1 + sigma) ** 2 + c
    if schedule == "exponential":
        return torch.exp(math.log(c) / TIMESTEPS * timesteps) * scale
    return torch.full((len(timesteps),), c * scale, device=timesteps.device)


def errors(
    predicted: torch.Tensor, target: torch.Tensor, *, kind: LossType, bend: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the loss of each element, of the shape of `predicted`, float32.

    Args:
        predicted, target: (B, C, H, W), any float type.
        kind: l2 is d^2 and l1 is |d|; with bend b, huber is 2 b (sqrt(d^2 + b^2) - b) and smooth_l1 is
            2 (sqrt(d^2 + b^2) - b).
        bend: (B,) from `bends`, for huber and smooth_l1.
    """
    one, other = predicted.float(), target.float()
    if kind == "l2":
        return torch.nn.functional.mse_loss(one, other, reduction="none")
    if kind == "l1" or bend is None:
        return torch.nn.functional.l1_loss(one, other, reduction="none")
    b = bend.view(-1, 1, 1, 1)
    root = 2 * (((one - other) ** 2 + b**2).sqrt() - b)
    return b * root if kind == "huber" else root


def picture_losses(
    predicted: torch.Tensor,
    target: torch.Tensor,
    *,
    picture_weights: torch.Tensor,
    place_weights: torch.Tensor | None = None,
    snr_weight: torch.Tensor | None = None,
    kind: LossType = "l2",
    bend: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the weighted loss of each picture (B,), float32; their mean is what is minimised.

    Args:
        predicted, target: (B, C, H, W), any float type.
        picture_weights: (B,): 1, or prior_loss_weight for a regularisation picture.
        place_weights: (B, 1, H, W) of each place, from alpha_mask, or None; as in kohya's trainer the mean
            is over all places, so a small sprite counts for less than one that fills its picture.
        snr_weight: (B,) from `timestep_weights`, or None.
        kind, bend: see `errors`.
    """
    losses = errors(predicted, target, kind=kind, bend=bend)
    if place_weights is not None:
        losses = losses * place_weights
    losses = losses.mean(dim=(1, 2, 3)) * picture_weights
    return losses if snr_weight is None else losses * snr_weight
