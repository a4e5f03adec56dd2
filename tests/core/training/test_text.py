from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from bespoke_core.tokenizer import load_tokenizer
from bespoke_core.training.base_model import load_base, text_part
from bespoke_core.training.text import FrozenText, encode_windows, token_windows

START, END = 49406, 49407
LONG = ", ".join(f"phrase number {n}" for n in range(40))


@pytest.fixture(scope="module")
def tokenizer(tokenizer_folder: Path) -> Any:
    return load_tokenizer(tokenizer_folder)


@pytest.fixture
def text_encoder(tiny_base: Path) -> Any:
    return load_base(tiny_base).text_encoder


def test_a_caption_is_split_plainly_into_windows_of_75_tokens(tokenizer: Any) -> None:
    windows = token_windows(tokenizer, ["", LONG], 225)
    assert windows.shape == (2, 3, 77)
    assert (windows[:, :, 0] == START).all() and (windows[:, :, -1] == END).all()
    ids = tokenizer(LONG, truncation=False).input_ids[1:-1]
    joined = windows[1, :, 1:-1].flatten().tolist()
    assert joined[: len(ids)] == ids[:225]
    assert set(joined[len(ids) :]) <= {END}


def test_the_windows_are_joined_with_one_start_and_one_end(tokenizer: Any, text_encoder: Any) -> None:
    windows = token_windows(tokenizer, [LONG], 225)
    found = encode_windows(text_encoder, windows)
    apart = [text_encoder(windows[:, n]).last_hidden_state for n in range(3)]
    expected = torch.cat([apart[0][:, :1], *(part[:, 1:-1] for part in apart), apart[2][:, -1:]], dim=1)
    assert found.shape == (1, 227, 64)
    assert torch.allclose(found, expected, atol=1e-5)


def test_75_tokens_are_one_window_as_it_is(tokenizer: Any, text_encoder: Any) -> None:
    windows = token_windows(tokenizer, ["red hair", ""], 75)
    found = encode_windows(text_encoder, windows)
    assert torch.allclose(found, text_encoder(windows[:, 0]).last_hidden_state, atol=1e-5)


def test_encoding_shared_windows_once_gives_the_same_gradients(tokenizer: Any, text_encoder: Any) -> None:
    windows = token_windows(tokenizer, ["red hair", "red hair", "hat", LONG], 225)
    text_encoder.requires_grad_(True)
    weights = torch.randn(4, 227, 64)

    def gradient(context: torch.Tensor) -> torch.Tensor:
        text_encoder.zero_grad()
        (context * weights).sum().backward()
        return text_part(text_encoder).encoder.layers[0].mlp.fc1.weight.grad.clone()

    states = text_encoder(windows.flatten(0, 1)).last_hidden_state.view(4, 3, 77, -1)
    plain = torch.cat([states[:, 0, :1], states[:, :, 1:-1].flatten(1, 2), states[:, -1, -1:]], dim=1)
    one, other = gradient(plain), gradient(encode_windows(text_encoder, windows))
    assert torch.allclose(one, other, rtol=1e-3, atol=1e-4 * float(one.abs().max()))


def test_windows_encoded_each_for_itself_give_the_same_without_dropout_and_draw_their_own_with_it(
    tokenizer: Any, text_encoder: Any
) -> None:
    windows = token_windows(tokenizer, ["red hair", "red hair"], 150)
    shared, apart = (encode_windows(text_encoder, windows, share=share) for share in (True, False))
    assert torch.allclose(shared, apart, atol=1e-5)
    layer = text_part(text_encoder).encoder.layers[0].mlp
    layer.register_forward_hook(lambda module, args, out: torch.nn.functional.dropout(out, 0.5))
    one, other = encode_windows(text_encoder, windows, share=False)
    assert not torch.allclose(one, other, atol=1e-3)


def test_clip_skip_takes_an_earlier_layer_and_normalises_it(tokenizer: Any, text_encoder: Any) -> None:
    windows = token_windows(tokenizer, ["red hair"], 75)
    states = text_encoder(windows[:, 0], output_hidden_states=True).hidden_states
    norm = text_part(text_encoder).final_layer_norm
    assert torch.allclose(encode_windows(text_encoder, windows, 2), norm(states[-2]), atol=1e-5)
    assert torch.allclose(encode_windows(text_encoder, windows, 1), norm(states[-1]), atol=1e-5)


def test_a_frozen_encoder_encodes_a_caption_once_whatever_its_batch(
    tokenizer: Any, text_encoder: Any
) -> None:
    calls: list[torch.Tensor] = []
    text_encoder.register_forward_pre_hook(lambda module, args: calls.append(args[0]))
    frozen = FrozenText(text_encoder)
    together = frozen.encode(token_windows(tokenizer, ["red hair", LONG], 225))
    done = len(calls)
    alone = frozen.encode(token_windows(tokenizer, ["red hair"], 225))
    assert len(calls) == done
    assert torch.equal(together[:1], alone)
    assert torch.allclose(
        together[1:], encode_windows(text_encoder, token_windows(tokenizer, [LONG], 225)), atol=1e-5
    )
    assert not together.requires_grad
