"""What a user should know about a training set before it is trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..amounts import counted, first_of
from .config import TrainingConfig
from .dataset import Picture
from .pictures import Inspection

_NAMED = 4  # files that one notice names
_MUCH_CROPPED = 0.2  # share of a picture


def notices_of_set(
    config: TrainingConfig,
    pictures: Sequence[Picture],
    held_out: Sequence[Picture],
    inspected: Mapping[Path, Inspection],
) -> list[str]:
    """Return sentences about what is done to the pictures without being asked for."""
    found = [
        *_about_files([*pictures, *held_out], inspected),
        *_about_sizes([*pictures, *held_out]),
        *_about_forms(config, pictures),
    ]
    if config.validation_split and not held_out:
        found.append(f"validation_split = {config.validation_split:g} of so few pictures is none of them.")
    if held_out:
        found.append(f"{_count(held_out, 'is', 'are')} held out and never trained on: {_names(held_out)}.")
    if config.prior_loss_weight != 1 and not any(picture.is_reg for picture in pictures):
        found.append("prior_loss_weight has no effect: there are no regularisation pictures.")
    return found


def _about_files(pictures: Sequence[Picture], inspected: Mapping[Path, Inspection]) -> list[str]:
    found = []
    moving = [picture for picture in pictures if inspected[picture.path].frames > 1]
    if moving:
        found.append(f"Of animated pictures the first frame is trained on: {_names(moving)}.")
    clear = [picture for picture in pictures if inspected[picture.path].transparent]
    if clear:
        colors = ", ".join(sorted({picture.subset.config.background_color for picture in clear}))
        found.append(f"{_count(clear, 'has', 'have')} transparent parts, put on {colors} (background_color).")
    if any(picture.subset.config.alpha_mask for picture in pictures) and not clear:
        found.append("alpha_mask has no effect: no picture has transparent parts.")
    for subset in dict.fromkeys(picture.subset for picture in pictures):
        if subset.class_tokens:
            mine = [p for p in pictures if p.subset == subset and p.caption == subset.class_tokens]
            of = f"of {subset.folder.name}"
            if mine:
                found.append(
                    f'{_count(mine, of + " has", of + " have")} the caption "{subset.class_tokens}".'
                )
    return found


def _about_sizes(pictures: Sequence[Picture]) -> list[str]:
    found = []
    uneven = [
        picture
        for picture in pictures
        if picture.fit.resized[0] > picture.size[0]
        and any(new % old for new, old in zip(picture.fit.resized, picture.size, strict=True))
    ]
    if uneven:
        width = uneven[0].size[0]
        step = 64
        good = next((side for side in range(step, 1025, step) if side % width == 0), None)
        advice = f" A resolution of {good} would be a whole factor of {width} px." if good else ""
        found.append(
            f"{_count(uneven, 'is', 'are')} enlarged by a factor that is not whole, so some pixels become "
            f"wider than others: {_names(uneven)}.{advice}"
        )
    cropped = [picture for picture in pictures if _lost(picture) > _MUCH_CROPPED]
    if cropped:
        found.append(
            f"{_count(cropped, 'loses', 'lose')} more than a fifth of the area to the crop: "
            f"{_names(cropped)}. enable_bucket keeps shapes that are not the resolution's."
        )
    return found


def _about_forms(config: TrainingConfig, pictures: Sequence[Picture]) -> list[str]:
    if not (config.cache_latents or config.cache_latents_to_disk):
        return []
    several = [p for p in pictures if p.subset.augmentation.rotation_aug or p.subset.augmentation.random_crop]
    if not several:
        return []
    number = several[0].subset.config.augmentation_variants
    return [
        f"{_count(several, 'is', 'are')} turned or cropped at chance: {counted(number, 'form')} of each "
        f"{'is' if number == 1 else 'are'} made before training (augmentation_variants)."
    ]


def _lost(picture: Picture) -> float:
    """Return the share of a picture that its crop cuts off."""
    (width, height), (wide, high) = picture.fit.resized, picture.fit.bucket
    return 1 - wide * high / (width * height)


def _count(pictures: Sequence[Picture], does: str, do: str) -> str:
    return counted(len(pictures), f"picture {does}", f"pictures {do}")


def _names(pictures: Iterable[Picture]) -> str:
    return first_of((picture.name for picture in pictures), _NAMED)
