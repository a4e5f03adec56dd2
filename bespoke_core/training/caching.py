"""A run's pictures as latents: where they are kept, encoded before the first step, given to every process."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from ..errors import UserCancelledError
from .base_model import BaseModel
from .dataset import Picture
from .judge import Stop, Tell
from .latent_files import LatentFiles
from .latents import Latents, LatentStore
from .parallel import Ranks
from .plan import TrainingPlan

_TELL_SECONDS = 0.5


def store_of(
    plan: TrainingPlan, pictures: Sequence[Picture], base: BaseModel, device: torch.device
) -> LatentStore:
    """Return the store that a plan's keys ask for.

    Args:
        plan: its run folder lies beside the folder of latents that runs share.
        pictures: those to learn, or those held out.
        base: whose encoder makes latents.
        device: on which they are made.
    """
    config = plan.config
    files = LatentFiles(plan.run_folder.parent / "latents", plan.base_sha256)
    return LatentStore(
        pictures,
        base.encoder,
        device=device,
        seed=config.seed,
        cached=config.cache_latents or config.cache_latents_to_disk,
        files=files if config.cache_latents_to_disk else None,
        batch_size=config.vae_batch_size,
    )


def fill(stores: Sequence[LatentStore], tell: Tell, stop: Stop, ranks: Ranks) -> None:
    """Encode all pictures beforehand; the events count the forms in which pictures are shown.

    Of several processes the first one encodes and the others are given the result.

    Raises:
        UserCancelledError: `stop` returned True.
        TrainingError: the encoder gave something that is no number, or a file cannot be written.
    """
    total = sum(len(store.showings()) for store in stores)
    before, told = 0, time.monotonic()

    def progress(done: int) -> None:
        nonlocal told
        if before + done == total or time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            tell("caching", done=before + done, of=total)
        if stop():
            raise UserCancelledError("stopped while pictures were encoded")

    def encode() -> None:
        nonlocal before
        for store in stores:
            if store.showings():
                store.fill(progress)
                before += len(store.showings())

    ranks.from_first(encode)
    for store in stores:
        _share(store, ranks)


def _share(store: LatentStore, ranks: Ranks) -> None:
    """Give the first process's latents to the others, as far as it has them in memory."""
    if ranks.count == 1:
        return
    kept, tensors = store.kept(), {}
    for number, showing in enumerate(store.showings()):
        if showing in kept:
            tensors[f"{number}.values"] = kept[showing].values
            if (weights := kept[showing].weights) is not None:
                tensors[f"{number}.weights"] = weights
    told = ranks.tensors_from_first(tensors)
    if not ranks.first:
        numbered = dict(enumerate(store.showings()))
        store.adopt(
            {
                showing: Latents(told[f"{number}.values"], told.get(f"{number}.weights"))
                for number, showing in numbered.items()
                if f"{number}.values" in told
            }
        )
