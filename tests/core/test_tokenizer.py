from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from caption_texts import CAPTIONS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bespoke_core.errors import InputError
from bespoke_core.tokenizer import TokenCounter, find_tokenizer, load_tokenizer, look_for_tokenizer


@pytest.fixture(scope="module")
def folder(comfyui_folder: Path) -> Path:
    """CLIP's tokenizer as ComfyUI brings it."""
    return comfyui_folder / "comfy" / "sd1_tokenizer"


@pytest.fixture(scope="module")
def count(folder: Path) -> TokenCounter:
    return TokenCounter(folder)


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    """The tokenizer that training uses."""
    return load_tokenizer(folder)


def ids(reference: Any, text: str) -> list[int]:
    return reference(text, add_special_tokens=False, truncation=False).input_ids


def test_a_folder_that_lacks_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"vocab\.json") as caught:
        find_tokenizer(str(tmp_path))
    assert caught.value.field == "tokenizer_path"


def test_comfyuis_tokenizer_is_found_by_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BESPOKE_TOKENIZER", raising=False)
    monkeypatch.setenv("COMFYUI_PATH", str(folder.parents[1]))
    assert find_tokenizer() == look_for_tokenizer() == folder


def test_where_there_is_none_the_search_says_so_or_returns_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BESPOKE_TOKENIZER", "COMFYUI_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BESPOKE_HOME", str(tmp_path))
    monkeypatch.setattr("bespoke_core.tokenizer._cached", lambda: None)
    assert look_for_tokenizer() is None
    with pytest.raises(InputError, match="no CLIP tokenizer"):
        find_tokenizer()


def test_a_broken_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text("{", encoding="utf-8")
    (tmp_path / "merges.txt").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="no CLIP tokenizer"):
        TokenCounter(tmp_path)


def test_every_real_caption_has_as_many_tokens_as_training_reads(
    count: TokenCounter, reference: Any, shared_data: Path
) -> None:
    paths = sorted(shared_data.glob("bespoke-punks/captions_*/*.txt"))
    texts = [path.read_text(encoding="utf-8") for path in paths]
    assert len(texts) == 406
    expected = [len(ids(reference, text)) for text in texts]
    assert count(texts) == expected
    assert count(texts) == expected  # the second time, every word is remembered
    assert max(expected) == 261


# What CLIP's splitting is about, run together in any order.
PIECES = st.lists(
    st.sampled_from(
        ["'s", "'ll", "'", "don", "<|", "<|endoftext|>", "|>", "#c06148", "(", "),", "7", " ", "é"]
    )
).map("".join)
ODD = [
    *(
        "",
        " ",
        "\n\n",
        "caf\u00e9 cafe\u0301",
        "\u0301 x",
        "\u4f60\u597d\u3002",
        "STRASSE stra\u00dfe \u0130",
    ),
    *(
        "\U0001f525\U0001f469\u200d\U0001f680",
        "I'll don't 'S",
        "<|endoftext|>x <|STARTOFTEXT|>",
        "\x00\x1c a\x1fb",
    ),
    *(
        "1234 \u0664\u00bd",
        "a\u00a0b\u2003c\u3000d\u200be",
        "\u212b \uac00 \u1100\u1161",
        "#c06148,(#b27f60)",
    ),
    "\u0300\u0301\u0327a " * 3,
]


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_have_as_many_tokens_as_training_reads(
    text: str, count: TokenCounter, reference: Any
) -> None:
    assert count([text]) == [len(ids(reference, text))]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.one_of(CAPTIONS, st.text("'sTveré\u0301<|>0x7#(), -\x1c\n"), PIECES), max_size=4),
)
def test_any_texts_have_as_many_tokens_as_training_reads(
    texts: list[str], count: TokenCounter, reference: Any
) -> None:
    assert count(texts) == [len(ids(reference, text)) for text in texts]


@pytest.mark.parametrize("token", [0, 1, 74, 75, 149, 150, 224, 225, 260])
def test_the_place_of_a_token_splits_a_caption_there(
    token: int, count: TokenCounter, reference: Any, shared_data: Path
) -> None:
    for path in sorted(shared_data.glob("bespoke-punks/captions_original/*.txt"))[:40]:
        text = path.read_text(encoding="utf-8")
        place = count.place_of(text, token)
        total = len(ids(reference, text))
        assert (place is None) == (total <= token)
        if place is not None:
            offsets = reference(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
            assert place == offsets[token][0]


def test_a_word_longer_than_a_novel_is_counted_and_not_remembered(count: TokenCounter) -> None:
    (tokens,) = count(["ab" * 500_000])
    assert 0 < tokens <= 1_000_000
    assert all(len(word) <= 100 for word in count._counts)


def test_what_is_remembered_stays_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bespoke_core.tokenizer._REMEMBERED", 50)
    count = TokenCounter(folder)
    for start in range(0, 1000, 20):
        assert count([f"x{number}" for number in range(start, start + 20)]) == [
            1 + len(str(number)) for number in range(start, start + 20)
        ]
        assert len(count._counts) <= 70


def test_counting_needs_no_transformers(folder: Path, pack: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bespoke_core.tokenizer import TokenCounter\n"
        "print(TokenCounter(Path(sys.argv[1]))(['red hat']), 'transformers' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=pack, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["[2]", "False"]
