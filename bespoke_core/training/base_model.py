"""Loading the base model: a single-file SD1.5 checkpoint into diffusers and transformers modules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .layout import CLIP, VAE, BaseLayout, read_layout
from .weights import assign, frozen

LATENT_SCALE = 0.18215
"""What SD1.5 multiplies latents by before the UNet sees them."""


class Encoder(torch.nn.Module):
    """The encoding half of the checkpoint's autoencoder, full or tiny, behind one form.

    `forward` takes pictures (B, 3, H, W) in -1..1 and returns latents (B, 4, H/8, W/8) scaled for the UNet.
    """

    def __init__(self, model: torch.nn.Module, *, scale: float = 1.0, shift: float = 0.0) -> None:
        super().__init__()
        self.model = model
        self.scale, self.shift = scale, shift

    @torch.no_grad()
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Encode; the full autoencoder gives the mean of its distribution, as ComfyUI does."""
        encoded: Any = self.model.encode(pictures)
        latents = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
        return (latents / self.scale + self.shift) * LATENT_SCALE


class Decoder(torch.nn.Module):
    """The decoding half of the checkpoint's autoencoder, full or tiny, behind one form.

    `forward` takes latents (B, 4, h, w) as the UNet leaves them and returns pictures (B, 3, 8 h, 8 w),
    float32 in 0..1; what is not a number stays so.
    """

    def __init__(self, model: torch.nn.Module, *, scale: float = 1.0, shift: float = 0.0) -> None:
        super().__init__()
        self.model = model
        self.scale, self.shift = scale, shift

    @torch.no_grad()
    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode, as ComfyUI's VAEDecode does."""
        place = next(self.model.parameters())
        given = (latents.float().to(place.device) / LATENT_SCALE - self.shift) * self.scale
        pictures: torch.Tensor = self.model.decode(given).sample  # type: ignore[operator]
        return (pictures.float() / 2 + 0.5).clamp(0, 1)


@dataclass(frozen=True)
class BaseModel:
    """The frozen networks that a LoRA is trained on, in evaluation mode and without gradients.

    Attributes:
        unet: diffusers' UNet2DConditionModel.
        encoder: pictures to latents, always 32 bits.
        text_encoder: transformers' CLIPTextModel.
        layout: the sizes found in the file.
    """

    unet: Any
    encoder: Encoder
    text_encoder: Any
    layout: BaseLayout


def load_base(path: Path, *, dtype: torch.dtype = torch.float32) -> BaseModel:
    """Load a checkpoint's networks onto the CPU; UNet and text encoder as `dtype`.

    Raises:
        InputError: see `layout.read_layout`; or a weight is missing or of another shape.
    """
    from safetensors.torch import load_file

    layout = read_layout(path)
    weights = load_file(path)
    return BaseModel(
        frozen(path, _unet(path, weights, layout), dtype),
        frozen(path, _encoder(path, weights, layout), torch.float32),
        frozen(path, _text_encoder(path, weights, layout), dtype),
        layout,
    )


def load_decoder(path: Path) -> Decoder:
    """Load a checkpoint's decoder onto the CPU, in 32 bits; nothing else of the file is read.

    Raises:
        InputError: see `layout.read_layout`; or a weight is missing, as in a base that can only encode.
    """
    from safetensors import safe_open

    layout = read_layout(path)
    with safe_open(path, framework="pt") as file:
        weights = {key: file.get_tensor(key) for key in file.keys() if key.startswith(VAE)}  # noqa: SIM118
    return frozen(path, _decoder(path, weights, layout), torch.float32)


def _unet(path: Path, weights: dict[str, torch.Tensor], layout: BaseLayout) -> torch.nn.Module:
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    with torch.device("meta"):
        unet = new_unet(layout)
    assign(path, unet, convert_ldm_unet_checkpoint(weights, unet.config))
    return unet


def new_unet(layout: BaseLayout) -> Any:
    """Return diffusers' UNet2DConditionModel of a layout, its values not yet a checkpoint's."""
    from diffusers import UNet2DConditionModel

    levels = len(layout.block_channels)
    down = tuple("CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in layout.depths)
    up = tuple("CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(layout.depths))
    depths = [max(1, depth) for depth in layout.depths]
    return UNet2DConditionModel(
        block_out_channels=layout.block_channels,
        layers_per_block=layout.layers_per_block,
        down_block_types=down,
        up_block_types=up,
        transformer_layers_per_block=depths if len(set(depths)) > 1 else depths[0],
        cross_attention_dim=layout.context_dim,
        attention_head_dim=8,
        norm_num_groups=32,
        sample_size=64,
        only_cross_attention=(False,) * levels,
    )


def _encoder(path: Path, weights: dict[str, torch.Tensor], layout: BaseLayout) -> Encoder:
    with torch.device("meta"):
        model = new_encoding_half(layout)
    if layout.vae == "tiny":
        assign(path, model.encoder.layers, _under(weights, "taesd_encoder."))
        return Encoder(model, **_tiny_range(weights))
    assign(path, model, _converted(weights, model, ("encoder.", "quant_conv.")))
    return Encoder(model)


def new_encoding_half(layout: BaseLayout) -> Any:
    """Return the half of a layout's autoencoder that makes latents, its values not yet a checkpoint's."""
    model = _autoencoder(layout)
    del model.decoder  # training never decodes
    if layout.vae != "tiny":
        del model.post_quant_conv
    return model


def _decoder(path: Path, weights: dict[str, torch.Tensor], layout: BaseLayout) -> Decoder:
    with torch.device("meta"):
        model = _autoencoder(layout)
    del model.encoder
    if layout.vae == "tiny":
        # The file counts the soft clamp before the first layer, which is not a layer here.
        found = {
            f"{int(number) - 1}.{rest}": value
            for key, value in _under(weights, "taesd_decoder.").items()
            for number, _, rest in [key.partition(".")]
        }
        assign(path, model.decoder.layers, found)
        return Decoder(model, **_tiny_range(weights))
    del model.quant_conv
    assign(path, model, _converted(weights, model, ("decoder.", "post_quant_conv.")))
    return Decoder(model)


def _autoencoder(layout: BaseLayout) -> Any:
    """Return the layout's autoencoder, its values not yet a checkpoint's."""
    from diffusers import AutoencoderKL, AutoencoderTiny

    if layout.vae == "tiny":
        return AutoencoderTiny()
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
    )


def _under(weights: dict[str, torch.Tensor], part: str) -> dict[str, torch.Tensor]:
    """Return the autoencoder's weights whose names begin with `part`, without it."""
    prefix = VAE + part
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}


def _tiny_range(weights: dict[str, torch.Tensor]) -> dict[str, float]:
    scale, shift = (weights.get(VAE + name) for name in ("vae_scale", "vae_shift"))
    return {"scale": 1.0 if scale is None else float(scale), "shift": 0.0 if shift is None else float(shift)}


def _converted(
    weights: dict[str, torch.Tensor], model: Any, parts: tuple[str, ...]
) -> dict[str, torch.Tensor]:
    """Return the full autoencoder's weights of these parts under diffusers' names."""
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    converted = convert_ldm_vae_checkpoint(weights, model.config)
    return {key: value for key, value in converted.items() if key.startswith(parts)}


def _text_encoder(path: Path, weights: dict[str, torch.Tensor], layout: BaseLayout) -> torch.nn.Module:
    prefix = CLIP + "text_model." if any(k.startswith(CLIP + "text_model.") for k in weights) else CLIP
    found = {k.removeprefix(prefix): value for k, value in weights.items() if k.startswith(prefix)}
    found.pop("embeddings.position_ids", None)
    words, positions = (
        found[f"embeddings.{kind}_embedding.weight"].shape[0] for kind in ("token", "position")
    )
    with torch.device("meta"):
        model = new_text_encoder(layout, words=words, positions=positions)
    inner = text_part(model)
    # The numbers of the positions are not among the weights, so nothing else would give them values.
    inner.embeddings.position_ids = torch.arange(positions)[None]
    assign(path, inner, found)
    return model


def new_text_encoder(layout: BaseLayout, *, words: int, positions: int) -> Any:
    """Return transformers' CLIPTextModel of a layout, its values not yet a checkpoint's.

    Args:
        layout: whose width and layers.
        words: the tokens that it knows.
        positions: the tokens that it reads at a time, 77.
    """
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=words,
        hidden_size=layout.context_dim,
        intermediate_size=layout.text_intermediate,
        projection_dim=layout.context_dim,
        num_hidden_layers=layout.text_layers,
        num_attention_heads=layout.text_heads,
        max_position_embeddings=positions,
        hidden_act="quick_gelu",
        bos_token_id=49406,
        eos_token_id=49407,
        pad_token_id=49407,
    )
    return CLIPTextModel(config)


def text_part(text_encoder: Any) -> Any:
    """Return the module with `embeddings`, `encoder` and `final_layer_norm`, wrapped or not."""
    return getattr(text_encoder, "text_model", text_encoder)
