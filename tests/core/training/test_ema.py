from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bespoke_core.training import config
from bespoke_core.training.ema import Ema, make_ema, weights_to_keep


class Weights:
    def __init__(self, value: float = 0.0) -> None:
        self.value = torch.full((2,), value)

    def tensors(self) -> dict[str, torch.Tensor]:
        return {"a": self.value}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        self.value.copy_(tensors["a"])


def test_the_average_follows_its_formula() -> None:
    network, expected = Weights(), 0.0
    ema = Ema(network, 0.5)
    for n in range(1, 20):
        network.value.fill_(float(n))
        ema.update()
        decay = min(0.5, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * n
        assert float(ema.tensors()["a"][0]) == pytest.approx(expected, rel=1e-5)


def test_an_interval_averages_every_so_many_steps() -> None:
    network = Weights()
    ema = Ema(network, 0.9, interval=3)
    network.value.fill_(1.0)
    ema.update()
    ema.update()
    assert not ema.tensors()["a"].any()
    ema.update()
    assert float(ema.tensors()["a"][0]) == pytest.approx(1 - 2 / 11)
    assert ema.updates == 3


def test_swapping_gives_the_very_bits_back_even_after_an_error() -> None:
    network = Weights()
    ema = Ema(network, 0.9)
    network.value.fill_(0.1)
    ema.update()
    with pytest.raises(KeyError), ema.swapped():
        assert torch.equal(network.value, ema.tensors()["a"])
        raise KeyError
    assert torch.equal(network.value, torch.full((2,), 0.1))


def test_an_average_goes_on_from_its_state_to_the_same_bits() -> None:
    network = Weights()
    straight, half = Ema(network, 0.9), Ema(network, 0.9)
    for n in range(10):
        network.value.fill_(n / 7)
        straight.update()
        if n < 5:
            half.update()
    again = Ema(Weights(3.0), 0.9)
    again.load(half.tensors())
    again.updates = half.updates
    again._network = network
    for n in range(5, 10):
        network.value.fill_(n / 7)
        again.update()
    assert torch.equal(again.tensors()["a"], straight.tensors()["a"])


def test_no_average_is_kept_unless_asked_for() -> None:
    assert make_ema(config.from_values({}), Weights()) is None
    assert make_ema(config.from_values({"ema_decay": 0.0}), Weights()) is None
    assert isinstance(make_ema(config.from_values({"ema_decay": 0.99}), Weights()), Ema)


def test_files_get_a_schedule_free_optimizers_evaluation_weights() -> None:
    network = Weights(1.0)

    class ScheduleFree:
        param_groups = ({"train_mode": True},)

        def eval(self) -> None:
            network.value.fill_(5.0)

        def train(self) -> None:
            network.value.fill_(1.0000001)  # going there and back rounds

    session: Any = SimpleNamespace(ema=None, network=network, optimizer=ScheduleFree())
    with weights_to_keep(session):
        assert float(network.value[0]) == 5.0
    assert torch.equal(network.value, torch.ones(2))


def test_files_get_the_trained_weights_otherwise() -> None:
    network = Weights(1.0)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    session: Any = SimpleNamespace(ema=None, network=network, optimizer=optimizer)
    with weights_to_keep(session):
        assert float(network.value[0]) == 1.0
    session.ema = Ema(Weights(2.0), 0.9)
    session.ema._network = network
    with weights_to_keep(session):
        assert float(network.value[0]) == 2.0
    assert float(network.value[0]) == 1.0
