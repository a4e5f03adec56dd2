"""What network_args says, and the sizes that follow: kohya's, to the module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bespoke_core.errors import InputError
from bespoke_core.training.config import from_values
from bespoke_core.training.network_form import BLOCKS, block_of, form_of, read_network_arguments

torch = pytest.importorskip("torch")

from bespoke_core.training.base_model import load_base  # noqa: E402
from bespoke_core.training.kohya_file import save_lora  # noqa: E402
from bespoke_core.training.network import LoraNetwork, add_lora, kohya_name, unet_targets  # noqa: E402


def network_of(base: Path, **values: Any) -> LoraNetwork:
    return add_lora(load_base(base), from_values({"learning_rate": 1.0, **values}))


def test_wrong_arguments_are_told_with_the_file_that_they_stand_in() -> None:
    with pytest.raises(InputError, match=r"lads\.toml: network_args: 'conv_dims=4'"):
        from_values({"network_args": ["conv_dims=4"]}, file="lads.toml")


def test_conv_dim_reaches_the_modules_that_kohya_names() -> None:
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)
    names = [kohya_name("lora_unet_", name) for name in unet_targets(unet, all_blocks=True)]
    # 192 in the transformer blocks; 22 residual blocks of two convolutions and a time layer, 14 shortcuts,
    # three changes of size each way.
    assert len(names) == len(set(names)) == 192 + 22 * 3 + 14 + 6
    for name in (
        "lora_unet_down_blocks_0_resnets_0_time_emb_proj",
        "lora_unet_down_blocks_1_resnets_0_conv_shortcut",
        "lora_unet_down_blocks_0_downsamplers_0_conv",
        "lora_unet_up_blocks_2_upsamplers_0_conv",
        "lora_unet_mid_block_resnets_1_conv2",
    ):
        assert name in names
    assert not any("conv_in" in name or "conv_out" in name or "time_embedding" in name for name in names)


def test_wide_convolutions_get_conv_dim_and_all_else_network_dim(tiny_base: Path) -> None:
    network = network_of(
        tiny_base, network_dim=6, network_alpha=3.0, network_args=["conv_dim=2", "conv_alpha=1"]
    )
    sizes = {name: (layer.rank, layer.alpha) for name, layer in network.pairs.items()}
    assert sizes["lora_unet_down_blocks_0_resnets_0_conv1"] == (2, 1.0)
    assert sizes["lora_unet_down_blocks_0_downsamplers_0_conv"] == (2, 1.0)
    assert sizes["lora_unet_down_blocks_0_resnets_0_time_emb_proj"] == (6, 3.0)
    assert sizes["lora_unet_down_blocks_1_resnets_0_conv_shortcut"] == (6, 3.0)
    assert sizes["lora_te_text_model_encoder_layers_0_mlp_fc1"] == (6, 3.0)
    assert network.pairs["lora_unet_down_blocks_0_resnets_0_conv1"].down.shape == (2, 32, 3, 3)


def test_a_lora_on_convolutions_starts_without_effect_and_is_saved_with_its_own_alphas(
    tiny_base: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    base = load_base(tiny_base)
    x, t, context = torch.randn(1, 4, 8, 8), torch.tensor([5]), torch.randn(1, 77, 64)
    with torch.no_grad():
        before = base.unet(x, t, context).sample
        args = ["conv_dim=2", "conv_alpha=0.5"]
        network = add_lora(base, from_values({"learning_rate": 1.0, "network_args": args}))
        assert torch.allclose(base.unet(x, t, context).sample, before, atol=1e-5)
    save_lora(tmp_path / "a.safetensors", network, precision=None, metadata={})
    stored = load_file(tmp_path / "a.safetensors")
    assert float(stored["lora_unet_down_blocks_0_resnets_0_conv1.alpha"]) == 0.5
    assert float(stored["lora_unet_down_blocks_0_attentions_0_proj_in.alpha"]) == 1.0


def test_block_dims_give_each_block_its_rank_and_leave_out_those_of_0(tiny_base: Path) -> None:
    dims = [4] * BLOCKS
    dims[1], dims[12] = 7, 0
    network = network_of(tiny_base, network_args=["block_dims=" + ",".join(map(str, dims))])
    ranks = {name: layer.rank for name, layer in network.pairs.items()}
    assert {rank for name, rank in ranks.items() if "down_blocks_0_attentions_0" in name} == {7}
    assert not any("mid_block" in name for name in ranks)
    assert any(name.startswith("lora_te_") for name in ranks)


def test_blocks_are_counted_as_kohya_counts_them() -> None:
    assert block_of("lora_unet_down_blocks_0_attentions_0_proj_in") == 1
    assert block_of("lora_unet_down_blocks_0_downsamplers_0_conv") == 3
    assert block_of("lora_unet_mid_block_attentions_0_proj_in") == 12
    assert block_of("lora_unet_up_blocks_1_attentions_0_proj_in") == 16
    assert block_of("lora_unet_up_blocks_3_attentions_2_proj_out") == 24


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["conv_dims=4"], "Did you mean conv_dim"),
        (["conv_dim"], "key=value"),
        (["conv_dim=four"], "number from 0 to 1024"),
        (["rank_dropout=1"], "from 0 to below 1"),
        (["dropout=0.1"], "network_dropout"),
        (["down_lr_weight=1,1"], "single blocks"),
        (["conv_alpha=1"], "without conv_dim"),
        (["block_dims=1,2,3"], "25 numbers"),
        (["loraplus_lr_ratio=nan"], "above 0"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_with_what_to_do(words: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        from_values({"network_args": words, "learning_rate": 1.0})


def test_lora_plus_speeds_up_the_part_that_is_named() -> None:
    args = read_network_arguments(["loraplus_lr_ratio=4", "loraplus_unet_lr_ratio=16"])
    assert args.up_ratio("unet") == 16
    assert args.up_ratio("text_encoder") == 4
    assert read_network_arguments([]).up_ratio("unet") == 1


def test_a_run_starts_from_a_file_and_may_take_its_ranks(tiny_base: Path, tmp_path: Path) -> None:
    first = network_of(tiny_base, network_dim=5, network_alpha=2.5, network_train_unet_only=True)
    for layer in first.pairs.values():
        torch.nn.init.normal_(layer.up)
    path = tmp_path / "first.safetensors"
    save_lora(path, first, precision=None, metadata={})
    values = {"network_weights": str(path), "dim_from_weights": True}
    second = network_of(tiny_base, **values)
    assert second.pairs.keys() == first.pairs.keys()
    for name, layer in second.pairs.items():
        assert (layer.rank, layer.alpha) == (5, 2.5)
        assert torch.equal(layer.up, first.pairs[name].up)
    with pytest.raises(InputError, match="dim_from_weights"):
        network_of(tiny_base, network_dim=4, network_weights=str(path))


def test_another_alpha_than_the_files_does_not_change_where_it_starts(
    tiny_base: Path, tmp_path: Path
) -> None:
    first = network_of(tiny_base, network_dim=4, network_alpha=4.0)
    for layer in first.pairs.values():
        torch.nn.init.normal_(layer.up)
    save_lora(tmp_path / "a.safetensors", first, precision=None, metadata={})
    path = str(tmp_path / "a.safetensors")
    second = network_of(tiny_base, network_dim=4, network_alpha=1.0, network_weights=path)
    for name, layer in second.pairs.items():
        assert torch.allclose(layer.up * layer.scale, first.pairs[name].up * first.pairs[name].scale)


def test_a_file_that_is_no_lora_is_refused(tiny_base: Path) -> None:
    with pytest.raises(InputError, match="not a LoRA in kohya's form"):
        network_of(tiny_base, network_weights=str(tiny_base))


def test_norms_above_the_limit_are_scaled_to_it_and_others_left(tiny_base: Path) -> None:
    network = network_of(tiny_base, network_dim=4, network_alpha=2.0)
    layers = list(network.pairs.values())
    for layer in layers[:3]:
        torch.nn.init.normal_(layer.up)
    before = [layer.up.detach().clone() for layer in layers]
    norms = [float(((a.up.flatten(1) @ a.down.flatten(1)) * a.scale).detach().norm()) for a in layers]
    limit = sorted(norms)[-2]
    assert network.limit_norms(limit * 0.999) == 2
    for layer, norm, old in zip(layers, norms, before, strict=True):
        after = float(((layer.up.flatten(1) @ layer.down.flatten(1)) * layer.scale).detach().norm())
        assert after == pytest.approx(min(norm, limit * 0.999), rel=1e-4)
        if norm < limit * 0.99:
            assert torch.equal(layer.up, old)


def test_sizes_need_no_torch() -> None:
    form = form_of(from_values({"learning_rate": 1.0, "network_dim": 8, "network_alpha": 0}))
    assert form.size_of("lora_unet_mid_block_attentions_0_proj_in", wide=False) == (8, 8.0)
    assert form.size_of("lora_unet_mid_block_resnets_0_conv1", wide=True) is None
