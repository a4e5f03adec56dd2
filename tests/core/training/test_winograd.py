"""Fewer multiplications in a frozen convolution: the same numbers within rounding."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from bespoke_core.training.winograd import LEAST_CHANNELS, WinogradConvolution, fits, quicken  # noqa: E402


def convolution(inputs: int, outputs: int, *, bias: bool = True, **more: int) -> torch.nn.Conv2d:
    more = {"padding": 1, **more}
    return torch.nn.Conv2d(inputs, outputs, 3, bias=bias, **more).requires_grad_(False)


@settings(max_examples=12, deadline=None)
@given(
    batch=st.integers(1, 3),
    inputs=st.integers(1, 20),
    outputs=st.integers(1, 20),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    bias=st.booleans(),
)
def test_the_result_and_the_gradient_are_the_plain_convolutions(
    batch: int, inputs: int, outputs: int, height: int, width: int, bias: bool
) -> None:
    torch.manual_seed(batch + 10 * height)
    plain = convolution(inputs, outputs, bias=bias)
    x = torch.randn(batch, inputs, height, width, requires_grad=True)
    expected, found = plain(x), WinogradConvolution(plain)(x)
    grad = torch.randn_like(expected)
    (expected_grad,) = torch.autograd.grad(expected, x, grad)
    (found_grad,) = torch.autograd.grad(found, x, grad)
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert torch.allclose(found_grad, expected_grad, rtol=1e-5, atol=1e-5)


def test_rounding_is_that_of_the_plain_convolution_at_the_size_that_is_replaced() -> None:
    torch.manual_seed(0)
    plain, x = convolution(LEAST_CHANNELS, LEAST_CHANNELS), torch.randn(1, LEAST_CHANNELS, 8, 8)
    exact = torch.nn.functional.conv2d(x.double(), plain.weight.double(), plain.bias.double(), padding=1)
    error = float((WinogradConvolution(plain)(x) - exact).abs().max() / exact.abs().max())
    assert error < 2e-6


def test_only_large_frozen_convolutions_of_the_plain_kind_are_replaced() -> None:
    wide = LEAST_CHANNELS
    kinds = {
        "yes": convolution(wide, wide),
        "narrow": convolution(wide, 8),
        "strided": convolution(wide, wide, stride=2),
        "unpadded": convolution(wide, wide, padding=0),
        "grouped": convolution(wide, wide, groups=2),
        "in_16_bits": convolution(wide, wide).half(),
        "trained": convolution(wide, wide).requires_grad_(True),
        "point": torch.nn.Conv2d(wide, wide, 1).requires_grad_(False),
        "linear": torch.nn.Linear(4, 4).requires_grad_(False),
    }
    assert [name for name, module in kinds.items() if fits(module)] == ["yes"]
    network = torch.nn.Module()
    network.inner = torch.nn.ModuleDict(kinds)
    assert quicken(network) == 1
    assert isinstance(network.inner["yes"], WinogradConvolution)
    assert quicken(network) == 0
