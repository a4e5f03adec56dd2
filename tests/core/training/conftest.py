"""A tiny base model in SD1.5's layout, a small data set, and a configuration to train on them in seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bespoke_core.training import config as configs
from bespoke_core.training.config import TrainingConfig

CHANNELS = (32, 64)
CONTEXT = 64


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Bits are compared, so the sums' order must not depend on how many cores there are."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tokenizer_folder(comfyui_folder: Path) -> Path:
    """CLIP's tokenizer as ComfyUI brings it."""
    return comfyui_folder / "comfy" / "sd1_tokenizer"


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with two levels, the second without attention, and a two-layer text encoder: 10 MB."""
    from safetensors.torch import save_file

    path = tmp_path_factory.mktemp("base") / "tiny.safetensors"
    save_file(tiny_weights(), path)
    return path


@pytest.fixture(scope="session")
def nano_base(base_checkpoint: Path) -> Path:
    """The small checkpoint that ComfyUI loads."""
    return base_checkpoint


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Six 24x24 sprites with captions."""
    return make_dataset(tmp_path / "punks")


def make_dataset(folder: Path, count: int = 6) -> Path:
    folder.mkdir(parents=True)
    chance = np.random.default_rng(0)
    for number in range(count):
        pixels = chance.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"punk{number}.png")
        text = f"pixel art, lad {number}, red hair, green background, hat"
        (folder / f"punk{number}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def make_config(
    tiny_base: Path, dataset: Path, tokenizer_folder: Path, tmp_path: Path
) -> Callable[..., TrainingConfig]:
    """Make a configuration: two epochs of three steps at 64 px, unless told otherwise."""

    def make(**changes: Any) -> TrainingConfig:
        return configs.from_values(
            {
                "pretrained_model_name_or_path": str(tiny_base),
                "train_data_dir": str(dataset),
                "tokenizer_path": str(tokenizer_folder),
                "output_dir": str(tmp_path / "out"),
                "output_name": "punks",
                "resolution": 64,
                "network_dim": 4,
                "network_alpha": 2.0,
                "max_train_epochs": 2,
                "train_batch_size": 2,
                "learning_rate": 1e-3,
                "lr_scheduler": "cosine_with_restarts",
                "lr_warmup_steps": 2,
                "lr_scheduler_num_cycles": 2,
                "shuffle_caption": True,
                "keep_tokens": 1,
                "caption_dropout_rate": 0.1,
                "max_token_length": 150,
                "min_snr_gamma": 5.0,
                "noise_offset": 0.05,
                "multires_noise_iterations": 6,
                **changes,
            }
        )

    return make


def tiny_weights() -> dict[str, Any]:
    """Random weights under the keys of the original latent-diffusion code."""
    import torch

    chance = torch.Generator().manual_seed(0)
    found: dict[str, Any] = {}

    def put(name: str, *shape: int, bias: bool = True) -> None:
        fan = int(np.prod(shape[1:]))
        found[f"{name}.weight"] = (torch.randn(shape, generator=chance) / fan**0.5).half()
        if bias:
            found[f"{name}.bias"] = torch.zeros(shape[0]).half()

    def norm(name: str, width: int) -> None:
        found[f"{name}.weight"], found[f"{name}.bias"] = torch.ones(width).half(), torch.zeros(width).half()

    def residual(name: str, inputs: int, outputs: int) -> None:
        norm(f"{name}.in_layers.0", inputs)
        put(f"{name}.in_layers.2", outputs, inputs, 3, 3)
        put(f"{name}.emb_layers.1", outputs, 4 * CHANNELS[0])
        norm(f"{name}.out_layers.0", outputs)
        put(f"{name}.out_layers.3", outputs, outputs, 3, 3)
        if inputs != outputs:
            put(f"{name}.skip_connection", outputs, inputs, 1, 1)

    def attention(name: str, width: int) -> None:
        norm(f"{name}.norm", width)
        put(f"{name}.proj_in", width, width, 1, 1)
        block = f"{name}.transformer_blocks.0"
        for kind, source in (("attn1", width), ("attn2", CONTEXT)):
            put(f"{block}.{kind}.to_q", width, width, bias=False)
            put(f"{block}.{kind}.to_k", width, source, bias=False)
            put(f"{block}.{kind}.to_v", width, source, bias=False)
            put(f"{block}.{kind}.to_out.0", width, width)
        put(f"{block}.ff.net.0.proj", 8 * width, width)
        put(f"{block}.ff.net.2", width, 4 * width)
        for number in (1, 2, 3):
            norm(f"{block}.norm{number}", width)
        put(f"{name}.proj_out", width, width, 1, 1)

    _tiny_unet(put, norm, residual, attention)
    _tiny_text_encoder(put, norm)
    _tiny_autoencoder(put)
    found["first_stage_model.vae_scale"] = torch.tensor(1.0)
    found["first_stage_model.vae_shift"] = torch.tensor(0.0)
    return found


def _tiny_unet(put: Any, norm: Any, residual: Any, attention: Any) -> None:
    unet, (fine, coarse) = "model.diffusion_model.", CHANNELS
    put(f"{unet}time_embed.0", 4 * fine, fine)
    put(f"{unet}time_embed.2", 4 * fine, 4 * fine)
    put(f"{unet}input_blocks.0.0", fine, 4, 3, 3)
    residual(f"{unet}input_blocks.1.0", fine, fine)
    attention(f"{unet}input_blocks.1.1", fine)
    put(f"{unet}input_blocks.2.0.op", fine, fine, 3, 3)
    residual(f"{unet}input_blocks.3.0", fine, coarse)
    residual(f"{unet}middle_block.0", coarse, coarse)
    attention(f"{unet}middle_block.1", coarse)
    residual(f"{unet}middle_block.2", coarse, coarse)
    residual(f"{unet}output_blocks.0.0", 2 * coarse, coarse)
    residual(f"{unet}output_blocks.1.0", coarse + fine, coarse)
    put(f"{unet}output_blocks.1.1.conv", coarse, coarse, 3, 3)
    residual(f"{unet}output_blocks.2.0", coarse + fine, fine)
    attention(f"{unet}output_blocks.2.1", fine)
    residual(f"{unet}output_blocks.3.0", 2 * fine, fine)
    attention(f"{unet}output_blocks.3.1", fine)
    norm(f"{unet}out.0", fine)
    put(f"{unet}out.2", 4, fine, 3, 3)


def _tiny_text_encoder(put: Any, norm: Any) -> None:
    clip = "cond_stage_model.transformer.text_model."
    put(f"{clip}embeddings.token_embedding", 49408, CONTEXT, bias=False)
    put(f"{clip}embeddings.position_embedding", 77, CONTEXT, bias=False)
    for number in range(2):
        layer = f"{clip}encoder.layers.{number}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            put(f"{layer}.self_attn.{part}", CONTEXT, CONTEXT)
        put(f"{layer}.mlp.fc1", 4 * CONTEXT, CONTEXT)
        put(f"{layer}.mlp.fc2", CONTEXT, 4 * CONTEXT)
        norm(f"{layer}.layer_norm1", CONTEXT)
        norm(f"{layer}.layer_norm2", CONTEXT)
    norm(f"{clip}final_layer_norm", CONTEXT)


def _tiny_autoencoder(put: Any) -> None:
    encoder = "first_stage_model.taesd_encoder."
    put(f"{encoder}0", 64, 3, 3, 3)
    for place in (1, 3, 4, 5, 7, 8, 9, 11, 12, 13):
        for inner in (0, 2, 4):
            put(f"{encoder}{place}.conv.{inner}", 64, 64, 3, 3)
    for place in (2, 6, 10):
        put(f"{encoder}{place}", 64, 64, 3, 3, bias=False)
    put(f"{encoder}14", 4, 64, 3, 3)
