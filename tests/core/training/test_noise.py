from __future__ import annotations

import pytest
import torch

from bespoke_core.training.noise import add_noise, alphas_cumprod, draw_timesteps, make_noise, velocity

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


def test_timesteps_stay_between_the_ends_that_are_asked_for() -> None:
    drawn = draw_timesteps(2000, generator(), low=200, high=205)
    assert set(drawn.tolist()) == {200, 201, 202, 203, 204}
    assert torch.equal(draw_timesteps(9, generator()), torch.randint(0, 1000, (9,), generator=generator()))
    assert draw_timesteps(3, generator(), low=600, high=600).tolist() == [600] * 3


def test_zero_terminal_snr_leaves_the_first_step_and_ends_in_pure_noise() -> None:
    before, after = alphas_cumprod(), alphas_cumprod(zero_terminal=True)
    assert float(after[-1]) == 0
    assert float(after[0]) == pytest.approx(float(before[0]), rel=1e-5)
    roots, old = after.sqrt(), before.sqrt()
    for t in (1, 500, 998):
        shifted = (old[t] - old[-1]) * old[0] / (old[0] - old[-1])
        assert float(roots[t]) == pytest.approx(float(shifted), rel=1e-4)


def test_a_random_offset_is_between_none_and_the_whole() -> None:
    plain = make_noise(SHAPE, generator())
    g = generator()
    torch.randn(SHAPE, generator=g)
    strength = 0.4 * torch.rand((), generator=g)
    expected = plain + strength * torch.randn((4, 4, 1, 1), generator=g)
    assert torch.equal(make_noise(SHAPE, generator(), offset=0.4, offset_at_random=True), expected)


def test_an_adaptive_offset_grows_with_the_channel_and_is_never_below_none() -> None:
    means = torch.tensor([-1.0, 0.0, 0.5, 2.0]).view(1, 4, 1, 1).expand(4, 4, 1, 1)
    g = generator()
    plain = torch.randn(SHAPE, generator=g)
    shift = torch.randn((4, 4, 1, 1), generator=g)
    expected = plain + torch.tensor([0.0, 0.1, 0.6, 2.1]).view(1, 4, 1, 1) * shift
    found = make_noise(SHAPE, generator(), offset=0.1, channel_means=means)
    assert torch.allclose(found, expected, atol=1e-6)
