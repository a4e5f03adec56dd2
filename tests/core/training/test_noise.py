from __future__ import annotations

import pytest
import torch

from bespoke_core.training.noise import add_noise, alphas_cumprod, make_noise, velocity

SHAPE = (4, 4, 32, 32)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_noise_schedule_is_the_one_of_diffusers() -> None:
    from diffusers import DDPMScheduler

    theirs = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    ours = alphas_cumprod()
    assert torch.allclose(ours, theirs.alphas_cumprod, atol=1e-6)
    x, n, t = torch.randn(SHAPE), torch.randn(SHAPE), torch.tensor([0, 10, 500, 999])
    assert torch.allclose(add_noise(x, n, t, ours), theirs.add_noise(x, n, t), atol=1e-5)
    assert torch.allclose(velocity(x, n, t, ours), theirs.get_velocity(x, n, t), atol=1e-5)


def test_plain_noise_is_the_generators() -> None:
    assert torch.equal(make_noise(SHAPE, generator()), torch.randn(SHAPE, generator=generator()))


def test_an_offset_shifts_each_channel_as_a_whole() -> None:
    shift = make_noise(SHAPE, generator(), offset=0.1) - make_noise(SHAPE, generator())
    assert torch.allclose(shift, shift.mean((2, 3), keepdim=True).expand(SHAPE), atol=1e-5)
    many = make_noise((500, 4, 1, 1), generator(), offset=0.5)
    assert float(many.std()) == pytest.approx((1 + 0.25) ** 0.5, rel=0.1)


def test_multires_noise_has_unit_deviation_and_correlates_over_neighbours() -> None:
    noise = make_noise(SHAPE, generator(), iterations=6, discount=0.8)
    assert float(noise.std()) == pytest.approx(1, abs=1e-4)
    neighbours = (noise[..., 1:] * noise[..., :-1]).mean()
    plain = make_noise(SHAPE, generator())
    assert float(neighbours) > 0.1 > float((plain[..., 1:] * plain[..., :-1]).mean())


def test_one_iteration_of_multires_adds_full_resolution_noise() -> None:
    g = generator()
    base = torch.randn(SHAPE, generator=g)
    torch.rand((), generator=g)
    expected = base + torch.randn(SHAPE, generator=g)
    assert torch.allclose(make_noise(SHAPE, generator(), iterations=1), expected / expected.std(), atol=1e-5)


def test_many_iterations_stop_at_one_pixel() -> None:
    assert make_noise((1, 4, 2, 2), generator(), iterations=64).isfinite().all()
