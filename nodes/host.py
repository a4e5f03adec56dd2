"""What the nodes need of ComfyUI in more than one place: its folders, its tensors, its Cancel, its text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folder_paths
from comfy_api.latest import io

from ..bespoke_core.errors import BespokeError, InputError
from ..bespoke_core.files import key_of
from ..bespoke_core.paths import Roots
from ..bespoke_core.sprites.downscale import METHODS as DOWNSCALE_METHODS

if TYPE_CHECKING:
    import numpy as np
    import torch

BespokeTraining = io.Custom("BESPOKE_TRAINING")
BespokeCheckpoints = io.Custom("BESPOKE_CHECKPOINTS")
BespokePrompts = io.Custom("BESPOKE_PROMPTS")
BespokeScores = io.Custom("BESPOKE_SCORES")
BespokeSweep = io.Custom("BESPOKE_SWEEP")
BespokeVerdict = io.Custom("BESPOKE_VERDICT")

METHODS = list(DOWNSCALE_METHODS)
"""Ways to shrink a picture, as the library names them."""


def roots() -> Roots:
    """Return the folders that nodes may read and write, the owner's ``bespoke.toml`` included."""
    output = Path(folder_paths.get_output_directory())
    source = Path(folder_paths.get_input_directory())
    temp = Path(folder_paths.get_temp_directory())
    models = [Path(folder_paths.models_dir)]
    for kind in ("checkpoints", "loras", "vae"):
        models += [Path(folder) for folder in folder_paths.get_folder_paths(kind)]
    allowed = Roots(read=(source, output, temp, *dict.fromkeys(models)), write=(output, source, temp))
    return allowed.with_config(Path(folder_paths.get_user_directory()) / "bespoke.toml")


def output_root() -> Path:
    """Return ComfyUI's output folder."""
    return Path(folder_paths.get_output_directory())


class Made:
    """Remembers which folders nodes have made and read in this process.

    ComfyUI keeps a node's result as long as its inputs stay the same. When the user deletes the folder that
    the result stands for, or changes a file in a folder that came over a wire, the node must run again.
    """

    def __init__(self) -> None:
        self._folders: dict[str, Path] = {}
        self._read: dict[str, tuple[str, str]] = {}
        self._changes: dict[str, int] = {}

    def remember(self, name: str, folder: Path) -> None:
        """Note that the node's result of this name lies in a folder."""
        self._folders[name] = folder

    def remember_read(self, name: str, folder: Path) -> None:
        """Note in which state the node of this name is about to read a folder."""
        self._read[name] = (str(folder), folder_fingerprint(str(folder)))

    def settle(self, folder: Path, part: str) -> None:
        """Note that a folder is made whole now: who made it runs again when a file of its part changes."""
        for name in [name for name, made in self._folders.items() if made == folder]:
            self.remember_read(name, folder / part)

    def fingerprint(self, name: str, otherwise: str) -> str:
        """Return `otherwise`, or another value from the moment on when what was made or read has changed."""
        folder = self._folders.get(name)
        gone = folder is not None and not folder.exists()
        read = self._read.get(name)
        if gone or (read is not None and folder_fingerprint(read[0]) != read[1]):
            self._changes[name] = self._changes.get(name, 0) + 1
        changes = self._changes.get(name)
        return f"{otherwise} {changes}" if changes else otherwise


MADE = Made()


def folder_problem(text: str | None, field: str) -> bool | str:
    """Return True when a folder given as a constant may be read, else the sentence that says why not.

    A folder that arrives over a wire is not known when ComfyUI validates; the node checks it when it runs.
    """
    if not isinstance(text, str):
        return True
    try:
        roots().readable(text, field=field)
    except BespokeError as error:
        return str(error)
    return True


def folder_fingerprint(text: str | None) -> str:
    """Return a value that changes when the files in a folder change, for `fingerprint_inputs`."""
    if not isinstance(text, str):
        return "wired"
    try:
        folder = roots().readable(text)
    except BespokeError as error:
        return str(error)
    files = sorted(p for p in (folder.rglob("*") if folder.is_dir() else [folder]) if p.is_file())
    return key_of([[p.as_posix(), p.stat().st_size, p.stat().st_mtime_ns] for p in files])


def dataset_folder_input() -> io.String.Input:
    """Return the input of every node that takes a data set's folder."""
    return io.String.Input(
        "dataset_folder",
        default="bespoke_sample",
        tooltip="Folder with pictures and captions, under ComfyUI's input or output folder.",
    )


def training_set_input() -> io.String.Input:
    """Return the input of every node that compares with a training set."""
    return io.String.Input(
        "training_set",
        default="",
        optional=True,
        tooltip="Folder with the training set's pictures to compare with; empty: not measured.",
    )


class DatasetNode(io.ComfyNode):
    """A node with a `dataset_folder`: checked before any work starts, run again when a file of it changed."""

    @classmethod
    def validate_inputs(cls, dataset_folder: str | None = None) -> bool | str:
        """Refuse a folder that may not be read."""
        return folder_problem(dataset_folder, "dataset_folder")

    @classmethod
    def fingerprint_inputs(cls, dataset_folder: str | None = None, **_: Any) -> str:
        """Return a value that changes with the folder's files."""
        return folder_fingerprint(dataset_folder)


def to_uint8(images: torch.Tensor) -> np.ndarray:
    """Turn an IMAGE batch (float, N x H x W x 3 or 4, 0 to 1) into uint8 RGB, as core's SaveImage rounds.

    Raises:
        InputError: the batch is empty or holds NaN.
    """
    values = _checked(images)
    if values.shape[-1] == 4:  # on white: the colours under transparent pixels are not part of the picture
        values = values[..., :3] * values[..., 3:] + (1.0 - values[..., 3:])
    return _rounded(values[..., :3])


def to_rgba8(images: torch.Tensor) -> np.ndarray:
    """Turn an IMAGE batch with transparency (float, N x H x W x 4, 0 to 1) into uint8 RGBA, likewise."""
    return _rounded(_checked(images))


def holds_nan(images: torch.Tensor) -> bool:
    """Return whether a batch holds NaN, which is no picture."""
    return bool(images.isnan().any())


def _checked(images: torch.Tensor) -> np.ndarray:
    """Return the values of a batch that is neither empty nor holds NaN."""
    import numpy as np

    values: np.ndarray = images.detach().cpu().float().numpy()
    if values.size == 0:
        raise InputError("holds no picture", field="images", remedy="Connect at least one picture.")
    if np.isnan(values).any():
        raise InputError(
            "holds NaN",
            field="images",
            remedy="The model or the autoencoder made an invalid picture: try --fp32-vae or another model.",
        )
    return values


def _rounded(values: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.clip(255.0 * values, 0, 255).astype(np.uint8)


def to_tensor(pictures: np.ndarray) -> torch.Tensor:
    """Turn uint8 RGB or RGBA (N x H x W x 3 or 4) into an IMAGE batch (float32, 0 to 1)."""
    import numpy as np
    import torch

    return torch.from_numpy(pictures.astype(np.float32) / 255.0)


def picture_tensor(picture: Any) -> torch.Tensor:
    """Turn one PIL picture into an IMAGE batch of one."""
    import numpy as np

    return to_tensor(np.asarray(picture.convert("RGB"))[None])


def sheets_tensor(sheets: Sequence[Any]) -> torch.Tensor:
    """Turn PIL pictures into one IMAGE batch; smaller ones are filled up with white, right and below."""
    import numpy as np

    width, height = (max(sheet.size[axis] for sheet in sheets) for axis in (0, 1))
    batch = np.full((len(sheets), height, width, 3), 255, dtype=np.uint8)
    for place, sheet in zip(batch, sheets, strict=True):
        place[: sheet.height, : sheet.width] = np.asarray(sheet.convert("RGB"))
    return to_tensor(batch)


def stop_if_cancelled() -> None:
    """Raise ComfyUI's interruption when the user pressed Cancel; nothing else checks it inside a node."""
    import comfy.model_management

    comfy.model_management.throw_exception_if_processing_interrupted()


def progress() -> Callable[[int, int], None]:
    """Return what the library calls with (done, in all): it moves the node's bar and obeys Cancel."""
    from comfy.utils import ProgressBar

    bar = ProgressBar(1)

    def step(done: int, total: int) -> None:
        stop_if_cancelled()
        if done == total or done % max(1, total // 200) == 0:
            bar.update_absolute(done, total)

    return step


def show(text: str, node_id: str) -> None:
    """Show a line on the node while it runs."""
    from server import PromptServer

    PromptServer.instance.send_progress_text(text, node_id)


def output_files(paths: Iterable[Path]) -> list[dict[str, str]]:
    """Describe files as ComfyUI's ``/view`` finds them; files outside the output folder are left out."""
    root = output_root().resolve()
    described = []
    for path in paths:
        if not path.resolve().is_relative_to(root):
            continue
        inside = path.resolve().relative_to(root)
        described.append(
            {"filename": inside.name, "subfolder": inside.parent.as_posix().strip("."), "type": "output"}
        )
    return described
