from __future__ import annotations

import pytest
import torch

from bespoke_core.training.loss import picture_losses, snr_weights
from bespoke_core.training.noise import alphas_cumprod


def test_min_snr_weights_follow_their_formula() -> None:
    alphas = alphas_cumprod()
    for t in (0, 100, 500, 999):
        a = float(alphas[t])
        snr = a / (1 - a)
        steps = torch.tensor([t])
        eps = float(snr_weights(steps, alphas, 5.0, velocity=False))
        v = float(snr_weights(steps, alphas, 5.0, velocity=True))
        assert eps == pytest.approx(min(snr, 5) / snr, rel=1e-4)
        assert v == pytest.approx(min(snr, 5) / (snr + 1), rel=1e-4)


def test_the_loss_is_the_weighted_mean_square_of_each_picture() -> None:
    predicted, target = torch.randn(3, 4, 8, 8), torch.randn(3, 4, 8, 8)
    weights, snr = torch.tensor([1.0, 0.5, 1.0]), torch.tensor([1.0, 1.0, 0.25])
    plain = ((predicted - target) ** 2).mean((1, 2, 3))
    found = picture_losses(predicted, target, picture_weights=weights, snr_weight=snr)
    assert torch.allclose(found, plain * weights * snr)


def test_the_loss_of_16_bit_predictions_is_taken_in_32_bits() -> None:
    predicted = torch.full((1, 4, 64, 64), 300.0, dtype=torch.float16)
    found = picture_losses(predicted, torch.zeros_like(predicted), picture_weights=torch.ones(1))
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(90_000)
