"""Drawing inside a run leaves the run as it was."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from bespoke_core.errors import InputError, UserCancelledError
from bespoke_core.sampling import drawing
from bespoke_core.sampling.drawing import as_in_the_file, draw_prompts, evaluating
from bespoke_core.sampling.prompts import read_sample_prompts
from bespoke_core.training.base_model import LATENT_SCALE, load_base, load_decoder
from bespoke_core.training.session import Session

ASKED = "a lad, green background --s 2\na (lady:1.2) --s 2 --d 9 --w 72 --l 1"


def test_pictures_have_the_size_asked_for_and_do_not_depend_on_each_other(
    make_session: Callable[..., Session],
) -> None:
    session = make_session(sample_prompts=ASKED)
    prompts = read_sample_prompts(session.config)
    both = draw_prompts(session, prompts)
    assert [one.shape for one in both if one is not None] == [(64, 64, 3), (64, 72, 3)]
    (second,) = draw_prompts(session, prompts[1:])
    assert second is not None and both[1] is not None
    assert second.dtype == np.uint8 and np.array_equal(second, both[1])


@pytest.mark.parametrize("checkpointing", [False, True])
def test_weights_modes_and_every_chance_are_as_before(
    make_session: Callable[..., Session], checkpointing: bool
) -> None:
    session = make_session(sample_prompts=ASKED, save_precision="fp16", gradient_checkpointing=checkpointing)
    for matrix in session.network.parameters():
        torch.nn.init.normal_(matrix, std=0.1)
    modules = [*session.base.unet.modules(), *session.base.text_encoder.modules()]
    session.base.unet.conv_out.train()  # one alone, as dropout in one place has it
    before = (
        [module.training for module in modules],
        {name: matrix.clone() for name, matrix in session.network.tensors().items()},
        torch.get_rng_state(),
        random.getstate(),
        np.random.get_state()[1].tolist(),
    )
    draw_prompts(session, read_sample_prompts(session.config))
    assert [module.training for module in modules] == before[0]
    assert all(torch.equal(matrix, before[1][name]) for name, matrix in session.network.tensors().items())
    assert torch.equal(torch.get_rng_state(), before[2])
    assert random.getstate() == before[3]
    assert np.random.get_state()[1].tolist() == before[4]
    assert all(matrix.requires_grad and matrix.grad is None for matrix in session.network.parameters())


def test_what_is_drawn_is_the_file_and_not_what_it_was_rounded_from(
    make_session: Callable[..., Session],
) -> None:
    session = make_session()
    name, matrix = next(iter(session.network.tensors().items()))
    session.network.load({**session.network.tensors(), name: torch.full_like(matrix, 1 / 3)})
    with as_in_the_file(session.network, "bf16"):
        assert float(session.network.tensors()[name].flatten()[0]) == float(torch.tensor(1 / 3).bfloat16())
    assert float(session.network.tensors()[name].flatten()[0]) == float(torch.tensor(1 / 3))


def test_dropout_is_off_while_drawing_and_on_again_after_an_error() -> None:
    model = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(2, 2)).train()
    with pytest.raises(ZeroDivisionError), evaluating(model):
        assert not model[0].training and not torch.is_grad_enabled()
        raise ZeroDivisionError
    assert model[0].training and torch.is_grad_enabled()


def test_a_picture_that_is_not_a_number_is_told_from_a_black_one(
    make_session: Callable[..., Session],
) -> None:
    session = make_session(sample_prompts=ASKED)
    next(iter(session.network.pairs.values()))
    broken = {name: torch.full_like(m, torch.nan) for name, m in session.network.tensors().items()}
    session.network.load(broken)
    assert draw_prompts(session, read_sample_prompts(session.config)) == [None, None]


def test_when_the_device_has_no_room_for_the_decoder_the_processor_decodes(
    make_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make_session(sample_prompts=ASKED)
    prompts = read_sample_prompts(session.config)[:1]
    (expected,) = draw_prompts(session, prompts)
    real, asked = drawing.load_decoder, []

    def small(path: Path) -> torch.nn.Module:
        decoder = real(path)
        forward = decoder.forward

        def once(latents: torch.Tensor) -> torch.Tensor:
            asked.append(1)
            if len(asked) == 1:
                raise torch.cuda.OutOfMemoryError
            return forward(latents)

        decoder.forward = once  # type: ignore[method-assign]
        return decoder

    monkeypatch.setattr(drawing, "load_decoder", small)
    (found,) = draw_prompts(session, prompts)
    assert len(asked) == 2 and expected is not None and found is not None
    assert np.array_equal(found, expected)


def test_drawing_stops_when_asked(make_session: Callable[..., Session]) -> None:
    session = make_session(sample_prompts=ASKED)
    told: list[int] = []
    with pytest.raises(UserCancelledError):
        draw_prompts(session, read_sample_prompts(session.config), stop=lambda: bool(told), drawn=told.append)
    assert told == [1]


def test_the_decoder_gives_back_what_the_encoder_was_given(tiny_base: Path) -> None:
    sprite = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    picture = sprite.repeat_interleave(8, 2).repeat_interleave(8, 3)
    latents = load_base(tiny_base).encoder(picture * 2 - 1)
    decoded = load_decoder(tiny_base)(latents)
    assert decoded.shape == picture.shape and decoded.dtype == torch.float32
    assert float((decoded - picture).abs().max()) < 0.01


def test_the_full_autoencoder_decodes_as_diffusers_does(tiny_base: Path, tmp_path: Path) -> None:
    from diffusers import AutoencoderKL
    from safetensors.torch import load_file, save_file

    torch.manual_seed(0)
    model = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
    ).eval()
    weights = {k: v for k, v in load_file(tiny_base).items() if not k.startswith("first_stage_model.")}
    save_file({**weights, **full_autoencoder(model)}, tmp_path / "full.safetensors")
    latents = torch.randn(1, 4, 4, 4)
    with torch.no_grad():
        expected = (model.decode(latents / LATENT_SCALE).sample / 2 + 0.5).clamp(0, 1)
    found = load_decoder(tmp_path / "full.safetensors")(latents)
    assert torch.allclose(found, expected, atol=1e-5)
    assert float(expected.std()) > 0.01


def full_autoencoder(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return a diffusers autoencoder's weights under the names of the original code."""
    found = {}
    for key, value in model.state_dict().items():
        if ".attentions.0." in key:
            for new, old in (("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")):
                key = key.replace(f"attentions.0.{new}", f"attn_1.{old}")
            key = key.replace("attentions.0.group_norm", "attn_1.norm").replace("mid_block", "mid")
            value = value[:, :, None, None] if value.ndim == 2 else value
        for number in (0, 1):
            key = key.replace(f"mid_block.resnets.{number}", f"mid.block_{number + 1}")
        for level in range(4):
            key = key.replace(f"down_blocks.{level}.resnets", f"down.{level}.block")
            key = key.replace(f"down_blocks.{level}.downsamplers.0", f"down.{level}.downsample")
            key = key.replace(f"up_blocks.{level}.resnets", f"up.{3 - level}.block")
            key = key.replace(f"up_blocks.{level}.upsamplers.0", f"up.{3 - level}.upsample")
        key = key.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
        found["first_stage_model." + key] = value.contiguous()
    return found


def test_a_base_without_a_decoder_is_named(tiny_base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = {k: v for k, v in load_file(tiny_base).items() if "taesd_decoder" not in k}
    save_file(weights, tmp_path / "mute.safetensors")
    with pytest.raises(InputError, match=r"mute\.safetensors"):
        load_decoder(tmp_path / "mute.safetensors")


def test_a_base_in_16_bits_draws_nearly_the_same_picture(make_session: Callable[..., Session]) -> None:
    drawn = []
    for precision in ("no", "bf16"):
        session = make_session(sample_prompts=ASKED, mixed_precision=precision)
        drawn.append(draw_prompts(session, read_sample_prompts(session.config)[:1])[0])
    precise, rough = drawn
    assert precise is not None and rough is not None
    assert np.abs(precise.astype(int) - rough).mean() < 8
