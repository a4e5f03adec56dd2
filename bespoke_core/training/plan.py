"""Everything that is checked and decided before a run: what will be trained, on what, and how long."""

from __future__ import annotations

import functools
import importlib.util
import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..files import key_of, sha256_of_file
from ..tokenizer import find_tokenizer
from .config import KEYS_WITHOUT_EFFECT_ON_WEIGHTS, TrainingConfig
from .dataset import TrainingSet, count_batches
from .layout import CLIP, UNET, Shapes, read_layout, read_shapes
from .reading import read_set

_RESERVE = 64 << 20  # bytes left free for logs and for other programs
_BYTES = {"fp16": 2, "bf16": 2}


@dataclass(frozen=True)
class TrainingPlan:
    """A run whose input is known to be usable.

    Attributes:
        config: what was asked for.
        run_folder: where the run's files go.
        training_set: the pictures.
        base: the base model's file; `base_sha256` its hash.
        tokenizer: folder of the CLIP tokenizer.
        batches: batches in an epoch; `epochs` and `steps` (optimizer steps) of the whole run.
        fingerprint: a hash of all that decides the trained weights.
        notices: sentences that the user should read.
    """

    config: TrainingConfig
    run_folder: Path
    training_set: TrainingSet
    base: Path
    base_sha256: str
    tokenizer: Path
    batches: int
    epochs: int
    steps: int
    fingerprint: str
    notices: tuple[str, ...]


def make_plan(config: TrainingConfig, run_folder: Path) -> TrainingPlan:
    """Check everything that a run needs and return its plan; nothing is written and no weights are loaded.

    Raises:
        InputError: a file, a folder or a key cannot be used, or the disk is too full.
    """
    if not config.pretrained_model_name_or_path:
        raise InputError(
            "no base model is named",
            field="pretrained_model_name_or_path",
            value="",
            remedy="Name a Stable Diffusion 1.5 checkpoint (.safetensors).",
        )
    base = Path(config.pretrained_model_name_or_path)
    shapes = read_shapes(base)
    read_layout(base)
    tokenizer = find_tokenizer(config.tokenizer_path)
    training_set = read_set(config)
    batches = count_batches(training_set, config.train_batch_size)
    epochs, steps = run_length(config, batches)
    _check_disk(config, run_folder, lora_parameters(shapes, config), epochs)
    base_sha256 = _hash_of(base)
    return TrainingPlan(
        config,
        run_folder,
        training_set,
        base,
        base_sha256,
        tokenizer,
        batches,
        epochs,
        steps,
        key_of([config_key(config), training_set.key, base_sha256]),
        (*training_set.notices, *_notices(config)),
    )


def default_run_folder(config: TrainingConfig) -> Path:
    """Return where a run goes when nobody says: output_dir/output_name.

    Raises:
        InputError: the configuration names no output_dir.
    """
    if not config.output_dir:
        raise InputError(
            "no output folder is named",
            field="output_dir",
            value="",
            remedy="Set output_dir in the configuration, or give --run-folder.",
        )
    return Path(config.output_dir) / config.output_name


def run_length(config: TrainingConfig, batches: int) -> tuple[int, int]:
    """Return (epochs, optimizer steps) for `batches` in an epoch.

    An epoch's last step may add up fewer batches than gradient_accumulation_steps.
    """
    per_epoch = math.ceil(batches / config.gradient_accumulation_steps)
    if config.max_train_epochs is not None:
        return config.max_train_epochs, config.max_train_epochs * per_epoch
    return math.ceil(config.max_train_steps / per_epoch), config.max_train_steps


def config_key(config: TrainingConfig) -> str:
    """Return a hash of the keys that decide the trained weights."""
    return key_of({k: v for k, v in config.model_dump().items() if k not in KEYS_WITHOUT_EFFECT_ON_WEIGHTS})


def lora_parameters(shapes: Shapes, config: TrainingConfig) -> int:
    """Return how many numbers the LoRA trains, from the base file's shapes."""
    count = 0
    for key, shape in shapes.items():
        if not key.endswith(".weight") or not (len(shape) == 2 or (len(shape) == 4 and shape[2:] == (1, 1))):
            continue
        in_unet = key.startswith(UNET) and (".transformer_blocks." in key or ".proj_" in key)
        in_text = key.startswith(CLIP) and (".self_attn." in key or ".mlp." in key)
        if (in_unet and config.trains_unet) or (in_text and config.trains_text_encoder):
            count += config.network_dim * (shape[0] + shape[1])
    return count


def _notices(config: TrainingConfig) -> list[str]:
    found = []
    if config.xformers:
        found.append("xformers = true: torch's own attention (SDPA) is used instead.")
    if config.lr_scheduler == "constant" and config.lr_warmup_steps:
        found.append("lr_warmup_steps has no effect with lr_scheduler = constant.")
    if config.logging_dir and importlib.util.find_spec("tensorboard") is None:
        found.append(
            "logging_dir is not used: tensorboard is not installed. Loss and rate are in events.jsonl."
        )
    if config.mixed_precision == "fp16":
        found.append("mixed_precision = fp16 may overflow; bf16 is safer where the device has it.")
    return found


def _check_disk(config: TrainingConfig, run_folder: Path, parameters: int, epochs: int) -> None:
    """Refuse a run whose files will not fit; two states exist while one replaces the other."""
    files = math.ceil(epochs / config.save_every_n_epochs)
    states = 2 if config.save_state else 0
    need = parameters * (_BYTES.get(config.save_precision or "", 4) * (files + 1) + 12 * states) + _RESERVE
    folder = run_folder.absolute()
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(
            "no files can be written there", file=folder, field="output_dir", remedy="Choose another folder."
        )
    free = shutil.disk_usage(folder).free
    if free < need:
        raise InputError(
            f"the run needs about {need >> 20} MiB and the disk has {free >> 20} MiB left",
            file=folder,
            remedy="Free some space, save fewer epochs (save_every_n_epochs), or use save_precision fp16.",
        )


def _hash_of(path: Path) -> str:
    told = path.stat()
    return _cached_hash(str(path.absolute()), told.st_size, told.st_mtime_ns)


@functools.lru_cache(maxsize=32)
def _cached_hash(path: str, size: int, modified: int) -> str:
    """Hash a file once for as long as its size and time stay; checkpoints are gigabytes."""
    return sha256_of_file(path)
