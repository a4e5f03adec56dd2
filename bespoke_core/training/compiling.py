"""The UNet compiled by torch: fewer and larger kernels, after a first step that takes a minute or more."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import replace

import torch

from ..errors import InputError
from .base_model import BaseModel
from .config import TrainingConfig

_COMPILERS = ("g++", "c++", "clang++", "cl")


def compiles(config: TrainingConfig) -> bool:
    """Return whether the configuration asks for a compiled UNet."""
    return config.torch_compile and config.dynamo_backend != "no"


def check_compiler(config: TrainingConfig, device: torch.device) -> None:
    """Refuse to compile where what torch compiles with is not installed.

    Raises:
        InputError: inductor lacks a C++ compiler (on a CPU) or triton (on a GPU).
    """
    if not compiles(config) or config.dynamo_backend != "inductor":
        return
    missing = ""
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        missing = "the Python package triton (triton-windows on Windows)"
    elif device.type == "cpu" and not any(
        shutil.which(one) for one in (os.environ.get("CXX"), *_COMPILERS) if one
    ):
        missing = "a C++ compiler"
    if missing:
        raise InputError(
            f"needs {missing}, which is not found",
            field="torch_compile",
            value=True,
            remedy="Install it, or set torch_compile = false: the result is the same.",
        )


def with_compiled_unet(base: BaseModel, config: TrainingConfig) -> BaseModel:
    """Return `base` with its UNet compiled, if the configuration asks for it.

    The plain network stays reachable as `unet._orig_mod`, with the same weights: pictures of other sizes are
    drawn with that, for each new shape compiles anew.
    """
    if not compiles(config):
        return base
    return replace(base, unet=torch.compile(base.unet, backend=config.dynamo_backend))
