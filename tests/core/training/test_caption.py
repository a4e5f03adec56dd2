from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.training import config
from bespoke_core.training.caption import CaptionSettings, caption_of, process_caption, shown_captions

TEXT = "punk, red hair, hat, green eyes, blue background"


PLAIN = CaptionSettings.of(config.from_values({}))


def settings(**keys: object) -> CaptionSettings:
    return replace(PLAIN, **keys)


def process(
    text: str, *, epoch: int = 1, seed: int = 0, step: int = 0, steps: int = 0, **keys: object
) -> str:
    chance = random.Random(seed)
    return process_caption(text, settings(**keys), epoch=epoch, step=step, steps=steps, chance=chance)


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
    assert process(TEXT, caption_dropout_rate=1.0, caption_prefix="trigger") == ""


def test_every_nth_epoch_counted_from_one_has_no_captions() -> None:
    shown = [process(TEXT, epoch=n, caption_dropout_every_n_epochs=3) for n in range(1, 7)]
    assert [text == "" for text in shown] == [False, False, True, False, False, True]


def test_phrases_are_dropped_only_after_the_kept_ones() -> None:
    assert process(TEXT, caption_tag_dropout_rate=1.0, keep_tokens=2) == "punk, red hair"


def test_each_phrase_is_dropped_at_the_stated_rate() -> None:
    shown = (process(TEXT, caption_tag_dropout_rate=0.25, seed=seed).split(", ") for seed in range(1000))
    kept = Counter(phrase for phrases in shown for phrase in phrases)
    assert all(700 < kept[phrase] < 800 for phrase in TEXT.split(", "))


def test_prefix_and_suffix_surround_the_caption_with_a_space_and_are_shuffled_with_it() -> None:
    keys = {"caption_prefix": "trigger,", "caption_suffix": ", pixel art"}
    assert process("hat, eyes", **keys) == "trigger, hat, eyes , pixel art"
    shuffled = process("hat, eyes", shuffle_caption=True, keep_tokens=1, **keys).split(", ")
    assert shuffled[0] == "trigger"
    assert sorted(shuffled[1:]) == ["eyes", "hat", "pixel art"]


def test_a_separator_keeps_what_stands_before_it_and_after_a_second_one() -> None:
    text = "trigger, lad ||| red hair, hat, , eyes ||| pixel art"
    keys = {"shuffle_caption": True, "keep_tokens_separator": "|||", "keep_tokens": 1}
    shown = {process(text, seed=seed, **keys) for seed in range(30)}
    assert len(shown) == 6
    for one in shown:
        phrases = one.split(", ")
        assert phrases[:2] == ["trigger", "lad"] and phrases[-1] == "pixel art"
        assert sorted(phrases[2:-1]) == ["eyes", "hat", "red hair"]
    assert process("a ||| b", **keys) == "a, b"


def test_phrases_joined_by_the_second_separator_stay_together() -> None:
    keys = {"secondary_separator": ";;;", "shuffle_caption": True, "caption_tag_dropout_rate": 0.5}
    shown = {process("red hair;;;blue eyes, hat", seed=seed, **keys) for seed in range(50)}
    assert shown == {"", "hat", "red hair,blue eyes", "red hair,blue eyes, hat", "hat, red hair,blue eyes"}


def test_a_wildcard_becomes_each_of_its_words_and_doubled_braces_become_braces() -> None:
    shown = {process("a {red|green} {{lad}} {x}", enable_wildcard=True, seed=seed) for seed in range(20)}
    assert shown == {"a red {lad} x", "a green {lad} x"}
    assert process("a {red|green}") == "a {red|green}"


def test_with_wildcards_each_line_is_shown_and_each_has_the_prefix_and_the_suffix() -> None:
    keys = {"enable_wildcard": True, "caption_prefix": "trigger", "caption_suffix": "end"}
    shown = {process("one\ntwo\nthree", seed=seed, **keys) for seed in range(30)}
    assert shown == {"trigger one end", "trigger two end", "trigger three end"}


def test_what_counts_of_a_file_is_its_first_line_or_with_wildcards_all() -> None:
    text = " one \r\n\r\ntwo\rthree\n"
    assert caption_of(text, enable_wildcard=False) == "one"
    assert caption_of(text, enable_wildcard=True) == "one\ntwo\nthree"


def test_phrases_grow_to_all_over_the_warm_up() -> None:
    keys = {"token_warmup_min": 1, "token_warmup_step": 8.0, "keep_tokens": 1}
    numbers = [len(process(TEXT, step=step, steps=100, **keys).split(", ")) for step in range(10)]
    assert numbers == [2, 2, 2, 3, 3, 3, 4, 4, 5, 5]
    share = [
        len(process(TEXT, step=n, steps=16, **{**keys, "token_warmup_step": 0.5}).split(", "))
        for n in range(10)
    ]
    assert share == numbers


@dataclass(frozen=True)
class Showing:
    caption: str
    captions: CaptionSettings


def test_a_captions_chance_is_its_own_whatever_stands_beside_it_in_the_batch() -> None:
    plain, wild = settings(shuffle_caption=True), settings(shuffle_caption=True, enable_wildcard=True)
    place = {"seed": 1, "epoch": 2, "number": 3, "step": 0, "steps": 9}
    one = shown_captions([Showing(TEXT, plain), Showing(TEXT, plain)], **place)
    other = shown_captions([Showing("{a|b|c}, d, e", wild), Showing(TEXT, plain)], **place)
    assert one[1] == other[1]
    assert shown_captions([Showing(TEXT, plain)], first=1, **place) == [one[1]]
    assert one != shown_captions([Showing(TEXT, plain)] * 2, **{**place, "epoch": 3})


KEYS = st.fixed_dictionaries(
    {
        "shuffle_caption": st.booleans(),
        "keep_tokens": st.integers(0, 4),
        "keep_tokens_separator": st.sampled_from(["", "|"]),
        "caption_separator": st.sampled_from([",", ";"]),
        "secondary_separator": st.sampled_from(["", "&"]),
        "caption_prefix": st.sampled_from(["", "first,"]),
        "caption_suffix": st.sampled_from(["", ",last"]),
        "caption_dropout_rate": st.sampled_from([0.0, 0.3, 1.0]),
        "caption_dropout_every_n_epochs": st.integers(0, 3),
        "caption_tag_dropout_rate": st.sampled_from([0.0, 0.5, 1.0]),
        "token_warmup_min": st.integers(0, 3),
        "token_warmup_step": st.sampled_from([0.0, 0.3, 7.0]),
    }
)


@given(st.text("ab ,;|&", max_size=30), KEYS, st.integers(1, 4), st.integers(0, 12), st.integers(0, 9))
def test_every_mixture_of_settings_does_what_kohyas_rules_say(
    text: str, keys: dict, epoch: int, step: int, seed: int
) -> None:
    """Against the rules written down one after the other, with the same draws in the same order."""
    draws = random.Random(seed)
    expected = _by_the_rules(text, keys, epoch, step, 20, draws)
    assert process(text, epoch=epoch, step=step, steps=20, seed=seed, **keys) == expected


def _by_the_rules(text: str, keys: dict, epoch: int, step: int, steps: int, draws: random.Random) -> str:
    if keys["caption_dropout_rate"] and draws.random() < keys["caption_dropout_rate"]:
        return ""
    if keys["caption_dropout_every_n_epochs"] and epoch % keys["caption_dropout_every_n_epochs"] == 0:
        return ""
    shown = (keys["caption_prefix"] and keys["caption_prefix"] + " ") + text
    shown += keys["caption_suffix"] and " " + keys["caption_suffix"]
    moving = keys["shuffle_caption"] or keys["token_warmup_step"] or keys["caption_tag_dropout_rate"]
    if moving:
        separator, bar = keys["caption_separator"], keys["keep_tokens_separator"]
        if bar and bar in shown:
            pieces = [
                [phrase.strip() for phrase in piece.split(separator) if phrase.strip()]
                for piece in (*shown.split(bar, 2), "", "")[:3]
            ]
        else:
            phrases = [phrase.strip() for phrase in shown.strip().split(separator)]
            pieces = [phrases[: keys["keep_tokens"]], phrases[keys["keep_tokens"] :], []]
        until = keys["token_warmup_step"]
        until = int(until * steps) if until < 1 else until
        if until and step < until:
            slope = (len(pieces[1]) - keys["token_warmup_min"]) / until
            pieces[1] = pieces[1][: int(step * slope // 1) + keys["token_warmup_min"]]
        if keys["shuffle_caption"]:
            draws.shuffle(pieces[1])
        if keys["caption_tag_dropout_rate"]:
            pieces[1] = [p for p in pieces[1] if draws.random() >= keys["caption_tag_dropout_rate"]]
        shown = ", ".join([*pieces[0], *pieces[1], *pieces[2]])
    if keys["secondary_separator"]:
        shown = shown.replace(keys["secondary_separator"], keys["caption_separator"])
    return shown


@pytest.mark.parametrize("text", ["", " ", ",,,", "|||", "{", "}}", "{|}", "{{"])
def test_odd_captions_are_shown_somehow(text: str) -> None:
    assert isinstance(
        process(text, shuffle_caption=True, enable_wildcard=True, keep_tokens_separator="|||"), str
    )
