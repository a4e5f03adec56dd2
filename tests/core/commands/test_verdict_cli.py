"""`bespoke verdict` and `bespoke report`."""

from __future__ import annotations

import json

import pytest
from experiment import experiment_rows
from PIL import Image

from bespoke_core.cli import main
from bespoke_core.evaluation.table import Row, write_csv


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    write_csv(path, experiment_rows())
    return path


def test_verdict_prints_json_that_scripts_read(table, tmp_path, capsys):
    write_csv(tmp_path / "earlier.csv", [Row("keep3", 9, "green", 0, {"unique_colors": 301})])
    assert main(["verdict", str(table), "--baseline", str(tmp_path / "earlier.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["best"] == "bespoke-000008"
    assert found["best_per_prompt"]["green"] == "bespoke-000005"
    assert round(found["baseline_change"]) == -28


def test_verdict_speaks_plainly(table, capsys):
    assert main(["verdict", str(table)]) == 0
    assert capsys.readouterr().out.startswith("Use epoch 8")


def test_demanding_a_winner_fails_without_a_clear_one(table, tmp_path):
    assert main(["verdict", str(table), "--demand-winner"]) == 1
    rows = [Row(f"e{e}", e, f"p{i}", 0, {"unique_colors": 100 * e + i}) for e in (1, 2) for i in range(8)]
    write_csv(tmp_path / "clear.csv", rows)
    assert main(["verdict", str(tmp_path / "clear.csv"), "--demand-winner"]) == 0


def test_bad_tables_end_with_exit_code_two(tmp_path, capsys):
    assert main(["verdict", str(tmp_path / "absent.csv"), "--json"]) == 2
    assert "absent.csv" in json.loads(capsys.readouterr().out)["error"]["file"]


def test_a_misspelt_column_names_the_nearest(table, capsys):
    assert main(["verdict", str(table), "--by", "unique_color"]) == 2
    assert "unique_colors" in capsys.readouterr().err


def test_report_reads_a_folder_with_pictures(tmp_path, capsys):
    folder = tmp_path / "sweep"
    (folder / "cells").mkdir(parents=True)
    rows = []
    for epoch in (1, 2):
        name = f"cells/e{epoch}.png"
        Image.new("RGB", (64, 64), (epoch * 90, 0, 0)).save(folder / name)
        rows.append(Row(f"e{epoch}", epoch, "p", 1, {"unique_colors": 10 * epoch, "picture": name}))
    write_csv(folder / "table.csv", rows)
    assert main(["report", str(folder), "--output", str(tmp_path / "out"), "--json"]) == 0
    files = json.loads(capsys.readouterr().out)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert files["html"].endswith("report.html")
    assert page.count("data:image/") >= 3  # the chart and both pictures


def test_report_opens_no_picture_outside_its_folder(tmp_path):
    folder = tmp_path / "sweep"
    folder.mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "secret.png")
    row = Row("e1", 1, "p", 1, {"unique_colors": 1, "picture": "../secret.png"})
    write_csv(folder / "table.csv", [row])
    assert main(["report", str(folder), "--output", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 1  # the chart


def test_sweep_refuses_an_absent_plan(tmp_path):
    assert main(["sweep", str(tmp_path / "absent.toml"), "--output", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
