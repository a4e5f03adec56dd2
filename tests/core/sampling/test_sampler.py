"""From noise to latents with the samplers that kohya names."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import torch

from bespoke_core.errors import UserCancelledError
from bespoke_core.sampling.prompts import SamplePrompt
from bespoke_core.sampling.sampler import draw_latents, normal_sigmas, sd15_schedule
from bespoke_core.training.keys import TrainingConfig

PROMPT = SamplePrompt("a", "", 64, 72, 5, 12, 3.0, "euler")
SAMPLERS = get_args(TrainingConfig.model_fields["sample_sampler"].annotation)


class Painter(torch.nn.Module):
    """Knows one picture and predicts the noise (or the velocity) around it."""

    def __init__(self, *, velocity: bool = False) -> None:
        super().__init__()
        self.picture = torch.linspace(-1, 1, 4 * 9 * 8).view(1, 4, 9, 8)
        self.kept = 1 / (1 + sd15_schedule().sigmas.double() ** 2)
        self.velocity, self.asked = velocity, 0

    def forward(self, noisy: torch.Tensor, time: torch.Tensor, context: torch.Tensor) -> Any:
        self.asked += len(noisy)
        kept = self.kept[int(time)].float()
        noise = (noisy - kept**0.5 * self.picture) / (1 - kept) ** 0.5
        answer = kept**0.5 * noise - (1 - kept) ** 0.5 * self.picture if self.velocity else noise
        return SimpleNamespace(sample=answer)


def draw(painter: Painter, prompt: SamplePrompt = PROMPT, **options: Any) -> torch.Tensor:
    context = torch.zeros(1, 77, 8)
    return draw_latents(painter, context, context, prompt, **options)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("velocity", [False, True])
def test_every_sampler_finds_the_picture_that_the_network_knows(name: str, velocity: bool) -> None:
    painter = Painter(velocity=velocity)
    found = draw(painter, replace(PROMPT, sampler=name, steps=20), velocity=velocity)
    assert found.shape == (1, 4, 9, 8) and found.dtype == torch.float32
    # ddim and pndm leave the noise of the very first trained step.
    assert float((found - painter.picture).abs().mean()) < 0.1


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_seed_gives_the_same_picture_and_no_outer_chance_is_touched(name: str) -> None:
    prompt = replace(PROMPT, sampler=name, steps=4)
    state = torch.get_rng_state()
    first, again = draw(Painter(), prompt), draw(Painter(), prompt)
    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(first, draw(Painter(), replace(prompt, seed=6)))


def test_the_noise_levels_are_even_in_time_between_the_trained_ones() -> None:
    schedule = sd15_schedule()
    levels = normal_sigmas(schedule, 5).numpy()
    assert levels[-1] == 0 and levels[0] == pytest.approx(14.6146, abs=1e-3)
    expected = np.exp(np.interp([999, 749.25, 499.5, 249.75, 0], np.arange(1000), schedule.logs.numpy()))
    assert np.allclose(levels[:-1], expected, rtol=1e-5)
    assert normal_sigmas(schedule, 1).tolist() == [pytest.approx(14.6146, abs=1e-3), 0.0]


def test_guidance_of_one_asks_the_network_once_a_step() -> None:
    guided, alone = Painter(), Painter()
    draw(guided)
    draw(alone, replace(PROMPT, cfg=1.0))
    assert (guided.asked, alone.asked) == (24, 12)


def test_prompts_of_different_lengths_are_asked_apart() -> None:
    painter = Painter()
    draw_latents(painter, torch.zeros(1, 154, 8), torch.zeros(1, 77, 8), PROMPT)
    assert painter.asked == 24


def test_it_stops_within_a_step_when_asked() -> None:
    painter = Painter()
    with pytest.raises(UserCancelledError):
        draw(painter, stop=lambda: painter.asked >= 4)
    assert painter.asked == 4


def test_rescaled_noise_levels_end_in_noise_alone_and_stay_numbers() -> None:
    schedule, plain = sd15_schedule(zero_terminal=True), sd15_schedule()
    assert float(schedule.sigmas[-1]) > 4000 and bool(torch.isfinite(schedule.logs).all())
    assert float(schedule.sigmas[0]) == pytest.approx(float(plain.sigmas[0]), rel=1e-3)
    for name in ("euler", "ddim", "euler_a", "dpmsolver++", "lms"):
        painter = Painter(velocity=True)
        if name != "lms":  # which does not know them
            painter.kept = 1 / (1 + schedule.sigmas.double() ** 2)
        found = draw(painter, replace(PROMPT, sampler=name, steps=20), velocity=True, zero_terminal=True)
        assert float((found - painter.picture).abs().mean()) < 0.1, name
