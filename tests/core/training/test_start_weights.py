"""A LoRA file to start from (network_weights) is judged with the plan, by its header alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bespoke_core.errors import InputError
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.plan import make_plan

torch = pytest.importorskip("torch")
from safetensors.torch import load_file, save_file  # noqa: E402

from bespoke_core.training.base_model import load_base  # noqa: E402
from bespoke_core.training.kohya_file import save_lora  # noqa: E402
from bespoke_core.training.network import add_lora  # noqa: E402

Make = Callable[..., TrainingConfig]
Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def start(make_config: Make, tiny_base: Path, tmp_path: Path) -> Path:
    """A LoRA of rank 4 on the tiny base."""
    path = tmp_path / "start.safetensors"
    network = add_lora(load_base(tiny_base), make_config())
    save_lora(path, network, precision=None, metadata={})
    return path


def refusal(config: TrainingConfig, tmp_path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        make_plan(config, tmp_path / "run")
    assert (caught.value.field, caught.value.value) == ("network_weights", config.network_weights)
    return caught.value


def test_other_ranks_are_told_with_the_plan_and_the_files_own_may_be_taken(
    make_config: Make, start: Path, tmp_path: Path
) -> None:
    assert make_plan(make_config(network_weights=str(start)), tmp_path / "run").steps
    found = refusal(make_config(network_weights=str(start), network_dim=8), tmp_path)
    assert "has rank 4 in it and 8 here" in str(found)
    assert "dim_from_weights" in found.remedy
    taken = make_config(network_weights=str(start), network_dim=8, dim_from_weights=True)
    assert make_plan(taken, tmp_path / "run").steps


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda tensors: {k.replace("lora_te_", "lora_te1_"): v for k, v in tensors.items() if "te_" in k},
            "is a LoRA of an SDXL model",
        ),
        (
            lambda tensors: {
                k: torch.zeros(4, 2 * v.shape[1]) if k.endswith("_to_k.lora_down.weight") else v
                for k, v in tensors.items()
            },
            r"is of another model: lora_unet_\w+_to_k leads from 64 to \d+ channels in it and from 32 to",
        ),
        (
            lambda tensors: {k.replace("lora_unet", "lora_other"): v for k, v in tensors.items()},
            "has no layer that is trained here",
        ),
        (
            lambda tensors: {k.replace("lora_", "other_"): v for k, v in tensors.items()},
            "is not a LoRA in kohya's form",
        ),
    ],
)
def test_a_lora_of_another_kind_is_told_with_the_plan(
    make_config: Make, start: Path, tmp_path: Path, change: Change, problem: str
) -> None:
    save_file(change(load_file(start)), start)
    found = refusal(make_config(network_weights=str(start), network_train_unet_only=True), tmp_path)
    assert re.search(problem, found.problem), found.problem


def test_a_lora_of_some_layers_is_taken_and_told(make_config: Make, start: Path, tmp_path: Path) -> None:
    tensors = load_file(start)
    save_file({k: v for k, v in tensors.items() if k.startswith("lora_unet_")}, start)
    plan = make_plan(make_config(network_weights=str(start)), tmp_path / "run")
    told = [notice for notice in plan.notices if "network_weights" in notice]
    layers = {key.split(".")[0] for key in tensors}
    unet = {name for name in layers if name.startswith("lora_unet_")}
    assert told == [
        f"network_weights holds {len(unet)} of the {len(layers)} trained layers; the others start anew."
    ]
