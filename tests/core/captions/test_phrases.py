from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.captions.checks import read_caption
from bespoke_core.captions.phrases import PhraseCounter, check_phrases


def counted(texts: list[str], **options: int) -> PhraseCounter:
    counter = PhraseCounter(**options)
    for index, text in enumerate(texts):
        counter.add(read_caption(f"{index}.txt", text))
    return counter


def frequent(counter: PhraseCounter, trigger: str | None = None) -> list[tuple[str, int]]:
    return [(one.text, one.captions) for one in counter.frequent(trigger=trigger, styles=frozenset())]


def test_codes_case_and_repetition_in_one_caption_do_not_matter() -> None:
    texts = [f"c{i}, Smiling (#aabbcc), smiling" for i in range(5)]
    assert frequent(counted(texts)) == [("Smiling", 5)]


def test_the_finding_stands_where_the_phrase_is_met_first() -> None:
    counter = counted([f"c{i}" if i == 0 else f"c{i}, smiling" for i in range(6)])
    phrases = counter.frequent(trigger=None, styles=frozenset())
    (one,) = check_phrases(phrases, counter.captions)
    assert (one.file, one.text, one.span) == ("1.txt", "smiling", (4, 11))
    assert one.advice.startswith("5 of 6 captions say this")


def test_what_all_captions_begin_with_is_exempt_and_empty_captions_do_not_end_it() -> None:
    texts = ["punk, lady, a, old", "punk, lady, b, old", "", "punk, lady, c, old", "punk, lady, d, old"]
    counter = counted(texts)
    assert counter.beginning == ("punk", "lady")
    assert frequent(counter) == [("old", 4)]
    assert frequent(counter, trigger=" Old ") == []


def test_a_sentence_of_a_thousand_words_is_counted_too() -> None:
    sentence = "word " * 1000
    ((text, captions),) = frequent(counted([f"c{i}, {sentence}" for i in range(5)]))
    assert (captions, len(text)) == (5, 2000)


def test_rare_phrases_are_forgotten_and_a_frequent_one_keeps_its_count() -> None:
    counter = counted([f"c{i}, smiling" for i in range(1000)], window=10)
    assert frequent(counter) == [("smiling", 1000)]
    assert counter.error > 0
    assert len(counter.common(10_000)) < 30


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=4), max_size=60), st.integers(1, 7))
def test_a_count_is_never_too_high_and_never_short_by_more_than_is_said(sets: list, window: int) -> None:
    counter = counted([", ".join(phrases) for phrases in sets], window=window)
    true = Counter(phrase for phrases in sets for phrase in set(phrases))
    told = dict(counter.common(100))
    for phrase, captions in true.items():
        assert captions - counter.error <= told.get(phrase, 0) <= captions
