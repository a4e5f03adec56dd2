"""Reading and checking the pictures and captions of a run, before any work."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..amounts import counted
from ..captions.dataset import Item, read_training_set
from ..errors import InputError
from .buckets import Fit, Size, fit_picture
from .caption import caption_of
from .config import TrainingConfig
from .dataset import Picture, TrainingSet
from .dataset_config import read_dataset_config
from .pictures import Inspection, inspect_picture
from .set_notices import notices_of_set
from .split import balanced_repeats, hold_out
from .subsets import Dataset, Subset, from_folders

_LEAST_KEPT = 0.05  # of a picture's area after the crop
_NAMED = 5  # files that one error names


@dataclass(frozen=True)
class _Read:
    """A data set's pictures: to learn, for regularisation, and held out."""

    learnt: list[Picture]
    regularisation: list[Picture]
    held_out: list[Picture]


def read_set(config: TrainingConfig) -> TrainingSet:
    """Read and check the folders that `config` names.

    Raises:
        InputError: a folder, a picture or a caption cannot be used; nothing else has happened yet.
    """
    if config.dataset_config:
        datasets, notices = read_dataset_config(config)
        root = Path(config.dataset_config)
    else:
        dataset, notices = from_folders(config)
        datasets, root = (dataset,), Path(config.train_data_dir)
    pictures: list[Picture] = []
    held_out: list[Picture] = []
    inspected: dict[Path, Inspection] = {}
    for number, dataset in enumerate(datasets):
        read = _read(dataset, number, inspected)
        if not read.learnt:
            raise InputError(
                "leaves no picture to learn",
                file=root,
                field="validation_split" if read.held_out else None,
                remedy="Give more pictures, or lower validation_split."
                if read.held_out or not read.regularisation
                else "All are for regularisation: leave is_reg out in the folder to learn.",
            )
        pictures += read.learnt
        pictures += _balanced(read, notices)
        held_out += read.held_out
    notices += notices_of_set(config, pictures, held_out, inspected)
    by_name = [sorted(found, key=lambda picture: picture.name) for found in (pictures, held_out)]
    return TrainingSet(root, tuple(by_name[0]), tuple(notices), tuple(by_name[1]), datasets)


def _read(dataset: Dataset, number: int, inspected: dict[Path, Inspection]) -> _Read:
    """Read a data set's folders, with every picture decoded once."""
    read = _Read([], [], [])
    config = dataset.config
    for subset in dataset.subsets:
        found = _pictures(subset, dataset, number, inspected)
        if subset.is_reg:
            read.regularisation.extend(found)
            continue
        held: list[Picture] = []
        if config.validation_split:
            seed = config.seed if config.validation_seed is None else config.validation_seed
            found, held = hold_out(found, config.validation_split, seed)
        read.learnt.extend(found)
        plain = subset.unaugmented()
        read.held_out.extend(replace(picture, repeats=1, subset=plain) for picture in held)
    return read


def _pictures(
    subset: Subset, dataset: Dataset, number: int, inspected: dict[Path, Inspection]
) -> list[Picture]:
    """Return a folder's pictures, sorted by file name as kohya sorts them."""
    config = subset.config
    read = read_training_set(
        subset.folder,
        caption_extension=config.caption_extension,
        check_pictures=False,
        captions_optional=bool(subset.class_tokens),
        without_captions=_class_tokens_instead(subset, config),
    )
    items = sorted((item for item in read.items if item.image_file), key=lambda item: str(item.image_file))
    _inspect_all([item.image_path for item in items if item.image_path], inspected)
    return [_picture(item, subset, dataset, number, inspected) for item in items]


def _class_tokens_instead(subset: Subset, config: TrainingConfig) -> str:
    """Say how pictures may do without captions, as in kohya's trainer, where that is asked for."""
    place = " in its [[datasets.subsets]]" if config.dataset_config else ""
    return f'Or write class_tokens = "{subset.concept}"{place}: the caption of each without one.'


def _picture(
    item: Item, subset: Subset, dataset: Dataset, number: int, inspected: dict[Path, Inspection]
) -> Picture:
    path = item.images / (item.image_file or "")
    text = item.text if item.caption_file else None
    caption = subset.class_tokens
    if text is not None:
        caption = caption_of(text, enable_wildcard=subset.config.enable_wildcard)
    told = inspected[path]
    # The size is the data set's affair, the filter each folder's own.
    fitting = dataset.config.model_copy(update={"resize_interpolation": subset.config.resize_interpolation})
    name = f"{subset.label}/{item.image_file}" if subset.label else str(item.image_file)
    fit = fit_picture(told.size, fitting)
    _refuse_strip(path, told.size, fit)
    return Picture(
        name,
        path,
        caption,
        told.sha256,
        told.size,
        fit,
        subset.repeats,
        subset,
        number,
    )


def _refuse_strip(path: Path, size: Size, fit: Fit) -> None:
    """Refuse a picture so long that hardly anything of it is left, and that takes gigabytes to enlarge."""
    (width, height), (wide, high) = fit.resized, fit.bucket
    kept = wide * high / (width * height)
    if kept < _LEAST_KEPT:
        raise InputError(
            f"is {size[0]}x{size[1]}: at {wide}x{high} all but {kept:.2%} of it would be cropped away",
            file=path,
            remedy="Cut it into pictures, or take it out of the folder.",
        )


def _balanced(read: _Read, notices: list[str]) -> list[Picture]:
    """Return the regularisation pictures with the repeats that make them as many as those to learn."""
    wanted = sum(picture.repeats for picture in read.learnt)
    repeats = balanced_repeats([picture.repeats for picture in read.regularisation], wanted)
    unused = repeats.count(0)
    if unused:
        notices.append(
            f"{unused} of {counted(len(repeats), 'regularisation picture')} "
            f"{'is' if unused == 1 else 'are'} not used: an epoch shows as many of "
            f"them as of the pictures to learn, {wanted}."
        )
    return [
        replace(picture, repeats=count)
        for picture, count in zip(read.regularisation, repeats, strict=True)
        if count
    ]


def _inspect_all(paths: Sequence[Path], inspected: dict[Path, Inspection]) -> None:
    """Decode every picture; name the first few that cannot be."""
    broken: list[InputError] = []
    for path in paths:
        try:
            told = path.stat()
            inspected[path] = _inspect(path, told.st_size, told.st_mtime_ns)
        except OSError as error:
            broken.append(
                InputError(f"cannot be read ({error.strerror})", file=path, remedy="Put the picture back.")
            )
        except InputError as error:
            broken.append(error)
    if len(broken) == 1:
        raise broken[0]
    if broken:
        named = "; ".join(f"{Path(error.file or '').name} {error.problem}" for error in broken[:_NAMED])
        more = f"; and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
        raise InputError(
            f"{len(broken)} pictures cannot be used: {named}{more}",
            file=paths[0].parent,
            remedy=broken[0].remedy,
        )


@functools.lru_cache(maxsize=16_384)
def _inspect(path: Path, size: int, modified: int) -> Inspection:
    """Inspect a picture anew only when its file has changed."""
    return inspect_picture(path)
