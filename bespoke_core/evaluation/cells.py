"""The pictures of a sweep, one by one: made when they are asked for, never all at once.

A plan of a hundred thousand pictures is a few lists and the rule that crosses them. What has to be kept of a
single picture is its place among them, four bytes, and where pictures are looked up by key twelve.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

from ..files import key_of
from .checkpoints import Checkpoint
from .prompts import TestPrompt
from .settings import SamplerSettings
from .table import BASE

Line = tuple[Checkpoint | None, SamplerSettings]
"""A LoRA, or None for the control row, and how it is sampled."""


@dataclass(frozen=True)
class Cell:
    """One picture of a sweep.

    Attributes:
        checkpoint: the LoRA, or None for the control row.
        prompt: what is asked for.
        seed: of the noise.
        sampler: how it is sampled.
        base: content key of the base model, text encoder and autoencoder.
    """

    checkpoint: Checkpoint | None
    prompt: TestPrompt
    seed: int
    sampler: SamplerSettings
    base: str

    @cached_property
    def key(self) -> str:
        """The content key: equal keys, equal pictures. Names of prompts and files do not enter it."""
        return key_of(
            {
                "checkpoint": self.checkpoint.sha256 if self.checkpoint else None,
                "prompt": self.prompt.text,
                "seed": self.seed,
                "sampler": self.sampler.values,
                "base": self.base,
            }
        )

    @property
    def checkpoint_name(self) -> str:
        """The checkpoint's name, ``base`` for the control row."""
        return self.checkpoint.name if self.checkpoint else BASE

    @property
    def epoch(self) -> int | None:
        """The checkpoint's epoch, None for the control row."""
        return self.checkpoint.epoch if self.checkpoint else None

    @property
    def file_stem(self) -> str:
        """A file name that says what the picture is: checkpoint, prompt, seed, first digits of the key."""
        checkpoint, prompt = _short(self.checkpoint_name, 80), _short(self.prompt.name, 60)
        return f"{checkpoint}_{prompt}_seed{self.seed}_{self.key[:10]}"

    def settings(self) -> dict[str, Any]:
        """Return all that is needed to make the picture again, JSON-able."""
        return {
            "checkpoint": self.checkpoint_name,
            "checkpoint_sha256": self.checkpoint.sha256 if self.checkpoint else None,
            "run": self.checkpoint.run if self.checkpoint else "",
            "epoch": self.epoch,
            "prompt_name": self.prompt.name,
            "prompt": self.prompt.text,
            "seed": self.seed,
            "base": self.base,
            **self.sampler.values,
        }


class Cells(Sequence[Cell]):
    """Cells by their place, or some of them; each is made anew whenever it is asked for.

    Args:
        lines: LoRA and settings, in order; every prompt and seed is drawn with each.
        prompts: what is asked for.
        seeds: of the noise.
        base: content key of the base model.
        places: which of the cells, in order; None stands for all.

    Two are equal when they hold equal cells in the same order; a tuple of cells is compared in the same way.
    """

    def __init__(
        self,
        lines: Sequence[Line],
        prompts: Sequence[TestPrompt],
        seeds: Sequence[int],
        base: str,
        places: Sequence[int] | None = None,
    ) -> None:
        self._of = (lines, prompts, seeds, base)
        whole = len(lines) * len(prompts) * len(seeds)
        self._places = range(whole) if places is None else places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Cell: ...

    @overload
    def __getitem__(self, index: slice) -> Cells: ...

    def __getitem__(self, index: int | slice) -> Cell | Cells:
        if isinstance(index, slice):
            return Cells(*self._of, places=self._places[index])
        return self._made(self._places[index])

    def __iter__(self) -> Iterator[Cell]:
        return map(self._made, self._places)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Cells, tuple)):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def some(self, chosen: Iterable[int]) -> Cells:
        """Return the cells whose places in this sequence are given, in that order."""
        return Cells(*self._of, places=array("I", (self._places[index] for index in chosen)))

    def pieces(self, size: int) -> Iterator[Cells]:
        """Yield the cells in order, so many at a time."""
        for first in range(0, len(self), size):
            yield self[first : first + size]

    def find(self, key: str) -> Cell | None:
        """Return the cell of a content key, or None; the first time takes a look at every cell."""
        import numpy as np

        try:
            wanted = np.uint64(int(key[:16], 16))
        except ValueError:
            return None
        keys, order = self._by_key
        for index in range(int(np.searchsorted(keys, wanted)), len(keys)):
            if keys[index] != wanted:
                break
            if (cell := self[int(order[index])]).key == key:
                return cell
        return None

    @cached_property
    def _by_key(self) -> tuple[Any, Any]:
        """Return the first 64 bits of all keys in ascending order, and whose they are."""
        import numpy as np

        keys = np.fromiter((int(cell.key[:16], 16) for cell in self), np.uint64, len(self))
        order = np.argsort(keys).astype(np.uint32)
        return keys[order], order

    def _made(self, place: int) -> Cell:
        lines, prompts, seeds, base = self._of
        rest, seed = divmod(place, len(seeds))
        line, prompt = divmod(rest, len(prompts))
        checkpoint, sampler = lines[line]
        return Cell(checkpoint, prompts[prompt], seeds[seed], sampler, base)


def _short(name: str, most: int) -> str:
    """Return a name for a file: letters, digits, dot and dash, at most `most` bytes of UTF-8."""
    plain = re.sub(r"[^\w.-]+", "-", name).lstrip(".")
    return plain.encode("utf-8")[:most].decode("utf-8", errors="ignore")
