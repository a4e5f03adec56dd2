"""The score over the epochs as a picture."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from experiment import experiment_rows

from bespoke_core.evaluation.chart import chart_png
from bespoke_core.evaluation.table import Row
from bespoke_core.evaluation.verdict import decide

ORANGE = (0xD5, 0x5E, 0x00)


def orange_pixels(rows):
    picture = np.asarray(chart_png(rows, decide(rows), "unique_colors"))
    assert picture.ndim == 3
    return int((picture == ORANGE).all(axis=2).sum())


def test_the_chosen_checkpoint_is_marked():
    assert orange_pixels(experiment_rows()) > 50


def test_a_least_bad_checkpoint_is_drawn_hollow():
    rows = experiment_rows()
    refused = [
        Row(r.checkpoint, r.epoch, r.prompt, r.seed, {**r.scores, "background_match": "no"}) for r in rows
    ]
    assert orange_pixels(refused) < orange_pixels(rows)


@pytest.mark.parametrize(
    "rows",
    [
        [Row("one", 1, "p", 0, {"unique_colors": 20})],
        [Row("no-epoch", None, "p", 0, {"unique_colors": 20}), Row("b", 2, "p", 0, {"unique_colors": 9})],
        [Row("base", None, "p", 0, {"unique_colors": 20})],
        [Row("one", 1, "p", 0, {"unique_colors": None})],
    ],
    ids=["one picture", "no epoch", "base only", "no score"],
)
def test_a_sparse_sweep_still_has_a_chart(rows):
    picture = chart_png(rows, decide(rows), "unique_colors")
    assert picture.mode == "RGB"
    assert len(picture.getcolors(1 << 24)) > 2


def test_drawing_leaves_the_callers_plots_alone(pack):
    # In a process of its own, because other tests may have imported pyplot already.
    code = (
        "import sys; sys.path.append(sys.argv[1]);"
        "from bespoke_core.evaluation.table import Row;"
        "from bespoke_core.evaluation.verdict import decide;"
        "from bespoke_core.evaluation.chart import chart_png;"
        "rows = [Row('a', 1, 'p', 0, {'unique_colors': 9})];"
        "chart_png(rows, decide(rows), 'unique_colors');"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(pack)], check=False).returncode == 0
