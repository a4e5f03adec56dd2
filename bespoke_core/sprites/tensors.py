"""Sprites from tensors, on any device, the same to the bit as from arrays.

The device only rounds the colours to 8 bits, a quarter of the bytes; the rest is computed by `downscale` on
the processor, for every device alike. That costs little: a picture of 512x512 is 0.8 MB, a tenth of a
millisecond at a usual bus's 8 GB/s, and is shrunk in about nine, half of which is the joining of shades one
by one, which no graphics card does faster. A second form of the other half would have to agree with the first
to the bit for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .downscale import downscale

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


def downscale_tensor(images: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
    """Shrink a batch of pictures (N, H, W, C) as `downscale.downscale` does, with its arguments.

    Args:
        images: uint8, or any floats with 0 to 1 for black to full, on any device; C is 3, or 4 with alpha.
        arguments: of `downscale` after the pictures.
        options: of `downscale`.

    Returns:
        The sprites on the same device: uint8 for uint8, else float32 of 0 to 1.

    Raises:
        InputError: what `downscale` raises, and for NaN.
    """
    import torch

    sprites = torch.from_numpy(downscale(to_bytes(images), *arguments, **options)).to(images.device)
    return sprites if images.dtype == torch.uint8 else sprites.to(torch.float32) / 255.0


def to_bytes(images: torch.Tensor) -> NDArray[np.uint8]:
    """Round a batch (N, H, W, C) to uint8 on its device, downwards as ComfyUI saves pictures, and fetch it.

    Values beyond 0 to 1 count as 0 and 1.

    Raises:
        InputError: there is NaN, or the values are integers other than bytes.
    """
    import torch

    if images.dtype != torch.uint8:
        if not images.is_floating_point():
            raise InputError(
                f"must be floats of 0 to 1 or uint8, not {images.dtype}",
                field="images",
                remedy="Convert the pictures.",
            )
        if bool(torch.isnan(images).any()):
            raise InputError(
                "holds NaN",
                field="images",
                remedy="The model or the autoencoder made an invalid picture: try --fp32-vae.",
            )
        # One multiplication in float32 is the same on every device.
        images = (images.detach().to(torch.float32) * 255.0).clamp(0, 255).to(torch.uint8)
    return images.detach().cpu().numpy()
