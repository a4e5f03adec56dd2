"""What a safetensors file says of itself: names, shapes and metadata, without reading its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import InputError

PICKLED = frozenset({".ckpt", ".pt", ".pth", ".bin"})
"""Endings of formats that can run code when they are loaded; they are never opened."""

_SIGNS = {
    b"<": "a web page, such as a download that asks to sign in",
    b"{": "JSON text",
    b"version https://git-lfs": "the pointer that Git LFS leaves in a file's place",
    b"gguf": "a GGUF file",
    b"pk\3\4": "a zip or .ckpt file",
}
"""How files begin that people take for weights, in lower case."""


_EXPONENTS = {
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
    "F32": ("<u4", 0x7F80_0000),
    "F64": ("<u8", 0x7FF0_0000_0000_0000),
}
"""Number formats, as whole numbers of their size, and the bits that are all set in NaN and infinity."""


@dataclass(frozen=True)
class WeightsHeader:
    """A safetensors file's header.

    Attributes:
        shapes: each tensor's name to its shape.
        metadata: the file's own strings; empty where it has none.
        dtypes: each tensor's name to its number format, such as "F16".
    """

    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str]
    dtypes: Mapping[str, str]


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
            slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118
            return WeightsHeader(
                {key: tuple(one.get_shape()) for key, one in slices.items()},
                file.metadata() or {},
                {key: one.get_dtype() for key, one in slices.items()},
            )
    except (SafetensorError, OSError) as error:
        problem = _what_it_is(path) or f"is damaged, truncated or not a safetensors file ({error})"
        raise InputError(problem, file=path, remedy="Copy, download or train it again.") from None


def not_finite(path: Path) -> str | None:
    """Return the name of a tensor that holds NaN or an infinity, None where every number is finite.

    Number formats of eight bits and whole numbers are not looked at.

    Args:
        path: of a safetensors file that `read_header` takes.
    """
    import numpy as np

    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        for name, entry in header.items():
            if name == "__metadata__" or entry["dtype"] not in _EXPONENTS:
                continue
            number, exponent = _EXPONENTS[entry["dtype"]]
            begin, end = entry["data_offsets"]
            file.seek(8 + length + begin)
            bits = np.frombuffer(file.read(end - begin), dtype=number)
            if ((bits & exponent) == exponent).any():
                return str(name)
    return None


def _what_it_is(path: Path) -> str | None:
    """Return what a file that cannot be read is, as a clause, where its beginning tells; else None."""
    try:
        with path.open("rb") as file:
            begin = file.read(512).lstrip()
    except OSError:  # the reason it could not be opened is told instead
        return None
    if not begin:
        return "is empty"
    for sign, what in _SIGNS.items():
        # A safetensors file that is cut off may begin with any letter: that of a length, with zeros after it.
        if begin.lower().startswith(sign) and (len(sign) > 1 or b"\0" not in begin[:8]):
            return f"is {what}, not a safetensors file"
    return None
