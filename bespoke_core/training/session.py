"""What a run works with: the networks, the pictures as latents, the LoRA and its optimizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from ..errors import InputError
from ..tokenizer import load_tokenizer
from .base_model import BaseModel, load_base
from .caching import fill, store_of
from .checkpointing import set_checkpointing
from .compiling import check_compiler, with_compiled_unet
from .config import TrainingConfig
from .ema import Ema, make_ema
from .judge import Tell
from .latents import LatentStore
from .memory_check import check_memory
from .network import LoraNetwork, add_lora
from .network_form import read_network_arguments
from .noise import alphas_cumprod
from .optimizer import make_optimizer
from .parallel import Ranks
from .plan import TrainingPlan, hash_of
from .products import quicken_linears
from .schedule import make_scheduler
from .state import Stateful
from .text import FrozenText
from .trim import trim
from .winograd import quicken


@dataclass(frozen=True)
class Session:
    """What a run works with, on its device.

    Attributes:
        latents: of the training set's pictures.
        held_out: latents of the pictures that are not trained on.
        frozen_text: encodes captions when the text encoder is not trained, else None.
        alphas: share of signal at each timestep, float32.
        dtype: of the base model and of autocast.
        scaler: the loss scale where dtype is float16, else None.
        ema: the LoRA's running mean, or None.
        ranks: the processes that train together.
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
    ema: Ema | None = None
    ranks: Ranks = field(default_factory=Ranks)

    @property
    def config(self) -> TrainingConfig:
        """The run's configuration."""
        return self.plan.config

    @property
    def rates(self) -> dict[str, float]:
        """The learning rate of each parameter group: "unet", "text_encoder", LoRA+'s "unet_up" ..."""
        arguments = read_network_arguments(self.config.network_args)
        names = [
            part + up
            for part in ("unet", "text_encoder")
            if self.network.parameters(part)
            for up in (("", "_up") if arguments.up_ratio(part) != 1 else ("",))
        ]
        return dict(zip(names, map(float, self.scheduler.get_last_lr()), strict=True))

    def autocast(self) -> torch.autocast:
        """Return the context in which the networks compute in their number format."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    @property
    def parts(self) -> Stateful:
        """What the run's state holds."""
        return Stateful(self.network, self.optimizer, self.scheduler, self.scaler, self.ema)


def prepare(plan: TrainingPlan, tell: Tell, stop: Callable[[], bool], ranks: Ranks | None = None) -> Session:
    """Load the base model, encode the pictures and make the LoRA with its optimizer.

    Args:
        plan: what is trained.
        tell: told of every event.
        stop: asked while pictures are encoded.
        ranks: the processes that train together; none is this one alone, on its GPU if it has one.

    Raises:
        UserCancelledError: `stop` returned True.
        InputError: the base model is not what it was when the run was planned.
        TrainingError: the base model's weights or latents are no numbers.
    """
    config = plan.config
    if ranks is None:
        ranks = Ranks(device=torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    device = ranks.device
    check_compiler(config, device)
    dtype = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[config.mixed_precision]
    if device.type == "cpu" and dtype != torch.float32:
        text = (
            f"mixed_precision = {config.mixed_precision} saves memory on a CPU but is mostly slower than no."
        )
        tell("notice", text=text)
    base = load_base(plan.base, dtype=dtype)
    if hash_of(plan.base) != plan.base_sha256:
        raise InputError("was changed while the run began", file=plan.base, remedy="Start the run again.")
    base.encoder.to(device)
    latents = store_of(plan, plan.training_set.pictures, base, device)
    held_out = store_of(plan, plan.training_set.held_out, base, device)
    if latents.cached:
        fill((latents, held_out), tell, stop, ranks)
        base.encoder.cpu()
    tokenizer = load_tokenizer(plan.tokenizer)
    network = _add_network(plan, base, tokenizer, tell, device=device, dtype=dtype)
    base = with_compiled_unet(base, config)
    optimizer = make_optimizer(config, _groups(config, network), device, _new_to(plan, tell))
    return Session(
        plan,
        base,
        tokenizer,
        network,
        latents,
        held_out,
        None if config.trains_text_encoder else FrozenText(base.text_encoder, config.clip_skip),
        alphas_cumprod(zero_terminal=config.zero_terminal_snr).to(device),
        device,
        dtype,
        optimizer,
        make_scheduler(config, optimizer, plan.steps),
        torch.amp.GradScaler(device.type) if dtype == torch.float16 else None,
        ema=make_ema(config, network),
        ranks=ranks,
    )


def _add_network(
    plan: TrainingPlan,
    base: BaseModel,
    tokenizer: Any,
    tell: Tell,
    *,
    device: torch.device,
    dtype: torch.dtype,
) -> LoraNetwork:
    """Put the LoRA into the base's networks, bring them to the device, and tell the memory that a step takes.

    Raises:
        InputError: the run will not fit into memory.
    """
    config = plan.config
    network = add_lora(base, config)
    trim(base.unet)
    if device.type == "cpu" and not config.gradient_checkpointing:  # it takes memory, for speed
        quicken(base.unet)
    if device.type == "cpu":
        quicken_linears(base.text_encoder)
    for model in (base.unet, base.text_encoder):
        model.to(device)
    if config.gradient_checkpointing:
        set_checkpointing(base, True)
    network.train(False)  # the estimate runs on tensors without content, in which no module can be dropped
    needed = check_memory(plan, base, network, tokenizer, device=device, dtype=dtype)
    tell("memory", bytes=needed.total, device=needed.device, text=needed.text())
    network.train(True)  # turning checkpointing on and off for the estimate touches the layers' dropouts
    return network


def _new_to(plan: TrainingPlan, tell: Tell) -> Callable[[str], None]:
    """Return what tells notices that the plan does not hold already."""
    return lambda text: None if text in plan.notices else tell("notice", text=text)


def _groups(config: TrainingConfig, network: LoraNetwork) -> dict[str, list[dict[str, Any]]]:
    """Return each part's parameter groups: one, or two where LoRA+ gives `up` a rate of its own."""
    arguments = read_network_arguments(config.network_args)
    found: dict[str, list[dict[str, Any]]] = {}
    parts: tuple[Literal["unet", "text_encoder"], ...] = ("unet", "text_encoder")
    for part in parts:
        rate, ratio = config.rate_of(part), arguments.up_ratio(part)
        found[part] = [{"params": network.parameters(part), "lr": rate}]
        if ratio != 1:
            found[part] = [
                {"params": network.parameters(part, "down"), "lr": rate},
                {"params": network.parameters(part, "up"), "lr": rate * ratio},
            ]
    return {part: groups for part, groups in found.items() if groups[0]["params"]}
