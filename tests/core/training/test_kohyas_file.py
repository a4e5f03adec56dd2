"""A file made to kohya's rules and ours side by side: the same names and shapes, one output in diffusers.

The rules stand here on their own, so that a fault of our names or our writer cannot hide in them. The base
has SD1.5's whole structure (264 layers with a LoRA) and is narrow.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from bespoke_core.training import work
from bespoke_core.training.base_model import BaseModel, load_base
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.kohya_file import save_lora
from bespoke_core.training.layout import CLIP, UNET
from bespoke_core.training.network import add_lora

from .conftest import CONTEXT, tiny_weights

sys.path.append(str(Path(__file__).resolve().parents[3] / "benchmarks"))

import train_bases

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

RANK, ALPHA, WIDTH = 4, 2.0, 32
TEXT_LAYERS = 12
Sizes = dict[str, tuple[tuple[int, ...], tuple[int, ...]]]


def sizes_by_kohyas_rules() -> Sizes:
    """Return (down, up) shapes of 264 layers: 12 in each of the UNet's 16 attentions, 6 in a text layer."""
    found: Sizes = {}
    for name, width in _attentions():
        prefix = f"lora_unet_{name}"
        block = f"{prefix}_transformer_blocks_0"
        for place in ("proj_in", "proj_out"):  # SD1.5's are convolutions of 1x1
            found[f"{prefix}_{place}"] = (RANK, width, 1, 1), (width, RANK, 1, 1)
        for attention, source in (("attn1", width), ("attn2", CONTEXT)):
            for part, into in (("to_q", width), ("to_k", source), ("to_v", source), ("to_out_0", width)):
                found[f"{block}_{attention}_{part}"] = (RANK, into), (width, RANK)
        found[f"{block}_ff_net_0_proj"] = (RANK, width), (8 * width, RANK)
        found[f"{block}_ff_net_2"] = (RANK, 4 * width), (width, RANK)
    for number in range(TEXT_LAYERS):
        layer = f"lora_te_text_model_encoder_layers_{number}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            found[f"{layer}_self_attn_{part}"] = (RANK, CONTEXT), (CONTEXT, RANK)
        found[f"{layer}_mlp_fc1"] = (RANK, CONTEXT), (4 * CONTEXT, RANK)
        found[f"{layer}_mlp_fc2"] = (RANK, 4 * CONTEXT), (CONTEXT, RANK)
    return found


def _attentions() -> Iterator[tuple[str, int]]:
    for level, times in enumerate((1, 2, 4)):
        yield from ((f"down_blocks_{level}_attentions_{number}", WIDTH * times) for number in range(2))
    yield "mid_block_attentions_0", WIDTH * 4
    for level, times in enumerate((4, 2, 1), start=1):
        yield from ((f"up_blocks_{level}_attentions_{number}", WIDTH * times) for number in range(3))


def kohyas_tensors() -> dict[str, torch.Tensor]:
    """Return random weights in 16 bits under kohya's names, alphas among them."""
    chance = torch.Generator().manual_seed(5)
    tensors = {}
    for name, (down, up) in sizes_by_kohyas_rules().items():
        tensors[f"{name}.alpha"] = torch.tensor(ALPHA).half()
        tensors[f"{name}.lora_down.weight"] = (torch.randn(down, generator=chance) / 4).half()
        tensors[f"{name}.lora_up.weight"] = (torch.randn(up, generator=chance) / 4).half()
    return tensors


@pytest.fixture(scope="module")
def whole_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SD1.5's structure with a tenth of its width and random weights: 20 MB."""
    with pytest.MonkeyPatch.context() as narrow:
        narrow.setattr(train_bases, "WIDTH", WIDTH)
        narrow.setattr(train_bases, "TEXT", CONTEXT)
        shapes = list(train_bases.unet_shapes())
    weights = {key: value for key, value in tiny_weights().items() if not key.startswith(UNET)}
    layer = f"{CLIP}text_model.encoder.layers."
    for key in [key for key in weights if key.startswith(f"{layer}0.")]:
        for number in range(TEXT_LAYERS):
            weights[key.replace(f"{layer}0.", f"{layer}{number}.")] = weights[key].clone()
    chance = torch.Generator().manual_seed(0)
    for key, shape in shapes:
        fan = max(1, int(torch.tensor(shape[1:]).prod()))
        value = (
            torch.randn(shape, generator=chance) / (2 * fan) ** 0.5 if len(shape) > 1 else torch.ones(shape)
        )
        weights[UNET + key] = (torch.zeros(shape) if key.endswith(".bias") else value).half()
    path = tmp_path_factory.mktemp("whole") / "whole.safetensors"
    save_file(weights, path)
    return path


def test_a_trained_file_has_kohyas_264_layers_and_each_has_learnt(
    make_config: Callable[..., TrainingConfig], whole_base: Path, tmp_path: Path
) -> None:
    config = make_config(
        pretrained_model_name_or_path=str(whole_base),
        network_dim=RANK,
        network_alpha=ALPHA,
        save_precision="fp16",
        max_train_epochs=1,
        lr_warmup_steps=0,
        learning_rate=1e-2,
    )
    path = work.train_here(config, tmp_path / "run").checkpoints[-1]
    ours, by_rule = load_file(path), kohyas_tensors()
    assert len(by_rule) == 3 * 264
    assert {k: (v.dtype, v.shape) for k, v in ours.items()} == {
        k: (v.dtype, v.shape) for k, v in by_rule.items()
    }
    assert all(torch.equal(ours[key], by_rule[key]) for key in ours if key.endswith(".alpha"))
    assert [key for key in ours if key.endswith(".lora_up.weight") and not ours[key].any()] == []
    with safe_open(path, framework="pt") as file:
        said = file.metadata()
    assert (said["ss_network_module"], said["ss_network_dim"], said["ss_network_alpha"]) == (
        "networks.lora",
        "4",
        "2.0",
    )


def test_diffusers_uses_every_key_of_kohyas_file_and_of_ours_for_one_output(
    make_config: Callable[..., TrainingConfig], whole_base: Path, tmp_path: Path
) -> None:
    weights = kohyas_tensors()
    kohyas = tmp_path / "kohyas.safetensors"
    save_file(weights, kohyas, {"ss_network_module": "networks.lora", "ss_network_dim": str(RANK)})
    config = make_config(network_dim=RANK, network_alpha=ALPHA)
    network = add_lora(load_base(whole_base), config)
    network.load(weights)
    ours = tmp_path / "ours.safetensors"
    save_lora(ours, network, precision="fp16", metadata={})
    expected = output(merged(load_base(whole_base), weights))
    theirs, same = in_diffusers(whole_base, kohyas), in_diffusers(whole_base, ours)
    for made in (theirs, same):
        assert sorted(made["used"]) == sorted(
            tuple(value.float().flatten().tolist()[:8])
            for key, value in weights.items()
            if "alpha" not in key
        )
        assert made["scales"] == [ALPHA / RANK] * 264
    for part in ("unet", "text"):
        assert torch.equal(theirs[part], same[part])
        assert torch.allclose(theirs[part], expected[part], rtol=1e-3, atol=1e-4)
    plain = output(load_base(whole_base))
    for part in ("unet", "text"):
        assert float((plain[part] - expected[part]).abs().max()) > 1e-2, "the LoRA must do something"


@torch.no_grad()
def output(base: BaseModel) -> dict[str, torch.Tensor]:
    """Return what the two networks make of one fixed input."""
    chance = torch.Generator().manual_seed(3)
    x, context = torch.randn(1, 4, 8, 8, generator=chance), torch.randn(1, 77, CONTEXT, generator=chance)
    tokens = torch.randint(0, 49406, (1, 77), generator=chance)
    return {
        "unet": base.unet(x, torch.tensor([300]), context).sample,
        "text": base.text_encoder(tokens).last_hidden_state,
    }


def merged(base: BaseModel, weights: dict[str, torch.Tensor]) -> BaseModel:
    """Add each layer's up x down x alpha / rank to the weight that its name tells, as a LoRA is defined."""
    for prefix, model in (("lora_unet_", base.unet), ("lora_te_", base.text_encoder)):
        for name, module in model.named_modules():
            place = name if prefix == "lora_unet_" or name.startswith("text_model.") else f"text_model.{name}"
            key = prefix + place.replace(".", "_")
            if f"{key}.alpha" in weights:
                up, down = (weights[f"{key}.lora_{one}.weight"].float().flatten(1) for one in ("up", "down"))
                change = up @ down * (float(weights[f"{key}.alpha"]) / RANK)
                module.weight.data += change.reshape(module.weight.shape)
    return base


def in_diffusers(path: Path, lora: Path) -> dict[str, Any]:
    """Load a LoRA with diffusers; return the outputs, the beginnings of the matrices used, and the scales."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    base = load_base(path)
    parts = {"vae": None, "tokenizer": None, "safety_checker": None, "feature_extractor": None}
    pipe: Any = StableDiffusionPipeline(
        **parts,
        text_encoder=base.text_encoder,
        unet=base.unet,
        scheduler=DDIMScheduler(),
        requires_safety_checker=False,
    )
    pipe.load_lora_weights(str(lora.parent), weight_name=lora.name)
    used, scales = [], []
    for model in (pipe.unet, pipe.text_encoder):
        for name, parameter in model.named_parameters():
            if ".lora_A." in name or ".lora_B." in name:
                used.append(tuple(parameter.detach().float().flatten().tolist()[:8]))
        scales += [s for m in model.modules() for s in getattr(m, "scaling", {}).values()]
    return {**output(base), "used": used, "scales": scales}
