"""What a run will take of memory, known before its first step."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bespoke_core.errors import InputError
from bespoke_core.training.base_model import BaseModel, load_base
from bespoke_core.training.config import TrainingConfig, with_values
from bespoke_core.training.live_bytes import LiveBytes
from bespoke_core.training.memory_estimate import (
    MemoryEstimate,
    StepForm,
    estimate_memory,
    most_held,
    require_fit,
)
from bespoke_core.training.network import LoraNetwork, add_lora

Make = Callable[..., TrainingConfig]
PACK = Path(__file__).resolve().parents[3]


@pytest.fixture
def networks(make_config: Make, tiny_base: Path) -> tuple[BaseModel, LoraNetwork, TrainingConfig]:
    config = make_config()
    base = load_base(tiny_base)
    return base, add_lora(base, config), config


def estimate(
    networks: tuple[BaseModel, LoraNetwork, TrainingConfig], size: int = 64, batch: int = 2, **changes: object
) -> MemoryEstimate:
    base, network, config = networks
    form = StepForm((size, size), batch, 2, torch.device("cpu"), torch.float32)
    return estimate_memory(base, network, with_values(config, **changes), form)


def test_tensors_without_content_count_as_much_as_real_ones(
    networks: tuple[BaseModel, LoraNetwork, TrainingConfig],
) -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    base, _, _ = networks
    peaks = []
    for mode in (FakeTensorMode(allow_non_fake_inputs=True), None):
        live = LiveBytes()
        for tensor in (*base.unet.parameters(), *base.unet.buffers()):
            live.leave_out(mode.from_tensor(tensor) if mode else tensor)

        def step() -> None:
            latents = torch.zeros((2, 4, 16, 16))
            context = torch.zeros((2, 77, base.layout.context_dim))
            base.unet(latents, torch.zeros((2,), dtype=torch.long), context).sample.square().mean().backward()

        with live:
            if mode:
                with mode:
                    step()
            else:
                step()
        base.unet.zero_grad(set_to_none=True)
        peaks.append(live.peak)
    assert peaks[0] == peaks[1] > 1_000_000


def test_larger_pictures_and_batches_take_more_and_checkpointing_less(
    networks: tuple[BaseModel, LoraNetwork, TrainingConfig],
) -> None:
    one = estimate(networks, size=128, batch=1)
    assert estimate(networks, size=128, batch=2).step > one.step + 5_000_000
    assert estimate(networks, size=256, batch=1).step > one.step + 15_000_000
    assert estimate(networks, size=128, batch=1, gradient_checkpointing=True).step < one.step
    again = estimate(networks, size=128, batch=1, gradient_checkpointing=False)
    assert again.step == pytest.approx(one.step, rel=0.03)


def test_the_estimate_leaves_no_trace_in_the_networks(
    networks: tuple[BaseModel, LoraNetwork, TrainingConfig],
) -> None:
    _, network, _ = networks
    before = {name: value.clone() for name, value in network.tensors().items()}
    state = torch.random.get_rng_state()
    estimate(networks)
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.tensors().items())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_run_that_does_not_fit_is_refused_with_what_would_fit(
    networks: tuple[BaseModel, LoraNetwork, TrainingConfig],
) -> None:
    config = with_values(networks[2], train_batch_size=4)
    room = estimate(networks, batch=2, gradient_checkpointing=True).step + 100_000

    def with_room(told: MemoryEstimate) -> MemoryEstimate:
        return replace(told, available=told.held + told.optimizer + room, before=0)

    def step_of(changed: TrainingConfig) -> MemoryEstimate:
        told = estimate(
            networks,
            batch=changed.train_batch_size,
            gradient_checkpointing=changed.gradient_checkpointing,
        )
        return with_room(told)

    wanted = with_room(estimate(networks, size=512, batch=4))
    with pytest.raises(InputError, match=r"gradient_checkpointing = true") as refused:
        require_fit(wanted, config, step_of)
    assert "GB are there" in str(refused.value)
    require_fit(replace(wanted, available=None), config, step_of)
    none_fits = replace(wanted, available=1000)
    with pytest.raises(InputError, match="smaller resolution"):
        require_fit(none_fits, config, lambda changed: none_fits)


def test_a_run_that_a_large_program_starts_does_not_count_what_that_one_holds() -> None:
    # As ComfyUI with its models starts a training; Linux' own figure of a process begins with its parent's.
    own = "from bespoke_core.training.memory_estimate import most_held; print(most_held())"
    held = torch.ones(300_000_000)
    assert most_held() > held.nbytes
    done = subprocess.run(
        [sys.executable, "-c", own], cwd=PACK, capture_output=True, text=True, timeout=120, check=True
    )
    assert 10_000_000 < int(done.stdout) < held.nbytes
