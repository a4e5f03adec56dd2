"""`bespoke export` writes what the store holds, in three forms."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sweeps import PLAN, SMALL, fill, sweep_in

from bespoke_core.cli import main
from bespoke_core.evaluation.results import ResultsStore
from bespoke_core.evaluation.store import SweepFolder
from bespoke_core.evaluation.table import read_csv


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """ComfyUI's output folder after two sweeps, one of them with the largest seed there is."""
    store = tmp_path / "output" / "bespoke" / "results.sqlite"
    fill(sweep_in(store.parent / "sweeps" / "june", store))
    plan = replace(PLAN, seeds=(2**64 - 1,))
    fill(SweepFolder(store.parent / "sweeps" / "july", plan, SMALL, ResultsStore(store)))
    return tmp_path / "output"


def test_csv_holds_every_sweep_and_the_verdict_reads_it(output: Path, capsys, tmp_path: Path) -> None:
    table = tmp_path / "all.csv"
    assert main(["export", str(output), "--output", str(table)]) == 0
    assert "8 pictures of 2 sweeps" in capsys.readouterr().out
    rows = read_csv(table)
    assert {(row.scores["sweep"], row.seed) for row in rows} == {("june", 1), ("july", 2**64 - 1)}
    first = rows[0]
    for column in ("base", "picture_sha256", "scorer_version", "version_bespoke", "unique_colors", "drawn"):
        assert first.scores[column] is not None, column
    assert (output / "bespoke" / str(first.scores["picture"])).is_file()
    assert main(["verdict", str(table), "--json"]) == 0


def test_json_of_one_sweep(output: Path, tmp_path: Path) -> None:
    file = tmp_path / "june.json"
    assert main(["export", str(output), "--output", str(file), "--sweep", "jun*"]) == 0
    rows = json.loads(file.read_text(encoding="utf-8"))
    assert len(rows) == 4
    assert {row["prompt_text"] for row in rows} == {"bright green background", "red background"}


def test_parquet_holds_the_same(output: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "all.parquet"
    assert main(["export", str(output / "bespoke" / "results.sqlite"), "--output", str(file)]) == 0
    table = parquet.read_table(file).to_pylist()
    assert len(table) == 8
    assert {row["seed"] for row in table} == {1, 2**64 - 1}


@pytest.mark.parametrize(
    ("place", "found"),
    [("", 8), ("bespoke", 8), ("bespoke/sweeps", 8), ("bespoke/sweeps/june", 4), ("bespoke/sweeps/july", 4)],
)
def test_a_sweeps_folder_means_that_sweep_and_a_folder_above_all_in_it(
    output: Path, tmp_path: Path, place: str, found: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "some.json"
    assert main(["export", str(output / place), "--output", str(file), "--json"]) == 0
    rows = json.loads(file.read_text(encoding="utf-8"))
    assert len(rows) == found
    assert json.loads(capsys.readouterr().out)["sweeps"] == found // 4
    if found == 4:
        assert {row["sweep"] for row in rows} == {place.rpartition("/")[2]}


def test_a_sweep_of_a_like_name_is_not_taken_along(output: Path, tmp_path: Path) -> None:
    store = output / "bespoke" / "results.sqlite"
    plan = replace(PLAN, seeds=(9,))
    fill(SweepFolder(store.parent / "sweeps" / "june_2", plan, SMALL, ResultsStore(store)))
    file = tmp_path / "june.json"
    assert main(["export", str(output / "bespoke/sweeps/june"), "--output", str(file)]) == 0
    assert {row["sweep"] for row in json.loads(file.read_text(encoding="utf-8"))} == {"june"}


def test_a_sweep_brought_from_elsewhere_with_its_own_store_is_exported_whole(tmp_path: Path) -> None:
    root = tmp_path / "results"
    fill(sweep_in(root, root / "results.sqlite"))
    assert main(["export", str(root), "--output", str(tmp_path / "x.csv")]) == 0
    assert len(read_csv(tmp_path / "x.csv")) == 4


def test_parquet_without_pyarrow_says_how_to_install_it(
    output: Path, tmp_path: Path, pack: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["export", str(output), "--output", str(tmp_path / "all.parquet")]) == 2
    assert 'pip install "pyarrow>=15"' in capsys.readouterr().err
    assert '"pyarrow>=15"' in (pack / "pyproject.toml").read_text(encoding="utf-8"), "another bound"
    assert not (tmp_path / "all.parquet").exists()


def test_a_folder_without_results_is_refused(tmp_path: Path, capsys) -> None:
    assert main(["export", str(tmp_path), "--output", str(tmp_path / "x.csv")]) == 2
    assert "results.sqlite" in capsys.readouterr().err


def test_a_sweep_that_is_not_there_is_refused(output: Path, tmp_path: Path, capsys) -> None:
    assert main(["export", str(output), "--output", str(tmp_path / "x.csv"), "--sweep", "may"]) == 2
    assert "no picture" in capsys.readouterr().err
