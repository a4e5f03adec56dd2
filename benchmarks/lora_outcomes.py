"""What a trained LoRA does, measured outside ComfyUI: the pictures it draws and its loss on held-out ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from paired_outcomes import CODES
from safetensors.torch import load_file
from style_data import Data, Settings

from bespoke_core.base.sampling import sample_sprites
from bespoke_core.base.train import latents_of
from bespoke_core.scoring.reference import read_reference
from bespoke_core.scoring.score import score_pictures
from bespoke_core.tokenizer import find_tokenizer, load_tokenizer
from bespoke_core.training.base_model import load_base
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.network import add_lora
from bespoke_core.training.noise import add_noise, alphas_cumprod
from bespoke_core.training.text import WINDOW, encode_windows, token_windows
from bespoke_core.training.trim import trim


class Measure:
    """The base model with an exchangeable LoRA, and what every LoRA is measured on.

    Attributes:
        true_distance: palette distance of the held-out pictures themselves, which no LoRA need undercut.
    """

    def __init__(self, data: Data, settings: Settings, checkpoint: Path, config: TrainingConfig) -> None:
        self.settings = settings
        self.base = load_base(checkpoint)
        self.network = add_lora(self.base, config)  # without effect until a file is loaded
        trim(self.base.unet)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.nn.Module.to(self.base.unet, self.device)
        self.tokenizer = load_tokenizer(find_tokenizer())
        # In as many windows as the longest text needs; ComfyUI would do so too.
        self.length = -(-max(self.tokens([*data.prompts, *data.texts])) // WINDOW) * WINDOW
        seeds = range(settings.picture_seeds)
        self.prompts = [prompt for prompt in data.prompts for _ in seeds]
        self.seeds = [1000 * (number + 1) + s for number in range(len(data.prompts)) for s in seeds]
        self.contexts = self._encode(self.prompts)
        self.none = self._encode([""])
        self.captions = self._encode(data.texts)
        self.latents = latents_of(data.sprites)
        self.reference = read_reference(data.folders[CODES])
        self.true_distance = self.reference.palette_distance(data.sprites)

    def tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, without start and end."""
        long = 1_000_000  # texts are counted, not encoded, so nothing is too long
        ids = self.tokenizer(list(texts), truncation=True, max_length=long).input_ids
        return [len(one) - 2 for one in ids]

    def _encode(self, texts: Sequence[str]) -> torch.Tensor:
        """Return what the denoiser reads of each text, float32 (N, length + 2, 768)."""
        with torch.no_grad():
            windows = token_windows(self.tokenizer, texts, self.length)
            return encode_windows(self.base.text_encoder, windows).float()

    def use(self, lora: Path | None) -> None:
        """Take up a LoRA's file; None leaves the base model alone, before any was loaded."""
        if lora is not None:
            self.network.load(load_file(lora))

    def outcomes(self, lora: Path | None) -> dict[str, float]:
        """Return what a LoRA scores; None is the base model alone, before any LoRA was loaded."""
        self.use(lora)
        sprites = sample_sprites(
            self.base.unet,
            self.contexts,
            self.none,
            self.seeds,
            steps=self.settings.sampler_steps,
            cfg=self.settings.cfg,
        )
        scores = score_pictures(sprites, prompts=self.prompts)
        if any(one.background_match in {"not asked", "not measured"} for one in scores):
            raise SystemExit("a test prompt names no background colour that can be judged")
        return {
            "background_yes": float(np.mean([one.background_match == "yes" for one in scores])),
            # Of all pictures together: one alone is far from the set, whatever its style.
            "palette_distance": self.reference.palette_distance(sprites),
            "held_out_loss": self.held_out_loss(),
        }

    def held_out_loss(self) -> float:
        """Return the mean squared error over the held-out pictures, at fixed timesteps with fixed noise."""
        alphas, losses = alphas_cumprod(), []
        generator = torch.Generator().manual_seed(0)
        for time_step in self.settings.timesteps:
            noise = torch.randn(self.latents.shape, generator=generator)
            times = torch.full((len(noise),), time_step)
            noisy = add_noise(self.latents, noise, times, alphas)
            for start in range(0, len(noise), 16):
                part = slice(start, start + 16)
                given = (one[part].to(self.device) for one in (noisy, times, self.captions))
                with torch.no_grad():
                    guess = self.base.unet(*given).sample.float().cpu()
                losses.append((guess - noise[part]).square().mean(dim=(1, 2, 3)))
        return float(torch.cat(losses).mean())
