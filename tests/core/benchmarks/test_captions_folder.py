"""The benchmark of large folders, run small: every pass does its work, and the table has its rows."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "benchmarks"))

import captions_folder as benchmark

from bespoke_core.captions.parse import parse


def test_the_generated_captions_are_the_same_for_a_seed_and_as_long_as_real_ones(tmp_path: Path) -> None:
    benchmark.write_captions(tmp_path / "one", 20, seed=3)
    benchmark.write_captions(tmp_path / "two", 20, seed=3)
    texts = [path.read_text(encoding="utf-8") for path in sorted((tmp_path / "one").iterdir())]
    assert texts == [path.read_text(encoding="utf-8") for path in sorted((tmp_path / "two").iterdir())]
    assert len(set(texts)) == 20
    assert 450 < sum(map(len, texts)) / 20 < 600
    assert len(parse(benchmark.caption(random.Random(0))).codes) == 18


def test_the_rival_reads_substitutes_and_writes_every_file(tmp_path: Path) -> None:
    benchmark.write_captions(tmp_path / "set", 3)
    run = benchmark.run_pass("regex", tmp_path / "set", tmp_path / "out")
    assert run.seconds > 0
    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir()]
    assert len(texts) == 3
    assert not any("#" in text or "palette" in text for text in texts)


def test_all_passes_are_measured_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.main(["--captions", "40"])
    lines = capsys.readouterr().out.splitlines()
    table = [line.split("|")[1:-1] for line in lines if line.startswith("| ") and "pass" not in line]
    assert [int(row[0]) for row in table] == [4] * 4 + [20] * 4 + [40] * 4
    assert {row[1].strip() for row in table} == set(benchmark.PASSES.values())
    assert all(float(row[2]) >= 0 and float(row[4]) > 0 for row in table)
    assert [float(row[4]) for row in table if "regular" in row[1]] == [1.0] * 3


def test_the_real_set_is_audited_with_its_pictures(shared_data: Path, capsys) -> None:
    benchmark.main(["--captions", "0", "--data", str(shared_data / "bespoke-punks")])
    assert "The real set: 203 captions with pictures" in capsys.readouterr().out
