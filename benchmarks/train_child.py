"""One trainer in a process of its own: started by train_speed.py with its job as JSON, it times every step.

Rivals' code is run as it is, from the folder that is given; only what would load weights in their own form is
replaced by what loads the same checkpoint, so that all train the same numbers.
"""

from __future__ import annotations

import itertools
import json
import os
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

JOB = json.loads(sys.argv[1])
sys.path[:0] = JOB["path"]
OUT = Path(JOB["out"])

import torch  # noqa: E402

torch.set_num_threads(JOB["threads"])
TIMES: list[tuple[float, float]] = []
STARTED = time.perf_counter()


def note_step(*_: object) -> None:
    """Remember when a step ended: wall clock and this process's CPU seconds."""
    TIMES.append((time.perf_counter(), time.process_time()))
    print(f"step {len(TIMES)}", file=sys.stderr, flush=True)


def peak_mb() -> int:
    """Return the most memory this process ever held, MB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) >> 10
    return 0


def tell(**more: Any) -> None:
    """Write what was measured; the first step warms up and is not counted."""
    pairs = list(itertools.pairwise(TIMES))
    result = {
        "wall": [b[0] - a[0] for a, b in pairs],
        "cpu": [b[1] - a[1] for a, b in pairs],
        "peak_mb": peak_mb(),
        "before_first_step": TIMES[0][0] - STARTED if TIMES else None,
        **more,
    }
    (OUT / "result.json").write_text(json.dumps(result), encoding="utf-8")


def load() -> Any:
    """Load the checkpoint as our own trainer does."""
    from bespoke_core.training.base_model import load_base

    return load_base(Path(JOB["base"]))


class TinyAsKl(torch.nn.Module):
    """Our encoder in the form in which rivals call SD1.5's autoencoder."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder, self.dtype, self.device = encoder, torch.float32, torch.device("cpu")
        self.config = SimpleNamespace(scaling_factor=0.18215)

    def set_use_memory_efficient_attention_xformers(self, wanted: bool) -> None:
        """Do nothing: there is no attention in it."""

    def encode(self, pictures: torch.Tensor) -> Any:
        """Return latents in the form of a distribution."""
        latents = self.encoder(pictures) / 0.18215
        return SimpleNamespace(latent_dist=SimpleNamespace(sample=lambda: latents))


def settings() -> dict[str, Any]:
    """Return the keys that ours and kohya's trainer share."""
    return {
        "pretrained_model_name_or_path": JOB["base"],
        "output_dir": str(OUT / "run"),
        "output_name": "timed",
        "resolution": JOB["size"] if JOB["kind"] == "ours" else f"{JOB['size']},{JOB['size']}",
        "train_batch_size": JOB["batch"],
        "max_train_steps": JOB["steps"],
        "network_module": "networks.lora",
        "network_dim": JOB["dim"],
        "network_alpha": JOB["dim"] / 2,
        "learning_rate": 1e-4,
        "optimizer_type": "AdamW",
        "lr_scheduler": "constant",
        "mixed_precision": "no",
        "max_token_length": JOB["tokens"],
        "cache_latents": True,
        "shuffle_caption": True,
        "keep_tokens": 1,
        "min_snr_gamma": 5.0,
        "noise_offset": 0.05,
        "seed": 1,
        "sdpa": True,
        "network_train_unet_only": not JOB["text_encoder"],
    }


def ours() -> None:
    """Train with Bespoke, loop, events and all."""
    from bespoke_core.training import work
    from bespoke_core.training.config import from_values

    config = from_values(
        {**settings(), "train_data_dir": JOB["data"], "tokenizer_path": JOB["tokenizer"], "save_state": False}
    )
    work.train_here(config, OUT / "run")


def kohya() -> None:
    """Train with sd-scripts' train_network.py."""
    from library import model_util, original_unet

    def models(*_: object, **__: object) -> tuple[Any, Any, Any]:
        base = load()
        config = base.unet.config
        original_unet.BLOCK_OUT_CHANNELS = tuple(config.block_out_channels)
        original_unet.LAYERS_PER_BLOCK = config.layers_per_block
        original_unet.LAYERS_PER_BLOCK_UP = config.layers_per_block + 1
        original_unet.DOWN_BLOCK_TYPES = list(config.down_block_types)
        original_unet.UP_BLOCK_TYPES = list(config.up_block_types)
        unet = original_unet.UNet2DConditionModel(64, 8, 768)
        for block in unet.down_blocks:
            if isinstance(block.downsamplers, list):  # it knows one only in blocks with attention
                block.downsamplers = torch.nn.ModuleList(block.downsamplers)
        unet.load_state_dict(base.unet.state_dict())
        return base.text_encoder, TinyAsKl(base.encoder), unet

    model_util.load_models_from_stable_diffusion_checkpoint = models
    words = ["train_network.py"]
    data = str(Path(JOB["data"]).parent)
    values = {**settings(), "train_data_dir": data, "caption_extension": ".txt"}
    if JOB["tokens"] == 75:
        del values["max_token_length"]
    values |= {"tokenizer_cache_dir": str(Path(JOB["tokenizer"]).parent), "max_data_loader_n_workers": 0}
    values |= {"save_model_as": "safetensors"}
    for key, value in values.items():
        if value is True:
            words.append(f"--{key}")
        elif value is not False:
            words += [f"--{key}", str(value)]
    run_script(words)


def run_script(words: list[str]) -> None:
    """Run a rival's script with these command-line words."""
    sys.argv = words
    os.chdir(JOB["folder"])
    runpy.run_path(words[0], run_name="__main__")


def diffusers() -> None:
    """Train with the diffusers examples' text-to-image LoRA script."""
    from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    from bespoke_core.tokenizer import load_tokenizer

    base = load()
    plan = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    made = {
        AutoencoderKL: TinyAsKl(base.encoder),
        UNet2DConditionModel: base.unet,
        CLIPTextModel: base.text_encoder,
        CLIPTokenizer: load_tokenizer(Path(JOB["tokenizer"])),
        DDPMScheduler: plan,
    }
    for kind, model in made.items():
        kind.from_pretrained = classmethod(lambda *_, model=model, **__: model)  # type: ignore[attr-defined]
    values = {
        "pretrained_model_name_or_path": "unused",
        "train_data_dir": JOB["data"],
        "caption_column": "text",
        "resolution": JOB["size"],
        "train_batch_size": JOB["batch"],
        "max_train_steps": JOB["steps"],
        "rank": JOB["dim"],
        "learning_rate": 1e-4,
        "snr_gamma": 5.0,
        "noise_offset": 0.05,
        "seed": 1,
        "dataloader_num_workers": 0,
        "output_dir": str(OUT / "run"),
        "checkpointing_steps": 100000,
    }
    run_script(["train_text_to_image_lora.py", *(w for k, v in values.items() for w in (f"--{k}", str(v)))])


def comfyui() -> None:
    """Train with ComfyUI's own TrainLoraNode, its models loaded by ComfyUI."""
    sys.argv = ["main.py", "--cpu"]
    os.chdir(JOB["folder"])
    sys.path.insert(0, JOB["folder"])
    import comfy.options

    comfy.options.enable_args_parsing(False)
    from comfy.cli_args import args

    args.cpu = args.force_fp32 = args.fp32_text_enc = True
    import comfy.sd
    from comfy.weight_adapter import adapter_maps
    from comfy_extras.nodes_train import TrainLoraNode

    model, clip, _ = comfy.sd.load_checkpoint_guess_config(JOB["base"], output_vae=False)[:3]
    texts = [one.read_text(encoding="utf-8") for one in sorted(Path(JOB["data"]).glob("*.txt"))]
    with torch.inference_mode():
        positive = [clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in texts]
    latents = torch.randn(len(texts), 4, JOB["size"] // 8, JOB["size"] // 8)
    values = {
        "batch_size": JOB["batch"],
        "grad_accumulation_steps": 1,
        "steps": JOB["steps"],
        "learning_rate": 1e-4,
        "rank": JOB["dim"],
        "optimizer": "AdamW",
        "loss_function": "MSE",
        "seed": 1,
        "training_dtype": "fp32",
        "lora_dtype": "fp32",
        "quantized_backward": False,
        "algorithm": next(name for name in adapter_maps if name.lower() == "lora"),
        "gradient_checkpointing": JOB.get("checkpointing", False),
        "offloading": False,
        "checkpoint_depth": 1,
        "existing_lora": "[None]",
        "bucket_mode": False,
        "bypass_mode": JOB.get("bypass", True),
    }
    TrainLoraNode.execute(
        [model], [{"samples": latents}], positive, **{key: [value] for key, value in values.items()}
    )


def floor() -> None:
    """Run the bare UNet forward and backward to its inputs, without any LoRA, as often."""
    base = load()
    chance = torch.Generator().manual_seed(0)
    side, width = JOB["size"] // 8, base.layout.context_dim
    for _ in range(JOB["steps"]):
        x = torch.randn(JOB["batch"], 4, side, side, generator=chance, requires_grad=True)
        context = torch.randn(JOB["batch"], JOB["tokens"] + 2, width, generator=chance, requires_grad=True)
        times = torch.randint(0, 1000, (JOB["batch"],), generator=chance)
        base.unet(x, times, context).sample.square().mean().backward()
        note_step()


def main() -> None:
    """Run the job and write what it took."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    kinds: dict[str, Callable[[], None]] = {
        "ours": ours,
        "kohya": kohya,
        "diffusers": diffusers,
        "comfyui": comfyui,
        "floor": floor,
    }
    OUT.mkdir(parents=True, exist_ok=True)
    register_optimizer_step_post_hook(note_step)
    # Saving at the end is no training: what a rival's script does after its last step is not timed.
    kinds[JOB["kind"]]()
    tell()


if __name__ == "__main__":
    main()
