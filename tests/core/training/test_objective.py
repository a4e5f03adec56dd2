from __future__ import annotations

from typing import Any

import pytest
import torch

from bespoke_core.training import config
from bespoke_core.training.noise import alphas_cumprod, make_noise
from bespoke_core.training.objective import draw, weights_of

LATENTS = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(1))


def drawn(**keys: Any) -> Any:
    made = config.from_values(keys)
    return draw(made, LATENTS.shape, torch.Generator().manual_seed(0), latents=LATENTS)


def test_a_batch_draws_its_timesteps_then_its_noise_and_nothing_that_is_off() -> None:
    g = torch.Generator().manual_seed(0)
    timesteps = torch.randint(0, 1000, (3,), generator=g)
    noise = make_noise((3, 4, 8, 8), g)
    found = drawn()
    assert torch.equal(found.timesteps, timesteps)
    assert torch.equal(found.noise, noise)
    assert found.mixed_in is found.noise
    off = drawn(ip_noise_gamma=0.0, noise_offset_random_strength=True, ip_noise_gamma_random_strength=True)
    assert torch.equal(off.noise, noise)
    assert off.mixed_in is off.noise


def test_input_perturbation_disturbs_what_is_mixed_in_and_not_what_is_learned() -> None:
    g = torch.Generator().manual_seed(0)
    torch.randint(0, 1000, (3,), generator=g)
    noise = torch.randn(3, 4, 8, 8, generator=g)
    expected = noise + 0.1 * torch.randn(3, 4, 8, 8, generator=g)
    found = drawn(ip_noise_gamma=0.1)
    assert torch.equal(found.noise, noise)
    assert torch.equal(found.mixed_in, expected)
    part = found.share(slice(1, 3))
    assert torch.equal(part.mixed_in, expected[1:])
    plain = drawn().share(slice(0, 1))
    assert plain.mixed_in is plain.noise


def test_an_adaptive_offset_takes_the_latents_own_means() -> None:
    means = 2 * LATENTS.mean((2, 3), keepdim=True).abs()
    g = torch.Generator().manual_seed(0)
    torch.randint(0, 1000, (3,), generator=g)
    expected = make_noise((3, 4, 8, 8), g, offset=0.1, channel_means=means)
    assert torch.equal(drawn(noise_offset=0.1, adaptive_noise_scale=2.0).noise, expected)


def test_min_snr_takes_the_ratios_before_the_zero_terminal_correction() -> None:
    made = config.from_values({"min_snr_gamma": 5.0, "v_parameterization": True, "zero_terminal_snr": True})
    share = float(alphas_cumprod()[999])
    snr = share / (1 - share)
    found = weights_of(made, torch.tensor([999]))
    assert found is not None
    assert float(found) == pytest.approx(snr / (snr + 1), rel=1e-4)
    assert weights_of(config.from_values({"min_snr_gamma": 0.0}), torch.tensor([999])) is None
