"""Drawing all prompts with a run's networks as they are now, and leaving no trace in the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..training.base_model import load_decoder
from ..training.session import Session
from .prompts import SamplePrompt
from .sampler import draw_latents
from .text import encode_prompt

if TYPE_CHECKING:
    from ..training.network import LoraNetwork

_DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}

Drawn = NDArray[np.uint8] | None
"""A picture, uint8 RGB (H, W, 3); None where it is not a number."""


def draw_prompts(
    session: Session,
    prompts: Sequence[SamplePrompt],
    *,
    stop: Callable[[], bool] = lambda: False,
    drawn: Callable[[int], None] = lambda number: None,
) -> list[Drawn]:
    """Draw every prompt with the base model and the LoRA as its file holds it.

    The decoder is read from the base file for as long as it takes. Everything that the run works with is as
    it was afterwards: weights, modes, and every random state.

    Args:
        session: the run.
        prompts: what to draw.
        stop: asked before every step of the sampler.
        drawn: told how many pictures are done.

    Raises:
        UserCancelledError: `stop` returned True.
    """
    base, config = session.base, session.config
    latents = []
    with ExitStack() as stack:
        stack.enter_context(chance_untouched(session.device))
        stack.enter_context(as_in_the_file(session.network, config.save_precision))
        stack.enter_context(evaluating(base.unet, base.text_encoder))
        for number, prompt in enumerate(prompts, 1):
            with session.autocast():
                positive, negative = (
                    encode_prompt(base.text_encoder, session.tokenizer, text, config.clip_skip)
                    for text in (prompt.text, prompt.negative)
                )
            found = draw_latents(
                getattr(base.unet, "_orig_mod", base.unet),  # a compiled one would compile for each new size
                positive,
                negative,
                prompt,
                velocity=config.v_parameterization,
                zero_terminal=config.zero_terminal_snr,
                dtype=session.dtype,
                stop=stop,
            )
            latents.append(found)
            drawn(number)
    return _decoded(session, latents)


def _decoded(session: Session, latents: Sequence[torch.Tensor]) -> list[Drawn]:
    decoder = load_decoder(session.plan.base).to(session.device)
    pictures: list[Drawn] = []
    for one in latents:
        try:
            picture = decoder(one)
        except torch.cuda.OutOfMemoryError:  # the training keeps its memory; the processor has its own
            picture = decoder.cpu()(one)
        if bool(torch.isfinite(one).all()) and bool(torch.isfinite(picture).all()):
            # ComfyUI's Save Image cuts the fraction off, too.
            pictures.append((picture[0].permute(1, 2, 0).cpu().numpy() * 255).astype(np.uint8))
        else:
            pictures.append(None)
    del decoder
    if session.device.type == "cuda":
        torch.cuda.empty_cache()
    return pictures


@contextmanager
def chance_untouched(device: torch.device) -> Iterator[None]:
    """Put torch's random states, which training may draw from, back to where they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


@contextmanager
def evaluating(*models: Any) -> Iterator[None]:
    """Switch dropout and gradient checkpointing off for a while; every module gets its own mode back."""
    modes = [(module, module.training) for model in models for module in model.modules()]
    try:
        for model in models:
            model.eval()
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def as_in_the_file(network: LoraNetwork, precision: str | None) -> Iterator[None]:
    """Round the LoRA to the number format of its file for a while; then every bit is as before."""
    dtype = _DTYPES.get(precision or "")
    if dtype is None:
        yield
        return
    kept = {name: matrix.clone() for name, matrix in network.tensors().items()}
    try:
        network.load({name: matrix.to(dtype).to(matrix.dtype) for name, matrix in kept.items()})
        yield
    finally:
        network.load(kept)
