"""Pictures as latents: encoded once, kept in memory, and on disk under their content's name if asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from ..files import key_of, whole_file
from .base_model import Encoder
from .config import TrainingConfig
from .dataset import Picture
from .pictures import fit, read_picture


def encode_pictures(
    pictures: Sequence[Picture], encoder: Encoder, config: TrainingConfig, device: torch.device
) -> list[torch.Tensor]:
    """Return each picture's latents (4, H/8, W/8), float32 on the CPU; all must share one bucket."""
    pixels = [fit(read_picture(p.path, config.background_color), p.fit) for p in pictures]
    batch = torch.stack([torch.from_numpy(array) for array in pixels]).permute(0, 3, 1, 2)
    latents = encoder((batch.float() / 127.5 - 1.0).to(device)).float().cpu()
    return list(latents.unbind())


def cache_latents(
    pictures: Sequence[Picture],
    encoder: Encoder,
    config: TrainingConfig,
    *,
    device: torch.device,
    folder: Path | None,
    base_sha256: str,
    progress: Callable[[int], None],
) -> list[torch.Tensor]:
    """Return the latents of all pictures, in order.

    Args:
        folder: where latents are kept for other runs, or None; a file's name is the hash of all that decides
            its content (picture, size, background, base model), so that a stale one is never read.
        base_sha256: the base model's hash.
        progress: told how many pictures are done.
    """
    found: dict[int, torch.Tensor] = {}
    paths = [_cache_path(folder, p, config, base_sha256) if folder else None for p in pictures]
    for index, path in enumerate(paths):
        stored = _read(path)
        if stored is not None:
            found[index] = stored
    missing = [index for index in range(len(pictures)) if index not in found]
    progress(len(found))
    for group in _groups(missing, pictures, config.vae_batch_size):
        encoded = encode_pictures([pictures[i] for i in group], encoder, config, device)
        for index, latents in zip(group, encoded, strict=True):
            found[index] = latents
            _write(paths[index], latents)
        progress(len(found))
    return [found[index] for index in range(len(pictures))]


def _groups(indices: Sequence[int], pictures: Sequence[Picture], size: int) -> Iterator[list[int]]:
    by_bucket: dict[tuple[int, int], list[int]] = {}
    for index in indices:
        by_bucket.setdefault(pictures[index].fit.bucket, []).append(index)
    for group in by_bucket.values():
        for start in range(0, len(group), size):
            yield group[start : start + size]


def _cache_path(folder: Path, picture: Picture, config: TrainingConfig, base_sha256: str) -> Path:
    fitted = [picture.fit.resized, picture.fit.bucket]
    key = key_of([picture.sha256, fitted, config.background_color.lower(), base_sha256, "v1"])
    return folder / f"{key[:40]}.safetensors"


def _read(path: Path | None) -> torch.Tensor | None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path is None or not path.is_file():
        return None
    try:
        return load_file(path)["latents"]
    except (SafetensorError, KeyError):
        return None  # a damaged cache file is made again


def _write(path: Path | None, latents: torch.Tensor) -> None:
    from safetensors.torch import save_file

    if path is not None:
        with whole_file(path) as temporary:
            save_file({"latents": latents.contiguous()}, temporary)
