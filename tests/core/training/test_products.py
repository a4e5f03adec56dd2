"""The quicker product of matrices: the same numbers, whatever the shape and the layout in memory."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch.nn import functional  # noqa: E402

from bespoke_core.training import products  # noqa: E402
from bespoke_core.training.lora_layer import LoraLayer  # noqa: E402
from bespoke_core.training.products import FrozenLinear, product, quicken_linears  # noqa: E402

SIZES = st.integers(0, 40)


@settings(max_examples=60, deadline=None)
@given(
    rows=SIZES,
    inputs=SIZES,
    outputs=SIZES,
    bias=st.booleans(),
    turned=st.tuples(st.booleans(), st.booleans()),
    part=st.booleans(),
)
def test_it_is_torchs_linear(
    rows: int, inputs: int, outputs: int, bias: bool, turned: tuple[bool, bool], part: bool
) -> None:
    torch.manual_seed(rows)
    x = torch.randn(inputs, rows).T if turned[0] else torch.randn(rows, inputs)
    if part:  # a head's part of a wider matrix
        x = torch.randn(rows, inputs + 7)[:, 3 : 3 + inputs]
    weight = torch.randn(inputs, outputs).T if turned[1] else torch.randn(outputs, inputs)
    added = torch.randn(outputs) if bias else None
    expected = functional.linear(x, weight, added)
    found = product(x, weight, added)
    assert found.shape == expected.shape and found.dtype == torch.float32
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_the_same_product_has_the_same_bits_each_time() -> None:
    x, weight = torch.randn(300, 64), torch.randn(90, 64)
    first = product(x, weight)
    assert all(torch.equal(product(x, weight), first) for _ in range(5))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types_go_torchs_usual_way(dtype: torch.dtype) -> None:
    x, weight = torch.randn(5, 7, dtype=dtype), torch.randn(3, 7, dtype=dtype)
    assert torch.equal(product(x, weight), functional.linear(x, weight))


@pytest.mark.parametrize("missing", ["AVX-512", "oneDNN"])
def test_a_processor_or_torch_without_it_goes_torchs_usual_way(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing == "AVX-512":
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    else:
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert products._quick_product() is None
    monkeypatch.setattr(products, "_QUICK", None)
    x, weight = torch.randn(5, 7), torch.randn(3, 7)
    assert torch.equal(product(x, weight), functional.linear(x, weight))


def test_the_quicker_library_never_gets_lines_with_gaps_between_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It would take a thousand times as long.
    given: list[torch.Tensor] = []

    def quick(x: torch.Tensor, weight: torch.Tensor, *_: object) -> torch.Tensor:
        given.extend((x, weight))
        return x @ weight.T

    monkeypatch.setattr(products, "_QUICK", quick)
    wide = torch.randn(30, 160)
    product(wide[:, 40:80], wide.T[80:120].T)
    product(wide.T, torch.randn(30, 9).T)
    assert len(given) == 4
    assert all(one.is_contiguous() or one.T.is_contiguous() for one in given)
    assert given[2].data_ptr() == wide.data_ptr()  # a transposed matrix is not copied


@pytest.mark.parametrize("bias", [True, False])
def test_a_frozen_layer_gives_the_linear_layers_numbers_and_the_gradient_of_its_input(bias: bool) -> None:
    torch.manual_seed(0)
    plain = torch.nn.Linear(12, 7, bias=bias).requires_grad_(False)
    x = torch.randn(2, 3, 12, requires_grad=True)
    outcomes = []
    for layer in (plain, FrozenLinear(plain)):
        out = layer(x)
        outcomes.append((out, *torch.autograd.grad(out.square().sum(), x)))
    for one, other in zip(*outcomes, strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        assert FrozenLinear(plain)(x).dtype == torch.bfloat16


def test_only_frozen_layers_in_32_bits_are_replaced_and_none_under_a_lora(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(products, "_QUICK", products._QUICK or (lambda x, w, *_: x @ w.T))
    network = torch.nn.Module()
    network.inner = torch.nn.ModuleDict(
        {
            "frozen": torch.nn.Linear(4, 4).requires_grad_(False),
            "trained": torch.nn.Linear(4, 4),
            "in_16_bits": torch.nn.Linear(4, 4).half().requires_grad_(False),
            "with_a_lora": LoraLayer(torch.nn.Linear(4, 4), 2, 1.0),
        }
    )
    weight = network.inner["frozen"].weight
    assert quicken_linears(network) == 1
    assert isinstance(network.inner["frozen"], FrozenLinear) and network.inner["frozen"].weight is weight
    assert quicken_linears(network) == 0
    monkeypatch.setattr(products, "_QUICK", None)
    assert quicken_linears(torch.nn.Sequential(torch.nn.Linear(4, 4).requires_grad_(False))) == 0
