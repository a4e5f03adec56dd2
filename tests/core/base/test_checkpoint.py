"""The embedded base model: its bytes, its layout, and that it survives damage."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bespoke_core.quickstart import base_autoencoder, base_layout, base_model

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> base_model.BaseModel:
    return base_model.obtain_base_model(tmp_path_factory.mktemp("checkpoints"))


def test_one_seed_gives_the_same_bytes_everywhere(model: base_model.BaseModel) -> None:
    assert model.sha256 == base_model.SHA256
    assert 280_000_000 < model.size < 330_000_000


def test_another_seed_gives_other_weights() -> None:
    one = base_layout.Draws(1).spread("x", (4, 5), 1.0)
    two = base_layout.Draws(2).spread("x", (4, 5), 1.0)
    assert one.dtype == np.float16
    assert not np.array_equal(one, two)


def test_weights_have_the_spread_that_was_asked_for() -> None:
    values = base_layout.Draws(3).spread("y", (300, 300), 0.25).astype(np.float64)
    assert values.std() == pytest.approx(0.25, rel=0.01)
    assert abs(values.mean()) < 0.005


def test_a_second_call_finds_the_file_and_does_not_make_it_again(model: base_model.BaseModel) -> None:
    before = model.path.stat().st_mtime_ns
    again = base_model.obtain_base_model(model.path.parent)
    assert (model.made, again.made) == (True, False)
    assert again.path.stat().st_mtime_ns == before


def test_a_damaged_file_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(path: Path, *, seed: int) -> None:
        path.write_bytes(b"x" * (100 + seed))

    monkeypatch.setattr(base_model, "write_checkpoint", small)
    first = base_model.obtain_base_model(tmp_path, seed=1)
    first.path.write_bytes(b"y" * first.size)  # the same size, other content
    again = base_model.obtain_base_model(tmp_path, seed=1)
    assert again.made
    assert again.path.read_bytes() == b"x" * 101
    assert base_model.obtain_base_model(tmp_path, seed=2).made  # and so it is for another seed


def test_an_interrupted_write_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path, *, seed: int) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(base_model, "write_checkpoint", broken)
    with pytest.raises(OSError, match="No space"):
        base_model.obtain_base_model(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_file_says_what_it_is(model: base_model.BaseModel) -> None:
    from safetensors import safe_open

    with safe_open(model.path, "pt") as file:
        metadata = file.metadata()
    assert metadata["modelspec.architecture"] == "stable-diffusion-v1"
    assert metadata["bespoke.seed"] == str(base_model.SEED)
    stamp = json.loads(model.path.with_suffix(".json").read_text(encoding="utf-8"))
    assert stamp["sha256"] == model.sha256


def tiny_autoencoder():
    from diffusers import AutoencoderTiny

    state = {}
    for key, array in base_autoencoder.autoencoder():
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


def test_diffusers_reads_the_denoiser_and_it_guesses_noise(model: base_model.BaseModel) -> None:
    from diffusers import UNet2DConditionModel
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint
    from safetensors.torch import load_file

    network = UNet2DConditionModel(
        block_out_channels=(320,),
        down_block_types=("CrossAttnDownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D",),
        layers_per_block=1,
        cross_attention_dim=768,
        attention_head_dim=8,
    )
    state = convert_ldm_unet_checkpoint(load_file(model.path), config=dict(network.config))
    network.load_state_dict({key: value.float() for key, value in state.items()})
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn((2, 4, 16, 16), generator=generator)
    context = torch.randn((2, 77, 768), generator=generator)
    with torch.no_grad():
        guess = network(noise, torch.tensor([999, 999]), context).sample
    assert torch.isfinite(guess).all()
    likeness = torch.nn.functional.cosine_similarity(guess.flatten(), noise.flatten(), dim=0)
    assert likeness > 0.7
    assert 0.5 < guess.std() < 2.0
