"""The same file in ComfyUI and in diffusers: every key is used, and both give the output that we trained."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from bespoke_core.tokenizer import load_tokenizer
from bespoke_core.training import work
from bespoke_core.training.base_model import load_base
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.network import add_lora
from bespoke_core.training.text import encode_windows, token_windows

from .test_kohyas_file import sizes_by_kohyas_rules

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::FutureWarning")]

TEXT = "pixel art, lad, red hair"
COMFYUI = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
comfyui, base, lora, kohyas, given, written, names = sys.argv[1:]
sys.path.insert(0, comfyui)
sys.argv = sys.argv[:1]
import comfy.cli_args
args = comfy.cli_args.args
args.cpu = args.force_fp32 = args.fp32_text_enc = True  # a LoRA merged into 16 bits is rounded
import comfy.lora, comfy.sd, comfy.utils, comfy.model_management, torch
from safetensors.torch import load_file, save_file
model, clip, vae = comfy.sd.load_checkpoint_guess_config(base)[:3]
other = comfy.utils.load_torch_file(kohyas, safe_load=True)
model_k, clip_k = comfy.sd.load_lora_for_models(model, clip, other, 1.0, 1.0)
print("kohya patches", len(model_k.patches) + len(clip_k.patcher.patches))
weights = comfy.utils.load_torch_file(lora, safe_load=True)
model, clip = comfy.sd.load_lora_for_models(model, clip, weights, 1.0, 1.0)
print("patches", len(model.patches) + len(clip.patcher.patches))
# All of SD1.5's names, of which this narrow model has only some.
whole = {"num_res_blocks": [2] * 4, "channel_mult": [1, 2, 4, 4], "transformer_depth_middle": 1,
         "transformer_depth": [1] * 6 + [0] * 2, "transformer_depth_output": [1] * 9 + [0] * 3}
known = comfy.utils.unet_to_diffusers(whole)
known = {"lora_unet_" + key.removesuffix(".weight").replace(".", "_") for key in known}
known |= set(comfy.lora.model_lora_keys_clip(clip.cond_stage_model, {}))
unknown = [name for name in open(names).read().split() if name not in known]
print("of 264 unknown:", unknown)
told = load_file(given)
with torch.inference_mode():
    context = clip.encode_from_tokens(clip.tokenize(TEXT))
    comfy.model_management.load_models_gpu([model])
    unet = model.model.diffusion_model
    x = told["x"].to(model.model.get_dtype())
    out = unet(x, told["t"], context=told["context"].to(x.dtype))
    latents = vae.encode(told["pictures"]) * 0.18215
save_file({"text": context.float().contiguous(), "unet": out.float().contiguous(),
           "latents": latents.float().contiguous()}, written)
"""


@pytest.fixture(scope="module")
def comfyui(tokenizer_folder: Path) -> Path:
    return tokenizer_folder.parents[1]


@pytest.fixture
def trained(
    make_config: Callable[..., TrainingConfig], nano_base: Path, tmp_path: Path
) -> tuple[TrainingConfig, Path]:
    """A LoRA of one epoch on the base model that ComfyUI loads, with alpha unlike its rank."""
    config = make_config(
        pretrained_model_name_or_path=str(nano_base),
        max_train_epochs=1,
        lr_warmup_steps=0,
        learning_rate=1e-2,
    )
    return config, work.train_here(config, tmp_path / "run").checkpoints[-1]


def given() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return {
        "x": torch.randn(2, 4, 8, 8, generator=generator),
        "t": torch.tensor([100.0, 700.0]),
        "context": torch.randn(2, 77, 768, generator=generator),
        "pictures": torch.rand(1, 64, 64, 3, generator=generator),
    }


@torch.no_grad()
def ours(config: TrainingConfig, lora: Path) -> dict[str, torch.Tensor]:
    base = load_base(Path(config.pretrained_model_name_or_path))
    told = given()
    tokenizer = load_tokenizer(Path(config.tokenizer_path))
    windows = token_windows(tokenizer, [TEXT], 75)
    found = {
        "latents": base.encoder(told["pictures"].movedim(-1, 1) * 2 - 1),
        "plain": base.unet(told["x"], told["t"], told["context"]).sample,
    }
    network = add_lora(base, config)
    network.load(load_file(lora))
    found["unet"] = base.unet(told["x"], told["t"], told["context"]).sample
    found["text"] = encode_windows(base.text_encoder, windows)
    return found


def kohya_made(config: TrainingConfig, path: Path) -> Path:
    """Write a file by kohya's rules, from the classes of the base's modules: rank 4, alpha 2, 16 bits."""
    base = load_base(Path(config.pretrained_model_name_or_path))
    tensors: dict[str, torch.Tensor] = {}
    kinds = (("lora_unet", base.unet, {"Transformer2DModel"}),)
    kinds += (("lora_te", base.text_encoder, {"CLIPAttention", "CLIPMLP", "CLIPSdpaAttention"}),)
    for prefix, model, classes in kinds:
        for name, module in model.named_modules():
            for inner, layer in module.named_modules() if type(module).__name__ in classes else ():
                shape = getattr(getattr(layer, "weight", None), "shape", ())
                if not isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d)) or shape[2:] not in ((), (1, 1)):
                    continue
                place = f"{name}.{inner}"
                if prefix == "lora_te" and not place.startswith("text_model."):
                    place = f"text_model.{place}"
                key = f"{prefix}.{place}".replace(".", "_")
                tensors[f"{key}.alpha"] = torch.tensor(2.0).half()
                tensors[f"{key}.lora_down.weight"] = torch.randn(4, *shape[1:]).half()
                tensors[f"{key}.lora_up.weight"] = torch.randn(shape[0], 4, *shape[2:]).half()
    save_file(tensors, path, {"ss_network_module": "networks.lora", "ss_network_dim": "4"})
    return path


def assert_close(one: torch.Tensor, other: torch.Tensor) -> None:
    assert float((one - other).abs().max()) < 2e-4 * float(other.abs().max())


def test_comfyui_applies_every_key_and_gives_the_trained_output(
    trained: tuple[TrainingConfig, Path], comfyui: Path, tmp_path: Path
) -> None:
    config, lora = trained
    save_file(given(), tmp_path / "given.safetensors")
    script = tmp_path / "compare.py"
    script.write_text(f"TEXT = {TEXT!r}\n{COMFYUI}", encoding="utf-8")
    written = tmp_path / "written.safetensors"
    kohyas = kohya_made(config, tmp_path / "kohya.safetensors")
    command = [sys.executable, str(script), str(comfyui), config.pretrained_model_name_or_path, str(lora)]
    command.append(str(kohyas))
    names = tmp_path / "names.txt"
    names.write_text("\n".join(sizes_by_kohyas_rules()), encoding="utf-8")
    done = subprocess.run(
        [*command, str(tmp_path / "given.safetensors"), str(written), str(names)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert "not loaded" not in said.lower()
    assert "of 264 unknown: []" in said
    made, by_rule = load_file(lora), load_file(kohyas)
    assert {key: value.shape for key, value in made.items()} == {k: v.shape for k, v in by_rule.items()}
    assert all(value.any() for key, value in made.items() if key.endswith(".lora_up.weight"))
    layers = sum(key.endswith(".lora_down.weight") for key in made)
    assert layers > 100
    assert f"\npatches {layers}\n" in said
    assert f"kohya patches {layers}\n" in said
    expected, theirs = ours(config, lora), load_file(written)
    for name in ("latents", "text", "unet"):
        assert_close(theirs[name], expected[name])
    change = float((expected["unet"] - expected["plain"]).abs().max())
    assert change > 1e-2 * float(expected["plain"].abs().max()), "the LoRA must do something to be compared"


def test_diffusers_loads_the_same_file_to_the_same_output(trained: tuple[TrainingConfig, Path]) -> None:
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    config, lora = trained
    base = load_base(Path(config.pretrained_model_name_or_path))
    tokenizer = load_tokenizer(Path(config.tokenizer_path))
    pipe: Any = StableDiffusionPipeline(
        vae=base.encoder.model,
        text_encoder=base.text_encoder,
        tokenizer=tokenizer,
        unet=base.unet,
        scheduler=DDIMScheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.load_lora_weights(str(lora.parent), weight_name=lora.name)
    told, expected = given(), ours(config, lora)
    with torch.no_grad():
        unet = pipe.unet(told["x"], told["t"], told["context"]).sample
        text = encode_windows(pipe.text_encoder, token_windows(tokenizer, [TEXT], 75))
    assert_close(unet, expected["unet"])
    assert_close(text, expected["text"])
