"""The training set: pictures with captions and repeats, checked before any work, and its batches.

Both a plain folder and kohya's form work: sub-folders named `10_concept`, whose pictures come ten times in an
epoch. Such a folder given by itself works too.
"""

from __future__ import annotations

import functools
import random
import re
from dataclasses import dataclass
from pathlib import Path

from ..captions.dataset import PICTURE_EXTENSIONS, read_training_set
from ..errors import InputError
from ..files import key_of, sha256_of_file
from .buckets import Fit, Size, fit_picture
from .config import TrainingConfig
from .pictures import picture_size

_REPEATS = re.compile(r"^(\d+)_(.*)$")


@dataclass(frozen=True)
class Picture:
    """One picture to train on.

    Attributes:
        name: its path relative to the training folder, with forward slashes.
        path: its file.
        caption: the caption file's first line.
        sha256: of the picture's file.
        size: (width, height) of the file.
        fit: how it is brought to its bucket.
        repeats: how often it comes in an epoch.
        concept: the sub-folder's name without its number, or the folder's name.
    """

    name: str
    path: Path
    caption: str
    sha256: str
    size: Size
    fit: Fit
    repeats: int
    concept: str


@dataclass(frozen=True)
class TrainingSet:
    """All pictures of a run, sorted by name.

    Attributes:
        folder: where they are.
        pictures: what is trained on.
        notices: what a user should know about how the folder was understood.
    """

    folder: Path
    pictures: tuple[Picture, ...]
    notices: tuple[str, ...]

    @property
    def key(self) -> str:
        """A hash of every picture's bytes, caption and repeats; the folder's place does not matter."""
        return key_of([[p.name, p.sha256, p.caption, p.repeats] for p in self.pictures])

    @property
    def buckets(self) -> dict[Size, tuple[int, ...]]:
        """The pictures' indices by bucket, each as often as it repeats, in a fixed order."""
        found: dict[Size, list[int]] = {}
        for index, picture in enumerate(self.pictures):
            found.setdefault(picture.fit.bucket, []).extend([index] * picture.repeats)
        return {size: tuple(found[size]) for size in sorted(found)}


def read_set(config: TrainingConfig) -> TrainingSet:
    """Read and check the folder that `config.train_data_dir` names.

    Raises:
        InputError: the folder, a picture or a caption cannot be used; nothing else has happened yet.
    """
    if not config.train_data_dir:
        raise InputError(
            "no training data is named", field="train_data_dir", value="", remedy="Name the pictures' folder."
        )
    root = Path(config.train_data_dir)
    parts, notices = _parts(root, config)
    pictures: list[Picture] = []
    for folder, repeats, concept in parts:
        read = read_training_set(folder, caption_extension=config.caption_extension, check_pictures=False)
        for item in read.items:
            if item.image_path is None:  # read_training_set refuses this; it is said for the type checker
                continue
            size, sha256 = _inspect(item.image_path)
            pictures.append(
                Picture(
                    item.image_path.relative_to(root).as_posix(),
                    item.image_path,
                    item.caption,
                    sha256,
                    size,
                    fit_picture(size, config),
                    repeats,
                    concept,
                )
            )
    pictures.sort(key=lambda picture: picture.name)
    return TrainingSet(root, tuple(pictures), tuple(notices))


def _parts(root: Path, config: TrainingConfig) -> tuple[list[tuple[Path, int, str]], list[str]]:
    """Return the folders to read with repeats and concept, and notices."""
    children = (
        sorted(p for p in root.iterdir() if p.is_dir() and _REPEATS.match(p.name)) if root.is_dir() else []
    )
    if children:
        if any(path.suffix.lower() in PICTURE_EXTENSIONS for path in root.iterdir()):
            raise InputError(
                f"holds pictures itself and also the folder {children[0].name}, whose name gives repeats",
                file=root,
                remedy="Put all pictures into folders with repeats, or move those folders away.",
            )
        parts = [(child, *_repeats(child)) for child in children]
        return parts, [f"{child.name}: {repeats} repeats" for child, repeats, _ in parts]
    match = _REPEATS.match(root.name)
    # A larger number is more likely a year or a size than a wish.
    if match and config.num_repeats == 1 and 1 <= int(match[1]) <= 100:
        repeats, concept = _repeats(root)
        return [(root, repeats, concept)], [f"the folder's name {root.name} means {repeats} repeats"]
    return [(root, config.num_repeats, root.name)], []


def _inspect(path: Path) -> tuple[Size, str]:
    """Return a picture's size and hash, read anew only when the file has changed."""
    told = path.stat()
    return _cached_inspect(path, told.st_size, told.st_mtime_ns)


@functools.lru_cache(maxsize=16_384)
def _cached_inspect(path: Path, size: int, modified: int) -> tuple[Size, str]:
    return picture_size(path), sha256_of_file(path)


def _repeats(folder: Path) -> tuple[int, str]:
    match = _REPEATS.match(folder.name)
    repeats = int(match[1]) if match else 1
    if not 1 <= repeats <= 10_000:
        raise InputError(
            f"its name asks for {repeats} repeats",
            file=folder,
            remedy="Begin the name with a number from 1 to 10000 and an underscore.",
        )
    return repeats, match[2] if match else folder.name


def epoch_batches(training_set: TrainingSet, batch_size: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Return an epoch's batches of picture indices; each batch is of one bucket.

    The order within the buckets and of the batches depends on the seed and the epoch alone. The last batch of
    a bucket may be smaller; no picture is left out.
    """
    chance = random.Random(f"order:{seed}:{epoch}")
    batches: list[list[int]] = []
    for indices in training_set.buckets.values():
        order = list(indices)
        chance.shuffle(order)
        batches += [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    chance.shuffle(batches)
    return batches
