from __future__ import annotations

import re

import pytest
from caption_texts import CAPTIONS
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bespoke_core.captions.clean import STRATEGIES, clean_caption, clean_parsed
from bespoke_core.captions.parse import parse
from bespoke_core.errors import InputError

WORD = re.compile(r"\w+")


def without_codes(text: str) -> str:
    position, pieces = 0, []
    for code in parse(text).codes:
        pieces.append(text[position : code.start])
        position = code.end
    return " ".join([*pieces, text[position:]])


@given(CAPTIONS)
@example("(- ())")
@example("#aabbccx（,, #ab）")
@example("##aabbccddeeffgg")
@example("#sharp pixel edges(#\u3000,hair")
@settings(max_examples=400)
def test_cleaning_a_cleaned_caption_changes_nothing(text: str) -> None:
    once = clean_caption(text).text
    assert clean_caption(once).text == once


@given(CAPTIONS)
@settings(max_examples=400)
def test_no_code_and_no_dangling_punctuation_is_left(text: str) -> None:
    cleaned = clean_caption(text)
    assert cleaned.codes_left == 0
    assert parse(cleaned.text).codes == ()
    assert cleaned.codes_removed == len(parse(text).codes)
    for line in re.split(r"\r\n?|\n", cleaned.text):
        assert not re.search(r",\s*,|,\s*$|^\s*,|\(\s*\)|\[\s*\]|\{\s*\}|\s,", line)


@given(CAPTIONS.filter(lambda text: "palette" not in text.lower()))
@settings(max_examples=400)
def test_no_word_is_lost_or_joined_to_another(text: str) -> None:
    cleaned = clean_caption(text, style_phrases=())
    assert WORD.findall(cleaned.text) == WORD.findall(without_codes(text))
    assert cleaned.text_kept == 1.0


@given(st.lists(st.text(alphabet="abc é🔥.!?'", min_size=1), min_size=1, max_size=6))
def test_a_caption_without_codes_keeps_its_characters(phrases: list[str]) -> None:
    kept = [phrase.rstrip() for phrase in phrases if phrase.strip()]
    expected = ",".join(kept) if phrases[0].strip() else ",".join(kept).lstrip()
    assert clean_caption(",".join(phrases)).text == expected


@given(CAPTIONS)
def test_the_2025_strategy_never_fails(text: str) -> None:
    cleaned = clean_caption(text, strategy="2025")
    assert cleaned.codes_removed + cleaned.codes_left == len(parse(text).codes)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("hair (#aabbcc), eyes (#112233)", "hair, eyes"),
        ("hair (#aabbcc, #112233) in a bun", "hair in a bun"),
        ("skin yellow #ebbd9a), hat", "skin yellow, hat"),
        ("hair (#abc, eyes", "hair, eyes"),
        ("light (reflects these colors #986052, #682528)", "light (reflects these colors)"),
        ("hair (#f00), eyes (#aabbccdd)", "hair, eyes"),
        ("hair (brown, #aabbcc), hat", "hair (brown), hat"),
        ("hair (#aabbcc, brown)", "hair (brown)"),
        ("a (b, #aabbcc, c) d", "a (b, c) d"),
        ("hair: #c06148, eyes", "hair, eyes"),
        ("#aabbcc: hair", "hair"),
        ("hair / #aabbcc / #bbccdd", "hair"),
        ("hair#aabbccshirt", "hair shirt"),
        ("hair(#aabbcc)long", "hair long"),
        ('hair "#aabbcc" dark', "hair dark"),
        ("hair \\(#aabbcc\\), hat", "hair, hat"),
        ("[#aabbcc] {#aabbcc} hair（#aabbcc）", "hair"),
        ("A lad with #c06148 hair and (#aabbcc) eyes.", "A lad with hair and eyes."),
        ("hair (#aabbcc) , eyes,", "hair, eyes"),
        ("a,,b, ,c,", "a,b,c"),
        ("punk #1234, hat (big), bow ()", "punk #1234, hat (big), bow"),
        ("beard (#52c493, shirt: , x [#6c2e76, #112233], y) lips (#FC53F8)", "beard (shirt:, x, y) lips"),
        ("1girl, brown_hair (#aabbcc), retro_pixel_art_style", "1girl, brown_hair"),
        ("Hair, Palette: #aabbcc, #112233, Sharp Pixel Edges, #445566", "Hair"),
        ("pixel art, retro  pixel art style, hat", "pixel art, hat"),
        ("hair (#f00), #aabbcc, sharp pixel edges\nline two #aabbcc\n", "hair\nline two\n"),
        ("#aabbcc", ""),
        ("", ""),
    ],
)
def test_codes_leave_with_what_would_dangle(before: str, after: str) -> None:
    assert clean_caption(before).text == after


@given(CAPTIONS)
def test_a_caption_that_is_parsed_already_is_cleaned_alike(text: str) -> None:
    for strategy in STRATEGIES:
        assert clean_parsed(parse(text), strategy=strategy) == clean_caption(text, strategy=strategy)


def test_the_style_list_can_be_changed() -> None:
    text = "hat, sharp pixel edges, 8-bit"
    assert clean_caption(text, style_phrases=["8-BIT"]).text == "hat, sharp pixel edges"
    assert clean_caption(text, style_phrases=["8-BIT"]).phrases_removed == ("8-bit",)


def test_words_lost_after_a_palette_are_counted_and_named() -> None:
    cleaned = clean_caption("red hat, palette: #aabbcc, green background, sharp pixel edges")
    assert cleaned.text == "red hat"
    assert cleaned.phrases_removed == ("green background", "sharp pixel edges")
    assert (cleaned.words_kept, cleaned.words) == (2, 4)
    assert cleaned.text_kept == 0.5


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(InputError, match=r"strategy.*best.*smart, 2025"):
        clean_caption("hat", strategy="best")


def test_the_real_captions_lose_all_codes_and_no_word(shared_data) -> None:
    files = sorted((shared_data / "bespoke-punks" / "captions_original").glob("*.txt"))
    texts = [path.read_bytes().decode("utf-8") for path in files]
    cleaned = [clean_caption(text) for text in texts]
    assert sum(one.codes_removed for one in cleaned) == 3655
    for text, one in zip(texts, cleaned, strict=True):
        assert "#" not in one.text
        assert one.text_kept == 1.0
        described = without_codes(text[: text.index("palette:")])
        assert WORD.findall(one.text) == WORD.findall(described)
        assert not re.search(r",\s*,|,\s*$|\s,|\(\s*\)|  ", one.text)


def test_the_2025_strategy_equals_the_original_scripts_output_byte_for_byte(shared_data) -> None:
    root = shared_data / "bespoke-punks"
    removed = left = 0
    for path in sorted((root / "captions_original").glob("*.txt")):
        cleaned = clean_caption(path.read_bytes().decode("utf-8"), strategy="2025")
        assert cleaned.text.encode("utf-8") == (root / "captions_cleaned_2025" / path.name).read_bytes()
        removed += cleaned.codes_removed
        left += cleaned.codes_left
    assert (removed, left) == (3621, 34)
