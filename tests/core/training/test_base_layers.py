"""What a run will train, told from the base file's header, is what it trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bespoke_core.training.base_layers import base_layers, count_parameters, trained_layers
from bespoke_core.training.base_model import load_base
from bespoke_core.training.config import from_values
from bespoke_core.training.layout import read_layout, read_shapes
from bespoke_core.training.network import add_lora
from bespoke_core.training.network_form import form_of

BLOCKS = "block_dims=" + ",".join(str(number % 3) for number in range(25))


@pytest.mark.parametrize(
    "keys",
    [
        {"network_dim": 8},
        {"network_dim": 8, "network_train_unet_only": True},
        {"network_dim": 8, "unet_lr": 0.0},
        {"network_dim": 4, "network_args": ["conv_dim=2"]},
        {"network_dim": 4, "network_args": [BLOCKS]},
    ],
)
def test_the_layers_told_beforehand_are_those_trained(tiny_base: Path, keys: dict[str, Any]) -> None:
    _compare(tiny_base, keys)


def test_the_layers_of_a_base_with_more_levels_are_told_too(nano_base: Path) -> None:
    _compare(nano_base, {"network_dim": 2, "network_args": ["conv_dim=3"]})


def _compare(base: Path, keys: dict[str, Any]) -> None:
    config = from_values({"learning_rate": 1.0, **keys})
    network = add_lora(load_base(base), config)
    layers = base_layers(read_shapes(base), read_layout(base))
    told = trained_layers(layers, form_of(config), config)
    shapes = {
        name: (tuple(layer.down.shape), tuple(layer.up.shape)[:2]) for name, layer in network.pairs.items()
    }
    kernels = {
        name: ((layer.kernel,) * 2 if len(shapes[name][0]) == 4 else ()) for name, (layer, _) in told.items()
    }
    assert {
        name: ((rank, layer.inputs, *kernels[name]), (layer.outputs, rank))
        for name, (layer, rank) in told.items()
    } == shapes
    assert count_parameters(told) == sum(parameter.numel() for parameter in network.parameters())
