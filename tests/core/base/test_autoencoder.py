"""The base model's autoencoder: a picture of eight-pixel cells survives it."""

from __future__ import annotations

import numpy as np
import pytest

from bespoke_core.base.autoencoder import autoencoder

torch = pytest.importorskip("torch")


def tiny_autoencoder():
    from diffusers import AutoencoderTiny

    state = {}
    for key, array in autoencoder():
        name = key.removeprefix("first_stage_model.")
        side, _, rest = name.partition(".")
        tensor = torch.from_numpy(np.array(array, dtype=np.float32))
        if side == "taesd_encoder":
            state[f"encoder.layers.{rest}"] = tensor
        elif side == "taesd_decoder":
            number, _, tail = rest.partition(".")
            state[f"decoder.layers.{int(number) - 1}.{tail}"] = tensor
    network = AutoencoderTiny()
    network.load_state_dict(state)
    return network


def test_a_sprite_of_eight_pixel_cells_comes_back_from_the_autoencoder_unchanged() -> None:
    cells = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 24, 24)))
    cells[0] = (cells[0] > 127) * 255  # the extremes, where the soft clamp bends most
    picture = cells.float().repeat_interleave(8, 2).repeat_interleave(8, 3)
    network = tiny_autoencoder()
    with torch.no_grad():
        latents = network.encode(picture / 127.5 - 1).latents
        back = network.decode(latents).sample
    assert latents.shape == (2, 4, 24, 24)
    assert torch.equal(((back + 1) * 127.5).clamp(0, 255).round(), picture)


def test_training_sees_the_latents_that_the_autoencoder_makes() -> None:
    from bespoke_core.base.sampling import sprites_of
    from bespoke_core.base.train import latents_of

    sprites = np.random.default_rng(1).integers(0, 256, (2, 24, 24, 3), dtype=np.uint8)
    picture = torch.from_numpy(sprites).permute(0, 3, 1, 2).float()
    picture = picture.repeat_interleave(8, 2).repeat_interleave(8, 3)
    with torch.no_grad():
        latents = tiny_autoencoder().encode(picture / 127.5 - 1).latents
    assert (latents - latents_of(sprites)).abs().max() < 0.005
    assert np.array_equal(sprites_of(latents_of(sprites)), sprites)
