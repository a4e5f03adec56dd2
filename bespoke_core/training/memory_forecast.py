"""The memory of a planned run, told before anything is loaded: from the header of the base model's file.

The networks are made without content, in the form in which they will be trained; what loading them holds is
counted. A run tells the same once more when its base model is loaded, from what it then really holds.
"""

from __future__ import annotations

import math

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from ..tokenizer import load_tokenizer
from ..weights_file import WeightsHeader, read_header
from .base_model import BaseModel, Encoder, new_encoding_half, new_text_encoder, new_unet
from .caching import store_of
from .latents import MOST_IN_MEMORY
from .layout import CLIP, GET_BASE, UNET, VAE, read_layout
from .live_bytes import LiveBytes
from .memory_check import largest_step
from .memory_estimate import Holding, MemoryEstimate, estimate_memory, held_now
from .network import new_lora
from .plan import TrainingPlan
from .start_weights import planned_form
from .text import WINDOW
from .winograd import quicken

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
_FORMATS = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def forecast_memory(plan: TrainingPlan) -> MemoryEstimate:
    """Estimate what a run takes at its peak on this machine; no weights are read.

    A narrow network in a wide layout, as the small base model is, takes less: only its weights tell.

    Raises:
        InputError: the base model's file or the word list cannot be used.
    """
    config, dtype = plan.config, _FORMATS[plan.config.mixed_precision]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    form = largest_step(plan, load_tokenizer(plan.tokenizer), device=device, dtype=dtype)(config)
    header = read_header(plan.base, remedy=GET_BASE)
    fake, live = FakeTensorMode(allow_non_fake_inputs=True), LiveBytes()
    base = _without_values(plan, header)
    with fake, live:
        for model, numbers in ((base.unet, dtype), (base.text_encoder, dtype), (base.encoder, torch.float32)):
            _fill(model, numbers, device)
        loading = live.now + (_read_bytes(header) if device.type == "cpu" else 0)
        _encode(plan, base, device)
        network = new_lora(base, config, planned_form(config))
        if device.type == "cpu" and not config.gradient_checkpointing:
            quicken(base.unet)
    there = held_now(device)
    latents = _latent_bytes(plan, base) if device.type == "cpu" else 0
    encoder = 0 if device.type == "cpu" else _size(base.encoder)  # it leaves the GPU before the first step
    there = Holding(
        there.now + live.now + latents - encoder,
        there.now + max(live.peak + latents, loading),
        there.available,
    )
    return estimate_memory(base, network, config, form, there=there, fake=fake)


def _without_values(plan: TrainingPlan, header: WeightsHeader) -> BaseModel:
    """Return the base's networks as they are in the file, on torch's device for sizes alone."""
    layout = read_layout(plan.base)
    words = next(shape[0] for key, shape in header.shapes.items() if key.endswith("token_embedding.weight"))
    with torch.device("meta"):
        unet, text = new_unet(layout), new_text_encoder(layout, words=words, positions=WINDOW + 2)
        return BaseModel(unet.eval(), Encoder(new_encoding_half(layout)).eval(), text.eval(), layout)


def _fill(model: torch.nn.Module, dtype: torch.dtype, device: torch.device) -> None:
    """Give a model frozen weights of a number format on a device, as `weights.frozen` does."""
    for module in model.modules():
        for name, value in module.named_parameters(recurse=False):
            empty = torch.empty(value.shape, dtype=dtype, device=device)
            setattr(module, name, torch.nn.Parameter(empty, requires_grad=False))
        for name, value in module.named_buffers(recurse=False):
            numbers = dtype if value.is_floating_point() else value.dtype
            setattr(module, name, torch.zeros(value.shape, dtype=numbers, device=device))


def _read_bytes(header: WeightsHeader) -> int:
    """Return what the parts of the file take that are read, beside their copies in the run's own numbers."""
    parts = (UNET, CLIP, VAE + "encoder.", VAE + "quant_conv.", VAE + "taesd_encoder.")
    return sum(
        math.prod(shape) * _BYTES.get(header.dtypes[key], 4)
        for key, shape in header.shapes.items()
        if key.startswith(parts)
    )


def _latent_bytes(plan: TrainingPlan, base: BaseModel) -> int:
    """Return what the latents take that are kept in memory."""
    device = torch.device("cpu")
    found = 0
    for pictures in (plan.training_set.pictures, plan.training_set.held_out):
        store = store_of(plan, pictures, base, device)
        sizes = (pictures[index].fit.bucket for index, _ in store.showings())
        found += sum(4 * 4 * (width // 8) * (height // 8) for width, height in sizes)
    return min(found, MOST_IN_MEMORY) if plan.config.cache_latents_to_disk else found


def _encode(plan: TrainingPlan, base: BaseModel, device: torch.device) -> None:
    """Encode the largest pictures."""
    pictures = plan.training_set.pictures
    width, height = max((p.fit.bucket for p in pictures), key=lambda bucket: bucket[0] * bucket[1])
    base.encoder(torch.empty((plan.config.vae_batch_size, 3, height, width), device=device))


def _size(model: torch.nn.Module) -> int:
    return sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
