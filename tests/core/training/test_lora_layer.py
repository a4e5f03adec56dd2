"""The LoRA of one layer: kohya's formula, written out plainly, against what trains."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

from bespoke_core.training.lora_layer import NO_DROPOUTS, Dropouts, LoraLayer  # noqa: E402


def layer_of(base: torch.nn.Module, rank: int, alpha: float, drops: Dropouts = NO_DROPOUTS) -> LoraLayer:
    layer = LoraLayer(base, rank, alpha, drops)
    torch.nn.init.normal_(layer.up)
    return layer


def plainly(layer: LoraLayer, x: torch.Tensor) -> torch.Tensor:
    """kohya's formula for one layer, in the order of its operations."""
    drops, base = layer.dropouts, layer.base_layer
    if drops.module and torch.rand(1) < drops.module:
        return base(x)
    if isinstance(base, torch.nn.Conv2d):
        low = functional.conv2d(x, layer.down, stride=base.stride, padding=base.padding)
    else:
        low = functional.linear(x, layer.down)
    scale = layer.alpha / layer.rank
    if drops.low:
        low = functional.dropout(low, drops.low)
    if drops.rank:
        mask = torch.rand((low.shape[0], layer.rank)) > drops.rank
        low = low * mask.view(low.shape[0], *((1,) * (low.ndim - 2)), layer.rank).movedim(
            -1, 1 if low.ndim == 4 else -1
        )
        scale = scale / (1 - drops.rank)
    if isinstance(base, torch.nn.Conv2d):
        return base(x) + functional.conv2d(low, layer.up) * scale
    return base(x) + functional.linear(low, layer.up) * scale


def outcome(layer: LoraLayer, run: Any, x: torch.Tensor) -> list[torch.Tensor]:
    """The output and the gradients of the input and of both matrices, with chance from one seed."""
    torch.manual_seed(7)
    out = run(x)
    grad = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)
    grads = torch.autograd.grad(out, (x, layer.down, layer.up), grad, allow_unused=True)
    return [out, *(g if g is not None else torch.zeros(1) for g in grads)]


def assert_same(found: list[torch.Tensor], expected: list[torch.Tensor], tolerance: float = 1e-4) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert torch.allclose(
            one, other, rtol=tolerance, atol=tolerance * (1 + float(other.detach().abs().max()))
        )


SHARES = st.sampled_from([0.0, 0.3])


@settings(max_examples=40, deadline=None)
@given(
    lead=st.lists(st.integers(1, 4), min_size=1, max_size=2),
    inputs=st.integers(1, 12),
    outputs=st.integers(1, 12),
    rank=st.integers(1, 6),
    alpha=st.floats(0.1, 8),
    bias=st.booleans(),
    drops=st.builds(Dropouts, SHARES, SHARES, SHARES),
)
def test_a_linear_layer_follows_kohyas_formula(
    lead: list[int], inputs: int, outputs: int, rank: int, alpha: float, bias: bool, drops: Dropouts
) -> None:
    torch.manual_seed(inputs)
    layer = layer_of(torch.nn.Linear(inputs, outputs, bias=bias), rank, alpha, drops)
    x = torch.randn(*lead, inputs, requires_grad=True)
    assert_same(outcome(layer, layer, x), outcome(layer, lambda x: plainly(layer, x), x))


@settings(max_examples=25, deadline=None)
@given(
    kernel=st.sampled_from([1, 3]),
    stride=st.integers(1, 2),
    inputs=st.integers(1, 8),
    outputs=st.integers(1, 8),
    drops=st.builds(Dropouts, SHARES, SHARES, SHARES),
)
def test_a_convolution_follows_kohyas_formula(
    kernel: int, stride: int, inputs: int, outputs: int, drops: Dropouts
) -> None:
    torch.manual_seed(inputs)
    base = torch.nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2)
    layer = layer_of(base, 3, 2.0, drops)
    assert layer.down.shape == (3, inputs, kernel, kernel)
    assert layer.up.shape == (outputs, 3, 1, 1)
    x = torch.randn(2, inputs, 5, 6, requires_grad=True)
    assert_same(outcome(layer, layer, x), outcome(layer, lambda x: plainly(layer, x), x))


def test_gradients_are_exact_in_double_precision() -> None:
    layer = layer_of(torch.nn.Linear(5, 4).double(), 3, 2.0)
    layer.down.data, layer.up.data = layer.down.data.double(), layer.up.data.double()
    x = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)

    def run(x: torch.Tensor, down: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        return layer(x)

    assert torch.autograd.gradcheck(run, (x, layer.down, layer.up))


def test_an_input_without_gradient_still_trains_the_matrices() -> None:
    layer = layer_of(torch.nn.Linear(5, 4), 3, 2.0)
    layer(torch.randn(2, 5)).sum().backward()
    assert layer.down.grad is not None and layer.up.grad is not None
    assert layer.base_layer.weight.grad is None and layer.base_layer.bias.grad is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_works_in_16_bits_and_keeps_32_bit_gradients(dtype: torch.dtype) -> None:
    layer = layer_of(torch.nn.Linear(16, 8).to(dtype), 4, 2.0)
    x = torch.randn(3, 16)
    with torch.autocast("cpu", dtype):
        out = layer(x)
        expected = plainly(layer, x)
    assert out.dtype == dtype
    assert torch.allclose(out.float(), expected.float(), rtol=0.05, atol=0.1)
    out.sum().backward()
    assert layer.down.grad is not None and layer.down.grad.dtype == layer.up.grad.dtype == torch.float32
    assert float(layer.up.grad.abs().max()) > 0


def test_recomputing_the_forward_pass_draws_the_same_dropout() -> None:
    torch.manual_seed(0)
    layer = layer_of(torch.nn.Linear(6, 6), 4, 2.0, Dropouts(0.3, 0.3, 0.3))
    x = torch.randn(2, 3, 6, requires_grad=True)
    for seed in (0, 3):
        results = []
        for run in (layer, lambda x: checkpoint(layer, x, use_reentrant=False)):
            torch.manual_seed(seed)
            out = run(x)
            results.append([out, *torch.autograd.grad(out.square().sum(), (x,))])
        assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_nothing_is_dropped_while_looking_at_what_was_learnt() -> None:
    layer = layer_of(torch.nn.Linear(6, 6), 4, 2.0, Dropouts(0.5, 0.5, 0.5)).eval()
    plain = LoraLayer(layer.base_layer, 4, 2.0)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(2, 3, 6)
    assert torch.allclose(layer(x), plain(x), atol=1e-6)


def test_a_layer_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="LayerNorm takes no LoRA"):
        LoraLayer(torch.nn.LayerNorm(4), 2, 1.0)
    with pytest.raises(ValueError, match="in groups"):
        LoraLayer(torch.nn.Conv2d(4, 4, 3, groups=2), 2, 1.0)
