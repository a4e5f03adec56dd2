"""One layer's LoRA, as kohya defines it: what it adds, its dropouts, and how it is added fast.

A frozen layer's output y gets up(drop(down(x))) * alpha / rank added. Unlike peft, which drops the layer's
input, kohya drops what lies between the two matrices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

from .products import product


@dataclass(frozen=True)
class Dropouts:
    """What is left out at random during training; 0 is nothing, 1 would be everything.

    Attributes:
        low: share of the numbers between the two matrices that is set to 0, the rest divided by (1 - low).
        rank: share of the ranks that is left out for a whole sample, the effect divided by (1 - rank).
        module: chance that the layer's whole LoRA is left out for a batch; nothing makes up for it.
    """

    low: float = 0.0
    rank: float = 0.0
    module: float = 0.0

    @property
    def any(self) -> bool:
        """Whether anything is left out at all."""
        return bool(self.low or self.rank or self.module)


NO_DROPOUTS = Dropouts()


class LoraLayer(torch.nn.Module):
    """A frozen linear layer or convolution with the LoRA that is trained on it.

    The two matrices are float32 whatever the base's type. They are used in autocast's type where that is on,
    else in the input's.

    Args:
        base_layer: `torch.nn.Linear`, or `torch.nn.Conv2d` without groups.
        rank: numbers between the two matrices, 1 or more.
        alpha: the LoRA's effect is scaled by alpha / rank.
        dropouts: applied while `training` is on, with chance from torch's global generator.

    Attributes:
        down: (rank, in) or (rank, in, height, width of the kernel), starts kaiming-uniform with a = sqrt(5).
        up: (out, rank) or (out, rank, 1, 1), starts at zero.
    """

    def __init__(
        self, base_layer: torch.nn.Module, rank: int, alpha: float, dropouts: Dropouts = NO_DROPOUTS
    ) -> None:
        super().__init__()
        self.base_layer = base_layer.requires_grad_(False)
        self.rank, self.alpha, self.dropouts = rank, alpha, dropouts
        if isinstance(base_layer, torch.nn.Conv2d):
            if base_layer.groups != 1 or isinstance(base_layer.padding, str):
                raise ValueError("a convolution in groups or with padding by name takes no LoRA")
            inputs: tuple[int, ...] = (base_layer.in_channels, *base_layer.kernel_size)
            outputs = base_layer.out_channels
            self.place: dict[str, Any] = {
                "stride": base_layer.stride,
                "padding": base_layer.padding,
                "dilation": base_layer.dilation,
            }
        elif isinstance(base_layer, torch.nn.Linear):
            inputs, outputs = (base_layer.in_features,), base_layer.out_features
            self.place = {}
        else:
            raise TypeError(f"{type(base_layer).__name__} takes no LoRA")
        device, tail = base_layer.weight.device, (1, 1) if self.place else ()
        self.down = torch.nn.Parameter(torch.empty(rank, *inputs, dtype=torch.float32, device=device))
        self.up = torch.nn.Parameter(torch.zeros(outputs, rank, *tail, dtype=torch.float32, device=device))
        torch.nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    @property
    def scale(self) -> float:
        """What the LoRA's effect is multiplied by."""
        return self.alpha / self.rank

    @property
    def weight(self) -> torch.Tensor:
        """The frozen layer's weight: some models look at their layers' type and device."""
        return self.base_layer.weight

    @property
    def bias(self) -> torch.Tensor | None:
        """The frozen layer's bias."""
        return self.base_layer.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output with the LoRA's effect."""
        drops = self.training and self.dropouts.any
        if drops and self.dropouts.module and torch.rand(1).item() < self.dropouts.module:
            return self.base_layer(x)
        dtype = _type_of_work(x)
        down, up = self.down.to(dtype), self.up.to(dtype)
        if not self.place and not drops and type(self.base_layer) is torch.nn.Linear:
            weight, bias = self.base_layer.weight.to(dtype), self.base_layer.bias
            bias = None if bias is None else bias.to(dtype)
            return _AddedToLinear.apply(x.to(dtype), weight, bias, down, up, self.scale)
        base, x = self.base_layer(x), x.to(dtype)
        low = functional.conv2d(x, down, **self.place) if self.place else functional.linear(x, down)
        scale = self.scale
        if drops:
            low, scale = self._dropped(low)
        up = up * scale
        return (functional.conv2d(low, up) if self.place else functional.linear(low, up)).add_(base)

    def _dropped(self, low: torch.Tensor) -> tuple[torch.Tensor, float]:
        """Return what is left between the matrices, and the scale that makes up for left-out ranks."""
        low = functional.dropout(low, self.dropouts.low) if self.dropouts.low else low
        if not self.dropouts.rank:
            return low, self.scale
        kept = torch.rand((low.shape[0], self.rank), device=low.device) > self.dropouts.rank
        if self.place:
            kept = kept[:, :, None, None]
        elif low.ndim == 3:
            kept = kept[:, None]
        return low * kept, self.scale / (1 - self.dropouts.rank)


def _type_of_work(x: torch.Tensor) -> torch.dtype:
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


class _AddedToLinear(torch.autograd.Function):
    """x W^T + b + s (x D^T) U^T with each sum made in place, and no gradient for W and b.

    Autograd alone would make the input's gradient as two whole tensors and add them.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        """Return (..., out) from x (..., in), the frozen layer's weight and bias, and the LoRA."""
        rows = x.reshape(-1, x.shape[-1])
        low = product(rows, down)
        out = product(rows, weight, bias).addmm_(low, up.T, alpha=scale)
        ctx.save_for_backward(rows, low, weight, down, up)
        ctx.scale, ctx.shape = scale, x.shape
        return out.view(*x.shape[:-1], out.shape[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of x, down and up."""
        rows, low, weight, down, up = ctx.saved_tensors
        given = given.reshape(-1, given.shape[-1])
        low_given = product(given, up.T).mul_(ctx.scale)
        x_given = None
        if ctx.needs_input_grad[0]:
            x_given = product(given, weight.T).addmm_(low_given, down).view(ctx.shape)
        # The few ranks stand in front in both: oneDNN is quicker so.
        down_given, up_given = product(low_given.T, rows.T), product(low.T, given.T).mul_(ctx.scale).T
        return x_given, None, None, down_given, up_given, None
