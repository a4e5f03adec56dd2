"""The narrow network that is trained is, number for number, the wide one that ComfyUI loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from bespoke_core.base.checkpoint import write_checkpoint
from bespoke_core.base.slim import from_layout, slim_denoiser, to_layout

torch = pytest.importorskip("torch")


def random_network(widths: tuple[int, ...]):
    torch.manual_seed(5)
    network = slim_denoiser(widths).requires_grad_(False)
    for name, parameter in network.named_parameters():
        if parameter.ndim == 1:
            parameter.add_(torch.randn_like(parameter) * 0.2)
        else:
            fan = parameter[0].numel()
            parameter.copy_(torch.randn_like(parameter) * fan**-0.5)
        assert parameter.abs().max() > 0, name
    return network


def test_narrow_and_wide_give_the_same_answer(tmp_path: Path) -> None:
    from bespoke_core.training.base_model import load_base

    narrow = dict(to_layout(random_network((40, 40, 80)).state_dict()))
    path = tmp_path / "wide.safetensors"
    told = {"sha256": "", "recipe": {}, "data_version": 1, "text_seed": 1, "steps": 0}
    write_checkpoint(path, narrow, told)
    wide = load_base(path).unet
    path.unlink()
    slim = from_layout(narrow)
    chance = torch.Generator().manual_seed(0)
    latents = torch.randn((2, 4, 8, 8), generator=chance)
    contexts = torch.randn((2, 77, 768), generator=chance)
    times = torch.tensor([37, 910])
    with torch.no_grad():
        one, other = slim(latents, times, contexts).sample, wide(latents, times, contexts).sample
    assert one.std() > 0.05
    assert (one - other).abs().max() < 1e-4


def test_what_is_packed_comes_back() -> None:
    network = random_network((40, 80, 80))
    back = from_layout(dict(to_layout(network.state_dict())))
    for key, value in network.state_dict().items():
        assert torch.equal(value.half().float(), back.state_dict()[key]), key


@pytest.mark.parametrize("widths", [(40, 41, 80), (80, 40, 40), (40, 40, 360), (0, 40, 40)])
def test_a_width_that_the_wide_layout_cannot_hold_is_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="multiples of 40"):
        slim_denoiser(widths)
