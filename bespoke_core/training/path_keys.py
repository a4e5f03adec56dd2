"""Files and folders that keys name: looked for before all else, and told by the key and by its TOML file."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from .keys import PATH_KEYS, TrainingConfig
from .keys.judging import names_a_file

_MUST_EXIST = {
    "pretrained_model_name_or_path": ("file", "Name a Stable Diffusion 1.5 checkpoint (.safetensors)."),
    "tokenizer_path": ("folder", "Name a folder with vocab.json and merges.txt, or leave it out."),
    "network_weights": ("file", "Name a LoRA file (.safetensors) to start from, or leave it out."),
    "dataset_config": ("file", "Name a TOML file with [[datasets]], or leave it out."),
    "train_data_dir": ("folder", "Name the folder with the pictures and captions."),
    "reg_data_dir": ("folder", "Name the folder with the regularisation pictures, or leave it out."),
    "sample_prompts": ("file", "Name a .txt, .toml or .json file with prompts, or write the prompts here."),
}
"""Keys of what a run reads: what each names, and what to do where that is not there."""
_WRITTEN = ("output_dir", "logging_dir")
_FIELDS_OF_FOLDERS = ("folder", "images")
"""What functions that read a data set call the folder they were given."""


def check_paths(config: TrainingConfig, run_folder: Path) -> None:
    """Refuse a file or folder that is not there, or that is the other of the two.

    Args:
        config: with absolute paths.
        run_folder: where the run's files go; output_dir counts where it holds this folder.

    Raises:
        InputError: see above; it names the key.
    """
    without = ["train_data_dir", "reg_data_dir"] if config.dataset_config else []
    without += [] if names_a_file(config.sample_prompts) else ["sample_prompts"]
    without += [] if run_folder.is_relative_to(config.output_dir) else ["output_dir"]
    given = {key: value for key in PATH_KEYS if key not in without and (value := getattr(config, key))}
    for key, (kind, remedy) in _MUST_EXIST.items():
        if not (value := given.get(key)):
            continue
        found = _kind_of(Path(value), key)
        if found != kind:
            problem = f"is a {found}, not a {kind}" if found else f"there is no such {kind}"
            raise InputError(problem, field=key, value=value, remedy=remedy)
    for key in _WRITTEN:
        if key in given:
            _check_written(key, given[key])


def _kind_of(path: Path, key: str) -> str:
    """Return "file", "folder", or nothing where there is neither.

    Raises:
        InputError: the user may not look there.
    """
    try:
        return "folder" if stat.S_ISDIR(path.stat().st_mode) else "file"
    except PermissionError as error:
        problem, remedy = "may not be looked at", "Check the rights of the folders that lead there."
        raise InputError(problem, field=key, value=str(path), remedy=remedy) from error
    except OSError:
        return ""


def _check_written(key: str, value: str) -> None:
    """Refuse a folder to write into that is a file, lies in one, or may not be written."""
    there = Path(value)
    while not _kind_of(there, key) and there != there.parent:
        there = there.parent
    if there.is_dir() and os.access(there, os.W_OK):
        return
    which = "" if there == Path(value) else f" ({there})"
    problem = f"may not be written{which}" if there.is_dir() else f"is a file, not a folder{which}"
    raise InputError(problem, field=key, value=value, remedy="Name a folder that can be written.")


@contextmanager
def keys_named(config: TrainingConfig) -> Iterator[None]:
    """Name the key inside the block where an error is about the very file or folder that a key names.

    Raises:
        InputError: in place of one that tells the path alone.
    """
    try:
        yield
    except InputError as error:
        for key in PATH_KEYS:
            value = getattr(config, key)
            if value and _is_about(error, key, value):
                raise InputError(error.problem, remedy=error.remedy, field=key, value=value) from error
        raise


def _is_about(error: InputError, key: str, value: str) -> bool:
    if error.file is None:
        told = error.value if error.field in _FIELDS_OF_FOLDERS else None
    elif error.field in (None, key) and (not error.has_value or error.value == value):
        told = error.file
    else:
        told = None
    return told is not None and Path(str(told)) == Path(value)


@contextmanager
def file_named(file: str | os.PathLike[str] | None, *, without: Collection[str] = ()) -> Iterator[None]:
    """Name the TOML file inside the block where an error is about one of its keys.

    Args:
        file: the configuration was read from it; None leaves errors as they are.
        without: keys that were given elsewhere, as on the command line.

    Raises:
        InputError: in place of one that names no file.
    """
    try:
        yield
    except InputError as error:
        told = error.field
        if (
            file is None
            or error.file is not None
            or told not in TrainingConfig.model_fields
            or told in without
        ):
            raise
        value = {"value": error.value} if error.has_value else {}
        raise InputError(error.problem, remedy=error.remedy, file=file, field=told, **value) from error
