from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.captions.checks import read_caption
from bespoke_core.captions.lengths import LengthCollector, check_length, check_limit, token_counter
from bespoke_core.errors import InputError


@pytest.fixture(autouse=True)
def _tokenizer(comfyui_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CLIP's tokenizer as ComfyUI brings it."""
    monkeypatch.setenv("BESPOKE_TOKENIZER", str(comfyui_folder / "comfy" / "sd1_tokenizer"))


def over(text: str, limit: int = 75) -> list:
    reading = read_caption("a.txt", text)
    counter = token_counter()
    assert counter is not None
    return list(check_length(reading, counter([reading.caption.text])[0], limit))


def test_a_caption_that_fits_is_no_finding() -> None:
    assert over("red hat, " * 25) == []  # 75 tokens


def test_what_is_lost_starts_at_the_first_token_outside() -> None:
    text = "red hat, " * 25 + "green eyes, tan skin"
    (found,) = over(text)
    assert found.finding == "over_token_limit"
    assert found.severity == "warning"
    assert found.text == "green eyes, tan skin" == text[slice(*found.span)]
    assert "80 tokens" in found.advice
    assert "reads 75 (1 window of 75)" in found.advice
    assert "the last 5 are lost" in found.advice


def test_the_advice_says_what_cleaning_would_leave() -> None:
    words = ("red", "blue", "green", "pink", "tan", "gray", "black", "white")
    codes = ", ".join(f"{word} hat (#a1b2c3)" for word in words)
    (found,) = over(codes)
    assert "Clean it: 23 are left" in found.advice


def test_where_cleaning_is_not_enough_a_longer_limit_is_named() -> None:
    (found,) = over("red hat, " * 40)
    assert "Cleaning leaves 119: shorten it, or train with max_token_length = 150." in found.advice
    (found,) = over("red hat, " * 300, 225)
    assert found.advice.endswith("Cleaning leaves 899: shorten it.")


def test_only_the_line_that_training_reads_counts() -> None:
    assert over("red hat\n" + "blue shirt, " * 60) == []


def test_in_the_real_set_25_captions_are_cut_off(shared_data: Path) -> None:
    found = [
        one
        for path in sorted(shared_data.glob("bespoke-punks/captions_original/*.txt"))
        for one in over(path.read_text(encoding="utf-8"), 225)
    ]
    assert len(found) == 25
    assert all("Clean it" in one.advice for one in found)


def test_without_a_tokenizer_lengths_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bespoke_core.tokenizer.look_for_tokenizer", lambda folder="": None)
    assert token_counter() is None
    (found,) = check_length(read_caption("a.txt", "red hat"), 300, 225)
    assert found.span == (7, 7)
    assert found.advice.endswith("Shorten it.")


def test_a_wrong_tokenizer_folder_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BESPOKE_TOKENIZER", str(tmp_path))
    with pytest.raises(InputError, match="BESPOKE_TOKENIZER"):
        token_counter()


@pytest.mark.parametrize("limit", [0, 74, 77, 226])
def test_a_limit_that_training_does_not_know_is_refused(limit: int) -> None:
    with pytest.raises(InputError, match="75, 150 or 225"):
        check_limit(limit)


def test_a_limit_that_training_knows_is_returned() -> None:
    assert [check_limit(limit) for limit in (75, 150, 225)] == [75, 150, 225]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60))
def test_lengths_are_summed_up_as_by_hand(lengths: list[int]) -> None:
    import statistics

    collector = LengthCollector()
    for number, length in enumerate(lengths):
        collector.add(f"{number}.txt", length)
    result = collector.result()
    assert result is not None
    assert result.captions == len(lengths) == sum(result.bars) == sum(result.windows.values())
    assert result.mean == pytest.approx(statistics.mean(lengths))
    assert result.median == statistics.median(lengths)
    assert result.longest == max(lengths)
    assert result.longest_file == f"{lengths.index(max(lengths))}.txt"
    assert result.windows["1-75"] == sum(length <= 75 for length in lengths)
    assert result.windows[">225"] == sum(length > 225 for length in lengths)
    assert sum(result.bars[:5]) == result.windows["1-75"]
    assert sum(result.bars[:15]) == sum(length <= 225 for length in lengths)


def test_no_lengths_are_not_zero() -> None:
    assert LengthCollector().result() is None
