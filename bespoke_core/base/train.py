"""Training the base model: resumable, and the same weights for the same recipe on the same machine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..amounts import counted
from ..errors import InputError
from ..files import whole_file, write_json
from ..training.loss import snr_weights
from ..training.noise import TIMESTEPS, add_noise, alphas_cumprod, make_noise
from .contexts import encode_all
from .drawings import NO_PROMPTS, draw
from .machine import device_name
from .recipe import Recipe
from .slim import slim_denoiser

STATE = "state.safetensors"
RUN = "run.json"  # beside the state: its recipe, device and torch
CURVE_EVERY = 50  # steps whose mean loss is one point of the curve
KEEP_EVERY = 500  # steps between two states

Tell = Callable[[str], None]


@dataclass
class Progress:
    """How far a run has come: steps done, seconds spent, and its loss curve as (step, mean loss)."""

    step: int = 0
    seconds: float = 0.0
    curve: list[tuple[int, float]] = field(default_factory=list)


@dataclass(frozen=True)
class _Data:
    latents: torch.Tensor
    contexts: torch.Tensor
    none: torch.Tensor


class _Run:
    """The network, its running mean and the optimizer."""

    def __init__(self, recipe: Recipe, device: str) -> None:
        from diffusers.models.attention_processor import AttnProcessor

        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.device = device
        self.network = slim_denoiser(recipe.widths).to(device, memory_format=torch.channels_last)
        if device == "cpu":  # torch's fused attention is slow backwards on a processor
            self.network.set_attn_processor(AttnProcessor())
        self.mean = {key: value.detach().clone() for key, value in self.network.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=recipe.unet_lr, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self.alphas = alphas_cumprod()
        self.progress = Progress()

    def step(self, data: _Data) -> float:
        """Do one step and return its loss; every draw comes from the seed and the step's number."""
        recipe, number = self.recipe, self.progress.step
        generator = torch.Generator().manual_seed(recipe.seed * 10_000_019 + number)
        chosen = _batch(recipe, number)
        timesteps = torch.randint(0, TIMESTEPS, (len(chosen),), generator=generator)
        latents = data.latents[chosen]
        noise = make_noise(tuple(latents.shape), generator, offset=recipe.noise_offset)
        noisy = add_noise(latents, noise, timesteps, self.alphas)
        contexts = data.contexts[chosen].float()
        dropped = torch.rand(len(chosen), generator=generator) < recipe.caption_dropout_rate
        texts = torch.randint(0, len(data.none), (len(chosen),), generator=generator)
        contexts[dropped] = data.none[texts[dropped]].float()
        weights = snr_weights(timesteps, self.alphas, recipe.min_snr_gamma, velocity=False)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate(number)
        place = self.device
        with torch.autocast(place.split(":")[0], torch.bfloat16):
            guess = self.network(noisy.to(place), timesteps.to(place), contexts.to(place)).sample
        losses = (guess.float() - noise.to(place)).square().mean(dim=(1, 2, 3))
        loss = (losses * weights.to(place)).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._follow(number)
        self.progress.step += 1
        return float(loss.detach())

    def _follow(self, number: int) -> None:
        decay = min(self.recipe.ema_decay, (number + 1) / (number + 10))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.mean.values()), list(self.network.state_dict().values()), 1 - decay
            )

    def save(self, path: Path) -> None:
        """Write the state whole or not at all."""
        from safetensors.torch import save_file

        tensors = {f"network.{key}": value for key, value in self.network.state_dict().items()}
        tensors |= {f"mean.{key}": value for key, value in self.mean.items()}
        for number, kept in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in kept.items()}
        told = {"progress": self.progress.__dict__, "fingerprint": self.recipe.fingerprint}
        with whole_file(path) as temporary:
            save_file({k: v.contiguous() for k, v in tensors.items()}, temporary, {"run": json.dumps(told)})

    def load(self, path: Path) -> None:
        """Take up a state; one of another recipe is refused."""
        told, tensors = read_state(path)
        if told.get("fingerprint") != self.recipe.fingerprint:
            raise InputError(
                "belongs to another recipe or other drawings",
                file=path,
                remedy="Continue with the settings it was begun with, or choose another folder.",
            )
        parts: dict[str, dict[str, torch.Tensor]] = {"network": {}, "mean": {}, "optimizer": {}}
        for key, value in tensors.items():
            part, _, rest = key.partition(".")
            parts[part][rest] = value
        self.network.load_state_dict(parts["network"])
        # Into the tensors that are there: the mean is updated as two lists in the network's order.
        for key, value in self.mean.items():
            value.copy_(parts["mean"][key])
        kept: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in parts["optimizer"].items():
            number, _, name = key.partition(".")
            kept.setdefault(int(number), {})[name] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": kept, "param_groups": groups})
        # A file does not keep the order of values in memory, and the fused optimizer walks through its
        # tensors side by side: each must lie as its weight does.
        for parameter, state in self.optimizer.state.items():
            for name, value in state.items():
                if value.shape == parameter.shape:
                    state[name] = torch.empty_like(parameter).copy_(value)
        self.progress = Progress(
            told["progress"]["step"],
            told["progress"]["seconds"],
            [(step, loss) for step, loss in told["progress"]["curve"]],
        )


def read_state(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Return what a state tells of its run ("fingerprint", "progress") and its tensors, on the CPU.

    Raises:
        InputError: the file is damaged or no state.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt", device="cpu") as file:
            told = json.loads((file.metadata() or {})["run"])
            return told, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(
            f"is damaged or not the state of a base model's training ({error})",
            file=path,
            remedy="Remove it to begin anew, or name the folder of another training.",
        ) from None


def train(
    recipe: Recipe, folder: Path, *, device: str, tokenizer_path: str = "", tell: Tell = print
) -> tuple[dict[str, torch.Tensor], Progress]:
    """Train, or go on from the state in `folder`.

    Args:
        recipe: see `Recipe`.
        folder: takes the state; made when absent.
        device: "cpu" or "cuda".
        tokenizer_path: folder of CLIP's tokenizer; found as for LoRA training when empty.
        tell: takes a line of progress.

    Returns:
        The running mean of the narrow network's weights, and how the run went.

    Raises:
        InputError: the recipe cannot be trained, the state in `folder` is damaged or belongs to another
            recipe, or no tokenizer was found.
    """
    recipe.check()
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(recipe, device)
    state = folder / STATE
    if state.is_file():
        run.load(state)
        tell(f"goes on after step {run.progress.step}")
    told = {
        "recipe": recipe.to_dict(),
        "device": device_name(device),
        "on_cpu": device == "cpu",
        "torch": torch.__version__,
    }
    write_json(folder / RUN, told)
    if run.progress.step < recipe.steps:
        _go_on(run, _prepare(recipe, device, tokenizer_path, tell), state, tell)
    return run.mean, run.progress


def _go_on(run: _Run, data: _Data, state: Path, tell: Tell) -> None:
    losses: list[float] = []
    since = time.monotonic()
    progress, steps = run.progress, run.recipe.steps
    while progress.step < steps:
        losses.append(run.step(data))
        if not np.isfinite(losses[-1]):
            raise InputError("the loss is not a number", field="unet_lr", remedy="Lower the learning rate.")
        if progress.step % CURVE_EVERY == 0 or progress.step == steps:
            progress.curve.append((progress.step, round(float(np.mean(losses)), 5)))
            losses = []
            progress.seconds += time.monotonic() - since
            since = time.monotonic()
            tell(f"step {progress.step}/{steps}  loss {progress.curve[-1][1]}  {progress.seconds:.0f} s")
        if progress.step % KEEP_EVERY == 0 or progress.step == steps:
            run.save(state)


def _prepare(recipe: Recipe, device: str, tokenizer_path: str, tell: Tell) -> _Data:
    drawn = [draw(number, recipe.seed) for number in range(recipe.drawings)]
    tell(f"drew {counted(len(drawn), 'picture')}")
    latents = latents_of(np.stack([one.pixels for one in drawn]))
    captions = [one.caption for one in drawn]
    contexts = encode_all(captions, device=device, tokenizer_path=tokenizer_path)
    tell("encoded their captions")
    none = encode_all(NO_PROMPTS, device=device, tokenizer_path=tokenizer_path)
    return _Data(latents, contexts, none)


def latents_of(sprites: np.ndarray[Any, np.dtype[np.uint8]]) -> torch.Tensor:
    """Return what the autoencoder makes of sprites: uint8 (N, h, w, 3) to float32 (N, 4, h, w)."""
    from .autoencoder import GAIN

    colors = (torch.from_numpy(np.ascontiguousarray(sprites)).float() / 255 - 0.5) * GAIN
    colors = colors.permute(0, 3, 1, 2)
    return torch.cat([colors, colors.mean(dim=1, keepdim=True)], dim=1).contiguous()


def _batch(recipe: Recipe, number: int) -> torch.Tensor:
    """Return the pictures of a step: a fresh order for every pass over the drawings."""
    size = recipe.train_batch_size
    a_pass = recipe.drawings // size
    order = np.random.default_rng([recipe.seed, number // a_pass]).permutation(recipe.drawings)
    place = number % a_pass * size
    return torch.from_numpy(order[place : place + size])
