"""What a LoRA file's metadata says of its training set, in the form that kohya's trainer writes.

Readers are A1111 and its family, Lora Manager and Civitai; see `metadata`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from .dataset import Picture, TrainingSet
from .subsets import Dataset, Subset


def folder_name(subset: Subset) -> str:
    """Return a folder's name in the metadata: as it is where it gives repeats, else with them before it."""
    name = subset.label.removeprefix("reg/")
    return name or f"{subset.repeats}_{subset.concept}"


def number_of_pictures(training_set: TrainingSet, *, is_reg: bool) -> int:
    """Return how many pictures an epoch shows, with repeats."""
    return sum(picture.repeats for picture in training_set.pictures if picture.is_reg == is_reg)


def dataset_dirs(training_set: TrainingSet, *, is_reg: bool = False) -> dict[str, dict[str, int]]:
    """Return ss_dataset_dirs, or ss_reg_dataset_dirs: repeats and pictures of each folder."""
    return {
        folder_name(subset): {"n_repeats": subset.repeats, "img_count": len(pictures)}
        for subset, pictures in _by_subset(training_set.pictures)
        if subset.is_reg == is_reg
    }


def tag_frequency(training_set: TrainingSet) -> dict[str, dict[str, int]]:
    """Return ss_tag_frequency: how many captions of each folder hold a phrase, in lower case."""
    return {folder_name(subset): _phrases(pictures) for subset, pictures in _by_subset(training_set.pictures)}


def bucket_info(training_set: TrainingSet, dataset: int | None = None) -> dict[str, Any]:
    """Return ss_bucket_info, of one data set or of all: sizes, pictures shown, mean change of shape."""
    pictures = [p for p in training_set.pictures if dataset is None or p.dataset == dataset]
    counts: Counter[tuple[int, int]] = Counter()
    for picture in pictures:
        counts[picture.fit.bucket] += picture.repeats
    changes = [abs(p.fit.bucket[0] / p.fit.bucket[1] - p.size[0] / p.size[1]) for p in pictures]
    return {
        "buckets": {
            str(number): {"resolution": list(size), "count": counts[size]}
            for number, size in enumerate(sorted(counts))
        },
        "mean_img_ar_error": sum(changes) / max(1, len(changes)),
    }


def datasets_info(training_set: TrainingSet) -> list[dict[str, Any]]:
    """Return ss_datasets: each data set with its folders."""
    return [_dataset_info(training_set, number, one) for number, one in enumerate(training_set.datasets)]


def _dataset_info(training_set: TrainingSet, number: int, dataset: Dataset) -> dict[str, Any]:
    config = dataset.config
    pictures = [picture for picture in training_set.pictures if picture.dataset == number]
    return {
        "is_dreambooth": True,
        "batch_size_per_device": dataset.batch_size or config.train_batch_size,
        "num_train_images": sum(p.repeats for p in pictures if not p.is_reg),
        "num_reg_images": sum(p.repeats for p in pictures if p.is_reg),
        "resolution": list(config.size),
        "enable_bucket": config.enable_bucket,
        "min_bucket_reso": config.min_bucket_reso if config.enable_bucket else None,
        "max_bucket_reso": config.max_bucket_reso if config.enable_bucket else None,
        "tag_frequency": {folder_name(subset): _phrases(found) for subset, found in _by_subset(pictures)},
        "bucket_info": bucket_info(training_set, number),
        "resize_interpolation": config.resize_interpolation,
        "subsets": [_subset_info(subset, found) for subset, found in _by_subset(pictures)],
    }


def _subset_info(subset: Subset, pictures: list[Picture]) -> dict[str, Any]:
    config = subset.config
    return {
        "img_count": len(pictures),
        "num_repeats": subset.repeats,
        "color_aug": False,
        "flip_aug": config.flip_aug,
        "random_crop": config.random_crop,
        "shuffle_caption": config.shuffle_caption,
        "keep_tokens": config.keep_tokens,
        "keep_tokens_separator": config.keep_tokens_separator,
        "secondary_separator": config.secondary_separator or None,
        "enable_wildcard": config.enable_wildcard,
        "caption_prefix": config.caption_prefix or None,
        "caption_suffix": config.caption_suffix or None,
        "resize_interpolation": config.resize_interpolation,
        "image_dir": folder_name(subset),
        "class_tokens": subset.class_tokens or None,
        "is_reg": subset.is_reg,
    }


def _phrases(pictures: list[Picture]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for picture in pictures:
        found.update(phrase.strip().lower() for phrase in picture.caption.split(",") if phrase.strip())
    return dict(found)


def _by_subset(pictures: tuple[Picture, ...] | list[Picture]) -> list[tuple[Subset, list[Picture]]]:
    found: dict[Subset, list[Picture]] = {}
    for picture in pictures:
        found.setdefault(picture.subset, []).append(picture)
    return list(found.items())
