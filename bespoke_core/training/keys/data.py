"""The pictures: where they are, their size and buckets, and their latents."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, model_validator

from .fields import DATA, TRAINING, Keys, Refuse, field


def _size_text(value: object) -> object:
    """Turn 512, "512", "512,512" and [512, 512] into "512,512" (width, height)."""
    parts: list[object]
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(",")]
    elif isinstance(value, (list, tuple)):
        parts = list(value)
    else:
        parts = [value]
    if not all((isinstance(p, int) and not isinstance(p, bool)) or str(p).isdecimal() for p in parts):
        raise ValueError('write one number or "width,height" in pixels, as in "512,512"')
    numbers = [int(str(part)) for part in parts]
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2:
        raise ValueError('write one number or "width,height" in pixels, as in "512,512"')
    if not all(16 <= number <= 4096 for number in numbers):
        raise ValueError("each side is 16 to 4096 pixels")
    return f"{numbers[0]},{numbers[1]}"


Size = Annotated[str, BeforeValidator(_size_text)]


class DataKeys(Keys):
    """The pictures: where they are, their size and buckets, and their latents."""

    train_data_dir: str = field(
        DATA,
        "",
        "Folder with pictures and captions, or with kohya folders such as 10_concept (10 repeats). One such "
        "folder by itself works too.",
    )
    reg_data_dir: str = field(
        DATA,
        "",
        "Folder with regularisation pictures, named like train_data_dir's. They are repeated, or left out, "
        "until an epoch shows as many of them as of the pictures to learn.",
    )
    dataset_config: str = field(
        DATA,
        "",
        "TOML file with [general], [[datasets]] and [[datasets.subsets]], as kohya's; then train_data_dir "
        "and reg_data_dir are ignored, and the other keys are what those sections inherit.",
    )
    resolution: Size = field(
        DATA, "512,512", 'The picture size to train at: one number or "width,height".', "px"
    )
    bucket_resolution: int | None = field(
        DATA,
        None,
        "Another way to write a square resolution; must agree with resolution where both are given.",
        "px",
        ge=16,
        le=4096,
    )
    enable_bucket: bool = field(
        DATA, False, "Sort pictures of different shapes into buckets of like shape instead of one size."
    )
    min_bucket_reso: int = field(DATA, 256, "The shortest side that a bucket may have.", "px", ge=16, le=4096)
    max_bucket_reso: int = field(DATA, 1024, "The longest side that a bucket may have.", "px", ge=16, le=4096)
    bucket_reso_steps: int = field(
        DATA, 64, "Bucket sides are multiples of this; at least 8.", "px", ge=8, le=256, multiple_of=8
    )
    bucket_no_upscale: bool = field(
        DATA,
        False,
        "Never enlarge a picture to fill its bucket. True sprites smaller than a bucket are still enlarged, "
        "by a whole factor and without blending.",
    )
    background_color: str = field(
        DATA,
        "#ffffff",
        "The colour put behind transparent pixels, as #rrggbb.",
        "",
        pattern=r"^#[0-9a-fA-F]{6}$",
    )
    num_repeats: int = field(
        DATA,
        1,
        "How often each picture of a plain folder comes in an epoch; 10_concept folders say their own.",
        "",
        ge=1,
        le=10_000,
    )
    dataset_repeats: int | None = field(
        DATA, None, "Another way to write num_repeats; must agree with it.", "", ge=1, le=10_000
    )
    validation_split: float = field(
        DATA,
        0.0,
        "The share of each folder's pictures that is held out: never trained on, only its loss is measured. "
        "Regularisation pictures are not held out.",
        "",
        ge=0,
        le=0.9,
    )
    resize_interpolation: (
        Literal["nearest", "lanczos", "bilinear", "linear", "bicubic", "cubic", "area", "box"] | None
    ) = field(
        DATA,
        None,
        "How pictures change their size. Not given is right for pixel art: enlarged without blending and by "
        "a whole factor where one fits, shrunk by averaging or, for enlarged pixel art, by picking (kohya "
        "takes lanczos and area, which blur it). What is given is done always.",
    )
    flip_aug: bool = field(
        DATA, False, "Show every picture mirrored left to right half of the times; both are cached."
    )
    rotation_aug: float = field(
        DATA,
        0.0,
        "Show every picture turned by up to this angle, either way. Pixels are picked on the art's own grid, "
        "never blended; corners take the commonest colour of the picture's edge.",
        "degrees",
        ge=0,
        le=180,
    )
    random_crop: bool = field(
        DATA,
        False,
        "Crop to the bucket at a place of chance instead of in the middle (in kohya: no caching).",
    )
    augmentation_variants: int = field(
        DATA,
        4,
        "With cached latents: how many turned or cropped forms of each picture are made and shown in turn of "
        "chance. Without caching each showing has a form of its own.",
        "",
        ge=1,
        le=256,
    )
    alpha_mask: bool = field(
        DATA,
        False,
        "Learn only what is opaque: the loss is weighed by the alpha channel. What is transparent, such as "
        "the space around a sprite, is then not learnt at all.",
    )
    cache_latents: bool = field(
        DATA, True, "Encode every picture once, before training; much faster (kohya's default is false)."
    )
    cache_latents_to_disk: bool = field(
        DATA, False, "Keep the encoded pictures on disk for the next run, named by their content."
    )
    vae_batch_size: int = field(DATA, 1, "How many pictures are encoded at once.", "", ge=1, le=256)
    prior_loss_weight: float = field(
        TRAINING,
        1.0,
        "The weight of regularisation pictures in the loss; 1 counts them fully.",
        "",
        ge=0,
        le=1000,
    )

    @model_validator(mode="before")
    @classmethod
    def _one_resolution(cls, values: Any) -> Any:
        """Let bucket_resolution stand for resolution where that is absent."""
        if isinstance(values, dict) and values.get("bucket_resolution") and "resolution" not in values:
            values = {**values, "resolution": values["bucket_resolution"]}
        return values

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        width, height = self.resolution.split(",")
        return int(width), int(height)


def check(config: DataKeys, refuse: Refuse) -> None:
    """Refuse keys of the data that contradict each other."""
    if config.dataset_repeats is not None and config.num_repeats not in (1, config.dataset_repeats):
        refuse("dataset_repeats", f"contradicts num_repeats = {config.num_repeats}", "Leave one of them out.")
