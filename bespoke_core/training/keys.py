"""The keys of a training configuration: each with its type, default, range, unit and help.

The names and meanings are those of kohya's sd-scripts, so that an existing file trains here. The node, the
command line's help and the documentation are made from the fields below; `config.describe` lists them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

PATH_KEYS = (
    "pretrained_model_name_or_path",
    "output_dir",
    "train_data_dir",
    "logging_dir",
    "tokenizer_path",
)
# What a run is called and where its files lie changes nothing in the weights that come out.
KEYS_WITHOUT_EFFECT_ON_WEIGHTS = (*PATH_KEYS, "output_name", "log_prefix", "xformers", "sdpa")


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


def _warmup(value: object) -> object:
    """Turn 100.0 into 100: kohya would take it for a hundredfold ratio of the run."""
    if isinstance(value, float) and value >= 1:
        if value != int(value):
            raise ValueError("a number of steps is whole; a ratio of the run is below 1")
        return int(value)
    return value


def _field(section: str, default: Any, help_text: str, unit: str = "", **limits: Any) -> Any:
    return Field(
        default, description=help_text, json_schema_extra={"section": section, "unit": unit}, **limits
    )


_DATA = "dataset"
_MODEL = "model_arguments"
_NETWORK = "network_arguments"
_TRAINING = "training_arguments"

Size = Annotated[str, BeforeValidator(_size_text)]
Warmup = Annotated[int | float, BeforeValidator(_warmup)]


class TrainingConfig(BaseModel):
    """One training run, complete. Frozen; flat; the field names are kohya's keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)

    # model
    pretrained_model_name_or_path: str = _field(
        _MODEL, "", "The Stable Diffusion 1.5 checkpoint to train on: a single .safetensors file."
    )
    v2: bool = _field(_MODEL, False, "Stable Diffusion 2: not supported, so it must stay false.")
    v_parameterization: bool = _field(
        _MODEL, False, "The base predicts velocity instead of noise; the loss then uses that target."
    )
    clip_skip: int = _field(
        _MODEL,
        1,
        "Take the text encoder's output this many layers before the end; 1 is the last layer.",
        "layers",
        ge=1,
        le=11,
    )
    tokenizer_path: str = _field(
        _MODEL, "", "Folder with the CLIP tokenizer (vocab.json, merges.txt); empty finds ComfyUI's own."
    )

    # network
    network_module: Literal["networks.lora"] = _field(
        _NETWORK, "networks.lora", "The kind of network: LoRA is the one there is."
    )
    network_dim: int = _field(
        _NETWORK, 4, "The LoRA's rank: more learns more detail and makes a larger file.", "", ge=1, le=1024
    )
    network_alpha: float = _field(
        _NETWORK,
        1.0,
        "Scales the LoRA's effect by alpha / network_dim; 0 means network_dim.",
        "",
        ge=0,
        le=1024,
    )
    network_train_unet_only: bool = _field(_NETWORK, False, "Train the UNet's LoRA alone.")
    network_train_text_encoder_only: bool = _field(_NETWORK, False, "Train the text encoder's LoRA alone.")

    # data
    train_data_dir: str = _field(
        _DATA,
        "",
        "Folder with pictures and captions, or with kohya folders such as 10_concept (10 repeats).",
    )
    resolution: Size = _field(
        _DATA, "512,512", 'The picture size to train at: one number or "width,height".', "px"
    )
    bucket_resolution: int | None = _field(
        _DATA,
        None,
        "Another way to write a square resolution; must agree with resolution where both are given.",
        "px",
        ge=16,
        le=4096,
    )
    enable_bucket: bool = _field(
        _DATA, False, "Sort pictures of different shapes into buckets of like shape instead of one size."
    )
    min_bucket_reso: int = _field(
        _DATA, 256, "The shortest side that a bucket may have.", "px", ge=16, le=4096
    )
    max_bucket_reso: int = _field(
        _DATA, 1024, "The longest side that a bucket may have.", "px", ge=16, le=4096
    )
    bucket_reso_steps: int = _field(
        _DATA, 64, "Bucket sides are multiples of this; at least 8.", "px", ge=8, le=256, multiple_of=8
    )
    bucket_no_upscale: bool = _field(
        _DATA,
        False,
        "Never enlarge a picture to fill its bucket. True sprites smaller than a bucket are still enlarged, "
        "by a whole factor and without blending.",
    )
    background_color: str = _field(
        _DATA,
        "#ffffff",
        "The colour put behind transparent pixels, as #rrggbb.",
        "",
        pattern=r"^#[0-9a-fA-F]{6}$",
    )
    num_repeats: int = _field(
        _DATA,
        1,
        "How often each picture of a plain folder comes in an epoch; 10_concept folders say their own.",
        "",
        ge=1,
        le=10_000,
    )
    caption_extension: str = _field(
        _DATA,
        ".txt",
        "The ending of caption files (kohya's own default is .caption).",
        "",
        pattern=r"^\.[A-Za-z0-9_.]+$",
    )
    caption_separator: str = _field(
        _DATA, ",", "What separates a caption's phrases for shuffling.", "", min_length=1
    )
    shuffle_caption: bool = _field(_DATA, False, "Put the phrases in a new order each time, but see below.")
    keep_tokens: int = _field(
        _DATA,
        0,
        "The first phrases that keep their place when shuffling, such as a trigger word.",
        "phrases",
        ge=0,
        le=1000,
    )
    caption_dropout_rate: float = _field(
        _DATA, 0.0, "The share of times that a picture is shown with an empty caption.", "", ge=0, le=1
    )
    caption_dropout_every_n_epochs: int = _field(
        _DATA, 0, "Every n-th epoch has no captions at all; 0 is never.", "epochs", ge=0, le=100_000
    )
    caption_tag_dropout_rate: float = _field(
        _DATA, 0.0, "The share of phrases left out each time, after keep_tokens.", "", ge=0, le=1
    )
    max_token_length: Literal[75, 150, 225] = _field(
        _DATA, 75, "How many tokens of a caption are read: 75, 150 or 225.", "tokens"
    )
    cache_latents: bool = _field(
        _DATA, True, "Encode every picture once, before training; much faster (kohya's default is false)."
    )
    cache_latents_to_disk: bool = _field(
        _DATA, False, "Keep the encoded pictures on disk for the next run, named by their content."
    )
    vae_batch_size: int = _field(_DATA, 1, "How many pictures are encoded at once.", "", ge=1, le=256)

    # output
    output_dir: str = _field(_TRAINING, "", "Folder in which the run gets its folder.")
    output_name: str = _field(
        _TRAINING,
        "last",
        "The run's and the files' name: name-000001.safetensors, ..., name.safetensors.",
        "",
        pattern=r"^[^/\\\x00-\x1f<>:\"|?*]+$",
    )
    save_precision: Literal["float", "fp32", "fp16", "bf16"] | None = _field(
        _TRAINING, None, "The number format in the files; not given is float (32 bits)."
    )
    save_model_as: Literal["safetensors"] = _field(
        _TRAINING, "safetensors", "The file format; formats that can run code when loaded are not written."
    )
    save_every_n_epochs: int = _field(
        _TRAINING,
        1,
        "Write a file every n epochs; the last epoch always has one (kohya's default: only the last).",
        "epochs",
        ge=1,
        le=100_000,
    )
    save_state: bool = _field(
        _TRAINING,
        True,
        "Keep what is needed to go on after an interruption, at every epoch (kohya's default: no).",
    )
    logging_dir: str = _field(
        _TRAINING, "", "Folder for TensorBoard files, if tensorboard is installed; empty writes none."
    )
    log_prefix: str = _field(_TRAINING, "", "Put before the time in a TensorBoard folder's name.")

    # training
    max_train_epochs: int | None = _field(
        _TRAINING,
        None,
        "How many times the data set is gone through; wins over max_train_steps.",
        "epochs",
        ge=1,
        le=100_000,
    )
    max_train_steps: int = _field(
        _TRAINING, 1600, "How many optimizer steps, where no epochs are given.", "steps", ge=1, le=10_000_000
    )
    train_batch_size: int = _field(_TRAINING, 1, "Pictures in a step.", "pictures", ge=1, le=1024)
    gradient_accumulation_steps: int = _field(
        _TRAINING, 1, "Batches whose gradients are added up before a step.", "batches", ge=1, le=1024
    )
    gradient_checkpointing: bool = _field(
        _TRAINING, False, "Saves memory and costs about a third of the speed; the result is the same."
    )
    mixed_precision: Literal["no", "fp16", "bf16"] = _field(
        _TRAINING, "no", "The number format for the base model; the LoRA itself is trained in 32 bits."
    )
    xformers: bool = _field(_TRAINING, False, "Accepted: torch's own attention (SDPA) is used instead.")
    sdpa: bool = _field(_TRAINING, False, "Accepted: torch's own attention (SDPA) is always used.")
    optimizer_type: Literal["AdamW", "AdamW8bit"] = _field(
        _TRAINING,
        "AdamW",
        "The optimizer. AdamW8bit needs bitsandbytes and an NVIDIA GPU; without them AdamW is used.",
    )
    weight_decay: float = _field(
        _TRAINING, 0.01, "AdamW's weight decay (in kohya: optimizer_args).", "", ge=0, le=1
    )
    max_grad_norm: float = _field(
        _TRAINING, 1.0, "Gradients are scaled down to this norm; 0 leaves them.", "", ge=0, le=1000
    )
    learning_rate: float = _field(
        _TRAINING,
        2e-6,
        "The learning rate of what has none of its own.",
        "",
        ge=0,
        le=10,
    )
    unet_lr: float | None = _field(
        _TRAINING,
        None,
        "The UNet's learning rate; not given is learning_rate; 0 leaves the UNet out.",
        "",
        ge=0,
        le=10,
    )
    text_encoder_lr: float | None = _field(
        _TRAINING,
        None,
        "The text encoder's learning rate; not given is learning_rate; 0 leaves the text encoder out.",
        "",
        ge=0,
        le=10,
    )
    lr_scheduler: Literal[
        "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup"
    ] = _field(_TRAINING, "constant", "How the learning rate goes on over the run; constant has no warm-up.")
    lr_warmup_steps: Warmup = _field(
        _TRAINING,
        0,
        "The learning rate rises from 0 over this many steps; below 1, this share of the run.",
        "steps",
        ge=0,
        le=10_000_000,
    )
    lr_scheduler_num_cycles: int = _field(
        _TRAINING, 1, "How often cosine_with_restarts comes down.", "cycles", ge=1, le=1000
    )
    lr_scheduler_power: float = _field(_TRAINING, 1.0, "The power of polynomial.", "", ge=0, le=100)
    prior_loss_weight: float = _field(
        _TRAINING, 1.0, "The weight of regularisation pictures in the loss.", "", ge=0, le=1000
    )
    min_snr_gamma: float | None = _field(
        _TRAINING,
        None,
        "Weigh the loss of nearly clean pictures down (min-SNR); 5 is usual.",
        "",
        gt=0,
        le=1000,
    )
    noise_offset: float = _field(
        _TRAINING,
        0.0,
        "Shift each picture's noise as a whole, for darker and brighter results.",
        "",
        ge=0,
        le=1,
    )
    multires_noise_iterations: int = _field(
        _TRAINING,
        0,
        "Add noise at this many coarser sizes (multi-resolution noise); 0 is off.",
        "",
        ge=0,
        le=64,
    )
    multires_noise_discount: float = _field(
        _TRAINING, 0.3, "How much less each coarser size of that noise counts.", "", ge=0, le=1
    )
    seed: int = _field(
        _TRAINING,
        42,
        "All chance in the run comes from this number: same seed, same files.",
        "",
        ge=0,
        le=2**63 - 1,
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

    @property
    def trains_unet(self) -> bool:
        """Whether the UNet gets a LoRA."""
        return not self.network_train_text_encoder_only and self.rate_of("unet") > 0

    @property
    def trains_text_encoder(self) -> bool:
        """Whether the text encoder gets a LoRA."""
        return not self.network_train_unet_only and self.rate_of("text_encoder") > 0

    def rate_of(self, part: Literal["unet", "text_encoder"]) -> float:
        """Return the learning rate of one part of the network."""
        own = self.unet_lr if part == "unet" else self.text_encoder_lr
        return self.learning_rate if own is None else own
