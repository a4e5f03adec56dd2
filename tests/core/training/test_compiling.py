from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bespoke_core.errors import InputError
from bespoke_core.training.base_model import load_base
from bespoke_core.training.compiling import check_compiler, with_compiled_unet
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.network import add_lora

CPU = torch.device("cpu")
Make = Callable[..., TrainingConfig]


@pytest.mark.slow
def test_a_compiled_unet_gives_the_same_gradients(make_config: Make, tiny_base: Path) -> None:
    config = make_config(torch_compile=True, dynamo_backend="eager", network_train_unet_only=True)
    base = load_base(tiny_base)
    network = add_lora(base, config)
    chance = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for matrix in network.parameters("unet", "up"):
            matrix.normal_(std=0.1, generator=chance)
    given = (torch.randn(2, 4, 8, 8, generator=chance), torch.tensor([1, 500]), torch.randn(2, 77, 64))

    def gradients(unet: torch.nn.Module) -> list[torch.Tensor]:
        for matrix in network.parameters():
            matrix.grad = None
        (unet(*given).sample ** 2).mean().backward()
        return [matrix.grad.clone() for matrix in network.parameters() if matrix.grad is not None]

    plain = gradients(base.unet)
    compiled = with_compiled_unet(base, config)
    assert compiled.unet is not base.unet
    assert compiled.unet._orig_mod is base.unet
    found = gradients(compiled.unet)
    assert len(found) == len(plain) > 10
    for one, other in zip(plain, found, strict=True):
        assert torch.allclose(one, other, atol=1e-6, rtol=1e-4)


def test_nothing_is_compiled_unless_asked_for(make_config: Make, tiny_base: Path) -> None:
    base = load_base(tiny_base)
    assert with_compiled_unet(base, make_config()) is base
    assert with_compiled_unet(base, make_config(torch_compile=True, dynamo_backend="no")) is base


def test_a_missing_compiler_is_told_before_anything_is_loaded(
    make_config: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"C\+\+ compiler"):
        check_compiler(make_config(torch_compile=True), CPU)
    check_compiler(make_config(torch_compile=True, dynamo_backend="eager"), CPU)
    check_compiler(make_config(), CPU)
