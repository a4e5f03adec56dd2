"""Two training sets that differ in their captions alone, and what is held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from paired_outcomes import CLEANED, CODES

from bespoke_core.captions.clean_dataset import CleanReport, clean_dataset
from bespoke_core.captions.dataset import read_dataset
from bespoke_core.files import key_of, sha256_of_file
from bespoke_core.portraits.colors import BACKGROUND
from bespoke_core.quickstart.sample_dataset import Sample, write_held_out_set, write_sample_dataset
from bespoke_core.sprites.downscale import downscale
from bespoke_core.sprites.pictures import read_picture


@dataclass(frozen=True)
class Settings:
    """What decides the numbers, beside the base model and the data.

    Attributes:
        pictures: in the training set.
        epochs: of a training.
        network_dim: rank of the LoRA; alpha is the same.
        unet_lr: learning rate; the text encoder is not trained.
        held_out: pictures on which the loss is measured.
        timesteps: at which it is measured.
        prompts: test prompts, whose background colours take turns.
        picture_seeds: pictures of each prompt.
        sampler_steps: of Euler's method.
        cfg: scale of classifier-free guidance.
    """

    pictures: int
    epochs: int
    network_dim: int
    unet_lr: float
    held_out: int
    timesteps: tuple[int, ...]
    prompts: int
    picture_seeds: int
    sampler_steps: int
    cfg: float


@dataclass(frozen=True)
class Data:
    """The two training folders, which differ in their captions alone, and what is held out.

    Attributes:
        folders: of each arm.
        cleaning: what the cleaning did.
        sprites: the held-out pictures, uint8 (N, 24, 24, 3); `texts` their captions without codes.
        prompts: the test prompts.
    """

    folders: dict[str, Path]
    cleaning: CleanReport
    sprites: np.ndarray
    texts: list[str]
    prompts: list[str]

    def key(self) -> str:
        """Return a hash of all of it."""
        files = {
            f"{arm}/{path.name}": sha256_of_file(path)
            for arm, folder in self.folders.items()
            for path in sorted(folder.iterdir())
            if path.suffix in {".png", ".txt"}
        }
        return key_of([files, self.texts, self.prompts, self.sprites.tolist()])


def prepare(work: Path, settings: Settings) -> Data:
    """Write the data sets into `work`, or find them there."""
    original = write_sample_dataset(work / "with_codes", settings.pictures)
    held_out = write_held_out_set(work / "held_out", max(settings.held_out, settings.prompts))
    cleaned = work / "cleaned"
    cleaning = clean_dataset(
        read_dataset(original.folder), output=cleaned, strategy="smart", copy_images=True
    )
    folders = {CODES: original.folder, CLEANED: cleaned}
    for name in original.names:
        if len({sha256_of_file(folder / f"{name}.png") for folder in folders.values()}) > 1:
            raise SystemExit(f"{name}.png is not the same in both folders; remove {work}")
    texts = plain_captions(held_out)
    paths = [held_out.folder / f"{name}.png" for name in held_out.names[: settings.held_out]]
    sprites = np.concatenate([downscale(read_picture(path)[None], (24, 24), "nearest") for path in paths])
    return Data(
        folders,
        cleaning,
        sprites,
        texts[: settings.held_out],
        test_prompts(held_out, texts)[: settings.prompts],
    )


def plain_captions(sample: Sample) -> list[str]:
    """Return captions in the sample's own words without codes, palette, boilerplate and faults."""
    plain = []
    for name, portrait in zip(sample.names, sample.portraits, strict=True):
        text = (sample.folder / f"{name}.txt").read_text(encoding="utf-8")
        features = [feature.words for feature in portrait.features]
        opening = text[: text.index(features[0])].rstrip(", ")
        plain.append(", ".join([opening, *features, portrait.expression]))
    return plain


def test_prompts(sample: Sample, texts: list[str]) -> list[str]:
    """Return the captions with a background of one colour instead of theirs; the colours take turns."""
    prompts: list[str] = []
    for portrait, text in zip(sample.portraits, texts, strict=True):
        background = portrait.feature("background")
        if background is not None:
            color = BACKGROUND[len(prompts) % len(BACKGROUND)].words
            prompts.append(text.replace(background.words, f"solid {color} background"))
    return prompts
