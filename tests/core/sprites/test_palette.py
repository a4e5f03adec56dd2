"""A palette typed as colour codes."""

from __future__ import annotations

import pytest

from bespoke_core.errors import InputError
from bespoke_core.sprites.palette import parse_palette


@pytest.mark.parametrize("between", [" ", ",", ", ", "\n", ";", "\r\n\t"])
def test_codes_may_stand_in_lines_or_with_commas_between(between: str) -> None:
    palette = parse_palette(between.join(["#112233", "0d7", "FFFFFF"]))
    assert palette is not None
    assert palette.tolist() == [[0x11, 0x22, 0x33], [0, 0xDD, 0x77], [255, 255, 255]]


def test_a_colour_counts_once_where_it_comes_first() -> None:
    palette = parse_palette("#000000 #ffffff #000 ,")
    assert palette is not None
    assert palette.tolist() == [[0, 0, 0], [255, 255, 255]]


def test_nothing_typed_is_no_palette() -> None:
    assert parse_palette(" \n,") is None


def test_what_is_no_code_is_named() -> None:
    with pytest.raises(InputError, match="colors: 'red'"):
        parse_palette("#112233, red", field="colors")


def test_too_many_colours_are_refused() -> None:
    with pytest.raises(InputError, match="4096"):
        parse_palette(" ".join(f"{code:06x}" for code in range(4097)))
