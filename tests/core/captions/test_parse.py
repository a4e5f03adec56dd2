from __future__ import annotations

import pytest
from caption_texts import CAPTIONS
from hypothesis import example, given

from bespoke_core.captions.parse import parse


@given(CAPTIONS)
@example("")
@example("\r")
@example("\ufeffhair, \ud800")
def test_any_text_renders_back_to_itself(text: str) -> None:
    caption = parse(text)
    assert caption.render() == text
    assert caption.phrases[0].start == 0
    assert caption.phrases[-1].separator_end == len(text)
    for before, after in zip(caption.phrases, caption.phrases[1:], strict=False):
        assert before.separator_end == after.start


@given(CAPTIONS)
def test_every_code_lies_in_one_phrase_and_names_its_owner(text: str) -> None:
    caption = parse(text)
    seen = []
    for index, phrase in enumerate(caption.phrases):
        for code in caption.codes_of(phrase):
            seen.append(code)
            assert phrase.start <= code.start < code.end <= phrase.end
            assert text[code.start] == "#"
            assert code.phrase == (index if phrase.section == "text" else None)
    assert tuple(seen) == caption.codes


def test_a_caption_of_the_experiment_is_taken_apart() -> None:
    text = (
        "pixel art, hair (#AABBCC), red hat (#112233), palette: #aabbcc, #445566, sharp pixel edges, #778899"
    )
    caption = parse(text)
    assert [code.hex for code in caption.codes] == ["#aabbcc", "#112233", "#aabbcc", "#445566", "#778899"]
    assert [code.phrase for code in caption.codes] == [1, 2, None, None, None]
    assert {code.form for code in caption.codes} == {"regular"}
    assert caption.palette is not None and caption.tail is not None
    assert text[slice(*caption.palette)] == " palette: #aabbcc, #445566"
    assert text[slice(*caption.tail)] == " sharp pixel edges, #778899"


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("hair (#aabbcc)", ["regular"]),
        ("hair [ #aabbcc ]", ["regular"]),
        ("hair (#aabbcc, #112233)", ["list", "list"]),
        ("hair (like #aabbcc)", ["prose"]),
        ("hair #aabbcc long", ["prose"]),
        ("hair (#aabbcc", ["unclosed"]),
        ("skin #aabbcc)", ["unclosed"]),
        ("hair (#abc)", ["digits"]),
        ("hair (#aabbccdd)", ["digits"]),
        ("hair (#aabbccd)", ["digits"]),
        ("#aabbccbrown hair", ["digits"]),
        ("hair, #aabbcc", ["regular"]),
    ],
)
def test_the_form_of_a_code_is_recognised(text: str, forms: list[str]) -> None:
    assert [code.form for code in parse(text).codes] == forms


@pytest.mark.parametrize("text", ["punk #1234", "#12345", "#", "# aabbcc", "#abcx", "#xyz", "&#39;", "C#"])
def test_what_only_looks_like_a_code_is_none(text: str) -> None:
    assert parse(text).codes == ()


def test_three_digits_are_doubled_and_alpha_is_dropped() -> None:
    assert [code.hex for code in parse("a (#F0a), b (#11223344)").codes] == ["#ff00aa", "#112233"]


def test_commas_inside_brackets_do_not_split_a_phrase() -> None:
    caption = parse("hair (red, blue [a, b]), eyes")
    assert [caption.text[p.start : p.end] for p in caption.phrases] == ["hair (red, blue [a, b])", " eyes"]


def test_a_missing_bracket_does_not_swallow_the_following_phrases() -> None:
    caption = parse("hair (#aabbcc, eyes (#112233), skin")
    assert len(caption.phrases) == 3
    assert caption.strays == (5,)


def test_a_palette_section_ends_with_its_line() -> None:
    caption = parse("a, palette: #aabbcc, end\nb, c")
    assert [p.section for p in caption.phrases] == ["text", "palette", "tail", "text", "text"]
    assert [p.line for p in caption.phrases] == [0, 0, 0, 1, 1]


def test_the_word_palette_in_a_phrase_opens_no_section() -> None:
    caption = parse("holding a palette: wooden, hat")
    assert caption.palette is None and caption.tail is None


def test_the_real_captions_hold_3655_codes(shared_data) -> None:
    files = sorted((shared_data / "bespoke-punks" / "captions_original").glob("*.txt"))
    captions = [parse(path.read_text(encoding="utf-8")) for path in files]
    assert len(captions) == 203
    assert sum(len(caption.codes) for caption in captions) == 3655
    assert all(caption.palette and caption.tail for caption in captions)


@pytest.mark.parametrize(
    "unit",
    [
        "#",
        "(",
        ")",
        "([",
        "(,",
        "(#aabbcc,",
        "[#abc(",
        "#aabbcc ",
        " ",
        "palette:,",
        "(-",
        "- ",
        "\n(",
        "a(b)",
        "a(b",
        "#abc,",
    ],
)
@pytest.mark.timeout(60)
def test_a_hostile_text_of_100_000_characters_costs_no_more_than_its_length(unit: str) -> None:
    from bespoke_core.captions.clean import clean_caption

    # Linear cost ends in a second; a quadratic one would run into the limit.
    text = (unit * 100_000)[:100_000]
    assert clean_caption(text).codes_left == 0
