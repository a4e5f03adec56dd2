"""Everything that is checked and decided before a run: what will be trained, on what, and how long."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import key_of, sha256_of_file
from ..shown import on_one_line
from ..tokenizer import find_tokenizer
from .base_layers import base_layers, count_parameters, trained_layers
from .config import KEYS_WITHOUT_EFFECT_ON_WEIGHTS, TrainingConfig
from .dataset import TrainingSet, count_batches
from .extent import begin_of, foreign_state, run_length
from .keys.optimizers import check_installed, optimizer_kind
from .layout import read_layout, read_shapes
from .outputs import check_disk, checkpoint_names, disk_need
from .path_keys import check_paths, keys_named
from .plan_notices import notices_of
from .prediction import check_prediction
from .processes import launched
from .reading import read_set
from .start_weights import check_start, planned_form
from .state_header import STATE_FILE, Place
from .trial import try_optimizer


@dataclass(frozen=True)
class TrainingPlan:
    """A run whose input is known to be usable.

    Attributes:
        config: what was asked for.
        run_folder: where the run's files go.
        training_set: the pictures.
        base: the base model's file; `base_sha256` its hash.
        tokenizer: folder of the CLIP tokenizer.
        processes: how many train together; a batch is shared out among them.
        batches: batches in an epoch; `epochs` and `steps` (optimizer steps) of the whole run.
        begin: where the run begins.
        start: the state of another run from which it begins, or None.
        fingerprint: a hash of all that decides the trained weights.
        notices: sentences that the user should read.
        disk_bytes: what its files take at most.
    """

    config: TrainingConfig
    run_folder: Path
    training_set: TrainingSet
    base: Path
    base_sha256: str
    tokenizer: Path
    processes: int
    batches: int
    epochs: int
    steps: int
    begin: Place
    start: Path | None
    fingerprint: str
    notices: tuple[str, ...]
    disk_bytes: int

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The names of the files that the run writes when nothing stops it early."""
        return checkpoint_names(self.config, epochs=self.epochs, steps=self.steps, begin=self.begin)

    @property
    def own_state(self) -> Path:
        """The run's state file."""
        return self.run_folder / STATE_FILE

    @property
    def goes_on(self) -> bool:
        """Whether the key `resume` names this run's own state: the run is to go on from it."""
        return bool(self.config.resume) and self.start is None

    def summary(self) -> dict[str, Any]:
        """Return what would be done, JSON-able, for people and scripts that only want to know."""
        return {
            "run_folder": str(self.run_folder),
            "pictures": len(self.training_set.pictures),
            "held_out": len(self.training_set.held_out),
            "processes": self.processes,
            "batches": self.batches,
            "epochs": self.epochs,
            "steps": self.steps,
            "first_step": self.begin.step + 1,
            "checkpoints": list(self.checkpoints),
            "disk_bytes": self.disk_bytes,
            "fingerprint": self.fingerprint,
            "notices": list(self.notices),
        }


def make_plan(config: TrainingConfig, run_folder: Path) -> TrainingPlan:
    """Check everything that a run needs and return its plan; nothing is written and no weights are loaded.

    Raises:
        InputError: a file, a folder or a key cannot be used, or the disk is too full.
    """
    with keys_named(config):
        return _make_plan(config, run_folder)


def _make_plan(config: TrainingConfig, run_folder: Path) -> TrainingPlan:
    if not config.pretrained_model_name_or_path:
        raise InputError(
            "no base model is named",
            field="pretrained_model_name_or_path",
            value="",
            remedy="Name a Stable Diffusion 1.5 checkpoint (.safetensors).",
        )
    check_paths(config, run_folder)
    base = Path(config.pretrained_model_name_or_path)
    layers = base_layers(read_shapes(base), read_layout(base))
    said = check_prediction(config, base)
    said += check_start(config, layers) if config.network_weights else []
    tokenizer = find_tokenizer(config.tokenizer_path)
    if kind := optimizer_kind(config.optimizer_type):
        check_installed(kind)
    training_set = read_set(config)
    processes = count_processes(config)
    batches = count_batches(training_set, config.train_batch_size, ranks=processes)
    epochs, steps = run_length(config, batches)
    said += try_optimizer(config, steps)
    start = foreign_state(config, run_folder)
    begin = begin_of(config, batches, steps, start)
    names = checkpoint_names(config, epochs=epochs, steps=steps, begin=begin)
    parameters = count_parameters(trained_layers(layers, planned_form(config), config))
    need = disk_need(config, parameters, len(names))
    check_disk(run_folder, need, names)
    base_sha256 = hash_of(base)
    return TrainingPlan(
        config,
        run_folder,
        training_set,
        base,
        base_sha256,
        tokenizer,
        processes,
        batches,
        epochs,
        steps,
        begin,
        start,
        _fingerprint(config, training_set, base_sha256, processes, start),
        tuple(map(on_one_line, (*training_set.notices, *notices_of(config), *said))),
        need,
    )


def _fingerprint(
    config: TrainingConfig,
    training_set: TrainingSet,
    base_sha256: str,
    processes: int,
    start: Path | None,
) -> str:
    """Return a hash of all that decides the trained weights; the arguments are the plan's attributes."""
    decides = [config_key(config, processes), training_set.key, base_sha256]
    if config.network_weights:
        decides.append(hash_of(Path(config.network_weights)))
    if start is not None:
        decides.append(hash_of(start))
    if any(dataset.batch_size for dataset in training_set.datasets) and processes > 1:
        decides.append(f"{processes} processes")
    return key_of(decides)


def count_processes(config: TrainingConfig) -> int:
    """Return how many processes train together: those of this one's launcher, else num_processes.

    Raises:
        InputError: a launcher has started another number than num_processes says.
    """
    started = launched()
    if started > 1 and config.num_processes not in (1, started):
        raise InputError(
            f"says something else than the launcher, which started {started} processes",
            field="num_processes",
            value=config.num_processes,
            remedy="Leave it out: under `accelerate launch` its own --num_processes counts.",
        )
    return max(started, config.num_processes)


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


def config_key(config: TrainingConfig, processes: int = 1) -> str:
    """Return a hash of the keys that decide the trained weights; a batch counts as a whole."""
    told = {k: v for k, v in config.model_dump().items() if k not in KEYS_WITHOUT_EFFECT_ON_WEIGHTS}
    return key_of({**told, "train_batch_size": config.train_batch_size * processes})


def hash_of(path: Path) -> str:
    """Return a file's SHA-256; an unchanged file is read once in a process."""
    told = path.stat()
    return _cached_hash(str(path.absolute()), told.st_size, told.st_mtime_ns)


@functools.lru_cache(maxsize=32)
def _cached_hash(path: str, size: int, modified: int) -> str:
    """Hash a file once for as long as its size and time stay; checkpoints are gigabytes."""
    return sha256_of_file(path)
