"""The base model's text encoder: every word knows the words before it."""

from __future__ import annotations

import numpy as np
import pytest

from bespoke_core.base.contexts import encode_all, load_text_encoder
from bespoke_core.base.layout import Draws
from bespoke_core.base.recipe import TEXT_SEED
from bespoke_core.base.text_encoder import HEAD, LOOKS_BACK, OWN, PREFIX, text_encoder

torch = pytest.importorskip("torch")

PROMPT = "pixel art, red hat, bright green background"


@pytest.fixture(scope="module")
def weights():
    return {key.removeprefix(PREFIX): array for key, array in text_encoder(Draws(TEXT_SEED))}


@pytest.fixture(scope="module")
def words(tokenizer: str) -> list[int]:
    from pathlib import Path

    from bespoke_core.tokenizer import load_tokenizer

    return load_tokenizer(Path(tokenizer))(PROMPT).input_ids


@pytest.mark.parametrize("back", [1, 2, 3])
def test_the_word_background_holds_the_words_before_it(back: int, weights, words, tokenizer: str) -> None:
    place = len(words) - 2  # the last one is the end of the text
    context = encode_all([PROMPT], tokenizer_path=tokenizer)[0, place].float().numpy()
    head = LOOKS_BACK.index(back)
    held = context[OWN + head * HEAD : OWN + (head + 1) * HEAD]
    codes = weights["embeddings.token_embedding.weight"][:, :OWN].astype(np.float32)
    look = weights["encoder.layers.0.self_attn.v_proj.weight"][head * HEAD : (head + 1) * HEAD, :OWN]
    seen = codes @ look.astype(np.float32).T
    likeness = seen @ held / np.linalg.norm(seen, axis=1) / np.linalg.norm(held)
    assert likeness.argmax() == words[place - back]
    assert likeness.max() > 0.95


def test_the_same_word_reads_the_same_wherever_it_stands(tokenizer: str) -> None:
    one, other = encode_all(
        ["red hat, blue background", "pixel art, lady, smile, beard, blue background"],
        tokenizer_path=tokenizer,
    )
    first, second = one[5].float(), other[11].float()  # "background", five and eleven words on
    near = slice(0, OWN + 3 * HEAD)  # itself and the word before it
    assert torch.nn.functional.cosine_similarity(first[near], second[near], dim=0) > 0.98
    assert torch.nn.functional.cosine_similarity(first, other[10].float(), dim=0) < 0.5


def test_the_layers_beyond_the_first_add_nothing(weights) -> None:
    for number in range(1, 12):
        layer = f"encoder.layers.{number}."
        for part in ("self_attn.out_proj", "mlp.fc2"):
            assert not weights[f"{layer}{part}.weight"].any()
            assert not weights[f"{layer}{part}.bias"].any()
        # What a LoRA is added to reads the text, or the LoRA could learn nothing.
        assert weights[f"{layer}self_attn.v_proj.weight"].any()
    inner = load_text_encoder()
    assert len(getattr(inner, "text_model", inner).encoder.layers) == 1


def test_random_codes_have_the_spread_that_was_asked_for() -> None:
    values = Draws(3).spread("y", (300, 300), 0.25).astype(np.float64)
    assert values.std() == pytest.approx(0.25, rel=0.01)
    assert abs(values.mean()) < 0.005


def test_another_seed_gives_other_codes() -> None:
    one, two = (Draws(seed).spread("x", (4, 5), 1.0) for seed in (1, 2))
    assert one.dtype == np.float16
    assert not np.array_equal(one, two)
