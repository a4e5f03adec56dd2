"""Products of float32 matrices on the CPU, by the quicker of the two libraries that torch brings for them.

torch multiplies float32 matrices with MKL, which uses AVX-512 on Intel's processors alone: elsewhere it does
110 GFLOP/s a core where oneDNN, torch's library for convolutions, does 250 (EPYC of family 26, torch 2.13).
The results differ by rounding. torch has no setting for it, so oneDNN is called by the operator that torch's
own compiler uses; where that is missing, or the processor has no AVX-512, torch's usual way serves.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable


def product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Return x W^T + b, as `torch.nn.functional.linear` does; no gradient goes through it.

    Args:
        x: (rows, in). A part of a wider matrix is copied, a transposed matrix is not.
        weight: (out, in), likewise.
        bias: (out,) or None.
    """
    plain = _QUICK is None or x.dtype != torch.float32 or x.device.type != "cpu"
    if plain or not x.numel() or not weight.numel():
        return torch.nn.functional.linear(x, weight, bias)
    return _QUICK(_dense(x), _dense(weight), bias, "none", [], "")


class FrozenLinear(torch.nn.Module):
    """A linear layer whose weights are not trained.

    Args:
        linear: whose weights it shares.
    """

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the linear layer returns: (..., in) to (..., out)."""
        if torch.is_autocast_enabled(x.device.type) or x.dtype != self.weight.dtype:
            return torch.nn.functional.linear(x, self.weight, self.bias)
        return _Frozen.apply(x, self.weight, self.bias)


class _Frozen(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(weight)
        return product(x.flatten(0, -2), weight, bias).view(*x.shape[:-1], len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        return product(given.flatten(0, -2), weight.T).view(*given.shape[:-1], weight.shape[1]), None, None


def quicken_linears(network: torch.nn.Module) -> int:
    """Let frozen float32 linear layers on the CPU use `product`, in place, where that is quicker.

    Those under a LoRA are left alone: it multiplies for them.

    Returns:
        How many were replaced; they take no memory of their own.
    """
    if _QUICK is None:
        return 0
    names = [name for name, module in network.named_modules() if _is_frozen_linear(name, module)]
    for name in names:
        parent, _, leaf = name.rpartition(".")
        linear: Any = network.get_submodule(name)
        setattr(network.get_submodule(parent), leaf, FrozenLinear(linear))
    return len(names)


def _is_frozen_linear(name: str, module: torch.nn.Module) -> bool:
    return (
        type(module) is torch.nn.Linear
        and name.rpartition(".")[2] != "base_layer"
        and not module.weight.requires_grad
        and module.weight.dtype == torch.float32
        and module.weight.device.type == "cpu"
    )


def _dense(matrix: torch.Tensor) -> torch.Tensor:
    """Return a matrix without gaps between its lines: with gaps oneDNN takes a thousand times as long."""
    return matrix if matrix.is_contiguous() or matrix.T.is_contiguous() else matrix.contiguous()


def _quick_product() -> Any:
    """Return oneDNN's product, or None where MKL's is as good or there is none."""
    if not torch.backends.mkldnn.is_available() or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return None
    return getattr(torch.ops.mkldnn, "_linear_pointwise", None)


_QUICK = _quick_product()
