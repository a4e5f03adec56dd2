from __future__ import annotations

import fuzz_captions
import pytest
from caption_texts import CAPTIONS
from hypothesis import example, given, settings

from bespoke_core.captions import clean as clean_module
from bespoke_core.captions.clean import CleanedCaption


def test_no_promise_is_broken_for_three_thousand_texts() -> None:
    fuzz_captions.fuzz(3000, seed=1)


@given(CAPTIONS)
@example(
    "pixel art, beard (#52c493, pale shirt and tie: , f6e4b, hair [#6c2e76, #112233], pale) lips (#FC53F8)"
)
@example("hair (#aabbcc, #112233, #445566, brown), #aabbcc, #112233, x\nhair (#aabbcc),")
@example("x\u0345")  # becomes a letter when its case is folded
@example("palette: #aabbcc, #112233, x, #aabbcc\r\nx, #aabbcc")
@settings(max_examples=300)
def test_the_regular_expression_and_the_scanner_agree(text: str) -> None:
    assert fuzz_captions.broken_promise(text) is None


def test_the_same_seed_gives_the_same_texts() -> None:
    texts = list(fuzz_captions.texts(60, seed=3))
    assert texts == list(fuzz_captions.texts(60, seed=3))
    assert texts != list(fuzz_captions.texts(60, seed=4))


@pytest.mark.parametrize(
    ("fault", "promise"),
    [
        (lambda cleaned: cleaned._replace(text=cleaned.text.replace("hair", "hare")), "words are lost"),
        (lambda cleaned: cleaned._replace(words_kept=cleaned.words_kept + 1), "words are said to be"),
        (lambda cleaned: cleaned._replace(text=cleaned.text + " #aabbcc"), "a code is left"),
        (lambda cleaned: cleaned._replace(text=cleaned.text + ","), "punctuation dangles"),
    ],
)
def test_a_broken_promise_stops_it_with_the_text(monkeypatch, fault, promise: str) -> None:
    real = clean_module.clean_caption

    def broken(text: str, **options) -> CleanedCaption:
        return fault(real(text, **options))

    monkeypatch.setattr(fuzz_captions, "clean_caption", broken)
    with pytest.raises(AssertionError, match=f"text .* of seed 1, .*: .*{promise}"):
        fuzz_captions.fuzz(3000, seed=1)
