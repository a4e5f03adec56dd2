from __future__ import annotations

from pathlib import Path

import pytest

from bespoke_core.errors import InputError
from bespoke_core.training.base_model import LATENT_SCALE, load_base
from bespoke_core.training.layout import read_layout


def write(path: Path, keys: dict[str, tuple[int, ...]]) -> Path:
    import torch
    from safetensors.torch import save_file

    save_file({key: torch.zeros(shape) for key, shape in keys.items()}, path)
    return path


def test_the_networks_sizes_are_read_from_the_file(tiny_base: Path) -> None:
    found = read_layout(tiny_base)
    assert found.block_channels == (32, 64)
    assert (found.layers_per_block, found.depths, found.middle_depth) == (1, (1, 0), 1)
    assert (found.context_dim, found.text_layers, found.vae) == (64, 2, "tiny")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"lora_unet_x.lora_down.weight": (4, 4)}, "a LoRA file"),
        ({"diffusion_model.x.lora_A.weight": (4, 4)}, "a LoRA file"),
        ({"conditioner.embedders.0.x": (1,), "model.diffusion_model.label_emb.0.0.weight": (1,)}, "SDXL"),
        ({"cond_stage_model.model.x": (1,)}, "Stable Diffusion 2"),
        ({"double_blocks.0.img_attn.qkv.weight": (1,)}, "a Flux model"),
        ({"model.diffusion_model.double_blocks.0.x": (1,), "vae.x": (1,)}, "a Flux model"),
        ({"model.diffusion_model.joint_blocks.0.x": (1,), "text_encoders.x": (1,)}, "Stable Diffusion 3"),
        ({"model.diffusion_model.blocks.0.self_attn.q.weight": (1,)}, "diffusion transformer"),
        ({"encoder.conv_in.weight": (1,), "decoder.conv_in.weight": (1,)}, "a VAE alone"),
        ({"first_stage_model.encoder.conv_in.weight": (1,)}, "a VAE alone"),
        ({"text_model.embeddings.token_embedding.weight": (1,)}, "a text encoder alone"),
        ({"down_blocks.0.resnets.0.conv1.weight": (1,)}, "in diffusers' form"),
        ({"input_blocks.0.0.weight": (320, 4, 3, 3)}, "a UNet alone"),
        ({"control_model.input_blocks.0.0.weight": (1,)}, "a ControlNet"),
        ({"emb_params": (4, 768)}, "embedding"),
        ({"some.weight": (1,)}, "another kind of model"),
        (
            {"model.diffusion_model.input_blocks.0.0.weight": (4,), "cond_stage_model.transformer.x": (1,)},
            "another form",
        ),
        ({"model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3)}, "without its text encoder"),
        (
            {
                "model.diffusion_model.input_blocks.0.0.weight": (320, 9, 3, 3),
                "cond_stage_model.transformer.x": (1,),
            },
            "9 input channels",
        ),
        (
            {
                "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
                "cond_stage_model.transformer.x": (1,),
            },
            "lacks parts",
        ),
    ],
)
def test_a_model_of_another_kind_is_refused_by_its_kind(
    tmp_path: Path, keys: dict[str, tuple[int, ...]], says: str
) -> None:
    path = write(tmp_path / "model.safetensors", keys)
    with pytest.raises(InputError, match=says) as caught:
        read_layout(path)
    assert caught.value.file == str(path)


def test_a_cut_off_absent_or_unsafe_file_is_refused(tmp_path: Path, tiny_base: Path) -> None:
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(tiny_base.read_bytes()[:-1000])
    text = tmp_path / "text.safetensors"
    text.write_text("not a model", encoding="utf-8")
    pickled = tmp_path / "model.ckpt"
    pickled.write_bytes(b"x")
    begins = {"empty": b"", "page": b"<!DOCTYPE html>", "lfs": b"version https://git-lfs.github.com/spec/v1"}
    for name, data in begins.items():
        (tmp_path / f"{name}.safetensors").write_bytes(data)
    cases = [
        (tmp_path / "empty.safetensors", "is empty"),
        (tmp_path / "page.safetensors", "is a web page"),
        (tmp_path / "lfs.safetensors", "Git LFS"),
        (cut, "truncated"),
        (text, "damaged"),
        (pickled, "run code"),
        (tmp_path / "no.safetensors", "no such"),
    ]
    for path, says in [*cases, (tmp_path, "a folder")]:
        with pytest.raises(InputError, match=says) as caught:
            read_layout(path)
        assert caught.value.file == str(path)


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("model.diffusion_model.input_blocks.1.1.norm.weight", "UNet"),
        ("model.diffusion_model.middle_block.2.out_layers.3.bias", "UNet"),
        ("model.diffusion_model.output_blocks.3.1.proj_out.weight", "UNet"),
        ("cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc2.bias", "text encoder"),
        ("first_stage_model.taesd_encoder.14.weight", "VAE"),
    ],
)
def test_a_file_that_lacks_one_weight_or_has_it_in_another_shape_is_told_by_its_header(
    tmp_path: Path, tiny_base: Path, key: str, part: str
) -> None:
    from safetensors.torch import load_file, save_file

    weights, path = load_file(tiny_base), tmp_path / "gap.safetensors"
    weights[key] = weights[key][:-1].contiguous()
    save_file(weights, path)
    with pytest.raises(InputError, match=f"of its {part} is .* belongs"):
        read_layout(path)
    del weights[key]
    save_file(weights, path)
    with pytest.raises(InputError, match=f"its {part} lacks "):
        read_layout(path)


def test_weights_in_8_bits_are_read_where_they_are_plain_and_refused_where_they_are_scaled(
    tmp_path: Path, tiny_base: Path
) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    weights, path = load_file(tiny_base), tmp_path / "eight.safetensors"
    save_file({key: value.to(torch.float8_e4m3fn) for key, value in weights.items()}, path)
    assert load_base(path).unet.dtype == torch.float32
    save_file({**weights, "scaled_fp8": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="scales of their own"):
        read_layout(path)
    key = "model.diffusion_model.input_blocks.1.1.proj_in.weight"
    save_file({**weights, key: weights[key].to(torch.int8)}, path)
    with pytest.raises(InputError, match="kind I8"):
        read_layout(path)


def test_a_base_with_a_weight_that_is_not_a_number_is_refused_by_the_weights_name(
    tmp_path: Path, tiny_base: Path
) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(tiny_base)
    weights["model.diffusion_model.input_blocks.1.1.proj_in.weight"][0, 0] = float("nan")
    save_file(weights, tmp_path / "nan.safetensors")
    with pytest.raises(InputError, match="proj_in"):
        load_base(tmp_path / "nan.safetensors")


def test_the_tiny_autoencoders_scale_is_applied_as_comfyui_does(tmp_path: Path, tiny_base: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(tiny_base)
    weights["first_stage_model.vae_scale"] = torch.tensor(2.0)
    weights["first_stage_model.vae_shift"] = torch.tensor(0.5)
    save_file(weights, tmp_path / "scaled.safetensors")
    pictures = torch.rand(1, 3, 64, 64) * 2 - 1
    plain = load_base(tiny_base).encoder(pictures) / LATENT_SCALE
    scaled = load_base(tmp_path / "scaled.safetensors").encoder(pictures) / LATENT_SCALE
    assert torch.allclose(scaled, plain / 2 + 0.5, atol=1e-5)


def test_the_full_autoencoder_loads_too(tmp_path: Path, tiny_base: Path) -> None:
    import torch
    from diffusers import AutoencoderKL
    from safetensors.torch import load_file, save_file

    weights = {k: v for k, v in load_file(tiny_base).items() if not k.startswith("first_stage_model.")}
    save_file(weights | full_encoder_weights(), tmp_path / "full.safetensors")
    encoder = load_base(tmp_path / "full.safetensors").encoder
    assert isinstance(encoder.model, AutoencoderKL)
    assert encoder(torch.zeros(1, 3, 64, 64)).shape == (1, 4, 8, 8)


def full_encoder_weights() -> dict[str, object]:
    """Random weights of the encoding half of SD1.5's autoencoder under its original keys."""
    import torch

    found: dict[str, object] = {}
    prefix = "first_stage_model.encoder."

    def put(name: str, out: int, into: int, size: int) -> None:
        found[f"{name}.weight"] = torch.randn(out, into, size, size) / (into * size * size) ** 0.5
        found[f"{name}.bias"] = torch.zeros(out)

    def norm(name: str, width: int) -> None:
        found[f"{name}.weight"], found[f"{name}.bias"] = torch.ones(width), torch.zeros(width)

    def block(name: str, into: int, out: int) -> None:
        norm(f"{name}.norm1", into)
        put(f"{name}.conv1", out, into, 3)
        norm(f"{name}.norm2", out)
        put(f"{name}.conv2", out, out, 3)
        if into != out:
            put(f"{name}.nin_shortcut", out, into, 1)

    put(f"{prefix}conv_in", 128, 3, 3)
    widths = [128, 128, 256, 512, 512]
    for level in range(4):
        block(f"{prefix}down.{level}.block.0", widths[level], widths[level + 1])
        block(f"{prefix}down.{level}.block.1", widths[level + 1], widths[level + 1])
        if level < 3:
            put(f"{prefix}down.{level}.downsample.conv", widths[level + 1], widths[level + 1], 3)
    block(f"{prefix}mid.block_1", 512, 512)
    norm(f"{prefix}mid.attn_1.norm", 512)
    for part in ("q", "k", "v", "proj_out"):
        put(f"{prefix}mid.attn_1.{part}", 512, 512, 1)
    block(f"{prefix}mid.block_2", 512, 512)
    norm(f"{prefix}norm_out", 512)
    put(f"{prefix}conv_out", 8, 512, 3)
    put("first_stage_model.quant_conv", 8, 8, 1)
    return found
