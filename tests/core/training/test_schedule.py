from __future__ import annotations

import math

import pytest
import torch

from bespoke_core.training import config
from bespoke_core.training.schedule import make_optimizer, make_scheduler, warmup_steps

STEPS = 40


def rates(**keys: object) -> list[float]:
    made = config.from_values({"learning_rate": 1.0, **keys})
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make_scheduler(made, optimizer, STEPS)
    found = []
    for _ in range(STEPS):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return found


def test_cosine_with_restarts_follows_its_formula_after_the_warm_up() -> None:
    found = rates(lr_scheduler="cosine_with_restarts", lr_warmup_steps=10, lr_scheduler_num_cycles=3)
    for s, rate in enumerate(found):
        if s < 10:
            assert rate == pytest.approx(s / 10)
        else:
            p = (s - 10) / (STEPS - 10)
            assert rate == pytest.approx(max(0, 0.5 * (1 + math.cos(math.pi * ((3 * p) % 1)))))
    restarts = [s for s in range(11, STEPS) if found[s] > found[s - 1]]
    assert restarts == [20, 30]


def test_constant_has_no_warm_up_and_the_others_have() -> None:
    assert set(rates(lr_scheduler="constant", lr_warmup_steps=10)) == {1.0}
    assert rates(lr_scheduler="constant_with_warmup", lr_warmup_steps=10)[:11] == pytest.approx(
        [s / 10 for s in range(11)]
    )
    assert rates(lr_scheduler="linear")[20] == pytest.approx(0.5)
    assert rates(lr_scheduler="cosine")[20] == pytest.approx(0.5)
    assert rates(lr_scheduler="polynomial", lr_scheduler_power=2.0)[20] == pytest.approx(0.25, abs=1e-6)


def test_a_warm_up_below_one_is_a_share_of_the_run() -> None:
    assert warmup_steps(config.from_values({"lr_warmup_steps": 0.1}), 200) == 20
    assert warmup_steps(config.from_values({"lr_warmup_steps": 100}), 200) == 100


def test_each_part_has_its_own_rate_and_8_bit_adamw_falls_back_saying_so() -> None:
    made = config.from_values({"unet_lr": 1e-4, "text_encoder_lr": 5e-5, "optimizer_type": "AdamW8bit"})
    groups = {
        "unet": [torch.nn.Parameter(torch.zeros(1))],
        "text_encoder": [torch.nn.Parameter(torch.zeros(1))],
    }
    said: list[str] = []
    optimizer = make_optimizer(made, groups, torch.device("cpu"), said.append)
    assert [group["lr"] for group in optimizer.param_groups] == [1e-4, 5e-5]
    assert isinstance(optimizer, torch.optim.AdamW)
    assert "bitsandbytes" in said[0]
