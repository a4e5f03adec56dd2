"""Names with line breaks, and others that would disturb a terminal or a log."""

from __future__ import annotations

import pytest

from bespoke_core.amounts import first_of
from bespoke_core.errors import InputError
from bespoke_core.shown import on_one_line


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("red\nhat.png", r"red\nhat.png"),
        ("red\r\x1b[2Jhat.png", r"red\r\x1b[2Jhat.png"),
        ("a\u2028b\u202egnp.exe", r"a\u2028b\u202egnp.exe"),
        ("a\tb", "a b"),
        ("caf\udce9.png", r"caf\udce9.png"),
        ("Mädchen 日本 👩‍👧 a\\n.png", "Mädchen 日本 👩‍👧 a\\n.png"),
    ],
)
def test_what_breaks_a_line_is_written_out_and_all_else_stays(name: str, shown: str) -> None:
    assert on_one_line(name) == shown
    assert first_of([name, "b.png"], 1) == f"{shown} and 1 more"


def test_an_error_is_one_line_whatever_its_file_is_called() -> None:
    error = InputError("is not a whole picture", file="set/red\nhat.png", remedy="Replace it.")
    assert str(error) == r"set/red\nhat.png: is not a whole picture. Replace it."
    assert error.file == "set/red\nhat.png"
