"""What a run works with: the networks, the pictures as latents, the LoRA and its optimizer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import UserCancelledError
from ..tokenizer import load_tokenizer
from .base_model import BaseModel, load_base
from .config import TrainingConfig
from .dataset import Picture
from .latent_files import LatentFiles
from .latents import LatentStore
from .network import LoraNetwork, add_lora
from .noise import alphas_cumprod
from .plan import TrainingPlan
from .schedule import make_optimizer, make_scheduler
from .text import FrozenText
from .trim import trim

Tell = Callable[..., None]
"""Told what happens: `tell("step", step=3, loss=0.1)`."""
_TELL_SECONDS = 0.5


@dataclass(frozen=True)
class Session:
    """What a run works with, on its device.

    Attributes:
        latents: of the training set's pictures.
        held_out: latents of the pictures that are not trained on.
        frozen_text: encodes captions when the text encoder is not trained, else None.
        alphas: share of signal at each timestep, float32.
        dtype: of the base model and of autocast.
    """

    plan: TrainingPlan
    base: BaseModel
    tokenizer: Any
    network: LoraNetwork
    latents: LatentStore
    held_out: LatentStore
    frozen_text: FrozenText | None
    alphas: torch.Tensor
    device: torch.device
    dtype: torch.dtype
    optimizer: torch.optim.Optimizer
    scheduler: Any
    scaler: Any

    @property
    def config(self) -> TrainingConfig:
        """The run's configuration."""
        return self.plan.config


def prepare(plan: TrainingPlan, tell: Tell, stop: Callable[[], bool]) -> Session:
    """Load the base model, encode the pictures and make the LoRA with its optimizer."""
    config = plan.config
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[config.mixed_precision]
    if device.type == "cpu" and dtype != torch.float32:
        text = (
            f"mixed_precision = {config.mixed_precision} saves memory on a CPU but is mostly slower than no."
        )
        tell("notice", text=text)
    base = load_base(plan.base, dtype=dtype)
    base.encoder.to(device)
    latents = _store(plan, plan.training_set.pictures, base, device)
    held_out = _store(plan, plan.training_set.held_out, base, device)
    if latents.cached:
        _fill((latents, held_out), tell, stop)
        base.encoder.cpu()
    network = add_lora(base, config)
    trim(base.unet)
    for model in (base.unet, base.text_encoder):
        model.to(device)
    if config.gradient_checkpointing:
        base.unet.enable_gradient_checkpointing()
        renamed = hasattr(base.text_encoder, "activation_checkpointing_enable")  # from transformers 5 on
        name = "activation_checkpointing_enable" if renamed else "gradient_checkpointing_enable"
        getattr(base.text_encoder, name)({"use_reentrant": False})
        base.text_encoder.train()  # transformers checkpoints only then; CLIP has no dropout to start
    groups = {part: network.parameters(part) for part in ("unet", "text_encoder")}
    optimizer = make_optimizer(config, groups, device, lambda text: tell("notice", text=text))
    return Session(
        plan,
        base,
        load_tokenizer(plan.tokenizer),
        network,
        latents,
        held_out,
        None if config.trains_text_encoder else FrozenText(base.text_encoder, config.clip_skip),
        alphas_cumprod().to(device),
        device,
        dtype,
        optimizer,
        make_scheduler(config, optimizer, plan.steps),
        torch.amp.GradScaler(device.type) if dtype == torch.float16 else None,
    )


def _store(
    plan: TrainingPlan, pictures: Sequence[Picture], base: BaseModel, device: torch.device
) -> LatentStore:
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


def _fill(stores: Sequence[LatentStore], tell: Tell, stop: Callable[[], bool]) -> None:
    """Encode all pictures beforehand; the events count the forms in which pictures are shown."""
    total = sum(len(store.places()) for store in stores)
    before, told = 0, time.monotonic()

    def progress(done: int) -> None:
        nonlocal told
        if before + done == total or time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            tell("caching", done=before + done, of=total)
        if stop():
            raise UserCancelledError("stopped while pictures were encoded")

    for store in stores:
        if store.places():
            store.fill(progress)
            before += len(store.places())
