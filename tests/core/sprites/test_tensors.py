"""Sprites from tensors are the same as from arrays, on every device."""

from __future__ import annotations

import numpy as np
import pytest

from bespoke_core.errors import InputError
from bespoke_core.portraits.draw import draw_portraits, enlarge
from bespoke_core.sprites.downscale import METHODS, downscale
from bespoke_core.sprites.tensors import downscale_tensor, to_bytes

torch = pytest.importorskip("torch")
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
PICTURES = np.stack([enlarge(portrait.pixels, 200) for portrait in draw_portraits(3, seed=4)])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_the_arrays_result(device: str, method: str) -> None:
    noisy = PICTURES + np.random.default_rng(0).integers(0, 3, PICTURES.shape, dtype=np.uint8)
    tensor = torch.from_numpy(noisy.astype(np.float32) / 255).to(device)
    sprites = downscale_tensor(tensor, (24, 24), method)
    assert sprites.device == tensor.device and sprites.dtype == torch.float32
    assert np.array_equal(to_bytes(sprites), downscale(to_bytes(tensor), (24, 24), method))
    whole = torch.from_numpy(noisy).to(device)
    assert np.array_equal(downscale_tensor(whole, (24, 24), method).cpu(), downscale(noisy, (24, 24), method))


def test_bytes_survive_the_way_through_floats() -> None:
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1).expand(1, 16, 16, 3)
    assert torch.equal(torch.from_numpy(to_bytes(levels.float() / 255.0)), levels)


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_other_floats_count_as_float32(kind: str) -> None:
    values = torch.rand((1, 30, 30, 3), generator=torch.Generator().manual_seed(0)).to(getattr(torch, kind))
    assert np.array_equal(to_bytes(values), to_bytes(values.float()))


def test_values_beyond_black_and_full_are_cut_off_and_nan_is_refused() -> None:
    values = torch.tensor([-3.0, 0.0, 1.0, 7.0, float("inf")]).reshape(1, 5, 1, 1).expand(1, 5, 1, 3)
    assert to_bytes(values)[0, :, 0, 0].tolist() == [0, 0, 255, 255, 255]
    with pytest.raises(InputError, match="NaN"):
        downscale_tensor(torch.full((1, 30, 30, 3), float("nan")))
    with pytest.raises(InputError, match="int64"):
        downscale_tensor(torch.zeros((1, 30, 30, 3), dtype=torch.int64))


def test_alpha_and_an_unknown_size_work_with_tensors_too() -> None:
    clear = np.full((*PICTURES.shape[:3], 1), 255, np.uint8)
    clear[:, :100] = 0
    tensor = torch.from_numpy(np.concatenate([PICTURES, clear], axis=-1)).float() / 255
    assert downscale_tensor(tensor, None).shape == (3, 24, 24, 3)
    kept = downscale_tensor(tensor, background=None)
    assert kept.shape == (3, 24, 24, 4) and not kept[:, :12].any()
