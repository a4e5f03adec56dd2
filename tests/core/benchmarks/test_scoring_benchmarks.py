"""The benchmarks of scoring measure what they say: the same counts, every score, generated-like pictures."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from benchmarks import count_colors, score_pictures
from bespoke_core.scoring.reference import measure_reference


@pytest.fixture(scope="module")
def kinds() -> dict[str, np.ndarray]:
    return count_colors.kinds(None)


def test_the_pictures_are_of_the_kinds_that_they_stand_for(kinds) -> None:
    counts = {kind: np.median(count_colors.pillow(pictures[:4])) for kind, pictures in kinds.items()}
    assert counts["enlarged"] < 60 < counts["enlarged, noisy"] < 10_000
    assert counts["generated"] > 20_000  # real ones have 30,000 to 90,000
    assert all(kinds[kind].shape[1:] == (512, 512, 3) for kind in ("generated", "enlarged"))
    assert kinds["sprites"].shape[1:] == (24, 24, 3)


def test_a_folder_of_pictures_takes_the_place_of_the_generated_ones(shared_data) -> None:
    pictures = count_colors.kinds(shared_data / "lora-outputs")["generated"]
    assert pictures.shape == (10, 512, 512, 3)


@pytest.mark.slow
def test_counting_is_compared_kind_by_kind(kinds, monkeypatch, capsys) -> None:
    monkeypatch.setattr(count_colors, "ROUNDS", 1)
    monkeypatch.setattr(count_colors, "kinds", lambda _: {kind: some[:2] for kind, some in kinds.items()})
    monkeypatch.setattr(sys, "argv", ["count_colors.py"])
    count_colors.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("memory: ") and len(lines) == 2 + len(kinds)
    monkeypatch.setattr(count_colors, "pillow", lambda some: [0] * len(some))
    with pytest.raises(SystemExit, match="differ"):
        count_colors.main()


@pytest.mark.slow
def test_the_time_of_every_score_is_in_the_table(kinds, monkeypatch, capsys) -> None:
    few = kinds["generated"][:2]
    monkeypatch.setattr(score_pictures, "ROUNDS", 1)
    monkeypatch.setattr(score_pictures, "COUNT", 8)
    monkeypatch.setattr(score_pictures, "kinds", lambda _: {"generated": few})
    monkeypatch.setattr(sys, "argv", ["score_pictures.py"])
    score_pictures.main()
    told = capsys.readouterr().out
    assert "times as long" in told and "pictures   ms a picture" in told
    named = ("unique", "perceptual", "background", "features", "grid", "palette", "edge")
    works = score_pictures.parts(few, measure_reference(kinds["sprites"][:3]))
    for group in named:
        assert group in told and any(name.startswith(group) for name in works)
