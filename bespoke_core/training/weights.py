"""A file's weights given to a model, and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ..errors import InputError


def assign(path: Path, model: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Give a model without values those of its file.

    Raises:
        InputError: a weight is missing, of another shape, or not one of the model's.
    """
    try:
        model.load_state_dict(weights, strict=True, assign=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"its weights do not form an SD1.5 model ({reason})",
            file=path,
            remedy="Choose another checkpoint, or copy it again.",
        ) from None


def frozen(path: Path, model: torch.nn.Module, dtype: torch.dtype) -> Any:
    """Return the model as `dtype`, for looking only.

    Raises:
        InputError: a weight is not a number, as after a merge that went wrong.
    """
    # Not `model.to`: diffusers' own warns about layers to keep in 32 bits, of which there are none.
    frozen = torch.nn.Module.to(model.requires_grad_(False).eval(), dtype)
    for name, value in frozen.named_parameters():
        if not value.sum(dtype=torch.float32).isfinite():  # one pass, and no copy of the weight
            raise InputError(
                f"holds a weight that is not a number ({name})",
                file=path,
                remedy="Choose another checkpoint, or make this one anew: nothing can be learnt from it.",
            )
    return frozen
