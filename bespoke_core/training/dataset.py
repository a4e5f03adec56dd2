"""The training set: pictures with captions and repeats, and the batches of an epoch.

`reading.read_set` makes it, from a plain folder, from kohya's folders such as `10_concept`, or from a
dataset_config.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import key_of
from .buckets import Fit, Size
from .caption import CaptionSettings
from .subsets import Dataset, Subset


@dataclass(frozen=True)
class Picture:
    """One picture to train on.

    Attributes:
        name: its path relative to the training folder, with forward slashes; behind the folder's name, and
            "reg/" for a regularisation picture, where there are several folders.
        path: its file.
        caption: the caption file's first line; with wildcards all its lines; or class_tokens.
        sha256: of the picture's file.
        size: (width, height) as it is shown.
        fit: how it is brought to its bucket.
        repeats: how often it comes in an epoch.
        subset: its folder and that folder's settings.
        dataset: the number of its data set, whose pictures alone share batches with it.
    """

    name: str
    path: Path
    caption: str
    sha256: str
    size: Size
    fit: Fit
    repeats: int
    subset: Subset
    dataset: int = 0

    @property
    def concept(self) -> str:
        """The sub-folder's name without its number, or the folder's name."""
        return self.subset.concept

    @property
    def is_reg(self) -> bool:
        """Whether it is a regularisation picture."""
        return self.subset.is_reg

    @property
    def loss_weight(self) -> float:
        """What its loss is multiplied by: 1, or prior_loss_weight for a regularisation picture."""
        return self.subset.loss_weight

    @property
    def captions(self) -> CaptionSettings:
        """How its caption is shown."""
        return self.subset.captions


@dataclass(frozen=True)
class TrainingSet:
    """All pictures of a run, sorted by name.

    Attributes:
        folder: where they are, or the file that names their folders.
        pictures: what is trained on.
        notices: what a user should know about how the folder was understood.
        held_out: pictures whose loss is measured and that are never trained on.
        datasets: the data sets with their folders.
    """

    folder: Path
    pictures: tuple[Picture, ...]
    notices: tuple[str, ...]
    held_out: tuple[Picture, ...] = ()
    datasets: tuple[Dataset, ...] = ()

    @property
    def key(self) -> str:
        """A hash of all that decides what is shown; where the folders lie does not matter."""
        return key_of(
            [
                [_key(picture) for picture in self.pictures],
                [_key(picture) for picture in self.held_out],
                [dataset.batch_size for dataset in self.datasets],
            ]
        )


def _key(picture: Picture) -> list[Any]:
    fitted = [picture.fit.resized, picture.fit.bucket]
    return [
        *(picture.name, picture.sha256, picture.caption, picture.repeats),
        *(fitted, picture.dataset, picture.subset.key),
    ]


def _groups(training_set: TrainingSet, batch_size: int, ranks: int) -> Iterator[tuple[list[int], int]]:
    """Yield the indices that may share batches, repeated, and how many a batch takes."""
    found: dict[tuple[int, Size], list[int]] = {}
    for index, picture in enumerate(training_set.pictures):
        found.setdefault((picture.dataset, picture.fit.bucket), []).extend([index] * picture.repeats)
    for place in sorted(found):
        own = training_set.datasets[place[0]].batch_size if training_set.datasets else None
        yield found[place], (own or batch_size) * ranks


def count_batches(training_set: TrainingSet, batch_size: int, *, ranks: int = 1) -> int:
    """Return how many batches `epoch_batches` makes."""
    return sum(math.ceil(len(indices) / size) for indices, size in _groups(training_set, batch_size, ranks))


def epoch_batches(
    training_set: TrainingSet, batch_size: int, *, seed: int, epoch: int, ranks: int = 1
) -> list[list[int]]:
    """Return an epoch's batches of picture indices; each batch is of one bucket of one data set.

    The order within the buckets and of the batches depends on the seed and the epoch alone. The last batch of
    a bucket may be smaller; no picture is left out.

    Args:
        batch_size: of one process; a data set of a dataset_config may have its own.
        ranks: how many processes share a batch; it is so much larger.
    """
    chance = random.Random(f"order:{seed}:{epoch}")
    batches: list[list[int]] = []
    for indices, size in _groups(training_set, batch_size, ranks):
        order = list(indices)
        chance.shuffle(order)
        batches += [order[start : start + size] for start in range(0, len(order), size)]
    chance.shuffle(batches)
    return batches
