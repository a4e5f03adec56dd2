"""The checkpoints of a training run: found by folder and pattern, checked, hashed, put in order of epoch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..weights_file import read_header
from .hashes import content_hash
from .table import BASE

_EPOCH_SUFFIX = re.compile(r"-(\d{6})$")
_DOWN = ".lora_down.weight"
_ARCHITECTURES = {768: "SD1.5", 1024: "SD2", 2048: "SDXL"}


@dataclass(frozen=True)
class Checkpoint:
    """One LoRA file of a run.

    Attributes:
        name: the file's name without ``.safetensors``; ``label/name`` where it has a run's label.
        epoch: the epoch that it ends, from 1.
        path: the file.
        sha256: of the whole file, so that no number can stand under another file's name.
        run: label of its training run, where several are compared; then it begins the name, too.
    """

    name: str
    epoch: int
    path: Path
    sha256: str
    run: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able form, the path with forward slashes."""
        return {
            "name": self.name,
            "epoch": self.epoch,
            "path": self.path.as_posix(),
            "sha256": self.sha256,
            "run": self.run,
        }


@dataclass(frozen=True)
class LoraHeader:
    """What the first bytes of a LoRA file say, without reading its weights.

    Attributes:
        modules: names of the adapted modules, such as ``lora_unet_..._attn1_to_q``.
        metadata: the file's ``ss_*`` and other strings.
        architecture: "SD1.5", "SD2", "SDXL" or "unknown".
    """

    modules: tuple[str, ...]
    metadata: Mapping[str, str]
    architecture: str


def inspect_lora(path: Path) -> LoraHeader:
    """Read what a LoRA file adapts, without loading it.

    Kohya's naming is understood (``lora_unet_*``, ``lora_te_*`` with ``.lora_down.weight``).

    Raises:
        InputError: the file is not a whole safetensors file, or holds no LoRA of that naming.
    """
    header = read_header(path, remedy="Give a LoRA saved as .safetensors.")
    downs = {key.removesuffix(_DOWN): shape for key, shape in header.shapes.items() if key.endswith(_DOWN)}
    if not downs:
        raise InputError(
            "holds no LoRA weights (no key ends in .lora_down.weight)",
            file=path,
            remedy="Choose a LoRA file, not a whole model.",
        )
    return LoraHeader(tuple(sorted(downs)), header.metadata, _architecture(downs))


def require_sd15(path: Path) -> LoraHeader:
    """Return the header of a LoRA for Stable Diffusion 1.5.

    Raises:
        InputError: the LoRA is made for another architecture, or is no whole LoRA file.
    """
    header = inspect_lora(path)
    if header.architecture not in {"SD1.5", "unknown"}:
        raise InputError(
            f"is a LoRA for {header.architecture}, not for SD1.5",
            file=path,
            remedy="Choose a LoRA trained on a Stable Diffusion 1.5 checkpoint.",
        )
    return header


def find_checkpoints(folder: Path, *, pattern: str = "*") -> tuple[Checkpoint, ...]:
    """Return the checkpoints in a folder, in order of epoch.

    Args:
        folder: holds the files directly, as a run folder does; or is one file.
        pattern: a shell pattern on the file's name, with or without ``.safetensors``.

    The epoch is taken from kohya's file name (``name-000008``), else from the file's ``ss_epoch``, else the
    file is the run's last one, as kohya names it: one more than the highest number beside it.

    Raises:
        InputError: no file matches, or one of them is broken or made for another architecture.
    """
    files = [folder] if folder.is_file() else sorted(folder.glob("*.safetensors"))
    chosen = [f for f in files if _matches(f, pattern)]
    if not chosen:
        raise InputError(
            "holds no matching .safetensors file",
            file=folder,
            field="pattern",
            value=pattern,
            remedy=_what_is_there(folder),
        )
    for path in chosen:
        if path.stem.casefold() == BASE:
            raise InputError(
                "has the name of the control row, the base model without a LoRA",
                file=path,
                remedy="Rename the file.",
            )
    headers = {path: require_sd15(path) for path in chosen}
    numbered = {path: _epoch_in_name(path) for path in chosen}
    found = []
    for path in chosen:
        epoch = numbered[path] or _epoch_in_metadata(headers[path]) or _last_epoch(path, numbered)
        found.append(Checkpoint(path.stem, epoch, path, content_hash(path)))
    return tuple(sorted(found, key=lambda c: (c.epoch, c.name)))


def choose(checkpoints: Iterable[Checkpoint], *, epoch: int = 0, name: str = "") -> Checkpoint:
    """Return the checkpoint of an epoch (0: the last) or of a name.

    Raises:
        InputError: there is no such checkpoint, or more than one.
    """
    available = list(checkpoints)
    listed = ", ".join(f"{c.name} (epoch {c.epoch})" for c in available) or "none"
    remedy = f"Choose one of: {listed}."
    if name:
        found = [c for c in available if c.name == name.removesuffix(".safetensors")]
        if not found:
            raise InputError("there is no such checkpoint", field="checkpoint", value=name, remedy=remedy)
        return found[0]
    found = [c for c in available if c.epoch == epoch] if epoch else available[-1:]
    if not found:
        raise InputError("there is no checkpoint of this epoch", field="epoch", value=epoch, remedy=remedy)
    if len(found) > 1:
        raise InputError(
            "more than one checkpoint has this epoch",
            field="epoch",
            value=epoch,
            remedy="Narrow the pattern. " + remedy,
        )
    return found[0]


def unmatched_modules(modules: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return the LoRA modules that a loaded model does not know, in order.

    Args:
        modules: of the file, as `inspect_lora` gives them.
        known: the LoRA names that the model understands.
    """
    known_names = set(known)
    return tuple(module for module in modules if module not in known_names)


def describe(checkpoints: Iterable[Checkpoint]) -> str:
    """Return a table for people: epoch, file, first digits of the hash."""
    lines = ["epoch  checkpoint  sha256"]
    lines += [f"{c.epoch:>5}  {c.name}  {c.sha256[:12]}" for c in checkpoints]
    return "\n".join(lines)


def _matches(path: Path, pattern: str) -> bool:
    return fnmatch(path.name, pattern) or fnmatch(path.stem, pattern)


def _architecture(shapes: Mapping[str, tuple[int, ...]]) -> str:
    if any(module.startswith(("lora_te1_", "lora_te2_")) for module in shapes):
        return "SDXL"
    widths = {shape[1] for module, shape in shapes.items() if module.endswith("attn2_to_k")}
    names = {_ARCHITECTURES.get(width, "unknown") for width in widths}
    return names.pop() if len(names) == 1 else "unknown"


def _epoch_in_name(path: Path) -> int | None:
    found = _EPOCH_SUFFIX.search(path.stem)
    return int(found.group(1)) if found else None


def _epoch_in_metadata(header: LoraHeader) -> int | None:
    text = header.metadata.get("ss_epoch", "")
    return int(text) if text.isdigit() and int(text) > 0 else None


def _last_epoch(path: Path, numbered: Mapping[Path, int | None]) -> int:
    series = [n for other, n in numbered.items() if n and other.stem[:-7] == path.stem]
    return max(series, default=0) + 1


def _what_is_there(folder: Path) -> str:
    if folder.is_file() or not folder.is_dir():
        return "Give a run folder or a .safetensors file."
    inside = sorted(p.name for p in folder.iterdir() if p.is_dir() and any(p.glob("*.safetensors")))
    if inside:
        return "One level deeper there are: " + ", ".join(inside[:8]) + "."
    return "Give the folder that a training run wrote, or change the pattern."
