"""Colour codes in and out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.color.codes import format_hex, parse_hex
from bespoke_core.errors import InputError

RGB = st.tuples(*[st.integers(0, 255)] * 3)


@given(RGB)
def test_codes_read_back(rgb: tuple[int, int, int]) -> None:
    assert parse_hex(format_hex(rgb)) == rgb
    assert parse_hex(format_hex(rgb)[1:].upper()) == rgb


def test_three_digits_are_doubled() -> None:
    assert parse_hex("#0d7") == (0x00, 0xDD, 0x77)


@pytest.mark.parametrize("text", ["#12", "green", "#12345678", ""])
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=text or "colour code"):
        parse_hex(text)
