"""Products of float32 matrices on the CPU, by the quicker of the two libraries that torch brings for them.

torch multiplies float32 matrices with MKL, which uses AVX-512 on Intel's processors alone: elsewhere it does
110 GFLOP/s a core where oneDNN, torch's library for convolutions, does 250 (EPYC of family 26, torch 2.13).
The results differ by rounding. torch has no setting for it, so oneDNN is called by the operator that torch's
own compiler uses; where that is missing, or the processor has no AVX-512, torch's usual way serves.
"""

from __future__ import annotations

from typing import Any

import torch


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


def _dense(matrix: torch.Tensor) -> torch.Tensor:
    """Return a matrix without gaps between its lines: with gaps oneDNN takes a thousand times as long."""
    return matrix if matrix.is_contiguous() or matrix.T.is_contiguous() else matrix.contiguous()


def _quick_product() -> Any:
    """Return oneDNN's product, or None where MKL's is as good or there is none."""
    if not torch.backends.mkldnn.is_available() or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return None
    return getattr(torch.ops.mkldnn, "_linear_pointwise", None)


_QUICK = _quick_product()
