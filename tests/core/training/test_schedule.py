from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from bespoke_core.errors import InputError
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


def cosine(p: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * p))


def after_warm_up(s: int) -> float:
    return (s - 10) / (STEPS - 10)


FORMULAS: dict[str, tuple[dict[str, object], Callable[[int], float]]] = {
    "linear": ({}, lambda s: 1 - after_warm_up(s)),
    "cosine": ({}, lambda s: cosine(after_warm_up(s))),
    "polynomial": (
        {"lr_scheduler_power": 2.0},
        lambda s: (1 - 1e-7) * (1 - after_warm_up(s)) ** 2 + 1e-7,
    ),
    "constant_with_warmup": ({}, lambda s: 1.0),
    "inverse_sqrt": ({"lr_scheduler_timescale": 25}, lambda s: math.sqrt(25 / (s + 15))),
    "cosine_with_min_lr": (
        {"lr_scheduler_min_lr_ratio": 0.2},
        lambda s: 0.2 + 0.8 * cosine(after_warm_up(s)),
    ),
    "warmup_stable_decay": (
        {"lr_decay_steps": 8, "lr_scheduler_min_lr_ratio": 0.1},
        lambda s: 1.0 if s < 32 else 0.1 + 0.9 * cosine((s - 32) / 8),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_every_schedule_follows_kohyas_formula_after_the_warm_up(name: str) -> None:
    keys, formula = FORMULAS[name]
    found = rates(lr_scheduler=name, lr_warmup_steps=10, **keys)
    assert found[10:] == pytest.approx([formula(s) for s in range(10, STEPS)], rel=1e-6, abs=1e-9)
    first = 0.1 if name == "warmup_stable_decay" else 0.0
    assert found[:10] == pytest.approx([first + (1 - first) * s / 10 for s in range(10)])


def test_inverse_sqrt_without_a_timescale_takes_the_warm_up() -> None:
    found = rates(lr_scheduler="inverse_sqrt", lr_warmup_steps=10)
    assert found[10:] == pytest.approx([math.sqrt(10 / s) for s in range(10, STEPS)])


def test_cosine_with_min_lr_goes_up_again_with_more_cycles() -> None:
    found = rates(lr_scheduler="cosine_with_min_lr", lr_scheduler_min_lr_ratio=0.5, lr_scheduler_num_cycles=2)
    assert found[20] == pytest.approx(0.5)
    assert found[39] == pytest.approx(0.5 + 0.5 * cosine(2 * 39 / 40))


def test_a_decay_below_one_is_a_share_of_the_run() -> None:
    found = rates(lr_scheduler="warmup_stable_decay", lr_decay_steps=0.25, lr_warmup_steps=0.1)
    assert found[4:30] == [1.0] * 26
    assert found[30:] == pytest.approx([cosine(s / 10) for s in range(10)])


def test_piecewise_constant_steps_as_told() -> None:
    rules = ["step_rules='1:10,0.5:25,0.1'"]
    found = rates(lr_scheduler="piecewise_constant", lr_scheduler_args=rules)
    assert found == [1.0] * 10 + [0.5] * 15 + [0.1] * 15
    with pytest.raises(InputError, match="its steps"):
        config.from_values({"lr_scheduler": "piecewise_constant"})


def test_polynomial_ends_relative_to_learning_rate_as_kohyas_does() -> None:
    made = config.from_values({"learning_rate": 1e-6, "unet_lr": 1e-3, "lr_scheduler": "polynomial"})
    groups = {"unet": [torch.nn.Parameter(torch.zeros(1))]}
    optimizer = make_optimizer(made, groups, torch.device("cpu"), print)
    scheduler = make_scheduler(made, optimizer, 10)
    for _ in range(10):
        optimizer.step()
        scheduler.step()
    assert scheduler.get_last_lr() == pytest.approx([1e-3 * 1e-7 / 1e-6])


def test_torchs_own_schedules_are_found_by_name_and_no_other_class_is() -> None:
    found = rates(lr_scheduler_type="CosineAnnealingLR", lr_scheduler_args=["T_max=40", "eta_min=0.1"])
    assert found == pytest.approx([0.1 + 0.9 * cosine(s / 40) for s in range(STEPS)])
    for name in ("os.system", "MultiplicativeLR", "my.module.Schedule"):
        with pytest.raises(InputError, match="CosineAnnealingLR"):
            config.from_values({"lr_scheduler_type": name})
    with pytest.raises(InputError, match="lr_warmup_steps"):
        config.from_values({"lr_scheduler_type": "StepLR", "lr_warmup_steps": 3})


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"lr_scheduler": "cosine", "lr_scheduler_args": ["T_max=3"]}, "lr_scheduler_args"),
        ({"lr_scheduler_type": "StepLR"}, "lr_scheduler_args"),
        ({"lr_scheduler": "polynomial", "learning_rate": 1e-8}, "lr_scheduler_args"),
    ],
)
def test_what_a_schedule_cannot_take_is_refused_by_name(keys: dict[str, object], field: str) -> None:
    made = config.from_values(keys)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=made.learning_rate)
    with pytest.raises(InputError, match=r"refuses|has no argument") as caught:
        make_scheduler(made, optimizer, STEPS)
    assert caught.value.field == field


def test_schedules_that_lack_something_are_refused_at_once() -> None:
    with pytest.raises(InputError, match="where it ends"):
        config.from_values({"lr_scheduler": "cosine_with_min_lr"})
    config.from_values({"lr_scheduler": "cosine_with_min_lr", "lr_scheduler_args": ["min_lr=1e-5"]})
    with pytest.raises(InputError, match="Adafactor alone"):
        config.from_values({"lr_scheduler": "adafactor"})
