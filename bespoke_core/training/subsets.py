"""Which folders are trained on and with which settings, as kohya's data sets and subsets."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..amounts import counted, first_of
from ..captions.folder import CAPTION_EXTENSIONS, PICTURE_EXTENSIONS, names_regularisation
from ..errors import InputError
from .augment import Augmentation
from .caption import CaptionSettings
from .config import TrainingConfig

_NAMED = 6  # folders that one sentence names
_REPEATS = re.compile(r"^(\d+)_(.*)$")


@dataclass(frozen=True)
class Subset:
    """One folder of pictures with its own settings.

    Attributes:
        folder: the pictures and captions.
        label: what its pictures' names begin with; empty for a plain folder that is alone.
        repeats: how often each picture comes in an epoch.
        concept: the folder's name without its number.
        is_reg: it holds regularisation pictures.
        class_tokens: the caption of pictures without a caption file; empty where that is an error.
        config: the configuration as it counts for this folder.
    """

    folder: Path
    label: str
    repeats: int
    concept: str
    is_reg: bool
    class_tokens: str
    config: TrainingConfig

    @property
    def captions(self) -> CaptionSettings:
        """How its captions are shown."""
        return CaptionSettings.of(self.config)

    @property
    def augmentation(self) -> Augmentation:
        """In which forms its pictures are shown."""
        return Augmentation.of(self.config)

    def unaugmented(self) -> Subset:
        """Return the folder with its pictures shown as they are."""
        plain = {"flip_aug": False, "rotation_aug": 0.0, "random_crop": False}
        return dataclasses.replace(self, config=self.config.model_copy(update=plain))

    @property
    def loss_weight(self) -> float:
        """What its pictures' loss is multiplied by."""
        return self.config.prior_loss_weight if self.is_reg else 1.0

    @property
    def key(self) -> list[Any]:
        """What it decides about the trained weights, beside its pictures; no paths."""
        return [
            self.loss_weight,
            dataclasses.asdict(self.captions),
            dataclasses.asdict(self.augmentation),
            [self.config.background_color.lower(), self.config.resize_interpolation, self.config.alpha_mask],
        ]


@dataclass(frozen=True)
class Dataset:
    """Folders whose pictures share batches.

    Attributes:
        config: the configuration as it counts for this data set: resolution, buckets, validation_split.
        subsets: its folders.
        batch_size: pictures in a batch; None is the run's train_batch_size.
    """

    config: TrainingConfig
    subsets: tuple[Subset, ...]
    batch_size: int | None = None


def from_folders(config: TrainingConfig) -> tuple[Dataset, list[str]]:
    """Return the data set that train_data_dir and reg_data_dir make, and what to say about it.

    Raises:
        InputError: no folder is named, or one cannot be understood.
    """
    if not config.train_data_dir:
        raise InputError(
            "no training data is named", field="train_data_dir", value="", remedy="Name the pictures' folder."
        )
    notices: list[str] = []
    subsets = list(_subsets(Path(config.train_data_dir), config, False, notices))
    if config.reg_data_dir:
        subsets += _subsets(Path(config.reg_data_dir), config, True, notices)
    return Dataset(config, tuple(subsets)), notices


def _subsets(root: Path, config: TrainingConfig, is_reg: bool, notices: list[str]) -> Iterator[Subset]:
    """Yield the folder itself, or its folders whose names give repeats; say which was understood."""
    children = [path for path in _entries(root) if path.is_dir()]
    named = [path for path in children if _REPEATS.match(path.name)]
    before = "reg/" if is_reg else ""
    if named:
        if any(path.suffix.lower() in PICTURE_EXTENSIONS for path in _entries(root)):
            raise InputError(
                f"holds pictures itself and also the folder {named[0].name}, whose name gives repeats",
                file=root,
                remedy="Put all pictures into folders with repeats, or move those folders away.",
            )
        for child in named:
            repeats, concept = _repeats_of(child)
            notices.append(f"{before}{child.name}: {counted(repeats, 'repeat')}")
            yield _subset(child, before + child.name, repeats, concept, is_reg, config)
        left_out = [path.name for path in children if path not in named and _holds_data(path)]
        if left_out:
            notices.append(f"left out, because their names give no repeats: {first_of(left_out, _NAMED)}")
        return
    _refuse_too_high(root, children, is_reg)
    beside = [path.name for path in children if _holds_data(path, PICTURE_EXTENSIONS)]
    if beside:
        notices.append(f"left out, because they are folders in {root.name}: {first_of(beside, _NAMED)}")
    match = _REPEATS.match(root.name)
    label = f"reg/{root.name}" if is_reg else ""
    # A larger number is more likely a year or a size than a wish.
    if match and repeats_of_plain(config) == 1 and 1 <= int(match[1]) <= 100:
        repeats, concept = _repeats_of(root)
        notices.append(f"the folder's name {root.name} means {counted(repeats, 'repeat')}")
        yield _subset(root, label, repeats, concept, is_reg, config)
    else:
        yield _subset(root, label, 1 if is_reg else repeats_of_plain(config), root.name, is_reg, config)


def _refuse_too_high(root: Path, children: list[Path], is_reg: bool) -> None:
    """Refuse the folder above one with kohya's folders, and say which was meant.

    Where kohya's usual folders img, reg, model and log lie in it, reg is not what is to be learnt.
    """
    if any(path.suffix.lower() in PICTURE_EXTENSIONS for path in _entries(root)):
        return
    meant = [
        child.name
        for child in children
        if (is_reg or not names_regularisation(child.name))
        and any(path.is_dir() and _REPEATS.match(path.name) for path in _entries(child))
    ]
    if meant:
        raise InputError(
            f"the folder is one level too high: {meant[0]} in it holds the folders with repeats",
            file=root,
            remedy=f"Choose {meant[0]}." if len(meant) == 1 else f"Choose one of {first_of(meant, _NAMED)}.",
        )


def _entries(folder: Path) -> list[Path]:
    """Return what a folder holds, hidden files aside; nothing where it cannot be read, as is said later."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


def _subset(
    folder: Path, label: str, repeats: int, concept: str, is_reg: bool, config: TrainingConfig
) -> Subset:
    tokens = config.class_tokens or (concept if is_reg else "")
    return Subset(folder, label, repeats, concept, is_reg, tokens, config)


def repeats_of_plain(config: TrainingConfig) -> int:
    """Return how often a picture of a folder comes whose name says nothing."""
    return config.num_repeats if config.dataset_repeats is None else config.dataset_repeats


def _holds_data(folder: Path, wanted: tuple[str, ...] = (*PICTURE_EXTENSIONS, *CAPTION_EXTENSIONS)) -> bool:
    return any(path.suffix.lower() in wanted for path in _entries(folder))


def _repeats_of(folder: Path) -> tuple[int, str]:
    match = _REPEATS.match(folder.name)
    repeats = int(match[1]) if match else 1
    if not 1 <= repeats <= 10_000:
        raise InputError(
            f"its name asks for {repeats} repeats",
            file=folder,
            remedy="Begin the name with a number from 1 to 10000 and an underscore.",
        )
    return repeats, match[2] if match else folder.name
