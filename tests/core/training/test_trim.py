"""Leaving out empty channels: the same numbers, and only where there are any."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from bespoke_core.training.trim import TrimmedConvolution, trim  # noqa: E402


def narrow_in_wide(stride: int = 1) -> torch.nn.Conv2d:
    """A convolution of 16 channels of which 5 are read and 6 written, one of those by its bias alone."""
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(16, 16, 3, stride=stride, padding=1).requires_grad_(False)
    convolution.weight[:, 5:] = 0
    convolution.weight[5:] = 0
    convolution.bias[6:] = 0
    return convolution


@pytest.mark.parametrize("stride", [1, 2])
def test_the_result_and_the_gradient_are_those_of_the_whole_convolution(stride: int) -> None:
    convolution = narrow_in_wide(stride)
    trimmed = TrimmedConvolution(convolution)
    pictures = [torch.randn(2, 16, 7, 7, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    results = []
    for module, picture in zip((convolution, trimmed), pictures, strict=True):
        picture.requires_grad_(True)
        out = module(picture)
        (out**2).sum().backward()
        results.append((out.detach(), picture.grad))
    for whole, part in zip(*results, strict=True):
        assert torch.allclose(whole, part, atol=1e-5)
    assert trimmed.weight.shape == (6, 5, 3, 3)


def test_a_usual_convolution_and_one_that_is_trained_are_left_alone() -> None:
    trained = narrow_in_wide().requires_grad_(True)
    network = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3).requires_grad_(False), trained, narrow_in_wide())
    assert trim(network) == 1
    assert isinstance(network[0], torch.nn.Conv2d)
    assert network[1] is trained
    assert isinstance(network[2], TrimmedConvolution)


def test_layers_that_carry_a_lora_are_left_alone() -> None:
    class Carrier(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.base_layer = narrow_in_wide()
            self.lora_A = torch.nn.ModuleDict({"default": narrow_in_wide()})

    network = torch.nn.ModuleDict({"plain": narrow_in_wide(), "carrier": Carrier()})
    assert trim(network) == 1
    assert isinstance(network["plain"], TrimmedConvolution)
    assert isinstance(network["carrier"].base_layer, torch.nn.Conv2d)
    assert isinstance(network["carrier"].lora_A["default"], torch.nn.Conv2d)
