"""What happens to true sprites on their way through a model: enlarged, shifted, blurred, noised, encoded."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from bespoke_core.portraits.draw import draw_portraits
from bespoke_core.portraits.styles import DUSK

if TYPE_CHECKING:
    from diffusers import AutoencoderTiny

EDGE = 512
LATENT_NOISE = 0.2  # of the latents' own spread near 1
SEED = 20_260


@dataclass(frozen=True)
class Harm:
    """One way of harm.

    Attributes:
        name: for the table's head.
        apply: turns an enlarged sprite, the same shifted, and the picture's number into the harmed picture.
    """

    name: str
    apply: Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def portraits(count: int) -> np.ndarray:
    """Return portraits of our own drawing, half of them in a style of their own."""
    plain = [one.pixels for one in draw_portraits(count - count // 2, seed=SEED)]
    return np.stack(plain + [one.pixels for one in draw_portraits(count // 2, seed=SEED, style=DUSK)])


def art_from(folder: Path, start: int, step: int) -> np.ndarray:
    """Return every `step`-th picture of a folder, from number `start`: true sprites, all of one size."""
    paths = sorted(folder.glob("*.png"))[start::step]
    if not paths:
        raise SystemExit(f"{folder} holds no PNG")
    sprites = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    if len({sprite.shape for sprite in sprites}) > 1 or max(sprites[0].shape) > 128:
        raise SystemExit(f"{folder} must hold true sprites of one size, at most 128 pixels a side")
    return np.stack(sprites)


def enlarged(sprite: np.ndarray, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Show a sprite at `EDGE` pixels, moved by whole pixels; what comes in repeats the border."""
    picture = np.asarray(Image.fromarray(sprite).resize((EDGE, EDGE), Image.Resampling.NEAREST))
    across = np.clip(np.arange(EDGE) - shift[0], 0, EDGE - 1)
    down = np.clip(np.arange(EDGE) - shift[1], 0, EDGE - 1)
    return picture[down][:, across]


def shift_of(number: int) -> tuple[int, int]:
    """Return a shift of 4 or 5 pixels either way, another one for each picture."""
    dice = np.random.default_rng(number)
    return int(dice.choice([-5, -4, 4, 5])), int(dice.choice([-5, -4, 4, 5]))


def blur(picture: np.ndarray, sigma: float) -> np.ndarray:
    """Blur as Pillow's GaussianBlur does."""
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(sigma)))


def noise(picture: np.ndarray, sigma: float, number: int) -> np.ndarray:
    """Add noise of `sigma` levels to each pixel and channel."""
    noisy = picture + np.random.default_rng(number).normal(0, sigma, picture.shape)
    return noisy.clip(0, 255).round().astype(np.uint8)


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """Save as JPEG and read back."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def _all_at_once(picture: np.ndarray, number: int) -> np.ndarray:
    return jpeg(noise(blur(picture, 1.5), 3, number), 85)


BASIC = (
    Harm("clean", lambda picture, _moved, _n: picture),
    Harm("JPEG 85", lambda picture, _moved, _n: jpeg(picture, 85)),
    Harm("blur 2", lambda picture, _moved, _n: blur(picture, 2)),
    Harm("noise 4", lambda picture, _moved, n: noise(picture, 4, n)),
    Harm("blur, noise, JPEG", lambda picture, _moved, n: _all_at_once(picture, n)),
    Harm("the same, shifted 4-5", lambda _picture, moved, n: _all_at_once(moved, n)),
)


def base_harms() -> Iterator[Harm]:
    """Yield the round trip through the autoencoder of the repository's own base model."""
    from bespoke_core.base.autoencoder import autoencoder

    weights = {key.removeprefix("first_stage_model."): array for key, array in autoencoder()}
    parts = [
        {k.removeprefix(name): np.asarray(v) for k, v in weights.items() if k.startswith(name)}
        for name in ("taesd_encoder.", "taesd_decoder.")
    ]
    model = _tiny(*parts)
    yield Harm("own base VAE", lambda picture, _moved, n: _round_trip(model, picture, 0.0, n))


def vae_harms(given: str) -> Iterator[Harm]:
    """Yield round trips through a VAE given as NAME=ENCODER,DECODER (the tiny autoencoder's two files)."""
    from safetensors.torch import load_file

    name, _, files = given.partition("=")
    paths = [Path(path) for path in files.split(",")]
    if len(paths) != 2 or not all(path.is_file() for path in paths):
        raise SystemExit(f"--vae {given}: write NAME=ENCODER.safetensors,DECODER.safetensors")
    model = _tiny(*({k: v.float().numpy() for k, v in load_file(path).items()} for path in paths))
    yield Harm(name, lambda picture, _moved, n: _round_trip(model, picture, 0.0, n))
    yield Harm(
        f"{name}, latent noise, shifted",
        lambda _picture, moved, n: _round_trip(model, moved, LATENT_NOISE, n),
    )


def _tiny(encoder: dict[str, np.ndarray], decoder: dict[str, np.ndarray]) -> AutoencoderTiny:
    import torch
    from diffusers import AutoencoderTiny

    channels = encoder["14.weight"].shape[0]
    model = AutoencoderTiny(latent_channels=channels).eval()
    tensors = {f"encoder.layers.{k}": v for k, v in encoder.items()}
    for key, value in decoder.items():  # its first layer is a clamp, which diffusers does not count
        number, _, rest = key.partition(".")
        tensors[f"decoder.layers.{int(number) - 1}.{rest}"] = value
    model.load_state_dict({k: torch.from_numpy(np.ascontiguousarray(v)).float() for k, v in tensors.items()})
    return model


def _round_trip(model: AutoencoderTiny, picture: np.ndarray, latent_noise: float, number: int) -> np.ndarray:
    import torch

    pixels = torch.from_numpy(picture.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
    with torch.inference_mode():
        latents = model.encode(pixels).latents
        dice = torch.Generator().manual_seed(number)
        latents = latents + latent_noise * torch.randn(latents.shape, generator=dice)
        decoded = model.decode(latents).sample[0].permute(1, 2, 0).numpy()
    return ((decoded + 1) * 127.5).clip(0, 255).round().astype(np.uint8)
