"""The loss: mean squared error per picture in 32 bits, with the weights that kohya gives it."""

from __future__ import annotations

import torch


def snr_weights(
    timesteps: torch.Tensor, alphas: torch.Tensor, gamma: float, *, velocity: bool
) -> torch.Tensor:
    """Return each sample's min-SNR weight (B,).

    With snr = a / (1 - a): min(snr, gamma) / snr for noise prediction, min(snr, gamma) / (snr + 1) for
    velocity (Hang et al. 2023).
    """
    share = alphas[timesteps]
    snr = share / (1 - share)
    return snr.clamp(max=gamma) / (snr + 1 if velocity else snr)


def picture_losses(
    predicted: torch.Tensor,
    target: torch.Tensor,
    *,
    picture_weights: torch.Tensor,
    place_weights: torch.Tensor | None = None,
    snr_weight: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the weighted loss of each picture (B,), float32; their mean is what is minimised.

    Args:
        predicted, target: (B, C, H, W), any float type.
        picture_weights: (B,): 1, or prior_loss_weight for a regularisation picture.
        place_weights: (B, 1, H, W) of each place, from alpha_mask, or None; as in kohya's trainer the mean
            is over all places, so a small sprite counts for less than one that fills its picture.
        snr_weight: (B,) from `snr_weights`, or None.
    """
    losses = torch.nn.functional.mse_loss(predicted.float(), target.float(), reduction="none")
    if place_weights is not None:
        losses = losses * place_weights
    losses = losses.mean(dim=(1, 2, 3)) * picture_weights
    return losses if snr_weight is None else losses * snr_weight
