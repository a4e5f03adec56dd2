"""The benchmark of captions in memory, run small: every pass does its work, and the table has its rows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "benchmarks"))

import captions_text as benchmark

from bespoke_core.captions import wording

TEXT = "hat (#aabbcc), hair (#aabbcc, #112233), palette: #112233, sharp pixel edges"


def test_the_rival_leaves_what_it_does_not_know() -> None:
    assert benchmark.substitute(TEXT) == "hat, hair (#aabbcc, #112233)"


def test_one_parse_gives_what_two_give() -> None:
    found, cleaned = benchmark.audit_and_clean(TEXT)
    assert found == benchmark.audit(TEXT) != []
    assert cleaned == benchmark.PASSES["clean"](TEXT).text == "hat, hair"


def test_no_phrase_is_known_when_the_clock_starts() -> None:
    known = []
    benchmark.audit(TEXT)
    benchmark.seconds(lambda _: known.append(wording.remembered_wording.cache_info().currsize), [TEXT])
    assert known == [0]


def test_both_kinds_of_captions_are_measured_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.main(["--captions", "20", "--rounds", "3"])
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("20 captions of ") and "18.0 codes" in head
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows[2:]]
    assert [(row[0], row[1]) for row in cells] == [
        (kind, name) for kind in ("with codes", "cleaned") for name in benchmark.PASSES
    ]
    assert all(float(row[2].replace(",", "")) > 0 for row in cells)
    assert cells[0][4] == cells[4][4] == "1.0"


def test_captions_can_come_from_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    benchmark.main(["--data", str(tmp_path), "--rounds", "1"])
    assert capsys.readouterr().out.startswith(f"1 captions of {len(TEXT)} characters with 4.0 codes")
