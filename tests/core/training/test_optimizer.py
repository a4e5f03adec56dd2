from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.errors import InputError
from bespoke_core.training import config
from bespoke_core.training.keys.arguments import read_arguments
from bespoke_core.training.keys.optimizers import OPTIMIZERS
from bespoke_core.training.optimizer import described, make_optimizer, usable_kind
from bespoke_core.training.schedule import make_scheduler
from bespoke_core.training.state import Place, Stateful, load_state, read_state, save_state

CPU = torch.device("cpu")
INSTALLED = [
    kind.name
    for kind in OPTIMIZERS
    if not kind.needs_gpu and importlib.util.find_spec(kind.module.split(".")[0]) is not None
]


class Matrices:
    """Two small matrices with the interface of a LoRA network."""

    def __init__(self) -> None:
        chance = torch.Generator().manual_seed(0)
        self.down = torch.nn.Parameter(torch.randn(4, 6, generator=chance))
        self.up = torch.nn.Parameter(torch.zeros(5, 4))

    def tensors(self) -> dict[str, torch.Tensor]:
        return {"a.lora_down.weight": self.down.detach(), "a.lora_up.weight": self.up.detach()}

    @torch.no_grad()
    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        self.down.copy_(tensors["a.lora_down.weight"])
        self.up.copy_(tensors["a.lora_up.weight"])

    def loss(self, step: int) -> torch.Tensor:
        chance = torch.Generator().manual_seed(step)
        x, target = torch.randn(8, 6, generator=chance), torch.arange(30.0).view(6, 5).sin()
        return ((x @ self.down.T @ self.up.T - x @ target) ** 2).mean()


def start(**keys: Any) -> tuple[Matrices, torch.optim.Optimizer, Any]:
    made = config.from_values({"learning_rate": 1e-2, "lr_scheduler": "cosine", **keys})
    network = Matrices()
    groups = {"unet": [network.down], "text_encoder": [network.up]}
    optimizer = make_optimizer(made, groups, CPU, lambda text: None)
    return network, optimizer, make_scheduler(made, optimizer, 50)


def walk(parts: tuple[Matrices, torch.optim.Optimizer, Any], steps: range) -> None:
    network, optimizer, scheduler = parts
    for step in steps:
        network.loss(step).backward()
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad(set_to_none=True)


@pytest.mark.parametrize("name", INSTALLED)
def test_every_optimizer_goes_on_from_its_state_to_the_same_bits(name: str, tmp_path: Path) -> None:
    keys = {"optimizer_type": name, "learning_rate": 1.0 if "rodigy" in name or "Adapt" in name else 1e-2}
    straight = start(**keys)
    walk(straight, range(20))
    assert straight[0].up.any()
    first = start(**keys)
    walk(first, range(15))
    path = tmp_path / "state.safetensors"
    save_state(path, Place(), Stateful(*first), fingerprint="one")  # type: ignore[arg-type]
    again = start(**keys)
    load_state(read_state(path), Stateful(*again), path=path)  # type: ignore[arg-type]
    walk(again, range(15, 20))
    for key, value in straight[0].tensors().items():
        assert torch.equal(value, again[0].tensors()[key]), key


def test_an_optimizer_is_found_in_any_case_and_by_its_class_path() -> None:
    for text, name in [
        ("", "AdamW"),
        ("adamw8bit", "AdamW8bit"),
        ("AdaFactor", "Adafactor"),
        ("bitsandbytes.optim.AdEMAMix8bit", "AdEMAMix8bit"),
        ("torch.optim.AdamW", "AdamW"),
        ("prodigy", "Prodigy"),
    ]:
        assert config.from_values({"optimizer_type": text}).optimizer_type == name


@pytest.mark.parametrize(
    "text", ["os.system", "builtins.exec", "torch.optim.Optimizer", "Adamm", "subprocess"]
)
def test_no_other_code_is_loaded_by_an_optimizers_name(text: str) -> None:
    with pytest.raises(InputError, match="no such optimizer") as caught:
        config.from_values({"optimizer_type": text})
    assert "AdamW" in str(caught.value)


def test_arguments_are_kohyas_key_value_texts() -> None:
    optimizer = start(optimizer_args=["weight_decay=0.1", "betas=.9,.99", "eps=1e-6"])[1]
    assert optimizer.defaults["weight_decay"] == 0.1
    assert optimizer.defaults["betas"] == (0.9, 0.99)
    assert optimizer.defaults["eps"] == 1e-6
    one_text = start(optimizer_args="weight_decay=0.1 betas=0.9,0.99")[1]
    assert one_text.defaults["betas"] == (0.9, 0.99)
    assert start()[1].defaults["weight_decay"] == 0.01
    assert start(weight_decay=0.0)[1].defaults["weight_decay"] == 0
    assert start(optimizer_type="SGDNesterov")[1].defaults["momentum"] == 0.9
    assert start(optimizer_type="SGDNesterov", optimizer_args=["momentum=0.5"])[1].defaults["momentum"] == 0.5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["weight_decay"], "key=value"),
        (["weight_decay=__import__('os')"], "not a value"),
        (["weight_decay=high"], "not a value"),
        (["eps=1", "eps=2"], "given twice"),
    ],
)
def test_an_argument_that_is_no_value_is_refused_and_never_run(arguments: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        config.from_values({"optimizer_args": arguments})
    assert caught.value.field == "optimizer_args"


def test_an_argument_that_the_optimizer_lacks_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean weight_decay"):
        start(optimizer_args=["weight_deacy=0.1"])
    with pytest.raises(InputError, match="AdamW has: betas"):
        start(optimizer_args=["zzz=1"])
    with pytest.raises(InputError, match="AdamW refuses it"):
        start(optimizer_args=["betas=2,3"])
    with pytest.raises(InputError, match="contradicts"):
        config.from_values({"weight_decay": 0.1, "optimizer_args": ["weight_decay=0.2"]})


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_refused_with_words(text: str) -> None:
    try:
        read_arguments([text])
    except ValueError as error:
        assert str(error)


def test_a_library_that_is_missing_is_named_with_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install prodigyopt"):
        usable_kind(config.from_values({"optimizer_type": "Prodigy"}), cuda=False)
    said: list[str] = []
    eight = config.from_values({"optimizer_type": "AdamW8bit"})
    assert usable_kind(eight, cuda=True, notice=said.append).name == "AdamW"
    assert "bitsandbytes" in said[0]


def test_an_optimizer_for_gpus_alone_is_refused_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with pytest.raises(InputError, match="NVIDIA"):
        usable_kind(config.from_values({"optimizer_type": "Lion8bit"}), cuda=False)
    assert usable_kind(config.from_values({"optimizer_type": "AdamW8bit"}), cuda=True).name == "AdamW8bit"


def test_adafactor_finds_its_own_rate_unless_told_not_to() -> None:
    said: list[str] = []
    made = config.from_values({"optimizer_type": "Adafactor", "learning_rate": 1e-3})
    network = Matrices()
    optimizer = make_optimizer(made, {"unet": [network.down]}, CPU, said.append)
    assert optimizer.defaults["relative_step"] is True
    assert "learning rates" in said[0]
    fixed = start(optimizer_type="Adafactor", optimizer_args=["relative_step=False", "scale_parameter=False"])
    assert fixed[1].param_groups[0]["lr"] == 1e-2


def test_prodigy_takes_one_rate_for_all_parts() -> None:
    with pytest.raises(InputError, match="one learning rate"):
        config.from_values({"optimizer_type": "Prodigy", "unet_lr": 1.0, "text_encoder_lr": 0.5})
    config.from_values({"optimizer_type": "Prodigy", "unet_lr": 1.0, "network_train_unet_only": True})


def test_parts_may_bring_groups_with_rates_of_their_own() -> None:
    made = config.from_values({"unet_lr": 1e-3})
    network = Matrices()
    groups = {"unet": [{"params": [network.down]}, {"params": [network.up], "lr": 1e-2}], "text_encoder": []}
    optimizer = make_optimizer(made, groups, CPU, lambda text: None)
    assert [group["lr"] for group in optimizer.param_groups] == [1e-3, 1e-2]


def test_the_optimizer_is_described_as_kohya_does() -> None:
    made = config.from_values({"optimizer_args": ["betas=0.9,0.99"], "weight_decay": 0.1})
    optimizer = make_optimizer(made, {"unet": [Matrices().down]}, CPU, lambda text: None)
    assert described(optimizer, made) == "torch.optim.adamw.AdamW(betas=(0.9, 0.99),weight_decay=0.1)"
