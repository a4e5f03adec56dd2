"""The benchmark of repairs, on a set small enough to be checked by hand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    path = Path(__file__).resolve().parents[3] / "benchmarks" / "repair_captions.py"
    spec = importlib.util.spec_from_file_location("benchmark_repair_captions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_repairs_and_lone_codes_are_counted_against_the_labels(benchmark: ModuleType, tmp_path: Path) -> None:
    cells = np.full((24, 24, 3), (3, 220, 115), np.uint8)
    cells[4:20, 6:18] = (60, 40, 25)
    cells[8:18, 8:16] = (141, 85, 36)
    cells[20:, 4:20] = (70, 70, 140)
    Image.fromarray(cells).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("solid background, hair (#46468c), skin (#03dc73), lips (#03dc73)")
    label = {"accepted": "green", "use": "held out"}
    labels = {("a", "background"): label, ("a", "hair"): {"accepted": "brown black", "use": "tuning"}}
    counts = benchmark.measure(tmp_path, tmp_path, labels)
    assert counts["", "hair", "colourless"] == counts["repair", "hair", "named"] == 1
    assert counts["repair", "hair", "right"] == 1
    assert counts["repair", "hair", "judged held out"] == 0
    assert counts["repair", "background", "right held out"] == 1
    assert (counts["lone code", "hair", "judged"], counts["lone code", "hair", "right"]) == (1, 0)
    assert counts["lone code", "skin", "named"] == 0
    assert "| all | 3 | 3 (100%) | 2 of 2 (100%) | 1 of 1 (100%) | 1 | 0 of 1 (0%) |" in benchmark.table(
        counts
    )
