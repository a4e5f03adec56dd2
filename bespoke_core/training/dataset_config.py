"""kohya's dataset_config: a TOML (or JSON) file with [general], [[datasets]] and [[datasets.subsets]].

A key is looked for in the subset, then in its data set, in [general], and in the training configuration. The
keys are those of sd-scripts' library/config_util.py; unlike there, each is checked against the same ranges as
in the training configuration.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from ..errors import InputError
from ..files import read_text
from ..paths import home
from .config import TrainingConfig, with_values
from .subsets import Dataset, Subset, repeats_of_plain
from .toml_form import parse

_CAPTIONS = (
    *("shuffle_caption", "keep_tokens", "keep_tokens_separator", "secondary_separator", "caption_separator"),
    *("enable_wildcard", "token_warmup_min", "token_warmup_step", "caption_prefix", "caption_suffix"),
    *("caption_dropout_every_n_epochs", "caption_dropout_rate", "caption_tag_dropout_rate"),
    *("caption_extension", "class_tokens"),
)
_PICTURES = (
    *("num_repeats", "flip_aug", "random_crop", "resize_interpolation"),
    # kohya has none of these three.
    *("rotation_aug", "augmentation_variants", "background_color"),
)
_BUCKETS = (
    *("batch_size", "resolution", "enable_bucket", "min_bucket_reso", "max_bucket_reso", "bucket_reso_steps"),
    *("bucket_no_upscale", "validation_split", "validation_seed"),
)
_NO_EFFECT = ("cache_info", "network_multiplier", "custom_attributes")
_OWN = ("image_dir", "is_reg", "alpha_mask")
_REFUSED = {
    "color_aug": "it changes the art's palette; leave it out",
    "face_crop_aug_range": "it crops around faces that sprites do not name; leave it out, or use random_crop",
    "metadata_file": "captions are text files beside the pictures; write them there",
    "conditioning_data_dir": "masks from pictures are not supported; alpha_mask uses the alpha channel",
}
_SUBSET = (*_CAPTIONS, *_PICTURES, *_NO_EFFECT, *_OWN)
_DATASET = (*_CAPTIONS, *_PICTURES, *_BUCKETS, *_NO_EFFECT)
_CONFIG_NAMES = {"batch_size": "train_batch_size"}
Table = Mapping[str, Any]
Layer = tuple[Table, str]  # a section and its name


def read_dataset_config(config: TrainingConfig) -> tuple[tuple[Dataset, ...], list[str]]:
    """Read the file that `config.dataset_config` names; return its data sets and what to say about them.

    Raises:
        InputError: not such a file, an unknown key (the nearest known one is named), a value out of range, a
            folder that is named twice in a data set, or no folder at all.
    """
    path = Path(config.dataset_config)
    document = _document(path)
    general = document.get("general", {})
    notices = []
    ignored = [key for key in ("train_data_dir", "reg_data_dir") if getattr(config, key)]
    if ignored:
        notices.append(
            f"dataset_config is given, so {' and '.join(ignored)} is ignored, as in kohya's trainer."
        )
    without = {key for table, _ in _tables(document) for key in table if key in _NO_EFFECT}
    notices += [f"{key} in dataset_config has no effect." for key in sorted(without)]
    datasets = []
    labels: set[str] = set()
    for number, table in enumerate(document["datasets"]):
        layers = [(general, "general"), (table, f"datasets[{number}]")]
        own = _with(config, layers, path)
        subsets = tuple(_subsets(config, layers, path, labels))
        size = table.get("batch_size", general.get("batch_size"))
        datasets.append(Dataset(own, subsets, None if size is None else own.train_batch_size))
    return tuple(datasets), notices


def paths_in(file: str | os.PathLike[str]) -> list[str]:
    """Return the folders that a dataset_config names, absolute.

    Raises:
        InputError: not such a file.
    """
    path = Path(file)
    tables = (subset for table in _document(path)["datasets"] for subset in table["subsets"])
    return [str(_folder(subset["image_dir"], path)) for subset in tables]


def _subsets(config: TrainingConfig, above: list[Layer], path: Path, labels: set[str]) -> Iterator[Subset]:
    dataset, name = above[-1]
    seen: set[Path] = set()
    for number, table in enumerate(dataset["subsets"]):
        where = f"{name}.subsets[{number}]"
        folder = _folder(table["image_dir"], path)
        if not _is_folder(folder):
            problem = f"there is no such folder ({folder})"
            remedy = "Name one that lies beside this file, or give its whole path."
            _refuse(path, f"{where}.image_dir", table["image_dir"], problem, remedy)
        if folder in seen:
            problem = "is named twice in one data set"
            _refuse(path, f"{where}.image_dir", table["image_dir"], problem, "Raise num_repeats instead.")
        seen.add(folder)
        own = _with(config, [*above, (table, where)], path)
        label, again = folder.name, 2
        while label in labels:
            label, again = f"{folder.name} ({again})", again + 1
        labels.add(label)
        is_reg = table.get("is_reg", False)
        yield Subset(folder, label, repeats_of_plain(own), folder.name, is_reg, own.class_tokens, own)


def _with(config: TrainingConfig, layers: list[Layer], path: Path) -> TrainingConfig:
    """Return `config` with the keys of tables laid over it, the last one uppermost; checked as a whole."""
    values: dict[str, Any] = {}
    places: dict[str | None, str] = {}
    for table, where in layers:
        for key, value in table.items():
            if key in (*_NO_EFFECT, *_REFUSED, "image_dir", "is_reg", "subsets"):
                continue
            name = _CONFIG_NAMES.get(key, key)
            values[name], places[name] = value, f"{where}.{key}"
    if "num_repeats" in values:
        values["dataset_repeats"] = None  # it counts only where no section says num_repeats, as in kohya
    if "resolution" in values:
        values["bucket_resolution"] = None
    try:
        return with_values(config, **values) if values else config
    except InputError as error:
        field = places.get(error.field, f"{layers[-1][1]}.{error.field}")
        raise InputError(
            error.problem, remedy=error.remedy, file=path, field=field, value=error.value
        ) from None


def _folder(image_dir: str, path: Path) -> Path:
    """Return a folder absolute: from the file's own place, or from the working folder as in kohya."""
    image_dir = home(image_dir)
    beside = Path(os.path.normpath(path.absolute().parent / image_dir))
    here = Path(os.path.normpath(Path(image_dir).absolute()))
    return here if not _is_folder(beside) and _is_folder(here) else beside


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # too long, or with a letter that no path has
        return False


def _document(path: Path) -> dict[str, Any]:
    """Read the file and check that it has no unknown sections and keys."""
    text = read_text(path, remedy="Give a TOML file with [[datasets]], or leave dataset_config out.")
    document = parse(text, file=path)
    for key in document:
        if key not in ("general", "datasets"):
            _refuse_unknown(path, key, document[key], ("general", "datasets"))
    datasets = document.get("datasets")
    if not isinstance(datasets, list) or not datasets or not all(isinstance(t, dict) for t in datasets):
        _refuse(path, "datasets", datasets, "there is no data set", "Write [[datasets]], in double brackets.")
    for number, table in enumerate(datasets):
        subsets = table.get("subsets")
        if not isinstance(subsets, list) or not subsets or not all(isinstance(t, dict) for t in subsets):
            where = f"datasets[{number}].subsets"
            _refuse(path, where, subsets, "there is no folder", "Write [[datasets.subsets]] with image_dir.")
    if not isinstance(document.get("general", {}), dict):
        _refuse(
            path, "general", document["general"], "is not a section", "Write [general], in single brackets."
        )
    for table, where in _tables(document):
        _check_keys(path, table, where)
    return document


def _tables(document: Mapping[str, Any]) -> Iterator[tuple[Table, str]]:
    """Yield every section with its name."""
    yield document.get("general", {}), "general"
    for number, table in enumerate(document["datasets"]):
        yield table, f"datasets[{number}]"
        for place, subset in enumerate(table["subsets"]):
            yield subset, f"datasets[{number}].subsets[{place}]"


def _check_keys(path: Path, table: Table, where: str) -> None:
    is_subset = where.endswith("]") and ".subsets[" in where
    known = _SUBSET if is_subset else (*_DATASET, "subsets") if where != "general" else _DATASET
    for key, value in table.items():
        field = f"{where}.{key}"
        if key in _REFUSED and value:
            _refuse(path, field, value, f"is not supported: {_REFUSED[key]}", "Change that line.")
        if key in _REFUSED:
            continue
        if key not in known and key in (*_DATASET, *_SUBSET):
            place = "[[datasets.subsets]]" if key in _SUBSET else "[[datasets]] or [general]"
            _refuse(path, field, value, f"belongs into {place}", "Move it there.")
        if key not in known:
            _refuse_unknown(path, field, value, known)
    if is_subset:
        image_dir, is_reg = table.get("image_dir"), table.get("is_reg", False)
        if not isinstance(image_dir, str) or not image_dir:
            _refuse(path, f"{where}.image_dir", image_dir, "names no folder", "Name the pictures' folder.")
        if not isinstance(is_reg, bool):
            _refuse(path, f"{where}.is_reg", is_reg, "is neither true nor false", "Write true or false.")


def _refuse_unknown(path: Path, field: str, value: object, known: tuple[str, ...]) -> NoReturn:
    key = field.rpartition(".")[2]
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    remedy = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(sorted(known))}."
    if key in _CONFIG_NAMES.values():
        remedy = "Did you mean batch_size?"
    elif key in TrainingConfig.model_fields:
        remedy = "It is a key of the training configuration: write it there."
    elif key == "subsets":
        remedy = "Write [[datasets]] above it, and [[datasets.subsets]] in its place."
    _refuse(path, field, value, "there is no such key", remedy)


def _refuse(path: Path, field: str, value: object, problem: str, remedy: str) -> NoReturn:
    raise InputError(problem, file=path, field=field, value=value, remedy=remedy)
