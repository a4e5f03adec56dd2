"""Convolutions without their empty channels: the same result, sooner.

A narrow network inside SD1.5's wide layout, as the small base model is, has mostly weights that are zero.
They are frozen during training, so nothing is lost when they are not multiplied.
"""

from __future__ import annotations

import torch

LEAST_EMPTY = 0.5
"""Share of a convolution's weights that must lie in empty channels for it to be trimmed."""


class TrimmedConvolution(torch.nn.Module):
    """A frozen convolution that reads and writes only the channels in which it has weights.

    Args:
        convolution: without groups and dilation, padded with zeros.
    """

    read: torch.Tensor
    given: torch.Tensor

    def __init__(self, convolution: torch.nn.Conv2d) -> None:
        super().__init__()
        read, given = used_channels(convolution)
        self.channels = convolution.out_channels
        self.stride, self.padding = convolution.stride, convolution.padding
        self.register_buffer("read", read.nonzero().flatten())
        self.register_buffer("given", given.nonzero().flatten())
        weight, bias = convolution.weight.detach(), convolution.bias
        self.register_buffer("weight", weight[self.given][:, self.read].contiguous())
        self.register_buffer("bias", None if bias is None else bias.detach()[self.given].contiguous())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the whole convolution returns, (B, channels, H, W)."""
        part = torch.nn.functional.conv2d(
            x.index_select(1, self.read), self.weight, self.bias, stride=self.stride, padding=self.padding
        )
        whole = part.new_zeros((part.shape[0], self.channels, *part.shape[2:]))
        return whole.index_copy(1, self.given, part)


def used_channels(convolution: torch.nn.Conv2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Return which input and which output channels have a weight (or a bias) that is not zero, bool."""
    used = convolution.weight.detach().flatten(2).any(dim=2)
    given = used.any(dim=1)
    if convolution.bias is not None:
        given = given | (convolution.bias.detach() != 0)
    return used.any(dim=0), given


def trim(network: torch.nn.Module) -> int:
    """Trim the frozen convolutions of a network in place; those under a LoRA are left alone.

    Returns:
        How many were trimmed: 0 for a checkpoint of the usual kind, which has no empty channels.
    """
    trimmed = 0
    for name, module in list(network.named_modules()):
        parent, _, leaf = name.rpartition(".")
        if not isinstance(module, torch.nn.Conv2d) or leaf == "base_layer" or ".lora_" in name:
            continue
        if module.weight.requires_grad or module.groups != 1 or module.dilation != (1, 1):
            continue
        read, given = used_channels(module)
        share = float(read.sum() * given.sum()) / (read.numel() * given.numel())
        if module.padding_mode == "zeros" and 0 < share <= 1 - LEAST_EMPTY:
            setattr(network.get_submodule(parent), leaf, TrimmedConvolution(module))
            trimmed += 1
    return trimmed
