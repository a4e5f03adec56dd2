from __future__ import annotations

from collections import Counter

import pytest

from bespoke_core.captions.checks import check_codes, check_colours, check_style, check_text, read_caption
from bespoke_core.captions.findings import Finding
from bespoke_core.captions.parse import Caption, Phrase, parse
from bespoke_core.captions.style import DEFAULT_STYLE_PHRASES, normal_set


def advice(text: str) -> list[str]:
    """What is said about the words of a caption."""
    return [one.advice for one in check_text(read_caption("a.txt", text))]


def colourless(text: str) -> list[str]:
    """The phrases of features without a hue."""
    return [one.text for one in check_colours(read_caption("a.txt", text))]


@pytest.fixture(scope="module")
def real(shared_data) -> list[tuple[str, str]]:
    folder = shared_data / "bespoke-punks" / "captions_original"
    return [(path.name, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.txt"))]


def test_a_code_twice_in_its_first_phrase_is_pointed_out_at_its_first_place() -> None:
    reading = read_caption("a.txt", "brown hair (#aabbcc) with tints (#aabbcc), red hat (#AABBCC)")
    (found,) = check_codes(reading)
    assert found == Finding(
        "a.txt",
        "duplicate_code",
        (12, 19),
        "#aabbcc",
        "warning",
        'The code stands beside 2 phrases: "brown hair with tints", "red hat". Remove it by cleaning.',
    )


def test_the_advice_on_a_code_names_five_phrases_at_most() -> None:
    text = ", ".join(f"thing {number} (#aabbcc)" for number in range(7))
    (found,) = check_codes(read_caption("a.txt", text))
    assert 'beside 7 phrases: "thing 0", "thing 1", "thing 2", "thing 3", "thing 4", ...' in found.advice


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("red hat, wearing red hat", 'The phrase is repeated but for the word "wearing". Keep one.'),
        ("wearing red hat, Red hat.", 'The phrase is repeated but for the word "wearing". Keep one.'),
        ("red_hat, red hat", "The phrase is repeated. Keep one."),
        ("brown hair, long red hair", 'There are two phrases for hair: "brown hair" is the other.'),
        ("red lips, pink lips", 'There are two phrases for lips: "red lips" is the other.'),
        ("red background, blue backdrop", 'There are two phrases for background: "red background"'),
    ],
)
def test_phrases_that_repeat_or_contradict_another_are_found(text: str, expected: str) -> None:
    (said,) = advice(text)
    assert said.startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a dark Dark brown hat", ["dark Dark"]),
        ("dark dark (#aabbcc) dark hat, red  red", ["dark dark", "dark (#aabbcc) dark", "red  red"]),
        ("dark#aabbccdark hat", ["dark#aabbccdark hat"]),
    ],
)
def test_a_doubled_word_is_pointed_out_where_it_stands(text: str, expected: list[str]) -> None:
    assert [one.text for one in check_text(read_caption("a.txt", text))] == expected


@pytest.mark.parametrize(
    "unit",
    ["red ", "(#aabbcc) x, ", "a(b)", "#abc,", " #aabbcc,", "hair and ", "hair. ", "red eyes, x ", "(,"],
)
@pytest.mark.timeout(60)
def test_what_is_said_about_a_hostile_text_is_no_longer_than_it(unit: str) -> None:
    text = (unit * 100_000)[:100_000]
    reading = read_caption("a.txt", text)
    found = [
        *check_codes(reading),
        *check_text(reading),
        *check_style(reading, frozenset()),
        *check_colours(reading),
    ]
    assert sum(len(one.text) for one in found) <= 3 * len(text)
    assert all(len(one.advice) < 1000 for one in found)


@pytest.mark.parametrize(
    "text",
    [
        "brown_hair, long_hair, curly_hair",
        "simple_background, white_background",
        "brown hair, red bow in hair",
        "brown hair, wearing messy hair",
        "blue eyes, closed eyes",
        "blue shirt, red shirt",
        "white facial hair, brown hair",
    ],
)
def test_phrases_that_complement_each_other_are_no_rivals(text: str) -> None:
    assert advice(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1girl, brown_hair, blue_background, red_shirt", []),
        ("1girl, long_hair, simple_background", ["long_hair", "simple_background"]),
        ("A portrait of a lad with brown hair, wearing a blue shirt.", []),
        ("A portrait of a lad with long hair, wearing a blue shirt.", ["A portrait of a lad with long hair"]),
        ("A lad with brown hair. He wears a shirt", ["A lad with brown hair. He wears a shirt"]),
        ("brown hair and a blue shirt", []),
        ("long hair and a blue shirt", ["long hair and a blue shirt"]),
        ("long hair and a blue shirt, brown hair", []),
        ("hair (#aabbcc), palette: #aabbcc, eyes", ["hair (#aabbcc)"]),
    ],
)
def test_tags_and_sentences_are_asked_for_the_colour_of_each_feature(text: str, expected: list[str]) -> None:
    assert colourless(text) == expected


def test_style_phrases_are_found_as_tags_and_with_a_full_stop() -> None:
    reading = read_caption("a.txt", "red_hat, sharp_pixel_edges, Retro pixel art style.")
    found = check_style(reading, normal_set(DEFAULT_STYLE_PHRASES))
    assert [one.text for one in found] == ["sharp_pixel_edges", "Retro pixel art style."]


def test_the_real_captions_have_the_experiments_mistakes_of_words(real) -> None:
    files: Counter[str] = Counter()
    for name, text in real:
        said = advice(text)
        files["bracket"] += any("bracket" in one for one in said)
        files["doubled word"] += any("is doubled" in one for one in said)
        files["repeated phrase"] += any("is repeated. " in one for one in said)
        reading = read_caption(name, text)
        files["two backgrounds"] += sum("background" in part.words for part in reading.parts) > 1
    assert files == {"bracket": 4, "doubled word": 10, "repeated phrase": 9, "two backgrounds": 6}


def test_hair_and_background_share_a_code_in_141_of_172_real_captions(real) -> None:
    """The published figure: of the first phrases with one regular code that say "hair" and "background"."""
    pairs = [(_first_code(parse(text), "hair"), _first_code(parse(text), "background")) for _, text in real]
    both = [(one, other) for one, other in pairs if one and other]
    assert (sum(one == other for one, other in both), len(both)) == (141, 172)


def _first_code(caption: Caption, noun: str) -> str | None:
    def is_regular(phrase: Phrase) -> bool:
        codes = caption.codes_of(phrase)
        return len(codes) == 1 and codes[0].form == "regular" and "(" not in phrase.wording.text

    phrases = (phrase for phrase in caption.phrases if phrase.section == "text" and is_regular(phrase))
    return next((caption.codes_of(one)[0].hex for one in phrases if noun in one.wording.text), None)


@pytest.mark.parametrize(
    ("noun", "captions", "without"),
    [("hair", 191, 52), ("skin", 200, 150), ("eyes", 186, 40), ("background", 201, 85)],
)
def test_real_captions_would_be_left_without_a_hue(real, noun: str, captions: int, without: int) -> None:
    """The published figures, but for eyes (41) and background (89), which another list of hues counted.

    Counted as published: by the noun, wherever it stands; a hue anywhere in one of its phrases counts.
    """
    from bespoke_core.captions.clean import clean_caption
    from bespoke_core.captions.features import names_colour, words_of

    saying = 0
    hueless = 0
    for _, text in real:
        phrases = [words_of(phrase) for phrase in clean_caption(text).text.split(",")]
        about = [words for words in phrases if noun in words]
        saying += bool(about)
        hueless += bool(about) and not any(map(names_colour, about))
    assert (saying, hueless) == (captions, without)


def test_the_bare_words_of_the_real_set_are_without_a_hue(real) -> None:
    found = [
        one.text.split(" (")[0] for name, text in real for one in check_colours(read_caption(name, text))
    ]
    counts = Counter(found)
    assert counts["hair"] == 21
    assert counts["solid background"] == 47
