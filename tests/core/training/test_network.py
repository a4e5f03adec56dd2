from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from bespoke_core.training.base_model import load_base
from bespoke_core.training.config import from_values
from bespoke_core.training.errors import TrainingError
from bespoke_core.training.kohya_file import save_lora, serialise
from bespoke_core.training.network import add_lora, kohya_name, text_targets, unet_targets


def full_unet() -> Any:
    """SD1.5's UNet without its weights."""
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        return UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)


def test_sd15_has_192_modules_in_the_unet_and_72_in_the_text_encoder() -> None:
    from transformers import CLIPTextConfig, CLIPTextModel

    unet = unet_targets(full_unet())
    assert len(unet) == len(set(unet)) == 192
    with torch.device("meta"):
        text_encoder = CLIPTextModel(
            CLIPTextConfig(hidden_size=768, num_hidden_layers=12, intermediate_size=3072)
        )
    text = text_targets(text_encoder)
    assert len(text) == 72
    names = {kohya_name("lora_unet_", name) for name in unet} | {
        kohya_name("lora_te_", name) for name in text
    }
    assert len(names) == 264
    for name in (
        "lora_unet_down_blocks_2_attentions_1_transformer_blocks_0_attn2_to_out_0",
        "lora_unet_mid_block_attentions_0_transformer_blocks_0_ff_net_0_proj",
        "lora_unet_up_blocks_3_attentions_2_proj_out",
        "lora_unet_up_blocks_1_attentions_0_transformer_blocks_0_ff_net_2",
        "lora_te_text_model_encoder_layers_11_mlp_fc2",
        "lora_te_text_model_encoder_layers_0_self_attn_out_proj",
    ):
        assert name in names


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_fresh_lora_changes_nothing_and_is_trained_in_32_bits(tiny_base: Path, dtype: torch.dtype) -> None:
    base = load_base(tiny_base, dtype=dtype)
    x, t, context = torch.randn(1, 4, 8, 8), torch.tensor([5]), torch.randn(1, 77, 64)
    with torch.no_grad():
        before = base.unet(x.to(dtype), t, context.to(dtype)).sample
        network = add_lora(base, from_values({"learning_rate": 1.0}))
        after = base.unet(x.to(dtype), t, context.to(dtype)).sample
    # In 32 bits another library multiplies: its rounding is another.
    assert torch.allclose(before, after, rtol=1e-4, atol=1e-5 if dtype == torch.float32 else 0)
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert all(p.requires_grad for p in network.parameters())
    trained = [name for name, p in base.unet.named_parameters() if p.requires_grad]
    assert all(name.endswith((".down", ".up")) for name in trained)


def test_the_lora_adds_up_of_down_times_alpha_over_rank(tiny_base: Path) -> None:
    base = load_base(tiny_base)
    name = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    plain = base.unet.get_submodule(name).weight.clone()
    network = add_lora(base, from_values({"network_dim": 4, "network_alpha": 2.0, "learning_rate": 1.0}))
    pair = network.pairs[kohya_name("lora_unet_", name)]
    torch.nn.init.normal_(pair.up)
    x = torch.randn(1, 3, 64)
    expected = x @ (plain + pair.up @ pair.down * (2.0 / 4)).T
    assert torch.allclose(base.unet.get_submodule(name)(x), expected, atol=1e-4)


def test_the_seed_decides_where_the_lora_starts_and_nothing_else_is_disturbed(tiny_base: Path) -> None:
    def fresh(seed: int) -> torch.Tensor:
        network = add_lora(load_base(tiny_base), from_values({"seed": seed, "learning_rate": 1.0}))
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    one = fresh(1)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(one, fresh(1))
    assert not torch.equal(one, fresh(2))


def test_an_alpha_of_zero_means_the_rank(tiny_base: Path) -> None:
    config = from_values({"network_dim": 8, "network_alpha": 0, "learning_rate": 1.0})
    assert add_lora(load_base(tiny_base), config).alpha == 8


def test_weights_that_do_not_fit_the_number_format_are_not_written(tiny_base: Path, tmp_path: Path) -> None:
    network = add_lora(load_base(tiny_base), from_values({"learning_rate": 1.0}))
    next(iter(network.pairs.values())).up.data.fill_(1e6)
    with pytest.raises(TrainingError, match="not finite as fp16"):
        save_lora(tmp_path / "a.safetensors", network, precision="fp16", metadata={})
    assert list(tmp_path.iterdir()) == []


def test_a_serialised_file_loads_and_is_the_same_every_time() -> None:
    from safetensors.torch import load

    tensors = {"b": torch.randn(2, 3), "a": torch.tensor(1.0, dtype=torch.float16)}
    metadata = {f"ss_{n}": str(n) for n in range(20)} | {"ss_name": "Gr\u00f6\u00dfe"}
    data = serialise(tensors, metadata)
    assert data == serialise(dict(reversed(tensors.items())), dict(reversed(metadata.items())))
    assert all(torch.equal(value, tensors[key]) for key, value in load(data).items())
