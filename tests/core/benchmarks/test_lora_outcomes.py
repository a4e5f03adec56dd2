"""Measuring a LoRA sooner must not change what is measured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).resolve().parents[3] / "benchmarks"))

from lora_outcomes import Trimmed, trim


def sparse_convolution(*, stride: int = 1, bias: bool = True) -> torch.nn.Conv2d:
    """A convolution of which some inputs and outputs have no weight; one output has a bias alone."""
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(6, 5, 3, padding=1, stride=stride, bias=bias)
    with torch.no_grad():
        conv.weight[:, [1, 4, 5]] = 0
        conv.weight[[0, 3]] = 0
        if bias:
            conv.bias[3] = 0
    return conv


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
def test_a_trimmed_convolution_returns_what_the_whole_one_does(stride: int, bias: bool) -> None:
    conv = sparse_convolution(stride=stride, bias=bias)
    trimmed = Trimmed(conv)
    x = torch.randn(2, 6, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(trimmed(x), conv(x))
    assert trimmed.weight.shape == (4 if bias else 3, 3, 3, 3)  # output 0 is kept for its bias


def test_layers_that_carry_a_lora_are_left_alone() -> None:
    class Carrier(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.base_layer = sparse_convolution()
            self.lora_A = torch.nn.ModuleDict({"default": sparse_convolution()})

    network = torch.nn.ModuleDict({"plain": sparse_convolution(), "carrier": Carrier()})
    trim(network)
    assert isinstance(network["plain"], Trimmed)
    assert isinstance(network["carrier"].base_layer, torch.nn.Conv2d)
    assert isinstance(network["carrier"].lora_A["default"], torch.nn.Conv2d)
