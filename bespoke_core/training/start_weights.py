"""The LoRA file that a run starts from (network_weights): read and checked without its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from ..errors import InputError
from ..weights_file import read_header
from .base_layers import BaseLayer, trained_layers
from .config import TrainingConfig
from .network_form import ALPHA, DOWN, UP, NetworkForm, form_of, form_of_file

_FORM = "Choose a LoRA in kohya's form, as this trainer and sd-scripts write them."
_MODEL = "Choose a LoRA that was trained on a Stable Diffusion 1.5 model."
_OF_SDXL = ("lora_te1_", "lora_te2_", "lora_unet_input_blocks_", "lora_unet_output_blocks_")


def read_start_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a LoRA file's tensors.

    Raises:
        InputError: absent, damaged, or not a LoRA in kohya's form.
    """
    shapes = dict(read_header(path, remedy=_FORM).shapes)
    if not any(key.startswith("lora_") and key.endswith(DOWN) for key in shapes):
        raise InputError("is not a LoRA in kohya's form", file=path, field="network_weights", remedy=_FORM)
    return shapes


def read_alphas(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, float]:
    """Return the alphas of a LoRA file by kohya name.

    Args:
        path: of the file.
        shapes: from `read_start_shapes`.
    """
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:  # numpy has no bfloat16
        return {k.removesuffix(ALPHA): float(file.get_tensor(k)) for k in shapes if k.endswith(ALPHA)}


def planned_form(config: TrainingConfig) -> NetworkForm:
    """Return the sizes that a run's LoRA gets, those of network_weights with dim_from_weights.

    The alphas of such a file are not read; each is its rank.

    Raises:
        InputError: as `read_start_shapes`.
    """
    if not config.dim_from_weights:
        return form_of(config)
    return form_of_file(read_start_shapes(Path(config.network_weights)), {}, config)


def check_start(config: TrainingConfig, layers: Mapping[str, BaseLayer]) -> list[str]:
    """Refuse a file whose layers or ranks are not those that the run trains; return what to say of it.

    Args:
        config: with network_weights.
        layers: of the base model, from `base_layers`.

    Raises:
        InputError: see above; or as `read_start_shapes`.
    """

    def refuse(problem: str, remedy: str) -> NoReturn:
        value = config.network_weights
        raise InputError(problem, field="network_weights", value=value, remedy=remedy)

    shapes = read_start_shapes(Path(config.network_weights))
    trained = trained_layers(layers, planned_form(config), config)
    found = [name for name in trained if name + DOWN in shapes and name + UP in shapes]
    if not found and any(key.startswith(_OF_SDXL) for key in shapes):
        refuse("is a LoRA of an SDXL model", _MODEL)
    if not found:
        refuse("has no layer that is trained here", _MODEL)
    for name in found:
        layer, rank = trained[name]
        down, up = shapes[name + DOWN], shapes[name + UP]
        if (down[1], up[0]) != (layer.inputs, layer.outputs):
            there, here = f"{down[1]} to {up[0]}", f"{layer.inputs} to {layer.outputs}"
            refuse(
                f"is of another model: {name} leads from {there} channels in it and from {here} here", _MODEL
            )
        if down[0] != rank:
            refuse(
                f"{name} has rank {down[0]} in it and {rank} here",
                "Set dim_from_weights = true, or network_dim to the file's rank.",
            )
    if len(found) == len(trained):
        return []
    return [
        f"network_weights holds {len(found)} of the {len(trained)} trained layers; the others start anew."
    ]
