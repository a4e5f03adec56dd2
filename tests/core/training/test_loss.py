from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from bespoke_core.errors import InputError
from bespoke_core.training import config
from bespoke_core.training.loss import bends, errors, picture_losses, snr_weights, timestep_weights
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


def snr_at(t: int) -> float:
    share = float(alphas_cumprod()[t])
    return share / (1 - share)


@pytest.mark.parametrize("t", [0, 10, 500, 999])
def test_the_weights_of_timesteps_follow_their_formulas(t: int) -> None:
    def weight(**asked: Any) -> float:
        found = timestep_weights(torch.tensor([t]), alphas_cumprod(), **{"velocity": False, **asked})
        assert found is not None
        return float(found)

    snr = min(snr_at(t), 1000)
    assert weight(like_noise=True) == pytest.approx(snr / (snr + 1), rel=1e-4)
    assert weight(like_velocity=0.3) == pytest.approx(1 + 0.3 * (snr + 1) / snr, rel=1e-4)
    assert weight(debiased=True) == pytest.approx(snr**-0.5, rel=1e-4)
    assert weight(debiased=True, velocity=True) == pytest.approx(1 / (snr + 1), rel=1e-4)
    gamma = min(snr_at(t), 5.0)
    both = weight(min_snr_gamma=5.0, velocity=True, like_noise=True, debiased=True)
    assert both == pytest.approx(gamma / (snr_at(t) + 1) * snr / (snr + 1) / (snr + 1), rel=1e-4)


def test_what_is_not_asked_for_weighs_nothing_at_all() -> None:
    steps = torch.tensor([1, 2])
    assert timestep_weights(steps, alphas_cumprod(), velocity=False) is None
    off = {"min_snr_gamma": 0.0, "like_velocity": 0.0}
    assert timestep_weights(steps, alphas_cumprod(), velocity=True, **off) is None
    predicted, target = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8)
    plain = torch.nn.functional.mse_loss(predicted, target, reduction="none").mean((1, 2, 3))
    assert torch.equal(picture_losses(predicted, target, picture_weights=torch.ones(2)), plain)


def test_the_bend_of_huber_follows_its_schedule() -> None:
    steps, alphas = torch.tensor([0, 300, 999]), alphas_cumprod()
    for schedule, expected in {
        "constant": [0.2 * 1.5] * 3,
        "exponential": [1.5 * math.exp(math.log(0.2) * t / 1000) for t in (0, 300, 999)],
        "snr": [0.8 / (1 + snr_at(t) ** -0.5) ** 2 + 0.2 for t in (0, 300, 999)],
    }.items():
        found = bends(steps, alphas, schedule=schedule, c=0.2, scale=1.5)  # type: ignore[arg-type]
        assert found.tolist() == pytest.approx(expected, rel=1e-4)
    last = bends(torch.tensor([999]), alphas_cumprod(zero_terminal=True), schedule="snr", c=0.2, scale=1)
    assert float(last) == pytest.approx(0.2)


def test_other_losses_follow_their_formulas() -> None:
    predicted, target = torch.tensor([[[[3.0]]], [[[0.1]]]]), torch.zeros(2, 1, 1, 1)
    bend = torch.tensor([0.5, 2.0])

    def of(kind: Any) -> list[float]:
        return errors(predicted, target, kind=kind, bend=bend).flatten().tolist()

    roots = [math.sqrt(9.25) - 0.5, math.sqrt(4.01) - 2]
    assert of("l2") == pytest.approx([9.0, 0.01])
    assert of("l1") == pytest.approx([3.0, 0.1])
    assert of("smooth_l1") == pytest.approx([2 * roots[0], 2 * roots[1]], rel=1e-4)
    assert of("huber") == pytest.approx([2 * 0.5 * roots[0], 2 * 2 * roots[1]], rel=1e-4)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"scale_v_pred_loss_like_noise_pred": True}, "velocity"),
        ({"v_pred_like_loss": 0.5, "v_parameterization": True}, "predict noise"),
        ({"adaptive_noise_scale": 0.1}, "noise_offset"),
        ({"min_timestep": 600, "max_timestep": 500}, "above max_timestep"),
        ({"zero_terminal_snr": True}, "v_parameterization"),
    ],
)
def test_noise_and_loss_keys_that_contradict_each_other_are_refused(keys: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        config.from_values(keys)
