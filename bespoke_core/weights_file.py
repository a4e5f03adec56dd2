"""What a safetensors file says of itself: names, shapes and metadata, without reading its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import InputError

PICKLED = frozenset({".ckpt", ".pt", ".pth", ".bin"})
"""Endings of formats that can run code when they are loaded; they are never opened."""


@dataclass(frozen=True)
class WeightsHeader:
    """A safetensors file's header.

    Attributes:
        shapes: each tensor's name to its shape.
        metadata: the file's own strings; empty where it has none.
    """

    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str]


def read_header(path: Path, *, remedy: str) -> WeightsHeader:
    """Read the header of a safetensors file; the library checks it against the file's length.

    Args:
        path: of the file.
        remedy: what the user is to do when it is the wrong kind of file.

    Raises:
        InputError: absent, a folder, of a format that can run code when loaded, damaged or truncated.
    """
    if path.is_dir():
        raise InputError("is a folder, not a file of weights", file=path, remedy=remedy)
    if not path.is_file():
        raise InputError("there is no such file", file=path, remedy=remedy)
    if path.suffix.lower() in PICKLED:
        raise InputError(
            "is of a format that can run code when it is loaded",
            file=path,
            remedy="Use the .safetensors form of it, or convert it with a tool that you trust.",
        )
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
            return WeightsHeader(shapes, file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"is damaged, truncated or not a safetensors file ({error})",
            file=path,
            remedy="Copy, download or train it again.",
        ) from None
