"""Pictures as latents: encoded once and kept in memory or on disk by their content, or encoded anew."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..shown import on_one_line
from .augment import PLAIN, Look, shown_pixels
from .base_model import Encoder
from .dataset import Picture
from .errors import TrainingError
from .latent_files import LatentFiles
from .pictures import read_rgba

MOST_IN_MEMORY = 1 << 30
"""Bytes of latents that are kept in memory when they lie on disk too; beyond, each batch is read."""

Showing = tuple[int, Look]  # a picture's index and the form in which it is shown


@dataclass(frozen=True)
class Latents:
    """A picture in one form.

    Attributes:
        values: float32 (4, H / 8, W / 8) on the CPU.
        weights: float32 (H / 8, W / 8), the loss' weight of each place, or None for 1 everywhere.
    """

    values: torch.Tensor
    weights: torch.Tensor | None

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(t.numel() * 4 for t in (self.values, self.weights) if t is not None)


@dataclass(frozen=True)
class LatentBatch:
    """The pictures of a batch.

    Attributes:
        latents: float32 (B, 4, H / 8, W / 8) on the CPU.
        weights: float32 (B, 1, H / 8, W / 8), or None where no picture has alpha_mask.
    """

    latents: torch.Tensor
    weights: torch.Tensor | None


class LatentStore:
    """Gives the latents of pictures in the forms that chance asks for.

    Args:
        pictures: whose indices are asked for.
        encoder: of the base model.
        device: on which pictures are encoded.
        seed: the run's; the cached forms come from it.
        cached: every picture has some fixed forms, encoded by `fill` (or when first asked for); else each
            showing has a form of its own and is encoded then.
        files: where latents are kept for other runs, or None.
        batch_size: how many pictures are encoded at once.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        encoder: Encoder,
        *,
        device: torch.device,
        seed: int,
        cached: bool,
        files: LatentFiles | None = None,
        batch_size: int = 1,
    ) -> None:
        self.pictures = pictures
        self.cached = cached
        self._encoder, self._device, self._files, self._batch_size = encoder, device, files, batch_size
        self._kept: dict[Showing, Latents] = {}
        self._bytes = 0
        self._forms = [_forms(picture, seed) if cached else () for picture in pictures]

    def draw(self, indices: Sequence[int], chance: random.Random) -> list[Look]:
        """Return in which form each picture of a batch is shown; `chance` is used in the batch's order."""
        looks = []
        for index in indices:
            augmentation = self.pictures[index].subset.augmentation
            forms = self._forms[index]
            looks.append(augmentation.one_of(forms, chance) if self.cached else augmentation.form(chance))
        return looks

    def take(self, indices: Sequence[int], looks: Sequence[Look]) -> LatentBatch:
        """Return pictures of one bucket in the forms drawn.

        Raises:
            InputError: a picture has to be encoded and is gone, damaged or another than was planned with.
            TrainingError: the encoder gave something that is no number.
        """
        showings = list(zip(indices, looks, strict=True))
        found = {showing: self._kept[showing] for showing in showings if showing in self._kept}
        for group in self._groups([showing for showing in dict.fromkeys(showings) if showing not in found]):
            found.update(self._made(group))
        parts = [found[showing] for showing in showings]
        weights = None
        if any(part.weights is not None for part in parts):
            ones = torch.ones(parts[0].values.shape[1:])
            weights = torch.stack([ones if p.weights is None else p.weights for p in parts])[:, None]
        return LatentBatch(torch.stack([part.values for part in parts]), weights)

    def plain(self, indices: Sequence[int]) -> LatentBatch:
        """Return pictures as they are, neither mirrored nor turned."""
        return self.take(indices, [PLAIN] * len(indices))

    def fill(self, progress: Callable[[int], None]) -> None:
        """Encode every form of every picture that is neither in memory nor on disk.

        The groups that are encoded together do not depend on what is there already, so that a run which was
        interrupted here gives the same numbers.

        Args:
            progress: told how many forms are done; may raise to stop.

        Raises:
            TrainingError: a file cannot be written.
        """
        showings = self.showings()
        done = 0
        for group in self._groups(showings):
            if any(showing not in self._kept for showing in group):
                self._made(group)
            done += len(group)
            progress(done)

    def showings(self) -> list[Showing]:
        """Return every form of every picture that is cached, in a fixed order."""
        return [(index, look) for index, forms in enumerate(self._forms) for look in forms]

    def adopt(self, made: Mapping[Showing, Latents]) -> None:
        """Keep latents that another process of the same run has encoded."""
        for showing, latents in made.items():
            self._keep(showing, latents)

    def kept(self) -> dict[Showing, Latents]:
        """Return the latents in memory."""
        return dict(self._kept)

    def _groups(self, showings: Iterable[Showing]) -> Iterator[list[Showing]]:
        by_bucket: dict[tuple[int, int], list[Showing]] = {}
        for showing in showings:
            by_bucket.setdefault(self.pictures[showing[0]].fit.bucket, []).append(showing)
        for group in by_bucket.values():
            for start in range(0, len(group), self._batch_size):
                yield group[start : start + self._batch_size]

    def _made(self, group: list[Showing]) -> dict[Showing, Latents]:
        """Return a group's latents from disk, or encode the whole group and keep it."""
        stored = {showing: self._read(showing) for showing in group}
        made = {showing: latents for showing, latents in stored.items() if latents is not None}
        if len(made) < len(group):
            encoded = self._encode(group)
            for showing in group:
                if showing not in made:
                    made[showing] = encoded[showing]
                    self._write(showing, encoded[showing])
        if self.cached:
            for showing, latents in made.items():
                self._keep(showing, latents)
        return made

    def _keep(self, showing: Showing, latents: Latents) -> None:
        if showing not in self._kept and (
            self._files is None or self._bytes + latents.size <= MOST_IN_MEMORY
        ):
            self._kept[showing] = latents
            self._bytes += latents.size

    @torch.no_grad()
    def _encode(self, group: list[Showing]) -> dict[Showing, Latents]:
        shown = [_pixels(self.pictures[index], look) for index, look in group]
        pixels = torch.stack([torch.from_numpy(array) for array, _ in shown]).permute(0, 3, 1, 2)
        self._encoder.to(self._device)
        latents = self._encoder((pixels.float() / 127.5 - 1.0).to(self._device)).float().cpu()
        found = {}
        for (index, look), values, (_, opaque) in zip(group, latents.unbind(), shown, strict=True):
            picture = self.pictures[index]
            if not torch.isfinite(values).all():
                raise TrainingError(
                    "The base model's autoencoder gives values that are no numbers for "
                    f"{on_one_line(picture.name)}. Use another base model or VAE, or take the picture out."
                )
            weights = torch.from_numpy(opaque) if picture.subset.config.alpha_mask else None
            found[(index, look)] = Latents(values.clone(), weights)
        return found

    def _read(self, showing: Showing) -> Latents | None:
        if self._files is None or not self.cached:
            return None
        picture = self.pictures[showing[0]]
        stored = self._files.read(picture, showing[1])
        return None if stored is None else Latents(*stored)

    def _write(self, showing: Showing, latents: Latents) -> None:
        if self._files is None or not self.cached:
            return
        try:
            self._files.write(self.pictures[showing[0]], showing[1], latents.values, latents.weights)
        except OSError as error:
            raise TrainingError(
                f"The latents of {on_one_line(self.pictures[showing[0]].name)} could not be written into "
                f"{self._files.folder}: {error.strerror or error}. Make room or mend the disk, then resume; "
                "or leave cache_latents_to_disk out."
            ) from error


def _forms(picture: Picture, seed: int) -> tuple[Look, ...]:
    """Return the forms of a picture that are cached; where nothing is cropped off, all crops are one."""
    forms = picture.subset.augmentation.variants(seed, picture.sha256)
    if picture.fit.resized == picture.fit.bucket:
        forms = tuple(dict.fromkeys(Look(look.flip, look.angle) for look in forms))
    return forms


def _pixels(picture: Picture, look: Look) -> tuple[np.ndarray, np.ndarray]:
    config = picture.subset.config
    return shown_pixels(
        read_rgba(picture.path, sha256=picture.sha256),
        picture.fit,
        look,
        background=config.background_color,
        interpolation=config.resize_interpolation,
    )
