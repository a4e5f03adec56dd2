"""`bespoke verdict` and `bespoke report`."""

from __future__ import annotations

import csv
import json

import pytest
from experiment import MEANS, experiment_rows
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


def test_the_documented_command_gives_the_experiments_published_figures(table, tmp_path, capsys):
    write_csv(tmp_path / "earlier.csv", [Row("keep3", 9, "green", 0, {"unique_colors": 301})])
    arguments = ["verdict", str(table), "--baseline", str(tmp_path / "earlier.csv")]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {one["epoch"]: round(one["mean"], 1) for one in found["ranking"]} == dict(enumerate(MEANS, 1))
    assert [one["epoch"] for one in found["ranking"][:2]] == [8, 5]
    assert "bespoke-000005" in found["tied_with_best"]
    assert not found["clear_winner"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "216.6 over 7 pictures" in text
    assert "green: epoch 5" in text
    assert "28 % fewer colours than its best, keep3 (216.6 against 301.0)" in text
    assert "add about" in text


def test_the_experiments_pictures_refuse_the_best_green_background_to_epoch_five(
    shared_data, tmp_path, capsys
):
    pictures = tmp_path / "scores.csv"
    folder = shared_data / "lora-outputs"
    assert main(["score", str(folder), "--prompt", "bright green background", "--csv", str(pictures)]) == 0
    with pictures.open(encoding="utf-8", newline="") as lines:
        scores = list(csv.DictReader(lines))
    rows = [
        Row(
            f"keep3-{epoch:06d}",
            epoch,
            "green",
            0,
            {"unique_colors": int(one["unique_colors"]), "background_match": one["background_match"]},
        )
        for epoch, one in enumerate(scores, 1)
    ]
    write_csv(tmp_path / "table.csv", rows)
    capsys.readouterr()
    assert main(["verdict", str(tmp_path / "table.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["best_per_prompt"] == {"green": "keep3-000009"}
    assert [one["epoch"] for one in found["ranking"] if one["follows_prompts"]] == [9, 10]
    assert not found["clear_winner"]
    assert "440.0 over 1 picture" in " ".join(found["reasons"])


def test_verdict_speaks_plainly(table, capsys):
    assert main(["verdict", str(table)]) == 0
    assert capsys.readouterr().out.startswith("Use epoch 8")


HEADER = "checkpoint,epoch,prompt,seed,unique_colors\n"
BY_HAND = {
    "one checkpoint": (
        "e1,1,a,1,20\ne1,1,a,2,22\ne1,1,b,1,30\n",
        ("only one that can be chosen", "Epoch 1 has this mean of colours: 24.0 over 3 pictures"),
        ("lowest mean", "on each prompt"),
    ),
    "one picture": (
        "e1,1,a,1,20\n",
        ("20.0 over 1 picture.", "only one seed", "only one was drawn"),
        ("nan",),
    ),
    "one seed": (
        "e1,1,a,1,20\ne1,1,b,1,30\ne2,2,a,1,25\ne2,2,b,1,31\n",
        ("not a clear winner", "With 2 common pictures for each pair", "only one seed was drawn"),
        ("improving", "equally good"),
    ),
    "scores that are NaN": (
        "e1,1,a,1,nan\ne1,1,b,1,NaN\ne2,2,a,1,25\ne2,2,b,1,nan\n",
        ("Use epoch 2", "e1: no picture has a score", "3 of 4 pictures have no score"),
        ("nan", "none follows it"),
    ),
    "a prompt without a score": (
        "e1,1,a,1,20\ne1,1,b,1,\ne2,2,a,1,25\ne2,2,b,1,\n",
        ("a: epoch 1; b: no score",),
        ("none follows it",),
    ),
    "no score at all": (
        "e1,1,a,1,nan\ne2,2,a,1,\n",
        ("there is nothing to recommend", "e1 and e2: no picture has a score"),
        ("Use",),
    ),
    "missing cells": (
        "e1,1,a,1,100\ne1,1,b,1,200\ne2,2,a,1,110\n",
        (
            "Use epoch 1",
            "Epoch 1 would have the lowest mean of colours among the checkpoints that may win if no picture "
            "were missing: 150.0. Measured: 150.0 over 2 pictures",
            "1 of 4 pictures has no score",
        ),
        ("Epoch 1 has the lowest",),
    ),
    "rows twice": (
        "e1,1,a,1,20\ne1,1,a,1,20\ne1,1,b,1,30\ne1,1,b,1,31\ne2,2,a,1,25\ne2,2,b,1,25\n",
        (
            "1 repeated row",
            "none of which was used: e1, b, seed 1",
            "With 1 common picture for each pair",
            "no spread",
        ),
        ("25.0 - 25.0",),
    ),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_a_table_written_by_hand_gets_a_plain_verdict(case, tmp_path, capsys):
    table, said, unsaid = BY_HAND[case]
    (tmp_path / "hand.csv").write_text(HEADER + table, encoding="utf-8")
    assert main(["verdict", str(tmp_path / "hand.csv")]) == 0
    text = capsys.readouterr().out
    assert [words for words in said if words not in text] == []
    assert [words for words in unsaid if words in text] == []
    assert main(["verdict", str(tmp_path / "hand.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clear_winner"] is False


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the table is empty"),
        ("\n\n", "the table is empty"),
        (HEADER, "has a header and no row"),
        (HEADER + "e1,1,a,1\n", "line 2 has 4 cells, the header has 5"),
        (HEADER + "e1,1,a,1,inf\n", "line 2: is infinite"),
    ],
)
def test_a_table_that_cannot_be_judged_is_refused_in_a_sentence(text, problem, tmp_path, capsys):
    (tmp_path / "hand.csv").write_text(text, encoding="utf-8")
    assert main(["verdict", str(tmp_path / "hand.csv")]) == 2
    assert problem in capsys.readouterr().err


def test_more_variance_between_cells_is_better(tmp_path, capsys):
    rows = [
        Row(f"e{e}", e, f"p{i}", 0, {"variance_between": 0.4 + 0.2 * e}) for e in (1, 2) for i in range(8)
    ]
    write_csv(tmp_path / "t.csv", rows)
    assert main(["verdict", str(tmp_path / "t.csv"), "--by", "variance_between", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["best"] == "e2"


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
