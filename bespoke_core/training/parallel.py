"""The processes of one run: one a GPU, on one machine or on several, as `accelerate launch` starts them.

All of them hold the same LoRA and make the same steps. A batch is that of all together; each process takes
its share of it, and gradients and losses are added up. Chance is drawn for the whole batch by every process
alike, so that the result is that of one process with as large a batch, but for the order of sums.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch

from .errors import TrainingError
from .processes import launched

T = TypeVar("T")
_PATIENCE = timedelta(hours=12)
"""How long one process waits for another, which may encode or judge; a dead one is noticed at once."""


@dataclass(frozen=True)
class Ranks:
    """The processes of a run, seen from one of them.

    Attributes:
        rank: this process's number; 0 writes the files.
        count: how many there are; with 1 every method does nothing, or its work alone.
        device: where this process computes.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - a constant

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, length: int) -> slice:
        """Return which pictures of a batch of `length` this process takes; none where there are too few."""
        return slice(self.rank * length // self.count, (self.rank + 1) * length // self.count)

    def add_up(self, parameters: Sequence[torch.nn.Parameter], *values: float) -> tuple[float, ...]:
        """Replace every gradient by its sum over all processes; return the sums of `values`.

        A parameter without a gradient anywhere keeps none: an optimizer leaves it alone.
        """
        if self.count == 1:
            return values
        has = torch.tensor([float(p.grad is not None) for p in parameters], device=self.device)
        flat = [has, torch.tensor(values, dtype=torch.float32, device=self.device)]
        flat += [(torch.zeros_like(p) if p.grad is None else p.grad).float().flatten() for p in parameters]
        total = torch.cat(flat)
        self._all_reduce(total)
        many = len(parameters)
        found, sums = total[:many], total[many : many + len(values)]
        pieces = total[many + len(values) :].split([p.numel() for p in parameters])
        for parameter, some, piece in zip(parameters, found.tolist(), pieces, strict=True):
            if some:
                parameter.grad = piece.view_as(parameter).to(parameter.dtype).clone()
        return tuple(sums.tolist())

    def any(self, flag: bool) -> bool:
        """Return whether any process says yes."""
        if self.count == 1:
            return flag
        told = torch.tensor([float(flag)], device=self.device)
        self._all_reduce(told)
        return bool(told.item())

    def from_first(self, work: Callable[[], T]) -> T:
        """Let the first process do something, and give every process its result, which is JSON-able.

        Raises:
            TrainingError: on the others, when the first one failed; there its own error.
        """
        if self.count == 1:
            return work()
        if not self.first:
            told = json.loads(self._text_from_first(""))
            if "error" in told:
                raise TrainingError(f"The run's first process ended: {told['error']}")
            return told["value"]
        try:
            value = work()
        except BaseException as error:
            self._text_from_first(json.dumps({"error": f"{type(error).__name__}: {error}"}))
            raise
        self._text_from_first(json.dumps({"value": value}))
        return value

    def tensors_from_first(self, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Give every process the first one's tensors, on the CPU; the others' argument is not read."""
        if self.count == 1:
            return tensors
        forms: dict[str, Any] = self.from_first(
            lambda: {key: [list(t.shape), str(t.dtype).removeprefix("torch.")] for key, t in tensors.items()}
        )
        found = {}
        for key, (shape, dtype) in forms.items():
            told = tensors[key] if self.first else torch.empty(shape, dtype=_dtype(dtype))
            found[key] = self._broadcast(told).cpu()
        return found

    def agree(self, what: str, value: str) -> None:
        """Check that a text is the same in every process.

        Raises:
            TrainingError: it is not; `what` names it.
        """
        if self.any(value != self.from_first(lambda: value)):
            raise TrainingError(f"{what} differs between the run's processes: it must be the same on each.")

    def _text_from_first(self, text: str) -> str:
        data = torch.tensor(list(text.encode("utf-8")), dtype=torch.uint8)
        length = int(self._broadcast(torch.tensor([len(data)])).item())
        told = self._broadcast(data if self.first else torch.empty(length, dtype=torch.uint8))
        return bytes(told.tolist()).decode("utf-8")

    def _broadcast(self, tensor: torch.Tensor) -> torch.Tensor:
        told = tensor.to(self.device).contiguous()
        self._call(lambda: torch.distributed.broadcast(told, 0))
        return told

    def _all_reduce(self, tensor: torch.Tensor) -> None:
        self._call(lambda: torch.distributed.all_reduce(tensor))

    def _call(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except RuntimeError as error:
            raise TrainingError(
                "Another process of the run ended or cannot be reached; the log of that one says why. "
                f"What is finished stays; resume to go on. ({str(error).splitlines()[0][:200]})"
            ) from error

    def close(self) -> None:
        """Leave the other processes."""
        if self.count > 1 and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def join_ranks() -> Ranks:
    """Join the other processes that the launcher started, and choose this one's device.

    Any launcher does that sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, as accelerate and
    torchrun do. Processes on GPUs talk through NCCL, others through gloo.

    Raises:
        TrainingError: the others cannot be reached.
    """
    local = int(os.environ.get("LOCAL_RANK") or 0)
    cuda = torch.cuda.is_available() and not _is_true(os.environ.get("ACCELERATE_USE_CPU"))
    device = torch.device("cuda", local if launched() > 1 else 0) if cuda else torch.device("cpu")
    if launched() == 1:
        return Ranks(device=torch.device("cuda") if cuda else device)
    if cuda:
        torch.cuda.set_device(device)
    try:
        torch.distributed.init_process_group("nccl" if cuda else "gloo", timeout=_PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f"The run's processes cannot reach each other: {error}") from error
    return Ranks(torch.distributed.get_rank(), torch.distributed.get_world_size(), device)


def _dtype(name: str) -> torch.dtype:
    found: torch.dtype = getattr(torch, name)
    return found


def _is_true(text: str | None) -> bool:
    return (text or "").lower() in {"1", "true", "yes"}
