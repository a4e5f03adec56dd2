"""Folders of captions for the tests that clean them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from bespoke_core.captions.clean_dataset import CleanReport, clean_dataset
from bespoke_core.captions.dataset import read_dataset

DIRTY = "pixel art, hair (#aabbcc), red hat (#112233), palette: #aabbcc, sharp pixel edges, #445566"
CLEANED = "pixel art, hair, red hat"


def write_set(folder: Path, texts: dict[str, str | bytes], *, pictures: bool = False) -> Path:
    """Write captions by name without ending ("a", "10_punk/a"), and a picture beside each where asked."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = folder / f"{name}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        if pictures:
            Image.new("RGB", (8, 8), "red").save(folder / f"{name}.png")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, hidden ones too."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def clean(folder: Path, **options: Any) -> CleanReport:
    """Clean a folder."""
    return clean_dataset(read_dataset(folder, skip_unreadable=True), **options)


def run_child(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, with the library on its path."""
    root = Path(__file__).resolve().parents[2]
    words = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=120, check=False)
