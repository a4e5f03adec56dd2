from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.training import config
from bespoke_core.training.caption import CaptionSettings, process_caption

TEXT = "punk, red hair, hat, green eyes, blue background"


def process(text: str, *, epoch: int = 1, seed: int = 0, **keys: object) -> str:
    settings = CaptionSettings.of(config.from_values(keys))
    return process_caption(text, settings, epoch=epoch, chance=random.Random(seed))


def test_without_shuffling_or_dropout_a_caption_stays_as_it_is() -> None:
    assert process("punk,red hair ,  hat") == "punk,red hair ,  hat"


def test_only_the_first_line_counts() -> None:
    assert process("punk, hat\nsecond line") == "punk, hat"
    assert process("punk, hat\nsecond line", shuffle_caption=True, keep_tokens=2) == "punk, hat"


@given(st.integers(0, 6), st.integers(0, 100))
def test_shuffling_keeps_the_first_phrases_and_loses_none(kept: int, seed: int) -> None:
    parts = process(TEXT, shuffle_caption=True, keep_tokens=kept, seed=seed).split(", ")
    assert parts[:kept] == TEXT.split(", ")[:kept]
    assert sorted(parts) == sorted(TEXT.split(", "))


def test_shuffling_changes_the_order_from_one_showing_to_the_next() -> None:
    shown = {process(TEXT, shuffle_caption=True, keep_tokens=1, seed=seed) for seed in range(20)}
    assert len(shown) > 10


def test_a_dropped_caption_is_empty_at_the_stated_rate() -> None:
    empty = sum(process(TEXT, caption_dropout_rate=0.25, seed=seed) == "" for seed in range(2000))
    assert 420 < empty < 580
    assert process(TEXT, caption_dropout_rate=1.0) == ""


def test_every_nth_epoch_counted_from_one_has_no_captions() -> None:
    shown = [process(TEXT, epoch=n, caption_dropout_every_n_epochs=3) for n in range(1, 7)]
    assert [text == "" for text in shown] == [False, False, True, False, False, True]


def test_phrases_are_dropped_only_after_the_kept_ones() -> None:
    assert process(TEXT, caption_tag_dropout_rate=1.0, keep_tokens=2) == "punk, red hair"
