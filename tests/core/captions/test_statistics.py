from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from bespoke_core.captions.checks import read_caption
from bespoke_core.captions.lengths import token_counter
from bespoke_core.captions.statistics import NO_COLOUR, Collector, Statistics, colours_of


def collected(texts: Iterable[str], **options) -> Statistics:
    collector = Collector(**options)
    for number, text in enumerate(texts):
        collector.add(read_caption(f"{number}.txt", text))
    return collector.result()


def test_an_empty_set_has_nothing_and_says_so() -> None:
    result = collected([])
    assert result.captions == result.codes == result.words == 0
    assert result.tokens is None
    assert result.coverage is None
    assert result.phrases == ()
    assert json.loads(json.dumps(result.to_dict()))["colours"] is None


def test_words_and_codes_of_the_first_line_are_counted() -> None:
    result = collected(["red hat (#aabbcc), palette: #112233", "blue shirt\nsecond line (#445566)"])
    assert result.codes == 2
    assert result.words == 4


def test_phrases_are_counted_once_a_caption_and_the_commonest_come_first() -> None:
    texts = ["Red hat, red hat (#aabbcc), smile"] * 3 + ["smile, sharp pixel edges"] * 2
    phrases = collected(texts).phrases
    assert [(one.text, one.captions, one.share) for one in phrases] == [
        ("smile", 5, 1.0),
        ("Red hat", 3, 0.6),
        ("sharp pixel edges", 2, 0.4),
    ]
    assert [one.style for one in phrases] == [False, False, True]


def test_the_phrases_that_all_captions_begin_with_are_the_beginning() -> None:
    texts = ["Bespoke punk, 24x24, red hat", "bespoke punk, 24x24, blue hat", ""]
    assert collected(texts).beginning == ("bespoke punk", "24x24")


def test_no_more_than_fifty_phrases_are_reported() -> None:
    assert len(collected(f"phrase {number}" for number in range(99)).phrases) == 50


def test_backgrounds_are_counted_by_the_colours_that_captions_name() -> None:
    texts = [
        "green background",
        "bright green background (#00ff00)",
        "grey and green background",
        "solid background (#ff0000)",
        "bluegreen background",
        "red hat",
    ]
    words = collected(texts).colour_words
    assert words["background"] == {"green": 3, "gray": 1, NO_COLOUR: 1, "bluegreen": 1}
    assert words["hat"] == {"red": 1}


@pytest.mark.parametrize(
    ("words", "colours"),
    [
        (("light", "grey"), {"gray"}),
        (("gray", "grey"), {"gray"}),
        (("dark",), set()),
        (("bluegreen",), {"bluegreen"}),
        (("red", "bluegreen"), {"red"}),
    ],
)
def test_colour_words_are_those_that_say_a_hue(words: tuple[str, ...], colours: set[str]) -> None:
    assert colours_of(words) == colours


def test_phrases_of_most_captions_are_found_whatever_the_rest_says() -> None:
    # 20,000 captions of which each says nine things that no other says, and most say one thing.
    chance = random.Random(1)
    collector = Collector()
    said = 0
    for number in range(20_000):
        phrases = [f"thing {number} {place}" for place in range(9)]
        if chance.random() < 0.85:
            said += 1
            phrases.insert(chance.randrange(9), "slight smile")
        collector.add(read_caption(f"{number}.txt", ", ".join(phrases)))
    result = collector.result()
    assert result.phrases[0].text == "slight smile"
    assert said - result.phrase_error <= result.phrases[0].captions <= said
    assert result.phrases[0].share > 0.8


def test_lengths_are_told_before_and_after_cleaning(
    comfyui_folder: Path, monkeypatch, shared_data: Path
) -> None:
    monkeypatch.setenv("BESPOKE_TOKENIZER", str(comfyui_folder / "comfy" / "sd1_tokenizer"))
    counter = token_counter()
    assert counter is not None
    paths = sorted(shared_data.glob("bespoke-punks/captions_original/*.txt"))
    texts = [path.read_text(encoding="utf-8") for path in paths]
    collector = Collector()
    for path, text, tokens in zip(paths, texts, counter(texts), strict=True):
        collector.add(read_caption(path.name, text), None, tokens)
    result = collector.result()
    assert result.codes == 3655
    assert result.tokens is not None
    assert result.cleaned_tokens is not None
    assert result.tokens.windows == {"1-75": 0, "76-150": 0, "151-225": 178, ">225": 25}
    assert result.cleaned_tokens.windows == {"1-75": 177, "76-150": 26, "151-225": 0, ">225": 0}
    assert result.beginning == ("pixel art", "24x24")
    said = Counter(one.text for one in result.phrases if one.share >= 0.8)
    assert {"pixel art", "24x24", "lips"} < set(said)
    assert json.loads(json.dumps(result.to_dict()))["tokens"]["longest"] == 261


def test_cleaned_lengths_are_told_of_the_first_thousand(comfyui_folder: Path, monkeypatch) -> None:
    monkeypatch.setenv("BESPOKE_TOKENIZER", str(comfyui_folder / "comfy" / "sd1_tokenizer"))
    collector = Collector()
    for number in range(1100):
        collector.add(read_caption(f"{number}.txt", "red hat (#aabbcc)"), None, 10)
    result = collector.result()
    assert result.tokens is not None
    assert result.cleaned_tokens is not None
    assert (result.tokens.captions, result.tokens.mean) == (1100, 10)
    assert (result.cleaned_tokens.captions, result.cleaned_tokens.mean) == (1000, 2)
