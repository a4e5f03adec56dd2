"""Latents on disk: a file's name is the hash of all that decides its content, so a stale one is never read.

Several runs may write into one folder at once: each file is put in its place whole, and two of one name hold
the same.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from ..files import key_of, whole_file
from .augment import Look
from .dataset import Picture

_FORM = "2"  # of the files; another one is not read


class LatentFiles:
    """A folder of latents.

    Args:
        folder: made when first written to.
        base_sha256: of the base model's file, whose autoencoder makes them.
    """

    def __init__(self, folder: Path, base_sha256: str) -> None:
        self.folder = folder
        self._base = base_sha256

    def path(self, picture: Picture, look: Look) -> Path:
        """Return the file of a picture in one form."""
        config = picture.subset.config
        shown = [config.background_color.lower(), config.resize_interpolation, config.alpha_mask]
        form = [look.flip, look.angle, look.at]
        fitted = [picture.fit.resized, picture.fit.bucket]
        return (
            self.folder
            / f"{key_of([picture.sha256, fitted, shown, form, self._base, _FORM])[:40]}.safetensors"
        )

    def read(self, picture: Picture, look: Look) -> tuple[torch.Tensor, torch.Tensor | None] | None:
        """Return (latents, weights or None), or None where there is no file or it is damaged."""
        from safetensors import SafetensorError, safe_open

        path = self.path(picture, look)
        try:
            with safe_open(path, framework="pt") as source:
                found = {name: source.get_tensor(name) for name in source.keys()}  # noqa: SIM118 (no mapping)
                told = (source.metadata() or {}).get("sha256")
        except (OSError, SafetensorError):
            return None
        if told != _digest(found) or "latents" not in found:
            return None
        return found["latents"], found.get("weights")

    def write(
        self, picture: Picture, look: Look, latents: torch.Tensor, weights: torch.Tensor | None
    ) -> None:
        """Write a file with a checksum of its tensors, whole or not at all.

        Raises:
            OSError: the disk is full, or the folder cannot be written.
        """
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        tensors = {"latents": latents.contiguous()}
        if weights is not None:
            tensors["weights"] = weights.contiguous()
        with whole_file(self.path(picture, look)) as temporary:
            try:
                save_file(tensors, temporary, metadata={"sha256": _digest(tensors)})
            except SafetensorError as error:  # its word for a full disk
                raise OSError(str(error)) from error


def _digest(tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name}:{tuple(tensors[name].shape)}:{tensors[name].dtype}:".encode())
        digest.update(tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()
