"""3x3 convolutions of a frozen network with 2.25 times fewer multiplications, on the CPU.

Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray 2016): each 2x2 of the output comes from a 4x4 tile
of the input through 16 products a channel pair instead of 36. The weights do not change in training, so they
are transformed once; they then take 16/9 of their memory. The result differs from the plain convolution's by
rounding of float32 alone (a few 1e-7 of its range). GPUs' libraries do the like themselves.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch.autograd.function import once_differentiable

from .products import product

LEAST_CHANNELS = 512
"""Input and output channels from which the saved multiplications are worth more than the transforms."""

_DATA = ((1.0, 0.0, -1.0, 0.0), (0.0, 1.0, 1.0, 0.0), (0.0, -1.0, 1.0, 0.0), (0.0, 1.0, 0.0, -1.0))
_WEIGHTS = ((1.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.0, 0.0, 1.0))
_RESULT = ((1.0, 1.0, 1.0, 0.0), (0.0, 1.0, -1.0, -1.0))
# A kernel turned by half a turn has the same transform with its first and last row and column exchanged.
_TURNED = (3, 1, 2, 0)


class WinogradConvolution(torch.nn.Module):
    """A frozen 3x3 convolution with stride 1 and padding 1, float32 on the CPU.

    Args:
        convolution: whose weights are taken over; see `fits`.
    """

    transformed: torch.Tensor
    bias: torch.Tensor | None

    def __init__(self, convolution: torch.nn.Conv2d) -> None:
        super().__init__()
        self.register_buffer("transformed", transform_weights(convolution.weight.detach()))
        self.register_buffer("bias", None if convolution.bias is None else convolution.bias.detach())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the convolution returns: (B, in, H, W) to (B, out, H, W)."""
        return _Winograd.apply(x, self.transformed, self.bias)


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, transformed: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        ctx.save_for_backward(transformed)
        out = convolve(x, transformed)
        return out if bias is None else out.add_(bias[:, None, None])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (transformed,) = ctx.saved_tensors
        return convolve(given, transformed.transpose(1, 2), turned=True), None, None


def transform_weights(weight: torch.Tensor) -> torch.Tensor:
    """Return a kernel (out, in, 3, 3) as 16 matrices, (16, out, in)."""
    by = torch.tensor(_WEIGHTS, dtype=weight.dtype, device=weight.device)
    return torch.einsum("ij,ocjk,lk->iloc", by, weight, by).flatten(0, 1).contiguous()


def convolve(x: torch.Tensor, transformed: torch.Tensor, *, turned: bool = False) -> torch.Tensor:
    """Return the convolution (B, out, H, W) of x (B, in, H, W) padded by 1 with transformed weights.

    Args:
        turned: use the kernel turned by half a turn, as the gradient of the input does.
    """
    batch, channels, height, width = x.shape
    down, across = -(-height // 2), -(-width // 2)
    # Channels last, so that a tile's channels are a row of a matrix.
    padding = (0, 0, 1, 1 + 2 * across - width, 1, 1 + 2 * down - height)
    padded = torch.nn.functional.pad(x.permute(0, 2, 3, 1), padding).contiguous()
    by, line, column, channel = padded.stride()
    tiles = padded.as_strided(
        (4, 4, batch, down, across, channels), (line, column, by, 2 * line, 2 * column, channel)
    )
    data, result = _matrices(x, turned)
    data = (data @ tiles.reshape(16, -1)).view(16, -1, channels)
    products = [product(rows, weight) for rows, weight in zip(data, transformed, strict=True)]
    out = result @ torch.stack(products).flatten(1)
    out = out.view(2, 2, batch, down, across, -1).permute(2, 5, 3, 0, 4, 1)
    return out.reshape(batch, -1, 2 * down, 2 * across)[..., :height, :width].contiguous()


def _matrices(like: torch.Tensor, turned: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the transforms of a whole tile, (16, 16), and of a whole result, (4, 16)."""
    data, result = like.new_tensor(_DATA), like.new_tensor(_RESULT)
    if turned:
        data, result = data[list(_TURNED)], result[:, list(_TURNED)]
    return torch.kron(data, data), torch.kron(result, result)


def fits(module: torch.nn.Module) -> bool:
    """Return whether a module is a frozen convolution that this can replace and that is large enough."""
    return (
        isinstance(module, torch.nn.Conv2d)
        and module.kernel_size == (3, 3)
        and module.stride == module.dilation == module.padding == (1, 1)
        and module.groups == 1
        and module.padding_mode == "zeros"
        and min(module.in_channels, module.out_channels) >= LEAST_CHANNELS
        and module.weight.dtype == torch.float32
        and module.weight.device.type == "cpu"
        and not module.weight.requires_grad
    )


def quicken(network: torch.nn.Module) -> int:
    """Replace the frozen convolutions of a network that fit, in place; those under a LoRA too.

    Returns:
        How many were replaced; each takes 16/9 of the memory that its weights took.
    """
    names = [name for name, module in network.named_modules() if fits(module)]
    for name in names:  # names alone are kept, so that each convolution's memory is free once it is replaced
        parent, _, leaf = name.rpartition(".")
        setattr(
            network.get_submodule(parent), leaf, WinogradConvolution(cast(Any, network.get_submodule(name)))
        )
    return len(names)
