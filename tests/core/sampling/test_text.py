"""Prompts read as ComfyUI reads them; beside the real one in test_comfyui."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.sampling.text import encode_prompt, plain_text, prompt_windows, weighted_pieces
from bespoke_core.tokenizer import load_tokenizer
from bespoke_core.training.session import Session
from bespoke_core.training.text import encode_windows, token_windows


@pytest.fixture(scope="module")
def tokenizer(tokenizer_folder: Path) -> Any:
    return load_tokenizer(tokenizer_folder)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a red hat", [("a red hat", 1.0)]),
        ("a (red:1.5) hat", [("a ", 1.0), ("red", 1.5), (" hat", 1.0)]),
        ("((red))", [("red", 1.1 * 1.1)]),
        ("(a (b:0.5) c:2)", [("a ", 2.0), ("b", 0.5), (" c", 2.0)]),
        (r"\(red\) (hat)", [("(red) ", 1.0), ("hat", 1.1)]),
        ("(#aabbcc)", [("#aabbcc", 1.1)]),
        ("a (red hat", [("a ", 1.0), ("(red hat", 1.0)]),
        ("a) hat", [("a) hat", 1.0)]),
        ("(red:much)", [("red:much", 1.1)]),
        ("", []),
        ("()", []),
    ],
)
def test_weights_are_read(text: str, pieces: list[tuple[str, float]]) -> None:
    assert weighted_pieces(text) == pieces


@given(st.text(alphabet="ab :.15()\\", max_size=40))
def test_no_prompt_breaks_the_reader_and_its_words_stay(text: str) -> None:
    assert all(isinstance(weight, float) for _, weight in weighted_pieces(text))
    assert [c for c in plain_text(text) if c in "ab"] == [c for c in text if c in "ab"]


def test_a_short_prompt_is_the_one_window_that_training_makes(tokenizer: Any) -> None:
    (window,) = prompt_windows(tokenizer, "pixel art, lad, red hair")
    trained = token_windows(tokenizer, ["pixel art, lad, red hair"], 75)[0, 0]
    assert [token for token, _ in window] == trained.tolist()


def test_a_long_prompt_takes_as_many_windows_as_it_needs_and_keeps_a_weighted_word_whole(
    tokenizer: Any,
) -> None:
    windows = prompt_windows(tokenizer, "hat " * 74 + "(sunglasses earring:1.4)" + " red" * 80)
    assert [len(window) for window in windows] == [77, 77, 77]
    weights = [[weight for _, weight in window] for window in windows]
    assert set(weights[0]) == {1.0}, "the piece of more than one token did not fit any more"
    assert weights[1][1] == 1.4 and weights[2][1] == 1.0


def test_without_weights_a_prompt_of_one_window_encodes_as_in_training(
    make_session: Callable[..., Session],
) -> None:
    session = make_session()
    text, encoder = "pixel art, lad, red hair", session.base.text_encoder
    for skip in (1, 2):
        with torch.no_grad():
            trained = encode_windows(encoder, token_windows(session.tokenizer, [text], 75), skip)
        drawn = encode_prompt(encoder, session.tokenizer, text, skip)
        assert torch.equal(drawn, trained)
    assert not torch.equal(encode_prompt(encoder, session.tokenizer, f"({text})"), drawn)
