"""The table of results as people and programs write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.errors import InputError
from bespoke_core.evaluation.table import Row, parse_csv, read_csv, require_column, to_csv, write_csv

HEADER = "checkpoint,epoch,prompt,seed,unique_colors,background_match\n"
NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
ROWS = st.lists(
    st.builds(
        lambda name, prompt, seed, count, match: (name, prompt, seed, count, match),
        NAMES,
        NAMES,
        st.integers(0, 2**64 - 1),
        st.none() | st.integers(1, 600) | st.floats(0, 1e6),
        st.sampled_from(["yes", "no", "unclear", "not asked", "not measured"]),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda r: r[:3],
)


@given(ROWS)
def test_a_written_table_reads_back_equal(raw: list[tuple]) -> None:
    epochs = {name: 1 + i for i, name in enumerate(dict.fromkeys(r[0] for r in raw))}
    rows = [
        Row(name, epochs[name], prompt, seed, {"unique_colors": count, "background_match": match})
        for name, prompt, seed, count, match in raw
    ]
    assert parse_csv(to_csv(rows)) == rows


def test_the_control_row_is_the_one_named_base_without_an_epoch() -> None:
    rows = parse_csv(HEADER + "base,,green,1,300,no\ne1,1,green,1,200,yes\nmerged,,green,1,210,yes\n")
    assert [row.is_base for row in rows] == [True, False, False]


def test_final_in_the_epoch_column_comes_after_the_highest_epoch() -> None:
    rows = parse_csv(HEADER + "e9,9,green,1,300,no\nrun,final,green,1,200,yes\n")
    assert [row.epoch for row in rows] == [9, 10]


def test_missing_and_nan_cells_are_not_zero() -> None:
    rows = parse_csv(HEADER + "e1,1,green,1,,\ne2,2,green,1,NaN,no\n")
    assert [row.number("unique_colors") for row in rows] == [None, None]
    assert rows[0].scores["background_match"] == "not measured"


def test_a_table_of_a_spreadsheet_with_semicolons_and_a_byte_order_mark_reads(tmp_path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(
        "\ufeffCheckpoint;Epoch;prompt;seed;unique_colors\r\ne1;1;grün;7;12\r\n".replace(
            "Checkpoint", "checkpoint"
        ).encode()
    )
    assert read_csv(path) == [Row("e1", 1, "grün", 7, {"unique_colors": 12})]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty"]),
        (HEADER, ["no row"]),
        ("checkpoint,epoch,promt,seed,unique_colors\na,1,b,1,2\n", ["prompt", "promt"]),
        ("checkpoint,epoch,prompt,seed\na,1,b,1\n", ["no score column"]),
        ("checkpoint,epoch,prompt,seed,x,x\na,1,b,1,2,3\n", ["twice", "x"]),
        (HEADER + "a,1,b,1,2\n", ["line 2", "5 cells"]),
        (HEADER + "a,one,b,1,2,yes\n", ["line 2", "epoch", "one"]),
        (HEADER + "a,1,b,1.5,2,yes\n", ["line 2", "seed", "1.5"]),
        ("checkpoint,epoch,prompt,seed,cfg,x\na,1,b,1,high,2\n", ["line 2", "cfg", "high"]),
        (HEADER + "a,1,b,1,inf,yes\n", ["unique_colors", "inf"]),
        (HEADER + "a,1,b,1,-3,yes\n", ["unique_colors", "-3"]),
        (HEADER + "a,1,b,1,2,perhaps\n", ["background_match", "perhaps", "unclear"]),
        (HEADER + ",1,b,1,2,yes\n", ["line 2", "checkpoint"]),
        (HEADER + "a,1,b,1,2,yes\na,2,b,2,3,yes\n", ["line 3", "epoch"]),
    ],
)
def test_a_bad_table_is_refused_with_the_place_and_the_value(text: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        parse_csv(text, name="sweep/table.csv")
    for word in ["sweep/table.csv", *words]:
        assert word in str(caught.value)


def test_words_among_numbers_and_repeated_cells_are_kept_for_the_verdict_to_name() -> None:
    rows = parse_csv(HEADER + "a,1,b,1,many,yes\na,1,b,1,3,yes\n")
    assert [row.scores["unique_colors"] for row in rows] == ["many", 3]
    assert rows[0].number("unique_colors") is None
    assert rows[0].cell == rows[1].cell


def test_settings_set_cells_apart() -> None:
    text = (
        "checkpoint,epoch,prompt,seed,cfg,negative_prompt,unique_colors\na,1,b,1,7,,3\na,1,b,1,7.5,blurry,3\n"
    )
    first, second = parse_csv(text)
    assert first.cell != second.cell
    assert (first.scores["cfg"], second.scores["negative_prompt"]) == (7, "blurry")


def test_absent_and_undecodable_files_are_refused_by_name(tmp_path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        read_csv(tmp_path / "nowhere.csv")
    bad = tmp_path / "latin.csv"
    bad.write_bytes(HEADER.encode() + b"\xe9,1,b,1,2,yes\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_csv(bad)


def test_an_unknown_score_names_the_nearest_column() -> None:
    rows = parse_csv(HEADER + "a,1,b,1,2,yes\n")
    with pytest.raises(InputError, match="unique_colors"):
        require_column(rows, "unique_colours")
    with pytest.raises(InputError, match="no number"):
        require_column(rows, "background_match")


def test_a_table_is_written_whole(tmp_path) -> None:
    rows = [Row("e1", 1, "a, b", 3, {"unique_colors": 5, "mean": 0.1})]
    write_csv(tmp_path / "new" / "table.csv", rows)
    assert read_csv(tmp_path / "new" / "table.csv") == rows
