from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.captions.caption_file import CaptionText, known_encoding, read_caption_file
from bespoke_core.errors import InputError


def read(path: Path, data: bytes, encoding: str | None = None) -> CaptionText:
    path.write_bytes(data)
    return read_caption_file(path, "a.txt", encoding=encoding)


def told(content: CaptionText) -> str:
    (problem,) = content.problems
    assert content.text is None and problem.file == "a.txt"
    return f"{problem.kind}: {problem.problem}. {problem.remedy}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.txt"


@pytest.mark.parametrize("text", ["red hat", "red\r\nhat\r\n", "кепка\rб", " a "])
def test_utf8_is_read_as_it_is(path: Path, text: str) -> None:
    assert read(path, text.encode()) == CaptionText(text)
    assert read(path, text.encode("utf-8-sig")) == CaptionText(text, recoded=True)


def test_a_line_in_windows_1252_is_shown_as_it_would_read(path: Path) -> None:
    assert told(read(path, "café “au lait”, hat\nmore".encode("cp1252"))) == (
        'not_utf8: is not UTF-8 at byte 3 (0xe9); as Windows-1252 it reads "café “au lait”, hat". '
        "Save the file as UTF-8, or clean with --encoding cp1252, which writes UTF-8."
    )
    assert 'reads "\ufffd[2Jé"' in told(read(path, b"\x1b[2J\xe9"))
    long = told(read(path, ("é" * 100).encode("cp1252")))
    assert "é" * 37 + '..."' in long and "é" * 38 not in long


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_mark_tells_the_encoding(path: Path, encoding: str) -> None:
    text = told(read(path, "café, hat".encode(encoding)))
    assert text.startswith("not_utf8: is not UTF-8 at byte 0 (0xff)")
    assert f'as {encoding.upper()} it reads "café, hat"' in text
    assert f"--encoding {encoding}," in text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_recognised_by_its_zeros(path: Path, encoding: str) -> None:
    text = told(read(path, "hat, red".encode(encoding)))
    assert text.startswith("not_utf8: is not UTF-8 text: byte ")
    assert (
        f'as UTF-16 it reads "hat, red". Save the file as UTF-8, or clean with --encoding {encoding}' in text
    )


def test_bytes_of_no_known_encoding_are_named_without_an_offer(path: Path) -> None:
    assert told(read(path, b"ok \x81")) == (
        "not_utf8: is not UTF-8 at byte 3 (0x81). Save the file as UTF-8."
    )


@pytest.mark.parametrize(
    "data", [b"\x7fELF\x02\x01\x01\x00\x00\x00", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"red\x00hat", b"\0"]
)
def test_a_binary_file_is_no_caption(path: Path, data: bytes) -> None:
    expected = f"unreadable: is a binary file (byte {data.index(0)} is zero). Replace it by a caption."
    assert told(read(path, data)) == expected


def test_files_that_are_not_utf8_are_read_in_the_encoding_that_is_named(path: Path) -> None:
    for encoding in ("cp1252", "utf-16", "utf-16-le", "utf-32"):
        assert read(path, "café, hat".encode(encoding), encoding) == CaptionText("café, hat", recoded=True)
    assert read(path, "café".encode(), "cp1252") == CaptionText("café")
    assert "is neither UTF-8 nor ascii (at byte 3)" in told(read(path, "café".encode("cp1252"), "ascii"))
    assert "binary" in told(read(path, b"\xff\x00", "cp1252"))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\nhat", "first line is empty"),
    ],
)
def test_an_empty_caption_is_read_and_told(path: Path, data: bytes, what: str) -> None:
    content = read(path, data)
    assert content.text is not None
    assert [problem.kind for problem in content.problems] == ["empty_caption"]
    assert what in content.problems[0].problem


@pytest.mark.parametrize("text", [",,,,", " , ,\t,", "...", "\u200b\u200b", "-\nred hair"])
def test_a_caption_of_commas_alone_says_nothing(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    problem = read_caption_file(path, path.name).problems[0]
    assert (problem.kind, "says nothing" in problem.problem) == ("empty_caption", True)


@pytest.mark.parametrize(
    "text", ["\U0001f9dd", "<3", "a", "7", "\u7ea2", "(red hair:1.2)", "<lora:foo:1>, ,"]
)
def test_a_caption_of_a_sign_or_a_letter_says_something(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    assert read_caption_file(path, path.name).problems == ()


def test_a_huge_file_is_refused_before_it_is_read_whole(path: Path) -> None:
    text = told(read(path, b"(" * 10_000_000))
    assert text == "unreadable: is 10.0 MB long, too long for a caption. Replace it by a caption."


def test_a_file_that_may_not_be_read_is_told(unprivileged) -> None:
    with unprivileged.bound() as place:
        path = place / "a.txt"
        path.write_text("hat", encoding="utf-8")
        path.chmod(0)
        text = told(read_caption_file(path, "a.txt"))
        assert text == "unreadable: cannot be read (Permission denied). Check its rights."


def test_a_link_to_itself_is_told(path: Path) -> None:
    path.symlink_to(path)
    assert "unreadable: cannot be read (" in told(read_caption_file(path, "a.txt"))


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", "", "a\0b"])
def test_what_is_no_text_encoding_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="is no text encoding"):
        known_encoding(name)
    assert known_encoding("Latin-1") == "iso8859-1"


@given(st.binary(max_size=60), st.sampled_from([None, "cp1252", "utf-16", "shift_jis"]))
def test_any_bytes_are_text_or_a_problem(tmp_path_factory, data: bytes, encoding: str | None) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    content = read(path, data, encoding)
    if content.text is None:
        assert told(content)
    else:
        assert "\0" not in content.text
        assert content.recoded or content.text.encode() == data
